"""Compiled conditions: the closures that read facts, compare, join and write the trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from rules.parameters import Parameter
from rules.predicates import Predicate
from rules.provenance import CONFLICT
from rules.truth import (
    EMPTY,
    FAIL,
    MALFORMED,
    MISSING,
    NEWER,
    NO_PARAMETER,
    PASS,
    UNDECIDED,
    UNKNOWN,
    Run,
    Scope,
    Test,
    Truth,
)

AS_OF: Final = "$as_of"
"""How packs write the as-of date."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a rule asks of the facts it rests on besides their values.

    ``verified``: a declaration does not count. ``fresh``: the source answered at most so many days ago.
    """

    verified: bool = False
    fresh: int | None = None

    @property
    def is_any(self) -> bool:
        """Whether anything is asked."""
        return self.verified or self.fresh is not None

    def doubt(self, run: Run, path: str) -> str | None:
        """Why the value at this path must not be used, or None."""
        if run.suspect or self.is_any:
            return run.provenance.doubt(path, run.today, self.verified, self.fresh)
        return None


Reader: TypeAlias = Callable[[Run, Scope], tuple[str, Any]]
"""Gives the path that was read and its value, None where there is none."""

Convert: TypeAlias = Callable[[Any], Any]
"""A value as it is compared, or None where it is of another kind."""

Compare: TypeAlias = Callable[[Any, Any], "bool | None"]
"""None says that the date lies in the future."""


class Right(NamedTuple):
    """A right side that only an evaluation knows. ``path`` is set where it is a fact, ``raw`` is its value
    there.

    ``value`` is None where it is not known.
    """

    value: Any
    label: str
    path: str | None = None
    raw: Any = None


Against: TypeAlias = Callable[[Run, Scope], Right]

Named: TypeAlias = Callable[[Run, Scope], "str | None"]
"""The name of the parameter that applies, None where the item does not say."""


@lru_cache(maxsize=4096)
def ordinal(text: str) -> int | None:
    """The day number of a date ``YYYY-MM-DD``, or None where it is none."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        return None


# --- reading


def read_as_of(run: Run, _scope: Scope) -> tuple[str, Any]:
    """The as-of date."""
    return AS_OF, run.as_of


def read_item(_run: Run, scope: Scope) -> tuple[str, Any]:
    """The item itself (``.``)."""
    assert scope is not None
    return scope[1], scope[0]


def reader_of_path(path: str) -> Reader:
    """Reads a path from the top of the facts. A missing segment on the way makes the whole missing."""
    names = path.split(".")
    if len(names) == 2:
        section, field = names

        def read_field(run: Run, _scope: Scope) -> tuple[str, Any]:
            parent = run.facts.get(section)
            return path, parent.get(field) if type(parent) is dict else None

        return read_field

    def read(run: Run, _scope: Scope) -> tuple[str, Any]:
        value: Any = run.facts
        for name in names:
            if not isinstance(value, dict):
                return path, None
            value = value.get(name)
        return path, value

    return read


def reader_of_field(field: str, outward: int) -> Reader:
    """Reads a field of the item, or of the item ``outward`` scopes further out."""

    def read(_run: Run, scope: Scope) -> tuple[str, Any]:
        for _ in range(outward):
            assert scope is not None
            scope = scope[2]
        assert scope is not None
        item, at, _ = scope
        return f"{at}.{field}", item.get(field) if type(item) is dict else None

    return read


# --- leaves


def fixed(read: Reader, convert: Convert, compare: Compare, right: Any, label: str, demand: Demand) -> Test:
    """A comparison with a literal."""
    asking = demand.is_any
    # Most values are compared as they are: what has the literal's own type needs no conversion.
    plain = type(right) if convert(right) is right else None

    def test(run: Run, scope: Scope) -> Truth:
        path, value = read(run, scope)
        if value is None:
            return run.unknown(path, None, label, MISSING)
        if (asking or run.suspect) and path != AS_OF and (cause := demand.doubt(run, path)) is not None:
            return run.unknown(path, value, label, cause)
        left = value if type(value) is plain else convert(value)
        if left is None:
            return run.unknown(path, value, label, _unreadable(value))
        result: Truth = PASS if compare(left, right) else FAIL
        trace = run.trace
        run.decisive.append(len(trace))
        trace.append({"path": path, "value": value, "test": label, "result": result})
        return result

    return test


def moving(read: Reader, convert: Convert, compare: Compare, against: Against, demand: Demand) -> Test:
    """A comparison with a parameter, the as-of date or another fact."""
    asking = demand.is_any

    def test(run: Run, scope: Scope) -> Truth:
        path, value = read(run, scope)
        right = against(run, scope)
        label = right.label
        if value is None:
            return run.unknown(path, None, label, MISSING)
        if (asking or run.suspect) and path != AS_OF and (cause := demand.doubt(run, path)) is not None:
            return run.unknown(path, value, label, cause)
        left = convert(value)
        if left is None:
            return run.unknown(path, value, label, _unreadable(value))
        if right.path is None:
            if right.value is None:
                return run.unknown(path, value, label, NO_PARAMETER)
        elif right.raw is None:
            return run.unknown(path, value, label, MISSING, right.path)
        elif (cause := demand.doubt(run, right.path)) is not None:
            return run.unknown(path, value, label, cause, right.path)
        elif right.value is None:
            return run.unknown(path, value, label, _unreadable(right.raw), right.path)
        holds = compare(left, right.value)
        if holds is None:
            return run.unknown(path, value, label, NEWER)
        result: Truth = PASS if holds else FAIL
        entry = {"path": path, "value": value, "test": label, "result": result}
        if right.path is not None:
            entry["against"] = {"path": right.path, "value": right.raw}
        run.decisive.append(len(run.trace))
        run.trace.append(entry)
        return result

    return test


def has_each(read: Reader, field: str, wanted: Sequence[str], demand: Demand) -> Test:
    """Among the list's items, each of these values of a field occurs."""
    label = f"has_each {field}: {', '.join(wanted)}"

    def test(run: Run, scope: Scope) -> Truth:
        path, items = read(run, scope)
        if (cause := _doubt_of_list(run, path, items, demand)) is not None:
            return run.unknown(path, items, label, cause)
        there = [item.get(field) if type(item) is dict else None for item in items]
        lacking = [value for value in wanted if value not in there]
        if lacking and not all(type(value) is str for value in there):
            return run.unknown(path, there, label, MISSING)
        entry: dict[str, Any] = {"path": path, "value": there, "test": label, "result": PASS}
        if lacking:
            entry |= {"result": FAIL, "lacking": lacking}
        run.note(entry)
        return FAIL if lacking else PASS

    return test


def matches(predicate: Predicate, reads: Sequence[Reader], demand: Demand) -> Test:
    """A predicate holds of these facts."""

    def test(run: Run, scope: Scope) -> Truth:
        arguments = [read(run, scope) for read in reads]
        first, value = arguments[0]
        for path, argument in arguments:
            if argument is None:
                return run.unknown(first, value, predicate.name, MISSING, path)
            if (cause := demand.doubt(run, path)) is not None:
                return run.unknown(first, value, predicate.name, cause, path)
        if any(type(argument) is not str for _, argument in arguments):
            return run.unknown(first, value, predicate.name, MALFORMED)
        holds, detail = predicate.holds(*(argument for _, argument in arguments))
        if holds is None:
            return run.unknown(first, value, f"{predicate.name}: {detail}", UNDECIDED)
        result: Truth = PASS if holds else FAIL
        run.note({"path": first, "value": value, "test": f"{predicate.name}: {detail}", "result": result})
        return result

    return test


def _unreadable(value: Any) -> str:
    """Why a value is not of its kind. A facts document may say itself that sources disagree: ``{conflict:
    [...]}``.
    """
    if value is None:
        return MISSING
    return CONFLICT if type(value) is dict and "conflict" in value else MALFORMED


def _doubt_of_list(run: Run, path: str, items: Any, demand: Demand) -> str | None:
    if type(items) is not list:
        return _unreadable(items)
    return demand.doubt(run, path)


# --- joining


def all_of(tests: Sequence[Test]) -> Test:
    """Every condition holds. All are looked at, so that everything wrong is named at once."""

    def test(run: Run, scope: Scope) -> Truth:
        decisive = run.decisive
        start = len(decisive)
        result: Truth = PASS
        for part in tests:
            mark = len(decisive)
            truth = part(run, scope)
            if truth != result:
                result = _graver(decisive, start, mark, result, truth)
        return result

    return test


def any_of(tests: Sequence[Test]) -> Test:
    """One of the conditions holds. The first that does ends the search."""

    def test(run: Run, scope: Scope) -> Truth:
        decisive = run.decisive
        start = len(decisive)
        result: Truth = FAIL
        for part in tests:
            mark = len(decisive)
            truth = part(run, scope)
            if truth == PASS:
                del decisive[start:mark]
                return PASS
            if truth != result:
                result = _open(decisive, start, mark, truth)
        return result

    return test


def negation(part: Test) -> Test:
    """The condition does not hold. Unknown stays unknown."""

    def test(run: Run, scope: Scope) -> Truth:
        truth = part(run, scope)
        if truth == UNKNOWN:
            return UNKNOWN
        return FAIL if truth == PASS else PASS

    return test


def every(read: Reader, part: Test, demand: Demand, *, allow_empty: bool) -> Test:
    """The condition holds of every item. An empty list shows nothing, unless the pack allows it."""

    def test(run: Run, scope: Scope) -> Truth:
        path, items = read(run, scope)
        if type(items) is not list:
            return run.unknown(path, items, "every", _unreadable(items))
        if not items:
            cause = demand.doubt(run, path)
            if cause is not None or not allow_empty:
                return run.unknown(path, items, "every", cause or EMPTY)
            run.note({"path": path, "value": [], "test": "every (none)", "result": PASS})
            return PASS
        decisive = run.decisive
        start = len(decisive)
        result: Truth = PASS
        for number, item in enumerate(items):
            mark = len(decisive)
            truth = part(run, (item, f"{path}[{number}]", scope))
            if truth != result:
                result = _graver(decisive, start, mark, result, truth)
        return result

    return test


def some(read: Reader, part: Test, demand: Demand) -> Test:
    """The condition holds of an item. A list that is there and empty has none."""

    def test(run: Run, scope: Scope) -> Truth:
        path, items = read(run, scope)
        if type(items) is not list:
            return run.unknown(path, items, "some", _unreadable(items))
        if not items:
            if (cause := demand.doubt(run, path)) is not None:
                return run.unknown(path, items, "some", cause)
            run.note({"path": path, "value": [], "test": "some (none)", "result": FAIL})
            return FAIL
        decisive = run.decisive
        start = len(decisive)
        result: Truth = FAIL
        for number, item in enumerate(items):
            mark = len(decisive)
            truth = part(run, (item, f"{path}[{number}]", scope))
            if truth == PASS:
                del decisive[start:mark]
                return PASS
            if truth != result:
                result = _open(decisive, start, mark, truth)
        return result

    return test


def _graver(decisive: list[int], start: int, mark: int, result: Truth, truth: Truth) -> Truth:
    """Of what all must meet: the result so far with another operand that differs. The graver of the two
    decides, and only its leaves stay: those since ``start``, or those since ``mark``.
    """
    if truth == FAIL or result == PASS:
        del decisive[start:mark]
        return truth
    del decisive[mark:]
    return result


def _open(decisive: list[int], start: int, mark: int, truth: Truth) -> Truth:
    """Of what one must meet and none has met yet: an operand that is not as those before. Unknown decides."""
    if truth == UNKNOWN:
        del decisive[start:mark]
    else:
        del decisive[mark:]
    return UNKNOWN


# --- right sides


def against_as_of(label: str) -> Against:
    """The as-of date."""

    @lru_cache(maxsize=64)
    def right(today: int, as_of: str) -> Right:
        return Right(today, f"{label} ({as_of})")

    return lambda run, _scope: right(run.today, run.as_of)


def against_path(read: Reader, convert: Convert, label: str) -> Against:
    """Another fact."""

    def against(run: Run, scope: Scope) -> Right:
        path, value = read(run, scope)
        return Right(None if value is None else convert(value), label, path, value)

    return against


def against_parameter(named: Named, pick: Callable[[Parameter], Any], operator: str) -> Against:
    """A parameter on the policy date. Which one may depend on the item."""
    # A right side is made once for as long as the parameter has this value.
    made: dict[str, tuple[Parameter, Right]] = {}

    def against(run: Run, scope: Scope) -> Right:
        name = named(run, scope)
        parameter = None if name is None else run.values.get(name)
        if name is None or parameter is None:
            return Right(None, f"{operator} @{name}")
        known = made.get(name)
        if known is None or known[0] is not parameter:
            known = made[name] = parameter, Right(pick(parameter), f"{operator} {parameter.label}")
        return known[1]

    return against


def against_days(days: Against, operator: str) -> Against:
    """A span of days before or after the as-of date."""

    def against(run: Run, scope: Scope) -> Right:
        right = days(run, scope)
        if right.value is None:
            return right
        span = (
            (run.today - right.value, run.today)
            if operator == "age_le"
            else (run.today, run.today + right.value)
        )
        return Right(span, right.label)

    return against


def against_literal(value: Any, label: str) -> Against:
    """Always the same."""
    right = Right(value, label)

    def against(_run: Run, _scope: Scope) -> Right:
        return right

    return against


def at_least_days_left(day: int, span: tuple[int, int]) -> bool:
    """The day is not before the end of the span."""
    return day >= span[1]


def at_most_days_left(day: int, span: tuple[int, int]) -> bool:
    """The day lies ahead, within the span."""
    return span[0] <= day <= span[1]


def at_most_days_ago(day: int, span: tuple[int, int]) -> bool | None:
    """The day lies within the span; None where it is after its end."""
    return None if day > span[1] else day >= span[0]
