"""Dated parameters: regimes, thresholds and lists that change without a rule being rewritten."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class DatedValue:
    """One value of a parameter from a day on. ``basis`` are ids of the register of legal bases."""

    name: str
    since: date
    value: Any
    basis: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's value on one day. ``members`` is the value as a set, where it is a list of texts."""

    value: Any
    label: str
    members: frozenset[str] = frozenset()


Values: TypeAlias = Mapping[str, Parameter]


class UnknownParameter(ValueError):
    """A list of values names a parameter that has none on that day."""

    def __init__(self, name: str, wanted: str, day: date) -> None:
        super().__init__(f"@{name} takes in @{wanted}, which has no value on {day}")
        self.name = name
        self.wanted = wanted
        self.day = day


class Timeline:
    """All parameters of a policy over time. A value holds until a newer one takes its place."""

    def __init__(self, values: Iterable[DatedValue]) -> None:
        """:raises UnknownParameter: when a list takes in a parameter without a value on that day."""
        dated = sorted(values, key=lambda value: value.since)
        self._changes = sorted({value.since for value in dated})
        self._states: list[Values] = [{}]
        for day in self._changes:
            current = {value.name: value for value in dated if value.since <= day}
            self._states.append({name: _resolve(name, current, day) for name in sorted(current)})

    def at(self, day: date) -> Values:
        """The newest values not after this day."""
        return self._states[bisect_right(self._changes, day)]

    @property
    def names(self) -> frozenset[str]:
        """Every parameter that ever has a value."""
        return frozenset(self._states[-1])


def _resolve(name: str, current: Mapping[str, DatedValue], day: date) -> Parameter:
    dated = current[name]
    label = f"@{name} ({dated.since.isoformat()})"
    if not isinstance(dated.value, list):
        return Parameter(dated.value, label)
    texts: list[str] = []
    for text in dated.value:
        if not text.startswith("$"):
            texts.append(text)
            continue
        taken_in = current.get(text[1:])
        if taken_in is None or not isinstance(taken_in.value, list):
            raise UnknownParameter(name, text[1:], day)
        texts.extend(taken_in.value)
    return Parameter(texts, label, frozenset(texts))
