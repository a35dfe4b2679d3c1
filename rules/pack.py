"""Policy packs as frozen values: what a pack file says, typed, before anything is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from pipeline.documents import Json, digest
from pipeline.errors import SekishoError
from pipeline.model import Text
from rules.conditions import Raw
from rules.parameters import DatedValue


class Effect(StrEnum):
    """What an outcome does to the decision, from nothing to rejection."""

    NONE = "none"
    NOTE = "note"
    REVIEW = "review"
    REJECT = "reject"

    @property
    def severity(self) -> int:
        """0 to 3; the decision follows the greatest."""
        return _SEVERITY[self]


_SEVERITY = {effect: severity for severity, effect in enumerate(Effect)}


class Kind(StrEnum):
    """A base, a buyer's overlay, a track that vendors are admitted to, or a foreign assessment."""

    BASE = "base"
    BUYER_NATIONAL = "buyer-national"
    BUYER_LOCAL = "buyer-local"
    TRACK = "track"
    ASSESSMENT = "assessment"


class Status(StrEnum):
    """How far a pack may be used. A ``test`` pack may rest rejections on undocumented bases."""

    DRAFT = "draft"
    TEST = "test"
    IN_FORCE = "in-force"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a pack: where (file, line, JSON Pointer), what, and what to do."""

    file: str
    line: int
    at: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        """One line, in the form that editors jump to."""
        return f"{self.file}:{self.line}: {self.at or '/'}: {self.problem}; {self.remedy}"


class PackError(SekishoError):
    """A pack does not load. ``faults`` lists everything that was found wrong."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Period:
    """First and last day; no last day: until further notice."""

    since: date
    until: date | None = None

    def covers(self, day: date) -> bool:
        """Whether the day lies within."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Special:
    """Closer words for an outcome where a condition holds."""

    outcome: str
    when: Raw
    reason: str
    message: Text
    remedy: Text | None


@dataclass(frozen=True, slots=True)
class SchemaRequirement:
    """A requirement that is a JSON Schema: ``document`` at ``part`` must hold of the facts at ``of``.

    Both places are JSON Pointers (RFC 6901). ``name`` is the file that the schema was read from, for people.
    """

    name: str
    document: Json
    part: str
    of: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement: a condition (``require``), or in an assessment a ``schema``.

    ``pack`` is the pack that states it; ``at`` its JSON Pointer there.

    ``message`` is by outcome; ``reason`` by ``fail`` and ``unknown``. ``item`` words one item of a list, for
    the placeholder ``{items}``. ``fresh`` is in days.
    """

    id: str
    pack: str
    at: str
    title: Text
    applies: Raw | None
    require: Raw | None
    fail_only_if: Raw | None
    verified: bool
    fresh: int | None
    on_fail: Effect
    on_unknown: Effect
    relaxable: frozenset[str]
    discriminates: bool
    treaty_why: Text | None
    reason: Mapping[str, str]
    message: Mapping[str, Text]
    remedy: Text
    items: Mapping[str, Text]
    specials: tuple[Special, ...]
    basis: tuple[str, ...]
    assumed: bool
    schema: SchemaRequirement | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a layer does to a rule of its base: ``tighten`` or ``relax``, where ``when`` holds, within a
    period.
    """

    op: str
    rule: str
    at: str
    on_fail: Effect | None
    on_unknown: Effect | None
    when: Raw | None
    period: Period | None
    why: Text
    basis: tuple[str, ...]
    assumed: bool


@dataclass(frozen=True, slots=True)
class Source:
    """The file a pack was read from, and the line each JSON Pointer stands on."""

    file: str
    lines: Mapping[str, int]

    def fault(self, at: str, problem: str, remedy: str) -> Fault:
        """A fault at this place; the line is that of the nearest container that is there."""
        where = at
        while where and where not in self.lines:
            where = where[: where.rfind("/")]
        return Fault(self.file, self.lines.get(where, 1), at, problem, remedy)


@dataclass(frozen=True, slots=True)
class Pack:
    """One policy file. ``digest`` names its content: comments and the order of rules do not count."""

    name: str
    kind: Kind
    version: str
    status: Status
    period: Period
    owner: Text
    summary: Text
    extends: str | None
    selects_from: str | None
    selects: tuple[str, ...]
    admits: Raw | None
    treaty_guard: Raw | None
    adjustable: Mapping[str, frozenset[str]]
    parameters: tuple[DatedValue, ...]
    rules: tuple[Rule, ...]
    changes: tuple[Change, ...]
    digest: str
    source: Source

    @property
    def citation(self) -> str:
        """How outcomes cite the pack: ``name@version#digest``."""
        return f"{self.name}@{self.version}#{self.digest}"


def pack_of(document: Mapping[str, Any], source: Source) -> Pack:
    """The typed pack of a document that obeys ``schemas/pack-1.json``."""
    return Pack(
        name=document["pack"],
        kind=Kind(document["kind"]),
        version=document["version"],
        status=Status(document["status"]),
        period=_period(document["effective"]),
        owner=_text(document["owner"]),
        summary=_text(document["summary"]),
        extends=document.get("extends"),
        selects_from=document.get("selects", {}).get("from"),
        selects=tuple(document.get("selects", {}).get("rules", ())),
        admits=document.get("admits"),
        treaty_guard=document.get("treaty_guard"),
        adjustable={name: frozenset(kinds) for name, kinds in document.get("adjustable", {}).items()},
        parameters=tuple(
            DatedValue(name, date.fromisoformat(day), entry["value"], tuple(entry.get("basis", ())))
            for name, dated in document.get("params", {}).items()
            for day, entry in dated.items()
        ),
        rules=tuple(_rule(name, body, document["pack"]) for name, body in document.get("rules", {}).items()),
        changes=tuple(_change(number, body) for number, body in enumerate(document.get("changes", ()))),
        digest=digest(document),
        source=source,
    )


def _rule(name: str, body: Mapping[str, Any], pack: str) -> Rule:
    return Rule(
        id=name,
        pack=pack,
        at=f"/rules/{name}",
        title=_text(body["title"]),
        applies=body.get("applies"),
        require=body.get("require"),
        fail_only_if=body.get("fail_only_if"),
        verified="needs" in body,
        fresh=int(body["fresh"].removesuffix("d")) if "fresh" in body else None,
        on_fail=Effect(body["on_fail"]),
        on_unknown=Effect(body.get("on_unknown", Effect.REVIEW)),
        relaxable=frozenset(body.get("relaxable", ())),
        discriminates=body.get("treaty") == "discriminates",
        treaty_why=_optional_text(body.get("treaty_why")),
        reason=body["reason"],
        message={outcome: _text(said) for outcome, said in body["message"].items()},
        remedy=_text(body["remedy"]),
        items={path: _text(said) for path, said in body.get("item", {}).items()},
        specials=tuple(
            Special(
                said["outcome"],
                said["when"],
                said["reason"],
                _text(said["message"]),
                _optional_text(said.get("remedy")),
            )
            for said in body.get("special", ())
        ),
        basis=tuple(body["basis"]),
        assumed=body.get("assumed", False),
        schema=_schema(body["schema"]) if "schema" in body else None,
    )


def _schema(body: Mapping[str, Any]) -> SchemaRequirement:
    return SchemaRequirement(
        name=body.get("file", ""),
        document=body["inline"],
        part=body.get("part", ""),
        of=body.get("of", ""),
    )


def _change(number: int, body: Mapping[str, Any]) -> Change:
    set_to = {key: Effect(value) for key, value in body["set"].items()}
    return Change(
        op=body["op"],
        rule=body["rule"],
        at=f"/changes/{number}",
        on_fail=set_to.get("on_fail"),
        on_unknown=set_to.get("on_unknown"),
        when=body.get("when"),
        period=_period(body["effective"]) if "effective" in body else None,
        why=_text(body["why"]),
        basis=tuple(body["basis"]),
        assumed=body.get("assumed", False),
    )


def _period(body: Mapping[str, str]) -> Period:
    until = body.get("to")
    return Period(date.fromisoformat(body["from"]), date.fromisoformat(until) if until else None)


def _text(body: Mapping[str, str]) -> Text:
    return Text(ja=body["ja"], en=body["en"])


def _optional_text(body: Mapping[str, str] | None) -> Text | None:
    return None if body is None else _text(body)
