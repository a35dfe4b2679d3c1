"""``jp.privacymark``: holders of the PrivacyMark (プライバシーマーク, JIPDEC).

Sources: JIPDEC's pages on the scheme and on its numbers. **Layout unverified**: the address of a page about
one holder is known, but no genuine page was at hand.

A number is ``AAnnnnnn(mm)``: the assessment body, the holder, and how often the mark was granted, which is
often left out. The first eight digits stay over renewals. The mark is granted to the whole legal entity for
two years.

Renewals run late: when the date has passed, that says *ask again*, not that the mark has ended. Its silence
is an answer where the page says that there is no such holder. No limit and no licence are published: one page
is asked for a case. Source to be named: 一般財団法人日本情報経済社会推進協会（JIPDEC）.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from connectors.pages import Entry, PageConnector
from connectors.strict import Unexpected
from connectors.terms import UNSTATED, Terms
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry, Text

SOURCE = "jp.privacymark"
SCHEME = "JP-PMARK"
LIST = "privacymark"

_GRANTS = re.compile(r"\s*\(([0-9]{2})\)$")


class PrivacyMark(PageConnector):
    """The connector. Its record has these keys, left out where the page does not say.

    ===================== ===================================================================================
    number                the eight digits
    grants                how often the mark was granted
    name, address         of the holder, as the list writes them: the number alone does not say that it is
                          the vendor's
    industry              in words
    assessor              assessment body
    standard              in words, with its edition
    valid_to              date
    ask_again_from        the day after: from then on the entry says nothing until it is asked for anew
    ===================== ===================================================================================
    """

    source = SOURCE
    terms = Terms(
        UNSTATED, Text("付与事業者ではない（ページがそう述べる場合）", "no such holder, if the page says so")
    )
    base_url = "https://entity-search.jipdec.or.jp"
    scheme = SCHEME
    lists = frozenset({LIST})

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for the vendor, if it states a number of the right shape."""
        vendor = application["vendor"]
        for certificate in application.get("certifications", ()):
            if certificate["type"] != "PRIVACYMARK":
                continue
            stated = unicodedata.normalize("NFKC", certificate.get("number", ""))
            number = self.numbered(LIST, _GRANTS.sub("", stated))
            if number is not None:
                yield Inquiry(SOURCE, "vendor", OrganisationId(SCHEME, number), vendor["name"])
                return

    def is_subject(self, entry: Entry, inquiry: Inquiry) -> bool:
        """By the eight digits."""
        return self.subject(entry) == inquiry.subject

    def subject(self, entry: Entry) -> OrganisationId:
        """The eight digits."""
        return OrganisationId(SCHEME, _GRANTS.sub("", entry["number"]))

    def record(self, entries: Sequence[Entry], listed: str) -> dict[str, Any]:  # noqa: ARG002 - one entry
        """The one entry of the number."""
        if not entries:
            return {}
        if len(entries) > 1:
            raise Unexpected("a number has several entries")
        [entry] = entries
        record: dict[str, Any] = {**entry, "number": self.subject(entry).id}
        if grants := _GRANTS.search(entry["number"]):
            record["grants"] = int(grants[1])
        if "valid_to" in entry:
            record["ask_again_from"] = (date.fromisoformat(entry["valid_to"]) + timedelta(days=1)).isoformat()
        return record


connector = PrivacyMark.connector
"""The connector from its settings."""
