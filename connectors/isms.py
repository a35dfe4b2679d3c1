"""``jp.isms``: certificates of management systems that ISMS-AC lists (情報マネジメントシステム認定センター).

Sources: the scheme's pages of questions and answers. **Layout unverified**: addresses of pages about single
certificates are known, ``/lst/ind/CR_<number>.html``, but no genuine page was at hand. Certificate numbers
are free in form: every certification body has its own.

A certificate covers a scope (department, site, service) for three years with yearly surveillance, and may be
suspended or withdrawn in between. ISO/IEC 27017 is an add-on to 27001 with a number of its own.

Its silence proves nothing: bodies report part of their certificates, organisations may keep theirs out, and
certificates under accreditation abroad are not there. No limit and no licence are published: one page is
asked for a certificate. Source to be named: 一般社団法人情報マネジメントシステム認定センター.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.pages import Entry, PageConnector
from connectors.terms import UNSTATED, Terms
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry, Text

SOURCE = "jp.isms"
SCHEME = "JP-ISMS"
LIST = "isms"

ACCREDITATION_BODIES = frozenset({"isms-ac", "情報マネジメントシステム認定センター"})
"""How applications name ISMS-AC, in lower case."""

STANDARDS = frozenset({"ISO27001", "ISO27017", "ISO27018", "ISO27701"})
"""The types of certificates in an application that may be listed."""

_STANDARD = re.compile("27001|27017|27018|27701")


class Isms(PageConnector):
    """The connector. The role of an inquiry is the certificate's type in lower case, such as ``iso27001``.

    Its record has ``list`` and ``certificates``, each of them with these keys, left out where the page does
    not say.

    ===================== ===================================================================================
    number                certificate number
    holder                the organisation, as the list writes it
    type                  of :data:`STANDARDS`, where the standard names exactly one of them
    standard              in words, with its edition; JIS Q 27001:2023 is the ISO/IEC 27001:2022 of Japan
    body                  certification body
    scope                 what is certified, in words
    valid_from, valid_to  dates
    status                in words, such as a suspension
    ===================== ===================================================================================
    """

    source = SOURCE
    terms = Terms(
        UNSTATED, Text("何も意味しない（掲載されない認証もある）", "says nothing: not all are listed")
    )
    base_url = "https://isms.jp"
    scheme = SCHEME
    lists = frozenset({LIST})

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for the first certificate of each type that ISMS-AC may list and whose number is of its shape.

        That is one accredited by ISMS-AC or, of a vendor in Japan, by a body that is not named.
        """
        vendor, asked = application["vendor"], set()
        for certificate in application.get("certifications", ()):
            number = self.numbered(LIST, certificate.get("number", ""))
            if (
                number is None
                or certificate["type"] in asked
                or not _may_be_listed(certificate, vendor["country"])
            ):
                continue
            asked.add(certificate["type"])
            yield Inquiry(SOURCE, certificate["type"].lower(), OrganisationId(SCHEME, number), vendor["name"])

    def is_subject(self, entry: Entry, inquiry: Inquiry) -> bool:
        """By certificate number, spaces aside."""
        return _bare(entry["number"]) == _bare(inquiry.subject.id)

    def subject(self, entry: Entry) -> OrganisationId:
        """The certificate number."""
        return OrganisationId(SCHEME, entry["number"])

    def record(self, entries: Sequence[Entry], listed: str) -> dict[str, Any]:
        """The certificates."""
        return {"list": listed, "certificates": [{**entry, **_type(entry)} for entry in entries]}


def _may_be_listed(certificate: Mapping[str, Any], country: str) -> bool:
    if certificate["type"] not in STANDARDS or certificate.get("accredited") is False:
        return False
    body = certificate.get("accreditation_body")
    return country == "JP" if body is None else body.strip().lower() in ACCREDITATION_BODIES


def _bare(number: str) -> str:
    return re.sub(r"\s+", "", number).upper()


def _type(entry: Entry) -> dict[str, str]:
    named = set(_STANDARD.findall(entry["standard"]))
    return {"type": f"ISO{named.pop()}"} if len(named) == 1 else {}


connector = Isms.connector
"""The connector from its settings."""
