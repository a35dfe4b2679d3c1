"""``jp.ismap``: the service lists of ISMAP and ISMAP-LIU (政府情報システムのためのセキュリティ評価制度).

Sources: the portal's articles and the scheme's basic rules, 3.5. **Layout unverified**: there is no
interface, no genuine page was at hand, and the portal fills its pages in by script. Until an operator names
an address that serves the list as a reader sees it, and a layout that was compared with it, every answer is a
changed source and goes to a person.

Registered is a service, or a named set of services and regions of a provider: not the provider, and no
service that the statement does not name. A registration is valid until one year and four months after the
audited period, *and past that date while a renewal that was filed in time is being decided*: nobody may call
it ended on the date alone. ISMAP-LIU counts only for uses of low impact, which the buying body confirms.

Its silence is an answer where the page says that the list has no such service. No limit and no licence are
published: the list is asked once for a case. Source to be named: ISMAPクラウドサービスリスト.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.pages import Entry, PageConnector, name_key
from connectors.terms import UNSTATED, Terms
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry, Text

SOURCE = "jp.ismap"
SCHEME = "JP-ISMAP"
CLASS_2 = 2
"""The class of the common standards from which on the government buys from the lists in principle."""


class Ismap(PageConnector):
    """The connector. The role of an inquiry is the list asked: ``ismap`` or ``ismap-liu``.

    Its record has ``list`` and ``listings``, each of them with these keys, left out where the page does not
    say.

    ===================== ===================================================================================
    list                  as the role
    number                registration number
    service, provider     as registered
    scope                 what the statement covers, in words
    registered_on         date
    valid_to              date; see above on what it means
    renewal_filed_on      when renewal was applied for
    renewal_in_time       whether that was before ``valid_to`` had passed; left out unless both are known
    url                   the service's own page
    ===================== ===================================================================================
    """

    source = SOURCE
    terms = Terms(
        UNSTATED, Text("その名簿にない（ページがそう述べる場合）", "not on that list, if the page says so")
    )
    base_url = "https://www.ismap.go.jp"
    scheme = SCHEME
    lists = frozenset({"ismap", "ismap-liu"})

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One, where the application claims a listing: by its number, else by the product's name.

        Where it claims none and is for information of class 2, for which the lists are asked after, one for
        each list: that a product is on neither is for the lists to say.
        """
        claim = application.get("ismap", {})
        name = application["product"]["name"]
        name = name.get("ja") or name["en"]
        listed = claim.get("list", "none")
        number = self.numbered(listed, claim.get("number", ""))
        if number is not None:
            yield Inquiry(SOURCE, listed, OrganisationId(SCHEME, number), name)
            return
        vendor = application["vendor"]["identifiers"][0]
        subject = OrganisationId(vendor["scheme"], vendor["id"])
        unclaimed = sorted(self.lists) if application["use"]["confidentiality"] == CLASS_2 else []
        for asked in unclaimed if listed == "none" else [listed]:
            if self.is_named(asked):
                yield Inquiry(SOURCE, asked, subject, name)

    def is_subject(self, entry: Entry, inquiry: Inquiry) -> bool:
        """By registration number; of an inquiry without one, by the name of the service."""
        if inquiry.subject.scheme == SCHEME:
            return entry["number"] == inquiry.subject.id
        return name_key(entry["service"]) == name_key(inquiry.name)

    def subject(self, entry: Entry) -> OrganisationId:
        """The registration number."""
        return OrganisationId(SCHEME, entry["number"])

    def record(self, entries: Sequence[Entry], listed: str) -> dict[str, Any]:
        """The listings, each with its list."""
        own = {"list": listed} if listed else {}
        return {**own, "listings": [{**own, **entry, **_renewal(entry)} for entry in entries]}


def _renewal(entry: Entry) -> dict[str, bool]:
    if "renewal_filed_on" not in entry or "valid_to" not in entry:
        return {}
    return {"renewal_in_time": entry["renewal_filed_on"] <= entry["valid_to"]}


connector = Ismap.connector
"""The connector from its settings."""
