"""Asking for a whole list of companies, outside of any case: within the limits, once for each question.

Every source is asked by a thread of its own, as many subjects a request as it takes; so a slow one holds up
only what it has to say. This process may wait for its turn, for it has nothing else to do; a worker may not.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline.errors import SourceChanged
from pipeline.freshness import Freshness, Purpose
from pipeline.identifiers import OrganisationId
from pipeline.model import Answer, Capture, Evidence, Gap, Inquiry, Presence, Unanswered
from pipeline.ports import Clock, Memory, Sources
from rules.roster import Company

_ASKED_AT_ONCE: Final = 500
"""Questions of one look into the database."""

_BACKOFF: Final = (1.0, 5.0, 20.0)
"""Seconds before each further try where the source does not say."""

_DOWN: Final = 5
"""After so many requests in succession without an answer in any try, a source is not asked any more."""

_SUSPECTS: Final = 2

_LONGEST_WAIT: Final = 120.0
"""Seconds; a source that wants to be left alone for longer is left alone."""

_HOPELESS: Final = frozenset({"refused", "too_large", "fault"})
"""To ask the same again changes nothing."""

_ALONE: Final = _HOPELESS | {"timeout"}
"""What may lie in one of several questions."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a source says to an inquiry, or why it says nothing; ``reused``: as asked before, and fresh."""

    inquiry: Inquiry
    said: Evidence | Gap
    reused: bool = False


def application_of(company: Company) -> dict[str, Any]:
    """As much of an application as connectors look at to know what there is to ask."""
    vendor: dict[str, Any] = {
        "name": company.name,
        "country": "JP",
        "identifiers": [{"scheme": each.scheme, "id": each.id} for each in company.identifiers],
    }
    if company.invoice_number:
        vendor["invoice_number"] = company.invoice_number
    name = {"ja": company.name, "en": company.name}
    return {"vendor": vendor, "product": {"name": name}, "use": {"confidentiality": ""}}


def inquiries_about(sources: Sources, company: Company, chosen: frozenset[str]) -> tuple[Inquiry, ...]:
    """What the chosen sources can be asked about a company; nothing about one that has no identifier."""
    if not (company.identifiers or company.invoice_number):
        return ()
    return tuple(each for each in sources.plan(application_of(company)) if each.source in chosen)


@dataclass
class Inquirer:
    """Asks all, and yields what is heard as it comes.

    :param memory: where answers are that are still fresh; None where there is no database.
    """

    sources: Sources
    clock: Clock
    memory: Memory | None = None
    freshness: Freshness = field(default_factory=Freshness)
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self, inquiries: Sequence[Inquiry]) -> Iterator[Heard]:
        """One :class:`Heard` for each inquiry, in no certain order; fewer when :attr:`stop` is set."""
        left: dict[str, list[Inquiry]] = {}
        for inquiry, capture in self._fresh(inquiries):
            if capture is None:
                left.setdefault(inquiry.source, []).append(inquiry)
            else:
                yield Heard(inquiry, self._read(inquiry, capture), reused=True)
        heard: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()
        threads = [
            threading.Thread(target=self._ask_source, args=(source, own, heard.put), name=source, daemon=True)
            for source, own in left.items()
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in threads:
                while (one := heard.get()) is not None:
                    yield one
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def _fresh(self, inquiries: Sequence[Inquiry]) -> Iterator[tuple[Inquiry, Capture | None]]:
        now = self.clock.now()
        since = {
            source: moment
            for source in {inquiry.source for inquiry in inquiries}
            if (moment := self.freshness.not_before(source, Purpose.FIRST, now)) is not None
        }
        for some in _batches(inquiries, _ASKED_AT_ONCE):
            answers: Mapping[str, Capture] = {}
            if self.memory is not None and since:
                with self.memory.read() as tx:
                    answers = tx.cases.fresh_answers(some, since)
            for inquiry in some:
                yield inquiry, answers.get(inquiry.question) if inquiry.question else None

    def _ask_source(
        self, source: str, inquiries: Sequence[Inquiry], put: Callable[[Heard | None], object]
    ) -> None:
        try:
            failed = 0
            reason = ""
            for request in _batches(inquiries, self.sources.pace(source).batch):
                if failed >= _DOWN:
                    for inquiry in request:
                        put(Heard(inquiry, Gap(source, inquiry.role, inquiry.subject, reason)))
                    continue
                answered = False
                for inquiry, answer in self._answers(request):
                    if isinstance(answer, Capture):
                        answered = True
                        put(Heard(inquiry, self._read(inquiry, answer)))
                    elif not self.stop.is_set():
                        reason = answer.reason
                        put(Heard(inquiry, Gap(source, inquiry.role, inquiry.subject, reason)))
                if self.stop.is_set():
                    return
                failed = 0 if answered else failed + 1
        finally:
            put(None)

    def _answers(self, request: Sequence[Inquiry]) -> Iterable[tuple[Inquiry, Answer]]:
        """The answers of one request, after as many tries as make sense."""
        tried = 0
        while True:
            answers = self.sources.ask(request)
            worst = next((each for each in answers if isinstance(each, Unanswered)), None)
            if worst is None:
                break
            if worst.reason in _ALONE and len(request) > 1:
                return self._one_by_one(request, worst)
            if worst.reason != "deferred":  # else nobody was asked: that is no try
                tried += 1
            wait = _wait(worst, tried)
            if (
                worst.reason in _HOPELESS
                or tried > len(_BACKOFF)
                or wait > _LONGEST_WAIT
                or self.stop.wait(wait)
            ):
                break
        return list(zip(request, answers, strict=True))

    def _one_by_one(
        self, request: Sequence[Inquiry], failure: Unanswered
    ) -> Iterable[tuple[Inquiry, Answer]]:
        """One of the questions may be what is wrong; unless the first ones are all, each alone."""
        answers: list[tuple[Inquiry, Answer]] = []
        for inquiry in request:
            if len(answers) == _SUSPECTS and not any(isinstance(each, Capture) for _, each in answers):
                break
            answers += self._answers([inquiry])
        return [*answers, *((inquiry, failure) for inquiry in request[len(answers) :])]

    def _read(self, inquiry: Inquiry, capture: Capture) -> Evidence | Gap:
        try:
            return self.sources.read(inquiry, capture)
        except SourceChanged as error:
            return Gap(inquiry.source, inquiry.role, inquiry.subject, str(error.reason))


def _batches(inquiries: Sequence[Inquiry], size: int) -> Iterator[Sequence[Inquiry]]:
    return (inquiries[begin : begin + size] for begin in range(0, len(inquiries), size))


def _wait(unanswered: Unanswered, tried: int) -> float:
    asked = unanswered.retry_after or timedelta(0)
    if unanswered.reason == "deferred":
        return max(0.02, asked.total_seconds())
    return max(asked.total_seconds(), _BACKOFF[min(tried, len(_BACKOFF)) - 1])


def evidence_from_json(document: Mapping[str, Any]) -> Evidence:
    """What :meth:`pipeline.model.Evidence.as_json` wrote."""
    subject = document["subject"]
    return Evidence(
        source=document["source"],
        role=document["role"],
        subject=OrganisationId(subject["scheme"], subject["id"]),
        presence=Presence(document["presence"]),
        record=document["record"],
        observed_at=datetime.fromisoformat(document["observed_at"]),
        capture=document["capture"],
    )
