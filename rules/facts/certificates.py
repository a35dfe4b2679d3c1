"""Listings and certificates: ISMAP and ISMAP-LIU, what ISMS-AC and JIPDEC list, the FedRAMP marketplace.

A list names a service or an organisation. Whose it is has to fit besides the number: an entry made out to
somebody else may be read off wrongly, or be borrowed, and a person looks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from pipeline.documents import Json
from pipeline.model import Evidence, Presence
from rules.facts.draft import MAKER, VENDOR, Draft

_ISMAP = "jp.ismap"
_LISTS = ("ismap", "ismap-liu")
_ISMS = "jp.isms"
_PRIVACY_MARKS = "jp.privacymark"
_FEDRAMP = "us.fedramp"

_IN_FORCE = frozenset(
    {"有効", "認証", "認証登録", "登録", "登録中", "維持", "active", "valid", "certified", "registered"}
)
"""What a certificate's status may say when nothing is amiss. Any other word is for a person to read."""

_EDITION = re.compile(r"(?:ISO(?:/IEC)?|JIS\s*Q)\s*(?P<standard>[0-9]{5}):(?P<year>[0-9]{4})")
_JAPANESE_EDITIONS: Mapping[str, str] = {"2023": "2022", "2014": "2013"}
"""JIS Q 27001:2023 is ISO/IEC 27001:2022, and JIS Q 27001:2014 is the one of 2013."""


def add(draft: Draft) -> None:
    """``ismap``, ``certs`` and ``fedramp``."""
    _ismap(draft)
    for number, certificate in enumerate(draft.facts.get("certs", ())):
        _certificate(draft, f"certs[{number}]", certificate)
    _fedramp(draft)


def _ismap(draft: Draft) -> None:
    """What the lists say takes the place of what is declared: without them nothing is known.

    Whoever claims a listing that its list does not have is contradicted; whoever claims none and is on no
    list has none.
    """
    for listed in _LISTS:
        if (answer := draft.answer(_ISMAP, listed)) is not None and answer.presence is Presence.FOUND:
            _listing(draft, listed, answer)
            return
    for listed in _LISTS:
        if (gap := draft.gap(_ISMAP, listed)) is not None:
            draft.give_up("ismap", gap)
            return
    answers = [answer for listed in _LISTS if (answer := draft.answer(_ISMAP, listed)) is not None]
    if answers:
        if draft.value("ismap.list") in {None, "none"}:
            draft.facts["ismap"] = {}
        draft.compare("ismap.list", "none", answers[-1])


def _listing(draft: Draft, listed: str, answer: Evidence) -> None:
    listings = answer.record["listings"]
    if (renewal := draft.value("ismap.renewal_filed_on")) is not None:
        draft.facts["ismap"] = {"renewal_filed_on": renewal}
    else:
        draft.facts.pop("ismap", None)
    # Of several under one name nobody knows which it is.
    [listing, *others] = sorted(listings, key=lambda entry: str(entry.get("valid_to", "")), reverse=True)
    known = {"list": listed, **{name: listing.get(name) for name in ("valid_to", "renewal_filed_on")}}
    is_own = not others and _is_own(draft, listing)
    for name, value in known.items():
        draft.verify(f"ismap.{name}", value, answer)
        if value is not None and not is_own:
            draft.doubt(f"ismap.{name}", answer)


def _is_own(draft: Draft, listing: Json) -> bool:
    """Whether a listing is of the vendor or maker, and of this product: a provider may have several."""
    service = _folded(listing["service"])
    product = [_folded(name) for name in draft.application["product"]["name"].values() if name]
    named = any(name in service or service in name for name in product)
    return named and draft.is_party(listing["provider"])


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _certificate(draft: Draft, at: str, certificate: Json) -> None:
    if certificate["type"] == "PRIVACYMARK":
        _privacy_mark(draft, at)
        return
    answer = draft.answer(_ISMS, certificate["type"].lower())
    number = _folded(certificate.get("number", ""))
    if answer is None or not number or _folded(answer.subject.id) != number:
        return
    # That it is not there says nothing: not all are listed.
    entries = [one for one in answer.record.get("certificates", ()) if one.get("type") == certificate["type"]]
    if answer.presence is Presence.ABSENT:
        return
    if not entries:
        draft.contradict(f"{at}.type", "another standard", answer)
        return
    entry = entries[0]
    draft.verify(f"{at}.type", certificate["type"], answer)
    draft.compare(f"{at}.accredited", True, answer)
    draft.compare(f"{at}.edition", _edition(entry["standard"]), answer)
    draft.compare_end(f"{at}.valid_to", entry.get("valid_to"), answer)
    status = entry.get("status")
    if status is not None and _folded(status) not in _IN_FORCE:
        draft.contradict(f"{at}.valid_to", status, answer)
    if not draft.is_party(entry["holder"]):
        for name in ("accredited", "edition", "valid_to"):
            draft.doubt(f"{at}.{name}", answer)


def _edition(standard: str) -> str | None:
    """The year of the edition in the words of a list, that of ISO/IEC for one of JIS."""
    found = _EDITION.search(unicodedata.normalize("NFKC", standard))
    if found is None:
        return None
    year = found["year"]
    return _JAPANESE_EDITIONS.get(year, year) if found[0].startswith("JIS") else year


def _privacy_mark(draft: Draft, at: str) -> None:
    answer = draft.answer(_PRIVACY_MARKS)
    if answer is None:
        return
    if answer.presence is Presence.ABSENT:
        draft.contradict(f"{at}.type", "none", answer)
        return
    draft.verify(f"{at}.type", "PRIVACYMARK", answer)
    draft.compare_end(f"{at}.valid_to", answer.record.get("valid_to"), answer)
    if not draft.is_party(answer.record["name"]):
        draft.doubt(f"{at}.type", answer)


def _fedramp(draft: Draft) -> None:
    """Whether vendor or maker has an offering in the marketplace that US agencies may rely on."""
    found: list[tuple[Evidence, Any]] = [
        (answer, offering)
        for role in (VENDOR, MAKER)
        if (answer := draft.answer(_FEDRAMP, role)) is not None
        for offering in answer.record.get("offerings", ())
    ]
    for answer, offering in sorted(found, key=lambda pair: not pair[1]["valid"])[:1]:
        draft.verify("fedramp.valid", offering["valid"], answer)
        draft.verify("fedramp.offering", offering.get("offering"), answer)
