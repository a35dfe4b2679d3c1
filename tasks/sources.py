"""The sources as operators and reviewers see them: circuit, limits, terms, latest answer, who waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.circuit import CircuitState
from connectors.limits import Rate, SharedLimits
from connectors.terms import Terms, terms_of
from pipeline.model import isoformat
from pipeline.ports import Connector
from storage.activity import Activity, SqlActivity
from storage.memory import SqlMemory


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """How a source stands. ``until`` is set while it is left alone; ``batch`` is subjects a request.

    ``layout_verified`` is None where no page is read, else whether a genuine one was at hand.
    """

    source: str
    state: CircuitState
    failures: int
    until: datetime | None
    rates: tuple[Rate, ...]
    batch: int
    terms: Terms
    layout_verified: bool | None
    activity: Activity

    def as_json(self) -> dict[str, Any]:
        """For the command line and for pages."""
        last = self.activity.last_answer
        return {
            "source": self.source,
            "state": str(self.state),
            "failures": self.failures,
            "until": None if self.until is None else isoformat(self.until),
            "rates": [{"requests": rate.requests, "seconds": rate.seconds} for rate in self.rates],
            "batch": self.batch,
            "licence": self.terms.licence.as_json(),
            "silence": self.terms.silence.as_json(),
            "layout_verified": self.layout_verified,
            "last_answer": None if last is None else isoformat(last),
            "waiting": dict(self.activity.waiting),
        }


def standings(
    connectors: list[Connector], limits: SharedLimits, memory: SqlMemory | None
) -> list[SourceStanding]:
    """How each source stands, in the connectors' order.

    :param memory: None where there is no database: then no answer and nobody that waits is known of.
    """
    names = [connector.source for connector in connectors]
    circuits = {state.source: state for state in limits.states()}
    activities: dict[str, Activity] = {}
    if memory is not None:
        with memory.read() as tx:
            activities = SqlActivity(tx.connection).of(names)
    found = []
    for connector in connectors:
        circuit = circuits.get(connector.source)
        found.append(
            SourceStanding(
                source=connector.source,
                state=CircuitState.CLOSED if circuit is None else circuit.state,
                failures=0 if circuit is None else circuit.failures,
                until=None if circuit is None else circuit.until,
                rates=tuple(getattr(connector, "rates", ())),
                batch=int(getattr(connector, "batch_size", 1)),
                terms=terms_of(connector),
                layout_verified=_layout_verified(connector),
                activity=activities.get(connector.source, Activity()),
            )
        )
    return found


def _layout_verified(connector: Connector) -> bool | None:
    layout = getattr(getattr(connector, "connector", connector), "layout", None)
    return None if layout is None else bool(layout.verified)
