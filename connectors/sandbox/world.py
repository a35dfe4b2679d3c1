"""The sandbox's world: invented companies and what became of them, apart from any register's way to say it.

The companies that the sample applications speak of are written in ``world.yaml``; :func:`generate` makes
any number of others for measurements. Numbers have right check digits and are kept out of the ranges that the
real registries have reached: serial numbers from 900000 on at a Japanese registry office, LEIs that begin
with SAND.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from importlib import resources
from typing import Any

import stdnum.iso7064.mod_97_10
import yaml

from connectors.identifiers import is_well_formed
from connectors.sandbox.faults import Fault
from pipeline.corporate_number import check_digit
from pipeline.identifiers import OrganisationId

NUMBERS_BEGIN = date(2015, 10, 5)
"""The day on which corporate numbers were assigned to all who existed then (番号法 39条)."""


@dataclass(frozen=True, slots=True)
class JapaneseAddress:
    """An address as the Japanese register writes it: full-width digits, no spaces.

    ``municipality`` is the five-digit code (JIS X 0401 and 0402), ``postcode`` seven digits.
    """

    prefecture: str
    city: str
    street: str
    municipality: str
    postcode: str


@dataclass(frozen=True, slots=True)
class Address:
    """An address in Latin letters; ``japanese`` is set for one in Japan.

    ``region`` is ISO 3166-2, ``""`` where there is none; ``prefecture`` its name in Latin letters, in Japan.
    """

    country: str
    region: str
    city: str
    lines: tuple[str, ...]
    postcode: str
    prefecture: str = ""
    japanese: JapaneseAddress | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    """What a company was called and where it sat from a day on."""

    since: date
    name: str
    furigana: str
    address: Address


@dataclass(frozen=True, slots=True)
class Closure:
    """The end of a company, for the ``cause`` of ``liquidation``, ``merger`` or ``registrar``.

    A merger took effect on ``merged_on``, some days before its entry in the register. ``successor`` is the
    key of the company that goes on.
    """

    entered_on: date
    cause: str
    merged_on: date | None = None
    successor: str = ""


@dataclass(frozen=True, slots=True)
class LeiRegistration:
    """The state of a company's LEI registration (ISO 17442): ``ISSUED``, ``LAPSED``, ``RETIRED``, …"""

    status: str
    issued_on: date
    renew_by: date
    corroboration: str = "FULLY_CORROBORATED"


@dataclass(frozen=True, eq=False)
class Company:
    """One invented company.

    ``key`` is its name in the world file, ``name_en`` an English name that it has registered, if any.
    ``legal_form`` is written as the law of its country has it.
    ``registration`` is its number in the register of its country, as that register writes it, where no
    identifier says so. ``chapters`` are oldest first; the last one is the present.
    """

    key: str
    country: str
    jurisdiction: str
    legal_form: str
    founded_on: date
    identifiers: Mapping[str, str]
    chapters: tuple[Chapter, ...]
    name_en: str = ""
    registration: str = ""
    lei: LeiRegistration | None = None
    closure: Closure | None = None

    @property
    def name(self) -> str:
        """The registered name of today."""
        return self.chapters[-1].name

    @property
    def address(self) -> Address:
        """The registered address of today."""
        return self.chapters[-1].address


@dataclass(frozen=True, slots=True)
class Offering:
    """A cloud offering in the FedRAMP marketplace; ``company`` is the key of its provider."""

    id: str
    company: str
    offering: str
    status: str
    impact_level: str
    authorized_on: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A body on a list of sanctions or debarments. ``country`` is in small letters, as in FollowTheMoney."""

    id: str
    name: str
    country: str
    topics: tuple[str, ...]
    datasets: tuple[str, ...]
    programs: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """Companies as they stand on a day. ``faults`` are those in force from the start."""

    as_of: date
    companies: tuple[Company, ...]
    faults: tuple[Fault, ...] = ()
    offerings: tuple[Offering, ...] = ()
    listed: tuple[Listed, ...] = ()

    def __add__(self, other: World) -> World:
        """The companies of both, as of the later day."""
        return World(
            max(self.as_of, other.as_of),
            self.companies + other.companies,
            self.faults + other.faults,
            self.offerings + other.offerings,
            self.listed + other.listed,
        )

    def find(self, scheme: str, number: str) -> Company | None:
        """The company with this identifier, such as ``JP-JCN`` and 13 digits."""
        return self._by_identifier.get((scheme, number))

    def company(self, key: str) -> Company:
        """The company with this key."""
        return self._by_key[key]

    def absorbed_by(self, company: Company) -> tuple[Company, ...]:
        """Those that were merged into this one."""
        return self._absorbed.get(company.key, ())

    @cached_property
    def _by_identifier(self) -> dict[tuple[str, str], Company]:
        return {item: company for company in self.companies for item in company.identifiers.items()}

    @cached_property
    def _by_key(self) -> dict[str, Company]:
        return {company.key: company for company in self.companies}

    @cached_property
    def _absorbed(self) -> dict[str, tuple[Company, ...]]:
        absorbed: dict[str, tuple[Company, ...]] = {}
        for company in self.companies:
            if company.closure is not None and company.closure.successor:
                successor = company.closure.successor
                absorbed[successor] = (*absorbed.get(successor, ()), company)
        return absorbed


@dataclass(frozen=True, slots=True)
class Place:
    """A town with the registry office that its companies register at (first four digits of their numbers)."""

    office: str
    prefecture: str
    city: str
    town: str
    municipality: str
    postcode: str
    region: str
    latin: tuple[str, str, str]
    """Prefecture, city and town in Latin letters."""

    def address(self, block: str) -> Address:
        """The address at this block, such as ``９丁目９番９号``."""
        prefecture, city, town = self.latin
        return Address(
            country="JP",
            region=self.region,
            city=city,
            lines=(f"{_hyphenated(block)} {town}",),
            postcode=f"{self.postcode[:3]}-{self.postcode[3:]}",
            prefecture=prefecture,
            japanese=JapaneseAddress(
                self.prefecture, self.city, self.town + block, self.municipality, self.postcode
            ),
        )


def load() -> World:
    """The world of ``world.yaml``."""
    return read(_world_file())


def read(text: str) -> World:
    """A world written as ``world.yaml`` is.

    :raises ValueError: when it contradicts itself: a wrong check digit, a number or key used twice, a
        successor or provider that is not there.
    """
    document = yaml.safe_load(text)
    places = _places(document)
    companies = tuple(_company(entry, places) for entry in document["companies"])
    world = World(
        document["as_of"],
        companies,
        faults=tuple(map(Fault.from_json, document["faults"])),
        offerings=tuple(Offering(**entry) for entry in document.get("offerings", ())),
        listed=tuple(map(_listed, document.get("listed", ()))),
    )
    _check(world)
    return world


def generate(n: int, seed: int = 0) -> World:
    """A world of ``n`` companies, the same ones for the same ``n`` and ``seed``.

    Seven of eight are Japanese with a corporate number; the eighth is abroad and has an LEI and, in Britain,
    a company number.

    :raises ValueError: beyond the numbers there are (90,000 for each town in the world file).
    """
    document = yaml.safe_load(_world_file())
    towns, abroad = list(_places(document).values()), document["abroad"]
    if not 0 <= n <= _SERIALS * len(towns):
        raise ValueError(f"from 0 to {_SERIALS * len(towns)} companies, not {n}")
    draw = random.Random(seed)  # noqa: S311 - to be repeatable, not to be secret
    companies = []
    for i in range(n):
        words = [draw.choice(words) for words in document["words"]]
        key = f"generated-{seed}-{i}"
        founded_on = date(1960, 1, 1) + timedelta(days=draw.randrange(65 * 365))
        if i % 8 == 7:
            companies.append(_foreign(key, i, words, founded_on, abroad[i // 8 % len(abroad)]))
        else:
            turn, town = divmod(i, len(towns))
            companies.append(_domestic(key, _FIRST_SERIAL + turn, words, founded_on, towns[town]))
    return World(document["as_of"], tuple(companies))


def lei(body: str) -> str:
    """The LEI (ISO 17442-1) of eighteen characters: two check digits go last (ISO/IEC 7064, MOD 97-10)."""
    return body + str(stdnum.iso7064.mod_97_10.calc_check_digits(body))


def full_width(text: str) -> str:
    """The text with digits as the Japanese register writes them."""
    return text.translate({ord("0") + digit: ord("０") + digit for digit in range(10)})


def _world_file() -> str:
    return resources.files("connectors.sandbox").joinpath("world.yaml").read_text(encoding="utf-8")


def _places(document: dict[str, Any]) -> dict[str, Place]:
    return {
        key: Place(**{**entry, "latin": tuple(entry["latin"])}) for key, entry in document["places"].items()
    }


def _company(entry: dict[str, Any], places: Mapping[str, Place]) -> Company:
    entry = dict(entry)
    former = entry.pop("former", [])
    present = Chapter(
        since=entry["founded_on"],
        name=entry.pop("name"),
        furigana=entry.pop("furigana", ""),
        address=_address(entry.pop("address"), entry["country"], places),
    )
    registration, closure = entry.pop("lei", None), entry.pop("closure", None)
    return Company(
        chapters=_chapters(present, former, places),
        jurisdiction=entry.pop("jurisdiction", entry["country"]),
        lei=LeiRegistration(**registration) if registration else None,
        closure=Closure(**closure) if closure else None,
        **entry,
    )


def _listed(entry: dict[str, Any]) -> Listed:
    lists = {name: tuple(entry[name]) for name in ("topics", "datasets", "programs")}
    return Listed(id=entry["id"], name=entry["name"], country=entry["country"], **lists)


def _chapters(
    present: Chapter, former: list[dict[str, Any]], places: Mapping[str, Place]
) -> tuple[Chapter, ...]:
    """The whole history. A former chapter says until when it held, and only what was otherwise than after."""
    chapters = [present]
    for entry in reversed(former):
        entry = dict(entry)  # noqa: PLW2901 - the file's own value stays as it was read
        until: date = entry.pop("until")
        if "address" in entry:
            entry["address"] = _address(entry["address"], present.address.country, places)
        later = chapters[0]
        chapters[0] = replace(later, since=until + timedelta(days=1))
        chapters.insert(0, replace(later, since=present.since, **entry))
    return tuple(chapters)


def _address(entry: dict[str, Any], country: str, places: Mapping[str, Place]) -> Address:
    if "at" in entry:
        return places[entry["at"]].address(entry["block"])
    return Address(
        country=country,
        region=entry.get("region", ""),
        city=entry["city"],
        lines=tuple(entry["lines"]),
        postcode=entry["postcode"],
    )


def _check(world: World) -> None:
    keys, numbers = set(), set()
    for company in world.companies:
        if company.key in keys:
            raise ValueError(f"{company.key}: used twice")
        keys.add(company.key)
        if not re.fullmatch("[A-Z]{2}", str(company.country)):
            raise ValueError(f"{company.key}: country is {company.country!r}; in YAML a bare NO is false")
        for scheme, number in company.identifiers.items():
            if not isinstance(number, str):
                raise ValueError(f"{company.key}: {scheme} stands without quotation marks")
            if (scheme, number) in numbers:
                raise ValueError(f"{company.key}: {scheme} {number} is used twice")
            numbers.add((scheme, number))
            if scheme == "JP-JCN" and company.address.japanese is None:
                raise ValueError(f"{company.key}: a corporate number without an address in Japan")
            if not is_well_formed(OrganisationId(scheme, number)):
                raise ValueError(f"{company.key}: {scheme} {number} has a wrong check digit")
    for company in world.companies:
        if company.closure is not None and company.closure.successor not in {"", *keys}:
            raise ValueError(f"{company.key}: no successor {company.closure.successor}")
    for offering in world.offerings:
        if offering.company not in keys:
            raise ValueError(f"{offering.id}: no company {offering.company}")


def _hyphenated(block: str) -> str:
    """``９丁目９番１０号`` as addresses in Latin letters have it: ``9-9-10``."""
    digits = "".join(sign if sign.isdecimal() else " " for sign in unicodedata.normalize("NFKC", block))
    return "-".join(digits.split())


_FIRST_SERIAL, _SERIALS = 900_000, 90_000
"""Serial numbers of made companies at each registry office; those of the world file come after."""


def _domestic(key: str, serial: int, words: list[list[str]], founded_on: date, town: Place) -> Company:
    # Names repeat, as they do in life: only the number tells two companies apart.
    name, furigana, _ = ("".join(forms) for forms in zip(*words, strict=True))
    address = town.address(full_width(f"{serial % 90 + 10}丁目{serial // 90 % 90 + 1}番{serial % 97 + 1}号"))
    body = f"{town.office}01{serial}"
    return Company(
        key=key,
        country="JP",
        jurisdiction="JP",
        legal_form="株式会社",
        founded_on=founded_on,
        identifiers={"JP-JCN": check_digit(body) + body},
        chapters=(Chapter(founded_on, f"株式会社{name}", furigana, address),),
    )


def _foreign(key: str, i: int, words: list[list[str]], founded_on: date, abroad: dict[str, str]) -> Company:
    name = f"{words[0][2]} {words[1][2]} {abroad['suffix']}"
    address = Address(abroad["country"], "", abroad["city"], (f"{i} Sandbox Street",), abroad["postcode"])
    registration = f"{99_000_000 + i:08d}"
    home = {"GB-COH": registration} if abroad["country"] == "GB" else {}
    return Company(
        key=key,
        country=abroad["country"],
        jurisdiction=abroad["jurisdiction"],
        legal_form=abroad["legal_form"],
        founded_on=founded_on,
        identifiers={**home, "XI-LEI": lei(f"SAND00G{i:011d}")},
        chapters=(Chapter(founded_on, name, "", address),),
        registration=registration,
        lei=LeiRegistration("ISSUED", founded_on + timedelta(days=90), date(2027, 9, 30)),
    )
