"""Asking several sources at once: order, patience, slots, and connectors that break their contract."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

import pytest
import structlog.testing

from connectors.sources import ConcurrentSources
from pipeline.errors import ConfigurationError, SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry, Pace, Presence, Unanswered

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
NO_TIME = timedelta(milliseconds=20)
AMPLE = timedelta(seconds=60)


class Source:
    """A connector that does as it is told."""

    def __init__(self, source: str, act=None) -> None:
        self.source = source
        self.asked: list[Inquiry] = []
        self.closed = False
        self._act = act

    def inquiries(self, application):
        return [about(self.source, role) for role in application["roles"]]

    def fetch(self, inquiry):
        self.asked.append(inquiry)
        return captured(inquiry) if self._act is None else self._act(inquiry)

    def parse(self, inquiry, capture):
        if self._act is not None:
            return self._act(inquiry)
        return Evidence(self.source, inquiry.role, inquiry.subject, Presence.ABSENT, {}, AT, capture.sha256)

    def close(self) -> None:
        self.closed = True


def about(source: str, role: str = "vendor") -> Inquiry:
    return Inquiry(source, role, OrganisationId("JP-JCN", "7000012050002"), "国税庁")


def captured(inquiry: Inquiry) -> Capture:
    return Capture(
        inquiry.source, f"https://{inquiry.source}.example/", AT, 200, "text/xml", inquiry.role.encode()
    )


def raising(error: BaseException):
    def act(_inquiry):
        raise error

    return act


class Hang:
    """Fetches wait here until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, inquiry: Inquiry) -> Capture:
        self.begun.release()
        self.go.wait()
        return captured(inquiry)


@pytest.fixture
def sources():
    """``sources(connector, …)``; what it made is closed at the end."""
    made: list[ConcurrentSources] = []

    def make(*connectors, **options) -> ConcurrentSources:
        made.append(ConcurrentSources(connectors, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def hang():
    hang = Hang()
    yield hang
    hang.go.set()


def test_the_plan_has_the_inquiries_of_all(sources):
    plan = sources(Source("a"), Source("b")).plan({"roles": ["vendor", "maker"]})
    assert plan == (about("a"), about("a", "maker"), about("b"), about("b", "maker"))


@pytest.mark.parametrize("patience", [None, AMPLE])
@pytest.mark.parametrize("count", [0, 1, 2, 12])
def test_answers_come_in_the_order_of_the_inquiries(sources, patience, count):
    inquiries = [about("ab"[n % 2], str(n)) for n in range(count)]
    asked = sources(Source("a"), Source("b"), in_flight=12).ask(inquiries, patience=patience)
    assert asked == [captured(inquiry) for inquiry in inquiries]


@pytest.mark.parametrize("patience", [None, AMPLE])
def test_all_are_asked_at_once(sources, patience):
    meeting = threading.Barrier(6, timeout=30)

    def act(inquiry):
        meeting.wait()  # breaks unless all six are here together
        return captured(inquiry)

    answers = sources(*(Source(name, act) for name in "abcdef")).ask(
        [about(name) for name in "abcdef"], patience=patience
    )
    assert answers == [captured(about(name)) for name in "abcdef"]


def test_one_inquiry_that_may_take_its_time_needs_no_thread(sources):
    threads = []
    source = Source("a", lambda inquiry: (threads.append(threading.current_thread()), captured(inquiry))[1])
    sources(source).ask([about("a")])
    assert threads == [threading.current_thread()]


def test_who_is_not_waited_for_is_deferred(sources, hang):
    asked = sources(Source("slow", hang), Source("quick")).ask(
        [about("slow"), about("quick")], patience=NO_TIME
    )
    assert asked[0] == Unanswered("deferred")


def test_what_answered_in_time_counts_though_another_was_late(sources, hang):
    answered = threading.Event()

    def slow(inquiry):
        answered.wait()
        return hang(inquiry)

    def quick(inquiry):
        answered.set()
        return captured(inquiry)

    asked = sources(Source("slow", slow), Source("quick", quick)).ask(
        [about("slow"), about("quick")], patience=timedelta(seconds=0.5)
    )
    assert asked == [Unanswered("deferred"), captured(about("quick"))]


def test_a_hanging_source_holds_no_more_than_its_slots(sources, hang):
    slow, quick = Source("slow", hang), Source("quick")
    both = sources(slow, quick, in_flight=2)
    for _ in range(5):
        assert both.ask([about("slow")], patience=NO_TIME) == [Unanswered("deferred")]
    assert both.ask([about("slow")]) == [Unanswered("deferred")]
    assert len(slow.asked) == 2
    assert both.ask([about("quick")] * 2, patience=AMPLE) == [captured(about("quick"))] * 2


def test_a_slot_is_given_back_however_the_asking_ended(sources):
    outcomes = iter([SourceUnavailable("a", "timeout"), ValueError("x"), None])

    def act(inquiry):
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return captured(inquiry)

    source = sources(Source("a", act), in_flight=1)
    answers = [source.ask([about("a")], patience=AMPLE)[0] for _ in range(3)]
    assert answers == [Unanswered("timeout"), Unanswered("fault"), captured(about("a"))]


def test_a_source_that_hung_is_asked_again_when_it_has_let_go(sources, hang):
    source = sources(Source("a", hang), in_flight=1)
    assert source.ask([about("a")], patience=NO_TIME) == [Unanswered("deferred")]
    assert hang.begun.acquire(timeout=30)
    hang.go.set()
    # The slot comes back just after the fetch has returned.
    answer = Unanswered("deferred")
    while answer == Unanswered("deferred"):
        [answer] = source.ask([about("a")], patience=AMPLE)
    assert answer == captured(about("a"))


def test_why_a_source_gave_no_answer_is_handed_on(sources):
    error = SourceUnavailable("a", "rate_limited", "HTTP 429", retry_after=timedelta(seconds=7))
    source = sources(Source("a", raising(error)))
    with structlog.testing.capture_logs() as logs:
        answers = source.ask([about("a")])
    assert answers == [Unanswered("rate_limited", timedelta(seconds=7))]
    assert logs == [
        {
            "event": "source_unavailable",
            "log_level": "info",
            "source": "a",
            "role": "vendor",
            "reason": "rate_limited",
            "detail": "HTTP 429",
        }
    ]


BROKEN = [
    ValueError("the secret word"),
    RecursionError("the secret word"),
    MemoryError("the secret word"),
    TimeoutError("the secret word"),
    SourceChanged("a", "the secret word"),
    SourceUnavailable("a", "the secret word"),
]


@pytest.mark.parametrize("patience", [None, AMPLE])
@pytest.mark.parametrize("error", BROKEN, ids=repr)
def test_a_connector_that_breaks_its_contract_is_a_fault(sources, error, patience):
    source = sources(Source("a", raising(error)), Source("b"))
    with structlog.testing.capture_logs() as logs:
        answers = source.ask([about("b"), about("a")], patience=patience)
    assert answers == [captured(about("b")), Unanswered("fault")]
    [line] = logs
    assert (line["log_level"], line["source"], line["error"]) == ("error", "a", type(error).__name__)
    assert line["at"][0].startswith("sources.py:")
    assert line["at"][-1].startswith("test_sources.py:")
    assert "secret word" not in str(logs)


def test_what_is_no_capture_is_a_fault(sources):
    source = sources(Source("a", lambda _: "<html>the secret word"))
    with structlog.testing.capture_logs() as logs:
        assert source.ask([about("a")]) == [Unanswered("fault")]
    assert len(logs) == 1
    assert "secret word" not in str(logs)


def test_a_source_that_is_not_in_use_any_more(sources):
    source = sources(Source("a"))
    for patience in (None, AMPLE):
        assert source.ask([about("b"), about("a")], patience=patience) == [
            Unanswered("not_configured"),
            captured(about("a")),
        ]
        assert source.ask([about("b")], patience=patience) == [Unanswered("not_configured")]
    with pytest.raises(SourceChanged, match="no connector") as caught:
        source.read(about("b"), captured(about("b")))
    assert caught.value.sha256 == captured(about("b")).sha256


def test_the_log_of_a_fetch_knows_its_case(sources):
    case = ContextVar("case", default="")
    seen = []
    source = sources(Source("a", lambda inquiry: (seen.append(case.get()), captured(inquiry))[1]))
    case.set("SK-1")
    source.ask([about("a")], patience=AMPLE)
    source.ask([about("a")])
    assert seen == ["SK-1", "SK-1"]


def test_reading(sources):
    evidence = sources(Source("a")).read(about("a"), captured(about("a")))
    assert (evidence.source, evidence.presence) == ("a", Presence.ABSENT)


def test_a_changed_source_is_handed_on_as_it_is(sources):
    error = SourceChanged("a", "name is not a text", sha256="sha256:0")
    with pytest.raises(SourceChanged) as caught:
        sources(Source("a", raising(error))).read(about("a"), captured(about("a")))
    assert caught.value is error


@pytest.mark.parametrize(
    "error",
    [
        KeyError("the secret word"),
        RecursionError("the secret word"),
        SourceUnavailable("a", "the secret word"),
    ],
    ids=repr,
)
def test_whatever_goes_wrong_in_reading_is_a_changed_source(sources, error):
    source = sources(Source("a", raising(error)))
    capture = captured(about("a"))
    with structlog.testing.capture_logs() as logs, pytest.raises(SourceChanged) as caught:
        source.read(about("a"), capture)
    assert caught.value.sha256 == capture.sha256
    assert caught.value.__context__ is None
    assert len(logs) == 1
    assert "secret word" not in f"{logs}{caught.value}"


def test_what_is_no_evidence_is_a_changed_source(sources):
    with pytest.raises(SourceChanged):
        sources(Source("a", lambda _: {"name": "x"})).read(about("a"), captured(about("a")))


def test_two_connectors_of_one_source_are_a_fault_of_the_settings():
    with pytest.raises(ConfigurationError, match="a: two connectors"):
        ConcurrentSources([Source("a"), Source("a")])


def test_closing_ends_the_threads_and_closes_the_connectors():
    connectors = [Source("a"), Source("b")]
    source = ConcurrentSources(connectors)
    before = set(threading.enumerate())
    source.ask([about("a"), about("b")], patience=AMPLE)
    assert set(threading.enumerate()) > before
    source.close()
    assert set(threading.enumerate()) <= before
    assert all(connector.closed for connector in connectors)


def test_after_closing_everything_is_deferred(sources):
    source = sources(Source("a"))
    source.close()
    assert source.ask([about("a")] * 2, patience=AMPLE) == [Unanswered("deferred")] * 2


def test_a_connector_needs_no_close():
    class Plain:
        source = "a"

        def inquiries(self, _application):
            return ()

        def fetch(self, inquiry):
            return captured(inquiry)

        def parse(self, _inquiry, _capture):
            raise NotImplementedError

    source = ConcurrentSources([Plain()])
    assert source.ask([about("a")]) == [captured(about("a"))]
    source.close()


def test_a_source_that_hangs_holds_only_a_part_of_those_who_wait_for_ever(sources, hang):
    """A lane's steps are done by threads of the worker: those of one source must not be all of them."""
    asked = sources(Source("slow", hang), Source("well"), in_flight=8, patient=2)
    waiting = [threading.Thread(target=asked.ask, args=([about("slow", str(n))],)) for n in range(2)]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        assert hang.begun.acquire(timeout=30)
    assert asked.ask([about("slow", "third")]) == [Unanswered("deferred")]
    assert asked.ask([about("well")]) == [captured(about("well"))]
    hang.go.set()
    for thread in waiting:
        thread.join()
    assert asked.ask([about("slow", "fourth")]) == [captured(about("slow", "fourth"))]


def test_a_source_that_keeps_somebody_waiting_is_not_waited_for_by_others(sources, hang):
    asked = sources(Source("slow", hang), Source("well"), slow_after=NO_TIME)
    assert asked.ask([about("slow")], patience=2 * NO_TIME) == [Unanswered("deferred")]
    begun = time.monotonic()
    others = asked.ask([about("slow", "other"), about("well")], patience=AMPLE)
    assert others == [Unanswered("deferred"), captured(about("well"))]
    assert asked.ask([about("slow", "lane")]) == [Unanswered("deferred")]
    assert time.monotonic() - begun < AMPLE.total_seconds()
    hang.go.set()
    deadline = time.monotonic() + AMPLE.total_seconds()
    while asked.ask([about("slow", "later")]) != [captured(about("slow", "later"))]:
        assert time.monotonic() < deadline


class Batched(Source):
    """A source that takes three inquiries in one request."""

    batch_size = 3

    def fetch_many(self, inquiries):
        self.asked.append(tuple(inquiries))
        return captured(inquiries[0])


@pytest.mark.parametrize("patience", [None, AMPLE])
def test_inquiries_of_a_source_that_takes_several_go_together(sources, patience):
    together, alone = Batched("a"), Source("b")
    inquiries = [about("a", str(n)) for n in range(4)] + [about("b", "x"), about("b", "y"), about("a", "0")]
    answers = sources(together, alone).ask(inquiries, patience=patience)
    assert sorted(len(each) if isinstance(each, tuple) else 1 for each in together.asked) == [1, 3]
    assert len(alone.asked) == 2
    # The same question twice is asked once; each inquiry gets the answer of its request.
    assert answers[0] == answers[1] == answers[2] == answers[6] == captured(inquiries[0])
    assert answers[3] == captured(inquiries[3])


def test_what_the_same_question_is_the_connector_says(sources):
    class ByNumber(Source):
        asked_by = ("subject",)

        def inquiries(self, application):
            return [about(self.source, role) for role in application["roles"]]

    class Never(ByNumber):
        asked_by = None

    roles = {"roles": ["vendor", "maker"]}
    of = {
        source: [each.question for each in sources(kind(source)).plan(roles)]
        for source, kind in (("a", Source), ("b", ByNumber), ("c", Never))
    }
    assert of["a"][0] != of["a"][1]
    assert of["b"][0] == of["b"][1] != ""
    assert of["c"] == ["", ""]
    assert sources(Batched("d")).pace("d") == Pace(batch=3)
    assert sources(Batched("d")).pace("unknown") == Pace()
