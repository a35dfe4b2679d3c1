"""A circuit breaker: values and their changes, without a clock and without a place to keep them.

Failures in succession open the circuit. While it is open nobody asks. Once it has rested, one request, the
probe, goes through: its success closes the circuit, its failure opens it anew. :mod:`connectors.limits` keeps
the circuits of all sources where all workers see them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Breaking:
    """When a circuit opens, and for how long.

    ``failures`` in succession, all of them within ``window``, open it for ``rest``. A probe that has not come
    back within ``probe`` is given up for lost, and another may go.
    """

    failures: int = 5
    window: timedelta = timedelta(minutes=1)
    rest: timedelta = timedelta(seconds=30)
    probe: timedelta = timedelta(minutes=1)


USUAL = Breaking()


class CircuitState(StrEnum):
    """How a source stands."""

    CLOSED = "closed"
    """It is asked."""
    OPEN = "open"
    """It failed too often of late and is not asked."""
    HALF_OPEN = "half_open"
    """It has rested: one request finds out how it is."""
    PAUSED = "paused"
    """It asked to be left alone for a while."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """The breaker of one source. Times are milliseconds since 1970, 0 for none."""

    failures: int = 0
    first_failed_at: int = 0
    opened_at: int = 0
    probe_until: int = 0
    paused_until: int = 0

    def state(self, now: int, breaking: Breaking) -> CircuitState:
        """How the source stands at this moment."""
        if self.paused_until > now:
            return CircuitState.PAUSED
        if not self.opened_at:
            return CircuitState.CLOSED
        return CircuitState.OPEN if now < self._rested_at(breaking) else CircuitState.HALF_OPEN

    def until(self, now: int, breaking: Breaking) -> int:
        """When it may be asked again; not after ``now`` if it may be asked."""
        match self.state(now, breaking):
            case CircuitState.PAUSED:
                return self.paused_until
            case CircuitState.OPEN:
                return self._rested_at(breaking)
            case CircuitState.HALF_OPEN:
                return self.probe_until
        return 0

    def probed(self, now: int, breaking: Breaking) -> Circuit:
        """With a probe on its way, if the circuit is half open and none is."""
        if self.state(now, breaking) is CircuitState.HALF_OPEN and self.probe_until <= now:
            return replace(self, probe_until=now + milliseconds(breaking.probe))
        return self

    def failed(self, now: int, breaking: Breaking, probe: int) -> Circuit:
        """After a request that says that the source is down. ``probe`` is 0, or the ``probe_until`` it has.

        A request that was on its way when the circuit opened says nothing new.
        """
        if self.opened_at:
            return replace(self, opened_at=now, probe_until=0) if self._is_probe(probe) else self
        if now - self.first_failed_at > milliseconds(breaking.window):
            return replace(self._opened(now, breaking, 1), first_failed_at=now)
        return self._opened(now, breaking, self.failures + 1)

    def answered(self, probe: int) -> Circuit:
        """After a request that says that the source is up."""
        if self.opened_at and not self._is_probe(probe):
            return self
        return Circuit(paused_until=self.paused_until)

    def released(self, probe: int) -> Circuit:
        """After a request that says nothing of the source: another may be the probe."""
        return replace(self, probe_until=0) if self._is_probe(probe) else self

    def paused(self, until: int) -> Circuit:
        """With everybody kept away until then."""
        return replace(self, paused_until=max(self.paused_until, until))

    def _opened(self, now: int, breaking: Breaking, failures: int) -> Circuit:
        opened_at = now if failures >= breaking.failures else 0
        return replace(self, failures=failures, opened_at=opened_at)

    def _rested_at(self, breaking: Breaking) -> int:
        return self.opened_at + milliseconds(breaking.rest)

    def _is_probe(self, probe: int) -> bool:
        return probe > 0 and probe == self.probe_until


WELL = Circuit()
"""Nothing is amiss."""


def milliseconds(length: timedelta) -> int:
    """A length of time in whole milliseconds."""
    return length // timedelta(milliseconds=1)
