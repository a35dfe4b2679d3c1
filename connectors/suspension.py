"""``jp.suspension``: nomination suspensions (指名停止) in the negative information of the Ministry of Land,
Infrastructure, Transport and Tourism (国土交通省ネガティブ情報等検索サイト).

Source: public programs that search it. **Layout unverified**: known are the form, the sentence with the
number of hits and what the cells of a row hold; no genuine page was at hand.

There is no list of all suspensions: ministries, bureaus, prefectures and cities each publish their own, in
every shape. This one covers about five years, mostly construction, and is brought up to date about monthly.
So **only "found" is evidence**. That nothing was found says "not found in this list on this day", never that
there is no suspension, and no rule may read more into it.

It is searched by name. A hit with the vendor's corporate number is the vendor's; one without a number whose
name is the same is a candidate for a person to look at. No limit is published: one search is made for a
party. Source to be named: 国土交通省ネガティブ情報等検索サイト.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from connectors.pages import Entry, PageConnector, name_key
from connectors.parties import parties
from connectors.terms import UNSTATED, Terms
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry, Text

SOURCE = "jp.suspension"
SCHEME = "JP-JCN"
LIST = "mlit"

_NUMBER = re.compile(r"\s*\(([0-9]{13})\)$")


class Suspension(PageConnector):
    """The connector. Its record has ``list`` and ``suspensions``, each of them with these keys, left out
    where the page does not say.

    ===================== ===================================================================================
    name, address         of the company, as the list writes them
    number                its corporate number
    matched_by            ``number``: it is the subject's, if that has the same; ``name``: to be looked at by
                          a person
    measured_on           date of the measure
    valid_from, valid_to  first and last day of the suspension
    authority             who suspended
    measure, reason       in words
    url                   the authority's own page
    ===================== ===================================================================================
    """

    source = SOURCE
    terms = Terms(UNSTATED, Text("何も意味しない（多数ある名簿の一つ）", "says nothing: one list of many"))
    base_url = "https://www.mlit.go.jp"
    scheme = "JP-MLIT"
    lists = frozenset({LIST})

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: by its name. A corporate number tells whose an entry is."""
        for party in parties(application):
            number = next(party.identified_by(SCHEME), next(iter(party.identifiers), None))
            if number is not None and self.is_named(LIST):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def is_subject(self, entry: Entry, inquiry: Inquiry) -> bool:
        """By corporate number where both have one, else by name."""
        name, number = _parted(entry)
        if number and inquiry.subject.scheme == SCHEME:
            return number == inquiry.subject.id
        return name_key(name) == name_key(inquiry.name)

    def subject(self, entry: Entry) -> OrganisationId:
        """The corporate number, blank where the entry has none."""
        return OrganisationId(SCHEME, _parted(entry)[1])

    def record(self, entries: Sequence[Entry], listed: str) -> dict[str, Any]:
        """The suspensions."""
        return {"list": listed, "suspensions": [_suspension(entry) for entry in entries]}


def _parted(entry: Entry) -> tuple[str, str]:
    """The name in an entry, and the corporate number that stands behind it in parentheses or ``""``."""
    number = _NUMBER.search(unicodedata.normalize("NFKC", entry["name"]))
    return (re.sub(r"\s*[(（][^(（]*$", "", entry["name"]), number[1]) if number else (entry["name"], "")


def _suspension(entry: Entry) -> dict[str, Any]:
    name, number = _parted(entry)
    known = {"number": number, "matched_by": "number"} if number else {"matched_by": "name"}
    return {**entry, "name": name, **known}


connector = Suspension.connector
"""The connector from its settings."""
