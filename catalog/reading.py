"""What search and pages take out of a listing document (``listing/1`` and ``listing/2``), each fact with
its source.

The documents are foreign to this package: what is there is used, what is not is left out, and nothing is
guessed. A member is *verified* where the document names a source that says so too, *disputed* where the
source says otherwise and a person decided, else *declared*.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias

from catalog import facets
from catalog.facets import EEA, Mark, marks
from catalog.text import fold

VERSION = "1"
"""Of this reading. With another one the index reads every document again."""

Json: TypeAlias = Mapping[str, Any]

OPEN_FORMATS = frozenset({"csv", "json", "xml", "parquet", "odf", "sql-dump"})
"""Formats that others can read (rule LCK-01 of the reference policy)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index keeps of a listing besides its document. Texts are folded.

    ``price`` is the lowest list price in yen a user and month, or an organisation and month where none is by
    user; ``product`` names the product, whoever sells it.
    """

    marks: tuple[Mark, ...]
    name: str
    price: int | None
    published: str
    product: str
    name_text: str = field(default="", compare=False)
    body_text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """What stands behind a member: ``declared``, or a source's word at a time (RFC 3339)."""

    status: str = "declared"
    source: str = ""
    at: str = ""

    @property
    def verified(self) -> bool:
        """Whether a source says so too."""
        return self.status == "verified"


DECLARED = Origin()


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate: its code as in the facet, and the last day of its term."""

    code: str
    number: str
    body: str
    until: date | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or maker."""

    name: str
    name_en: str
    country: str
    identifiers: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """What tells it from others: its first identifier, else its name."""
        return ":".join(self.identifiers[0]) if self.identifiers else f"name:{fold(self.name)}"


@dataclass(frozen=True)
class Offer:
    """A listing document with names for what is in it."""

    document: Json

    @property
    def product(self) -> Json:
        """What is offered, as the vendor tells it."""
        return _object(self.document.get("product"))

    def name(self, language: str) -> str:
        """The product's name in a language, else in the other."""
        return _in(self.product.get("name"), language)

    def summary(self, language: str) -> str:
        """What it does, in a language, else in the other."""
        return _in(self.product.get("summary"), language)

    @cached_property
    def seller(self) -> Party:
        """Who sells."""
        return _party(self._seller)

    @property
    def _seller(self) -> Json:
        return _object(self.document.get("seller") or self.document.get("vendor"))

    @cached_property
    def maker(self) -> Party:
        """Who makes it; the seller where nobody else is named."""
        named = _object(self.document.get("maker"))
        return _party(named) if named and not named.get("is_seller") else self.seller

    @property
    def is_resold(self) -> bool:
        """Whether the seller sells what another makes."""
        return self._seller.get("role") == "reseller"

    def part(self, name: str) -> Any:
        """A part of the document; ``listing/1`` had most of them below ``declared``."""
        found = self.document.get(name)
        return _object(self.document.get("declared")).get(name) if found is None else found

    @cached_property
    def origins(self) -> Mapping[str, Origin]:
        """What stands behind the members, by JSON Pointer (RFC 6901); the longest that holds counts."""
        return {
            pointer: Origin(_text(origin.get("status")), _text(origin.get("source")), _text(origin.get("at")))
            for pointer, origin in _object(self.document.get("origins")).items()
            if isinstance(origin, Mapping)
        }

    def behind(self, pointer: str) -> Origin:
        """What stands behind a member."""
        while True:
            if pointer in self.origins:
                return self.origins[pointer]
            if not pointer:
                return DECLARED
            pointer = pointer.rpartition("/")[0]

    @cached_property
    def verified(self) -> tuple[Json, ...]:
        """Every fact that a source confirmed, as the document lists it."""
        return tuple(_objects(self.document.get("verified")))

    @cached_property
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates, ISMAP among them."""
        return tuple(_certificates(self))

    @cached_property
    def data(self) -> tuple[Json, ...]:
        """Where each class of data is."""
        return tuple(_objects(self.part("data")))

    @cached_property
    def portability(self) -> Json:
        """How a customer gets out."""
        return _object(self.part("portability"))

    @cached_property
    def buyers(self) -> tuple[Json, ...]:
        """What each buyer's own rules make of it."""
        return tuple(_objects(self.document.get("buyers")))

    @cached_property
    def prices(self) -> tuple[Json, ...]:
        """The list prices that can be read."""
        return tuple(
            price
            for price in _objects(self.product.get("prices"))
            if isinstance(price.get("amount_jpy"), int) and isinstance(price.get("per"), str)
        )

    @cached_property
    def startup_until(self) -> date | None:
        """The last day of the start-up mark, where it ends by itself."""
        return _day(self._startup.get("until"))

    @property
    def is_startup(self) -> bool:
        """Whether it was judged on the start-up track."""
        return self._startup.get("mark") is True

    @property
    def startup(self) -> Origin:
        """What stands behind the mark: any of its grounds that a source confirms is enough."""
        grounds = ("mark", "j_startup", "sbir", "public_fund")
        origins = (self.behind(f"/startup/{name}") for name in grounds if self._startup.get(name) is True)
        return next((origin for origin in origins if origin.verified), DECLARED)

    @property
    def _startup(self) -> Json:
        return _object(self.document.get("startup"))

    @property
    def case(self) -> str:
        """The case that it rests on."""
        return _text(self.document.get("case"))

    @property
    def decided_at(self) -> str:
        """When it was decided (RFC 3339)."""
        return _text(_object(self.document.get("decision")).get("decided_at"))

    @property
    def data_as_of(self) -> str:
        """The moment that the facts stand for (RFC 3339)."""
        return _text(self.document.get("data_as_of"))

    @property
    def policy(self) -> list[str]:
        """The policy packs that judged."""
        return [_text(pack) for pack in _list(_object(self.document.get("decision")).get("policy"))]

    @property
    def category(self) -> str:
        """The category's code."""
        return _text(self.product.get("category"))

    @property
    def deployment(self) -> list[str]:
        """How it is delivered."""
        return [_text(code) for code in _list(self.product.get("deployment"))]

    @property
    def languages(self) -> list[str]:
        """Languages of the product (BCP 47)."""
        return [_text(tag) for tag in _list(self.product.get("languages"))]

    @property
    def support(self) -> tuple[str, list[str]]:
        """Hours and languages of support."""
        support = _object(self.product.get("support"))
        return _text(support.get("hours")), [_text(tag) for tag in _list(support.get("languages"))]

    @property
    def registered(self) -> Origin:
        """What stands behind the seller's name."""
        return self._named("seller")

    @property
    def maker_registered(self) -> Origin:
        """What stands behind the maker's name."""
        return self._named("maker")

    def _named(self, role: str) -> Origin:
        named = "registered_name" if "registered_name" in _object(self.document.get(role)) else "name"
        return self.behind(f"/{role}/{named}")

    @property
    def contract(self) -> tuple[str, str] | None:
        """Countries of governing law and court, where both are told."""
        contract = _object(self.part("contract"))
        law, court = _text(contract.get("governing_law")), _text(contract.get("court"))
        return (law, court) if law and court else None

    @property
    def subprocessors(self) -> list[tuple[str, str]] | None:
        """Name and country of whoever handles data for the seller; None where it is not told."""
        told = self.part("subprocessors")
        if not isinstance(told, list):
            return None
        return [(_text(one.get("name")), _text(one.get("country"))) for one in _objects(told)]

    @property
    def valid_until(self) -> str:
        """The last day of the listing, empty where it has none."""
        return _text(self.document.get("valid_until"))

    @property
    def lowest_price(self) -> int | None:
        """See :attr:`Entry.price`."""
        prices = [(str(price["per"]), int(price["amount_jpy"])) for price in self.prices]
        for units in (("user-month", "user-year"), ("organisation-month", "organisation-year"), ("once",)):
            found = [
                -(-amount // 12) if per.endswith("year") else amount for per, amount in prices if per in units
            ]
            if found:
                return min(found)
        return None

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """Every facet value that holds, each as far as it is confirmed."""
        return tuple(mark for facet, said in _said(self) for mark in marks(facet, said))


def read(document: Json) -> Entry:
    """What the index keeps of a listing document."""
    offer = Offer(document)
    names = [_text(text) for text in _object(offer.product.get("name")).values()]
    parties = dict.fromkeys(
        name for party in (offer.seller, offer.maker) for name in (party.name, party.name_en) if name
    )
    named = " ".join([*names, *parties])
    summaries = [_text(text) for text in _object(offer.product.get("summary")).values()]
    numbers = [number for party in (offer.seller, offer.maker) for _, number in party.identifiers]
    numbers += [_text(document.get("case")), *(certificate.number for certificate in offer.certificates)]
    return Entry(
        marks=offer.marks,
        name=fold(offer.name("ja")),
        price=offer.lowest_price,
        published=offer.decided_at,
        product=product_key(offer),
        name_text=fold(named),
        body_text=fold(" ".join([*summaries, *numbers])),
    )


def product_key(offer: Offer) -> str:
    """What names the product, whoever sells it: its maker and its folded name."""
    whole = f"{offer.maker.key}\n{fold(offer.name('ja'))}"
    return hashlib.sha256(whole.encode("utf-8")).hexdigest()


Said: TypeAlias = tuple[str, bool, date | None]


def _said(offer: Offer) -> Iterator[tuple[facets.Facet, list[Said]]]:
    yield facets.CATEGORY, _plain([offer.category])
    yield (
        facets.BUYER,
        [
            # A verdict is Sekisho's own, on what it verified.
            (verdict["buyer"], True, None)
            for verdict in offer.buyers
            if verdict.get("verdict") == "approve" and isinstance(verdict.get("buyer"), str)
        ],
    )
    yield facets.RESIDENCY, _residency(offer)
    yield (
        facets.CERTIFICATE,
        [
            (certificate.code, certificate.origin.verified, certificate.until)
            for certificate in offer.certificates
        ],
    )
    yield facets.DEPLOYMENT, _plain(offer.deployment)
    yield facets.EXIT, _exit(offer.portability)
    formats = {str(name).lower() for name in _list(offer.portability.get("formats"))}
    yield facets.FORMAT, _plain(sorted(formats & OPEN_FORMATS))
    law = {("JP", "JP"): ["jp-law-and-court"]}.get(offer.contract or ("", ""))
    yield facets.LAW, _plain(law or (["jp-law"] if offer.contract and offer.contract[0] == "JP" else []))
    yield facets.COMPANY, _company(offer)
    yield facets.PREFECTURE, _prefectures(offer)
    yield facets.LANGUAGE, _plain(tag.split("-")[0] for tag in offer.languages)


def _plain(codes: Iterable[Any]) -> list[Said]:
    return [(code, False, None) for code in codes if isinstance(code, str) and code]


def _residency(offer: Offer) -> list[Said]:
    """Where all classes of data together are kept; nothing is said where a class says no place."""
    kept = [set(map(str, _list(one.get("at_rest")))) for one in offer.data]
    if not kept or not all(kept):
        return []
    places = set().union(*kept)
    confirmed = all(offer.behind(f"/data/{number}/at_rest").verified for number in range(len(offer.data)))
    if places == {"JP"}:
        reached = set(map(str, _list(offer.part("support_access"))))
        for one in offer.data:
            reached |= set(map(str, _list(one.get("processing")))) | set(map(str, _list(one.get("support"))))
        told = all("processing" in one for one in offer.data if one.get("class") == "content")
        code = "jp-only" if told and reached == {"JP"} else "jp"
    elif places <= EEA | {"JP"}:
        code = "jp-eea"
    elif places <= EEA | {"JP", "GB"}:
        code = "jp-eea-gb"
    else:
        return []
    return [(code, confirmed, None)]


def _exit(portability: Json) -> list[Said]:
    formats = {str(name).lower() for name in _list(portability.get("formats"))}
    days = portability.get("retrieval_days")
    days = days if isinstance(days, int) else -1
    is_open = bool(formats & OPEN_FORMATS)
    disclosed = portability.get("exit_fee_disclosed") is True
    codes = []
    if is_open and disclosed and days >= 30:
        codes.append("free-to-leave")
    if is_open:
        codes.append("open-format")
    if disclosed:
        codes.append("fee-disclosed")
    if days >= 60:
        codes.append("retrieval-60")
    elif days >= 30:
        codes.append("retrieval-30")
    if portability.get("deletion_certificate") is True:
        codes.append("deletion-certified")
    return _plain(codes)


def _company(offer: Offer) -> list[Said]:
    said: list[Said] = []
    if offer.is_resold:
        said.append(("reseller", offer.behind("/seller/role").verified, None))
    elif offer.maker is offer.seller and offer.seller.name:
        said.append(("maker", offer.behind("/seller/role").verified, None))
    if offer.is_startup:
        said.append(("startup", offer.startup.verified, offer.startup_until))
    if _object(offer.document.get("seller")).get("sme") is True:
        said.append(("sme", offer.behind("/seller/sme").verified, None))
    return said


def _prefectures(offer: Offer) -> list[Said]:
    offices = _objects(_object(offer.document.get("seller")).get("offices"))
    return [
        (region, offer.behind(f"/seller/offices/{number}").verified, None)
        for number, office in enumerate(offices)
        if (region := _text(office.get("region"))).startswith("JP-")
    ]


def _certificates(offer: Offer) -> Iterator[Certificate]:
    ismap = _object(offer.part("ismap"))
    if (listed := _text(ismap.get("list"))) in {"ismap", "ismap-liu"}:
        until, filed = _day(ismap.get("valid_to")), _day(ismap.get("renewal_filed_on"))
        if until is not None and filed is not None and filed <= until:
            until = None  # in force while a renewal filed in time is decided (ISMAP basic rules, 3.5)
        origin = _joint(offer, "/ismap", ismap, "list", "valid_to")
        yield Certificate(listed, _text(ismap.get("number")), "", until, origin)
    for number, one in enumerate(_objects(offer.part("certifications"))):
        yield Certificate(
            _text(one.get("type")).lower(),
            _text(one.get("number")),
            _text(one.get("certification_body")),
            _day(one.get("valid_to")),
            _joint(offer, f"/certifications/{number}", one, "type", "valid_to"),
        )


def _joint(offer: Offer, pointer: str, value: Json, *names: str) -> Origin:
    """What stands behind several members together: no more than behind the least of them."""
    origins = [offer.behind(f"{pointer}/{name}") for name in names if name in value]
    for status in ("disputed", "declared", "verified"):
        for origin in origins:
            if origin.status == status:
                return origin
    return DECLARED


def _party(value: object) -> Party:
    party = _object(value)
    identifiers = tuple(
        (_text(one.get("scheme")), _text(one.get("id"))) for one in _objects(party.get("identifiers"))
    )
    return Party(
        _text(party.get("name")), _text(party.get("name_en")), _text(party.get("country")), identifiers
    )


def _in(text: object, language: str) -> str:
    texts = _object(text)
    return _text(texts.get(language)) or next((_text(other) for other in texts.values()), "")


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _object(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[Json]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
