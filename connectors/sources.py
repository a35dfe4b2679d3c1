"""All the connectors in use, asked together."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import PurePath
from threading import Semaphore
from typing import TypeVar

import structlog

from connectors.limits import asked_by
from connectors.reasons import Reason
from pipeline.documents import Json, digest
from pipeline.errors import ConfigurationError, SourceChanged, SourceUnavailable
from pipeline.model import Answer, Capture, Evidence, Inquiry, Pace, Unanswered
from pipeline.ports import BatchConnector, Connector

_log = structlog.get_logger()
_REASONS = frozenset(Reason)
_T = TypeVar("_T")


class ConcurrentSources:
    """:class:`pipeline.ports.Sources` on threads. To be made in the process that uses it, not before a fork.

    A source is asked by at most ``in_flight`` threads at a time and there are threads for all of them, so one
    that hangs keeps the others neither from starting nor from answering. Of those who ask without a limit to
    their patience, and so with threads of their own, at most ``patient`` are let in at a time for one source:
    the others of the same process have work for other sources. A source that has kept somebody waiting for
    ``slow_after`` is not waited for by anybody else until that ends: who comes meanwhile is put off.

    :raises ConfigurationError: when two connectors have the same source.
    """

    def __init__(
        self,
        connectors: Iterable[Connector],
        *,
        in_flight: int = 8,
        patient: int | None = None,
        slow_after: timedelta | None = None,
    ) -> None:
        self._slow_after = None if slow_after is None else slow_after.total_seconds()
        self._lanes: dict[str, _Lane] = {}
        for connector in connectors:
            if connector.source in self._lanes:
                raise ConfigurationError([f"{connector.source}: two connectors have this source"])
            self._lanes[connector.source] = _Lane.of(
                connector, in_flight, in_flight if patient is None else patient
            )
        self._threads = ThreadPoolExecutor(max(1, in_flight * len(self._lanes)), thread_name_prefix="source")

    def plan(self, application: Json) -> tuple[Inquiry, ...]:
        """Every connector's inquiries, in the connectors' order, each with its question."""
        return tuple(
            replace(inquiry, question=lane.question(inquiry))
            for lane in self._lanes.values()
            for inquiry in lane.connector.inquiries(application)
        )

    def pace(self, source: str) -> Pace:
        """How this source can be asked: one at a time and at once where it says nothing else."""
        lane = self._lanes.get(source)
        return Pace() if lane is None else lane.pace

    def ask(self, inquiries: Sequence[Inquiry], *, patience: timedelta | None = None) -> list[Answer]:
        """Ask all at once. What is not waited for runs on to its connector's limits and is then dropped."""
        requests = self._requests(inquiries)
        if patience is not None:
            begun = [self._begin(request) for request in requests]
            # Woken once for all of them: each waking is a turn at the interpreter's lock.
            wait([one for one in begun if isinstance(one, Future)], patience.total_seconds())
            came = [_answer(one, 0) for one in begun]
        else:
            # Whoever may wait for ever asks the last one itself: that saves a thread, with one request all.
            begun = [self._begin(request) for request in requests[:-1]]
            own = [self._ask_here(request) for request in requests[-1:]]
            came = [*(_answer(one, None) for one in begun), *own]
        answers = {
            _identity(inquiry): answer
            for request, answer in zip(requests, came, strict=True)
            for inquiry in request
        }
        return [answers[_identity(inquiry)] for inquiry in inquiries]

    def _requests(self, inquiries: Sequence[Inquiry]) -> list[tuple[Inquiry, ...]]:
        """The inquiries as they go out: those of a source that takes several in one request together."""
        requests: list[list[Inquiry]] = []
        open_: dict[str, list[Inquiry]] = {}
        for inquiry in dict.fromkeys(inquiries):
            lane = self._lanes.get(inquiry.source)
            batch = 1 if lane is None else lane.pace.batch
            request = open_.get(inquiry.source)
            if request is None or len(request) >= batch:
                request = open_[inquiry.source] = []
                requests.append(request)
            request.append(inquiry)
        return [tuple(request) for request in requests]

    def read(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read a capture with the connector of its source."""
        lane = self._lanes.get(inquiry.source)
        if lane is None:
            raise SourceChanged(
                inquiry.source, "no connector for this source is in use", sha256=capture.sha256
            )
        try:
            return _of_type(Evidence, lane.connector.parse(inquiry, capture))
        except SourceChanged:
            raise
        except Exception as error:  # noqa: BLE001 - whatever reading raises, the capture was not understood
            _log_fault("reading_failed", inquiry, error)
            failure = SourceChanged(
                inquiry.source, f"the connector failed with {type(error).__name__}", sha256=capture.sha256
            )
        raise failure  # not from the error above: its text is foreign

    def close(self) -> None:
        """Wait for what is under way, at most as long as the connectors allow it, and close them."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for lane in self._lanes.values():
            close = getattr(lane.connector, "close", None)
            if close is not None:
                close()

    def _begin(self, request: Sequence[Inquiry]) -> Future[Answer] | Unanswered:
        lane = self._free_lane(request[0])
        if isinstance(lane, Unanswered):
            return lane
        try:
            # With its context, so that the log names the case.
            return self._threads.submit(copy_context().run, lane.fetch, request)
        except RuntimeError:  # closed meanwhile
            lane.slots.release()
            return Unanswered(Reason.DEFERRED.value)

    def _ask_here(self, request: Sequence[Inquiry]) -> Answer:
        lane = self._free_lane(request[0])
        if isinstance(lane, Unanswered):
            return lane
        if not lane.patient.acquire(blocking=False):
            lane.slots.release()
            return Unanswered(Reason.DEFERRED.value)
        try:
            return lane.fetch(request)
        finally:
            lane.patient.release()

    def _free_lane(self, inquiry: Inquiry) -> _Lane | Unanswered:
        """The lane of the inquiry's source, with one of its slots taken."""
        lane = self._lanes.get(inquiry.source)
        if lane is None:
            return Unanswered(Reason.NOT_CONFIGURED.value)
        if self._slow_after is not None and lane.has_waited(self._slow_after):
            return Unanswered(Reason.DEFERRED.value)
        if not lane.slots.acquire(blocking=False):
            return Unanswered(Reason.DEFERRED.value)
        return lane


@dataclass(frozen=True, slots=True)
class _Lane:
    """A connector and how many threads may still ask it, and how many wait for it as long as it takes."""

    connector: Connector
    slots: Semaphore
    patient: Semaphore
    fetch_many: Callable[[Sequence[Inquiry]], Capture] | None
    pace: Pace
    since: dict[object, float] = field(default_factory=dict)
    """When each request that is under way was sent, on the monotonic clock."""

    @classmethod
    def of(cls, connector: Connector, in_flight: int, patient: int) -> _Lane:
        """The lane of a connector."""
        spacing = max((rate.spacing for rate in getattr(connector, "rates", ())), default=timedelta(0))
        if isinstance(connector, BatchConnector):
            pace = Pace(max(1, connector.batch_size), spacing)
            return cls(connector, Semaphore(in_flight), Semaphore(patient), connector.fetch_many, pace)
        return cls(connector, Semaphore(in_flight), Semaphore(patient), None, Pace(spacing=spacing))

    def question(self, inquiry: Inquiry) -> str:
        """What names what is asked: the source, and what of the inquiry its answer depends on."""
        by = asked_by(self.connector)
        if by is None:
            return ""
        parts = {"role": inquiry.role, "subject": str(inquiry.subject), "name": inquiry.name}
        return digest([inquiry.source, {part: parts[part] for part in by}])

    def fetch(self, request: Sequence[Inquiry]) -> Answer:
        """Ask, and give back the slot that was taken for it."""
        inquiry = request[0]
        turn = object()
        self.since[turn] = time.monotonic()
        try:
            if len(request) > 1 and self.fetch_many is not None:
                return _of_type(Capture, self.fetch_many(request))
            return _of_type(Capture, self.connector.fetch(inquiry))
        except SourceUnavailable as error:
            if error.reason not in _REASONS:
                _log_fault("unknown_reason", inquiry, error)
                return Unanswered(Reason.FAULT.value)
            _log.info(
                "source_unavailable",
                source=inquiry.source,
                role=inquiry.role,
                reason=str(error.reason),
                detail=error.detail,
            )
            return Unanswered(str(error.reason), error.retry_after)
        except Exception as error:  # noqa: BLE001 - a connector may be anybody's; its case is owed an answer
            _log_fault("asking_failed", inquiry, error)
            return Unanswered(Reason.FAULT.value)
        finally:
            del self.since[turn]
            self.slots.release()

    def has_waited(self, seconds: float) -> bool:
        """Whether somebody waits for longer than this."""
        begun = min(list(self.since.values()), default=None)
        return begun is not None and time.monotonic() - begun > seconds


def _identity(inquiry: Inquiry) -> tuple[str, str, str, str]:
    return (inquiry.source, inquiry.role, str(inquiry.subject), inquiry.name)


def _answer(begun: Future[Answer] | Unanswered, seconds: float | None) -> Answer:
    if isinstance(begun, Unanswered):
        return begun
    try:
        return begun.result(seconds)
    except (TimeoutError, CancelledError):
        return Unanswered(Reason.DEFERRED.value)


def _of_type(kind: type[_T], value: _T) -> _T:
    # A third party's connector need not have been type-checked.
    if not isinstance(value, kind):
        raise TypeError(f"not of type {kind.__name__}")
    return value


def _log_fault(event: str, inquiry: Inquiry, error: Exception) -> None:
    """Say what failed and by which lines of code, not in its words: they may quote an answer, or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    _log.error(
        event,
        source=inquiry.source,
        role=inquiry.role,
        error=type(error).__name__,
        at=[f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames[-8:]],
    )
