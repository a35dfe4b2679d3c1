"""Three values, and one evaluation with its trace.

Logic is strong Kleene: *unknown* spreads unless the other operands settle the result.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final, Literal, TypeAlias

from pipeline.documents import Json
from rules.parameters import Values
from rules.provenance import NO_ANSWER, Provenance

Truth: TypeAlias = Literal["pass", "fail", "unknown"]
PASS: Final = "pass"  # noqa: S105 - a truth value
FAIL: Final = "fail"
UNKNOWN: Final = "unknown"

MISSING: Final = "missing"
"""Nothing is known at this path."""
MALFORMED: Final = "malformed"
"""The value is of another kind than the vocabulary says."""
EMPTY: Final = "empty"
"""``every`` over an empty list: nothing was shown."""
NEWER: Final = "newer"
"""The date lies after the as-of date."""
NO_PARAMETER: Final = "no_parameter"
"""The parameter that this item calls for has no value."""
UNDECIDED: Final = "undecided"
"""A predicate cannot say."""

Scope: TypeAlias = tuple[Any, str, Any] | None
"""Inside ``every`` or ``some``: the item, its path, and the scope around it."""


class Run:
    """One evaluation: the facts, where they come from, the day, the parameters of the policy date.

    Each leaf that is looked at writes one entry of ``trace``. Beside it runs ``decisive``: the indexes of the
    leaves that settle the result. A leaf adds its own; whoever joins conditions drops those of the operands
    that did not decide.
    """

    __slots__ = ("as_of", "decisive", "facts", "provenance", "suspect", "today", "trace", "values")

    def __init__(self, facts: Json, provenance: Provenance, as_of: date, values: Values) -> None:
        self.facts = facts
        self.provenance = provenance
        self.as_of = as_of.isoformat()
        self.today = as_of.toordinal()
        self.values = values
        self.suspect = provenance.is_suspect
        self.trace: list[dict[str, Any]] = []
        self.decisive: list[int] = []

    def restart(self) -> None:
        """Fresh lists for the next rule."""
        self.trace = []
        self.decisive = []

    def aside(self, test: Test) -> Truth:
        """A condition's truth, leaving the trace of the rule untouched."""
        trace, decisive = self.trace, self.decisive
        self.restart()
        truth = test(self, None)
        self.trace, self.decisive = trace, decisive
        return truth

    def note(self, entry: dict[str, Any]) -> None:
        """Write a leaf into the trace, as a decisive one for now."""
        self.decisive.append(len(self.trace))
        self.trace.append(entry)

    def unknown(self, path: str, value: Any, test: str, cause: str, of: str | None = None) -> Truth:
        """Write a leaf that could not be told. ``of`` is the path to blame where it is not ``path``."""
        entry = {"path": path, "value": value, "test": test, "result": UNKNOWN, "cause": cause}
        blamed = of or path
        if blamed != path:
            entry["of"] = blamed
        if cause == MISSING and (gap := self.provenance.gap(blamed)) is not None:
            entry |= {"cause": NO_ANSWER, "source": gap["source"], "detail": gap["gap"]}
        self.note(entry)
        return UNKNOWN


Test: TypeAlias = Callable[[Run, Scope], Truth]
"""A compiled condition."""
