"""The closed vocabulary of conditions, checked against the facts and compiled to closures.

``all_of any_of not every some has_each`` join; ``eq ne in not_in contains le lt ge gt valid_on days_left_ge
days_left_le age_le known matches_predicate`` compare. A left side is a path of :mod:`rules.vocabulary` or
``$as_of``; a right side is a literal, ``@parameter``, ``$as_of`` or a path (it has a dot in it). There is no
arithmetic, no pattern, no text that is code; the cost is leaves times items.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pipeline.documents import pointer
from rules import leaves
from rules.leaves import AS_OF, Against, Compare, Convert, Demand, Named, Reader
from rules.parameters import Parameter
from rules.predicates import PREDICATES
from rules.truth import Run, Scope, Test
from rules.vocabulary import BY_PATH, Fact, Kind

Raw: TypeAlias = Mapping[str, Any]
"""A condition as it stands in a pack, already checked against the schema of packs."""


class ConditionError(ValueError):
    """A condition that cannot mean anything. ``at`` is a JSON Pointer into it."""

    def __init__(self, at: str, problem: str, remedy: str) -> None:
        super().__init__(f"{at}: {problem}; {remedy}")
        self.at = at
        self.problem = problem
        self.remedy = remedy


def _boolean(value: Any) -> Any:
    return value if type(value) is bool else None


def _integer(value: Any) -> Any:
    return value if type(value) is int else None


def _number(value: Any) -> Any:
    return value if type(value) is int or type(value) is float else None


def _text(value: Any) -> Any:
    return value if type(value) is str else None


def _day(value: Any) -> Any:
    return leaves.ordinal(value) if type(value) is str else None


def _texts(value: Any) -> Any:
    return value if type(value) is list and all(type(item) is str for item in value) else None


def _anything(value: Any) -> Any:
    return value


_CONVERT: dict[Kind, Convert] = {
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _number,
    Kind.DATE: _day,
    Kind.TEXT: _text,
    Kind.CODE: _text,
    Kind.COUNTRY: _text,
    Kind.OBJECTS: _anything,
}

_ORDERED = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.DATE})
_ORDER = frozenset({"lt", "le", "gt", "ge"})
_MEMBERSHIP = frozenset({"in", "not_in"})
_DAYS: dict[str, Compare] = {
    "days_left_ge": leaves.at_least_days_left,
    "days_left_le": leaves.at_most_days_left,
    "age_le": leaves.at_most_days_ago,
}
_COMPARE: dict[str, Compare] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda value, members: value in members,
    "not_in": lambda value, members: value not in members,
    "contains": lambda values, value: value in values,
    "valid_on": operator.ge,
}

_ITEM_FIELD = re.compile(r"\{([a-z_]+)\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Operand:
    """A resolved path: how to read it and what it is."""

    read: Reader
    fact: Fact
    is_list: bool


class Compiler:
    """Compiles the conditions of one rule and keeps what they name, for the lints.

    ``reads`` are paths of the vocabulary; ``parameters`` are names after ``@``, with ``{}`` where they have
    it.
    """

    def __init__(self, parameters: frozenset[str], demand: Demand) -> None:
        self._known = parameters
        self._demand = demand
        self.reads: set[str] = set()
        self.parameters: set[str] = set()

    def compile(self, raw: Raw, at: str = "") -> Test:
        """The closure of a condition.

        :raises ConditionError: when it names what does not exist, or compares what cannot be compared.
        """
        return self._condition(raw, at, ())

    def _condition(self, raw: Raw, at: str, scopes: tuple[str, ...]) -> Test:
        ((name, body),) = raw.items()
        at += pointer(name)
        match name:
            case "all_of" | "any_of":
                parts = [
                    self._condition(part, at + pointer(place), scopes) for place, part in enumerate(body)
                ]
                return leaves.all_of(parts) if name == "all_of" else leaves.any_of(parts)
            case "not":
                return leaves.negation(self._condition(body, at, scopes))
            case "every" | "some":
                return self._quantified(name, body, at, scopes)
            case "has_each":
                return self._has_each(body, at, scopes)
            case "known":
                read = self._operand(body, at, scopes).read
                return leaves.fixed(read, _anything, lambda *_: True, None, "known", self._demand)
            case "matches_predicate":
                return self._predicate(body, at, scopes)
            case _:
                return self._comparison(name, body, at, scopes)

    def _operand(self, text: str, at: str, scopes: tuple[str, ...]) -> _Operand:
        """Resolve a path: the innermost item that has such a field, else the top of the facts."""
        if text == AS_OF:
            return _Operand(leaves.read_as_of, Fact(AS_OF, Kind.DATE, "", ""), is_list=False)
        if text == "." and scopes:
            self.reads.add(scopes[-1])
            return _Operand(leaves.read_item, BY_PATH[scopes[-1]], is_list=False)
        for outward, items in enumerate(reversed(scopes)):
            if (found := _find(f"{items}.{text}")) is not None:
                self.reads.add(found[0].path)
                return _Operand(leaves.reader_of_field(text, outward), *found)
        found = None if "[]" in text else _find(text)
        if found is None:
            raise ConditionError(at, f"no fact has the path {text!r}", "take a path of docs/facts.md")
        self.reads.add(found[0].path)
        return _Operand(leaves.reader_of_path(text), *found)

    def _quantified(self, name: str, body: Raw, at: str, scopes: tuple[str, ...]) -> Test:
        listed = self._operand(body["of"], at + "/of", scopes)
        if not listed.is_list:
            raise ConditionError(at + "/of", f"{body['of']!r} is not a list", f"use {name} on a list")
        part = self._condition(body["is"], at + "/is", (*scopes, listed.fact.path))
        if name == "some":
            return leaves.some(listed.read, part, self._demand)
        return leaves.every(listed.read, part, self._demand, allow_empty=body.get("allow_empty", False))

    def _has_each(self, body: Sequence[Any], at: str, scopes: tuple[str, ...]) -> Test:
        path, field, wanted = body
        listed = self._operand(path, at, scopes)
        fact = BY_PATH.get(f"{listed.fact.path}.{field}")
        if not listed.is_list or fact is None:
            raise ConditionError(
                at, f"{path!r} is no list of objects with a field {field!r}", "take a path of docs/facts.md"
            )
        _check_literals(wanted, fact, at)
        self.reads.add(fact.path)
        return leaves.has_each(listed.read, field, wanted, self._demand)

    def _predicate(self, body: Raw, at: str, scopes: tuple[str, ...]) -> Test:
        predicate = PREDICATES.get(body["predicate"])
        if predicate is None:
            known = ", ".join(sorted(PREDICATES))
            raise ConditionError(at, f"no predicate {body['predicate']!r}", f"take one of: {known}")
        operands = [self._operand(path, at + "/of", scopes) for path in body["of"]]
        if tuple(operand.fact.kind for operand in operands) != predicate.takes:
            takes = ", ".join(predicate.takes)
            raise ConditionError(at, f"{predicate.name} takes: {takes}", "give paths of these kinds")
        return leaves.matches(predicate, [operand.read for operand in operands], self._demand)

    def _comparison(self, name: str, body: Sequence[Any], at: str, scopes: tuple[str, ...]) -> Test:
        left, right = body
        operand = self._operand(left, at + "/0", scopes)
        _check_left(name, left, operand, at)
        if name in _DAYS:
            days = self._days(name, right, at + "/1")
            return leaves.moving(operand.read, _day, _DAYS[name], days, self._demand)
        convert = _texts if name == "contains" else _CONVERT[operand.fact.kind]
        against = self._moving_right(name, right, operand, at + "/1", scopes)
        if against is not None:
            return leaves.moving(operand.read, convert, _COMPARE[name], against, self._demand)
        if isinstance(right, list) != (name in _MEMBERSHIP):
            raise ConditionError(
                at + "/1", f"{name} wants another right side", "give lists to in and not_in only"
            )
        literals = right if isinstance(right, list) else [right]
        _check_literals(literals, operand.fact, at + "/1")
        label = f"{name} {', '.join(map(_shown, literals))}"
        compared: Any = _CONVERT[operand.fact.kind](right)
        if name in _MEMBERSHIP:
            compared = frozenset(map(_CONVERT[operand.fact.kind], right))
        return leaves.fixed(operand.read, convert, _COMPARE[name], compared, label, self._demand)

    def _moving_right(
        self, name: str, right: Any, left: _Operand, at: str, scopes: tuple[str, ...]
    ) -> Against | None:
        if not isinstance(right, str):
            return None
        if right.startswith("@"):
            pick = _members if name in _MEMBERSHIP else _value_of(left.fact.kind)
            return leaves.against_parameter(self._parameter(right[1:], at, scopes), pick, name)
        if right == AS_OF and left.fact.kind is Kind.DATE:
            return leaves.against_as_of(f"{name} {AS_OF}")
        if "." not in right:
            return None
        other = self._operand(right, at, scopes)
        if other.is_list or other.fact.kind is not left.fact.kind:
            raise ConditionError(
                at, f"{right!r} is of another kind than the left side", "compare like with like"
            )
        return leaves.against_path(other.read, _CONVERT[other.fact.kind], f"{name} {right}")

    def _days(self, name: str, right: Any, at: str) -> Against:
        if type(right) is int:
            return leaves.against_days(leaves.against_literal(right, f"{name} {right}"), name)
        if isinstance(right, str) and right.startswith("@"):
            days = leaves.against_parameter(self._parameter(right[1:], at, ()), _value_of(Kind.INTEGER), name)
            return leaves.against_days(days, name)
        raise ConditionError(at, f"{name} wants a number of days", "give a whole number or @parameter")

    def _parameter(self, name: str, at: str, scopes: tuple[str, ...]) -> Named:
        """Which parameter an item calls for. ``{class}`` in the name is the item's field of that name."""
        self.parameters.add(name)
        field = _ITEM_FIELD.search(name)
        if field is None:
            if name not in self._known:
                raise ConditionError(at, f"no parameter @{name}", "give it a value under params")
            return lambda _run, _scope: name
        before, after = name[: field.start()], name[field.end() :]
        if not any(known.startswith(before) and known.endswith(after) for known in self._known):
            raise ConditionError(at, f"no parameter fits @{name}", "give one a value under params")
        read = self._operand(field[1], at, scopes).read

        def named(run: Run, scope: Scope) -> str | None:
            _, value = read(run, scope)
            return f"{before}{value}{after}" if type(value) is str else None

        return named


def _find(path: str) -> tuple[Fact, bool] | None:
    """The fact at a path, and whether the path is its list."""
    if (fact := BY_PATH.get(path)) is not None:
        return fact, False
    if (fact := BY_PATH.get(path + "[]")) is not None:
        return fact, True
    return None


def _check_left(name: str, left: str, operand: _Operand, at: str) -> None:
    kind = operand.fact.kind
    if operand.is_list != (name == "contains") or kind is Kind.OBJECTS:
        remedy = "use contains, every or some" if operand.is_list else "use contains on lists only"
        raise ConditionError(at, f"{name} does not suit {left!r}", remedy)
    if name in _ORDER and kind not in _ORDERED:
        raise ConditionError(at, f"{left!r} has no order", "use lt, le, gt and ge on numbers and dates only")
    if name in {"valid_on", *_DAYS} and kind is not Kind.DATE:
        raise ConditionError(at, f"{left!r} is not a date", f"use {name} on a date")


def _check_literals(literals: Sequence[Any], fact: Fact, at: str) -> None:
    for literal in literals:
        if _CONVERT[fact.kind](literal) is None:
            raise ConditionError(
                at, f"{literal!r} is no {fact.kind}, which {fact.path} is", "write a value of that kind"
            )
        if fact.codes and literal not in fact.codes:
            raise ConditionError(
                at, f"{fact.path} is never {literal!r}", "take one of: " + ", ".join(fact.codes)
            )


def _members(parameter: Parameter) -> Any:
    return parameter.members or None


def _value_of(kind: Kind) -> Callable[[Parameter], Any]:
    convert = _CONVERT[kind]
    return lambda parameter: convert(parameter.value)


def _shown(value: Any) -> str:
    """A literal as the trace shows it: as in JSON, texts without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)
