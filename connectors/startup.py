"""``jp.startup``: J-Startup (経済産業省) and similar lists of start-ups.

Source: the programme's own site. **Layout unverified**: the address of J-Startup's list is known, but no
genuine page was at hand. Of the similar lists that admit to the start-up track (recipients of SBIR, investees
of public-private funds) no address is known; an operator who has one adds it to the layout.

A list proves the selection of a company of that name and, where it gives one, of that corporate number. Names
repeat: without the number a person has to look. Its silence is an answer where the page holds as many
companies as it says there are, or says in words that there is no such one. No limit and no licence are
published: one page is asked for a claim. Source to be named: J-Startup（経済産業省）.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.pages import Entry, PageConnector, name_key
from connectors.terms import UNSTATED, Terms
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry, Text

SOURCE = "jp.startup"

CLAIMS: Mapping[str, str] = {"j_startup": "j-startup", "sbir": "sbir", "public_fund": "public-fund"}
"""The list of each claim that an application can make."""


class Startup(PageConnector):
    """The connector. The role of an inquiry is the list asked, of :data:`CLAIMS`.

    Its record has ``list`` and ``companies``, each of them with these keys, left out where the page does not
    say.

    ===================== ===================================================================================
    name                  as the list writes it
    number                corporate number
    matched_by            ``number`` or ``name``
    business, prefecture  in words
    selected_on           date
    url                   the company's page in the list
    ===================== ===================================================================================
    """

    source = SOURCE
    terms = Terms(
        UNSTATED, Text("その名簿にない（ページがそう述べる場合）", "not on that list, if the page says so")
    )
    base_url = "https://www.j-startup.go.jp"
    scheme = "JP-STARTUP"
    lists = frozenset(CLAIMS.values())

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for each claim to be in a list that can be asked: by the vendor's name."""
        vendor = application["vendor"]
        identifier = vendor["identifiers"][0]
        subject = OrganisationId(identifier["scheme"], identifier["id"])
        for claim, listed in CLAIMS.items():
            if application.get("startup", {}).get(claim) and self.is_named(listed):
                yield Inquiry(SOURCE, listed, subject, vendor["name"])

    def is_subject(self, entry: Entry, inquiry: Inquiry) -> bool:
        """By corporate number where both have one, else by name."""
        if "number" in entry and inquiry.subject.scheme == "JP-JCN":
            return entry["number"] == inquiry.subject.id
        return name_key(entry["name"]) == name_key(inquiry.name)

    def subject(self, entry: Entry) -> OrganisationId:
        """The corporate number, blank where the entry has none."""
        return OrganisationId("JP-JCN", entry.get("number", ""))

    def record(self, entries: Sequence[Entry], listed: str) -> dict[str, Any]:
        """The companies."""
        companies = [{**entry, "matched_by": "number" if "number" in entry else "name"} for entry in entries]
        return {**({"list": listed} if listed else {}), "companies": companies}


connector = Startup.connector
"""The connector from its settings."""
