"""Limits that all workers share, against a real Valkey: rates, pauses, circuits, and its absence."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from connectors.circuit import USUAL, Breaking, CircuitState
from connectors.limits import PREFIX, Entry, Rate, SharedLimits
from connectors.reasons import Reason
from pipeline.errors import SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry, Presence
from pipeline.ports import BatchConnector

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
ABOUT = Inquiry("xx.a", "vendor", OrganisationId("GB-COH", "00445790"))
CAPTURE = Capture("xx.a", "https://a.example/", AT, 200, "text/plain", b"")


class Source:
    """A connector that fails as it is told: a reason, or None for an answer."""

    source = "xx.a"

    def __init__(self, *, rates: Sequence[Rate] = ()) -> None:
        self.rates = rates
        self.asked = 0
        self.closed = False
        self.fails: BaseException | None = None

    def inquiries(self, application):
        return [ABOUT]

    def fetch(self, inquiry):
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return CAPTURE

    def parse(self, inquiry, capture):
        return Evidence("xx.a", inquiry.role, inquiry.subject, Presence.ABSENT, {}, AT, capture.sha256)

    def close(self) -> None:
        self.closed = True


class BatchSource(Source):
    batch_size = 7

    def fetch_many(self, inquiries):
        return self.fetch(inquiries[0])


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def forward(self, **length: float) -> None:
        self.seconds += timedelta(**length).total_seconds()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def workers(valkey, clock):
    """The limits as two processes see them."""
    clients = [redis.Redis.from_url(valkey) for _ in range(2)]
    workers = [SharedLimits(client, clock=clock) for client in clients]
    yield workers
    for worker in workers:
        worker.close()


def down(reason: Reason = Reason.TIMEOUT, retry_after: timedelta | None = None) -> SourceUnavailable:
    return SourceUnavailable("xx.a", reason, retry_after=retry_after)


def refused(connector) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as caught:
        connector.fetch(ABOUT)
    return caught.value


def fail(connector, source: Source, times: int, error: BaseException | None = None) -> None:
    source.fails = error or down()
    for _ in range(times):
        with pytest.raises(type(source.fails)):
            connector.fetch(ABOUT)
    source.fails = None


def test_a_guarded_connector_is_a_connector(workers):
    source = Source()
    guarded = workers[0].guard(source)
    assert guarded.source == "xx.a"
    assert list(guarded.inquiries({})) == [ABOUT]
    assert guarded.fetch(ABOUT) is CAPTURE
    assert guarded.parse(ABOUT, CAPTURE).presence is Presence.ABSENT
    assert not isinstance(guarded, BatchConnector)
    guarded.close()
    assert source.closed


def test_one_that_answers_several_stays_one_and_a_batch_is_one_request(workers):
    guarded = workers[0].guard(BatchSource(rates=[Rate(1, 60)]))
    assert isinstance(guarded, BatchConnector)
    assert guarded.batch_size == 7
    assert guarded.fetch_many([ABOUT, ABOUT]) is CAPTURE
    assert refused(guarded).reason == Reason.DEFERRED


def test_all_workers_together_keep_a_rate(workers):
    sources = [Source(), Source()]
    guarded = [worker.guard(source, [Rate(5, 600)]) for worker, source in zip(workers, sources, strict=True)]
    for turn in range(5):
        guarded[turn % 2].fetch(ABOUT)
    for one in guarded:
        error = refused(one)
        assert error.reason == Reason.DEFERRED
        assert timedelta(0) < error.retry_after <= timedelta(minutes=10)
    assert sum(source.asked for source in sources) == 5


def test_the_connectors_own_rates_are_the_default_and_the_strictest_counts(workers):
    source = Source(rates=[Rate(100, 600), Rate(2, 600)])
    guarded = workers[0].guard(source)
    guarded.fetch(ABOUT)
    guarded.fetch(ABOUT)
    assert refused(guarded).reason == Reason.DEFERRED
    assert source.asked == 2


def test_threads_do_not_exceed_a_rate(valkey):
    shared = SharedLimits.at(valkey)
    source = Source()
    guarded = shared.guard(source, [Rate(20, 600)])

    def ask(_):
        try:
            return guarded.fetch(ABOUT)
        except SourceUnavailable:
            return None

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(200)))
    assert len([answer for answer in answers if answer is not None]) == 20
    shared.close()


def test_a_source_that_says_too_often_is_left_alone_by_all(workers, clock):
    source = Source()
    one, other = (worker.guard(source) for worker in workers)
    fail(one, source, 1, down(Reason.RATE_LIMITED, timedelta(seconds=90)))
    error = refused(other)
    assert (error.reason, error.retry_after) == (Reason.RATE_LIMITED, timedelta(seconds=90))
    [state] = workers[1].states()
    assert (state.source, state.state) == ("xx.a", CircuitState.PAUSED)
    clock.forward(seconds=90)
    assert other.fetch(ABOUT) is CAPTURE
    assert source.asked == 2


def test_one_that_does_not_say_until_when_is_left_alone_for_a_minute(workers, clock):
    source = Source()
    guarded = workers[0].guard(source)
    fail(guarded, source, 1, down(Reason.RATE_LIMITED))
    assert refused(guarded).retry_after == timedelta(minutes=1)
    clock.forward(minutes=1)
    guarded.fetch(ABOUT)


@pytest.mark.parametrize(
    "reason", ["timeout", "unreachable", "forbidden_address", "tls", "server_error", "redirected",
               "wrong_media_type", "truncated"],
)  # fmt: skip
def test_failures_in_succession_open_the_circuit_for_all(workers, clock, reason):
    source = Source()
    one, other = (worker.guard(source) for worker in workers)
    fail(one, source, 3, down(Reason(reason)))
    fail(other, source, 2, down(Reason(reason)))
    for guarded in (one, other):
        error = refused(guarded)
        assert (error.reason, error.retry_after) == (Reason.CIRCUIT_OPEN, USUAL.rest)
    assert source.asked == 5
    clock.forward(seconds=29)
    assert refused(one).retry_after == timedelta(seconds=1)


@pytest.mark.parametrize("reason", ["refused", "too_large", "not_configured"])
def test_what_concerns_one_question_does_not(workers, reason):
    source = Source()
    guarded = workers[0].guard(source)
    fail(guarded, source, 20, down(Reason(reason)))
    fail(guarded, source, 20, RuntimeError("a fault of the connector"))
    assert guarded.fetch(ABOUT) is CAPTURE
    assert workers[0].states() == []


def test_failures_far_apart_or_with_an_answer_between_do_not(workers, clock):
    source = Source()
    guarded = workers[0].guard(source)
    for _ in range(4):
        fail(guarded, source, 4)
        guarded.fetch(ABOUT)
    for _ in range(6):
        fail(guarded, source, 4)
        clock.forward(seconds=61)
    guarded.fetch(ABOUT)


def test_one_probe_goes_and_its_answer_closes_the_circuit(workers, clock):
    source = Source()
    one, other = (worker.guard(source) for worker in workers)
    fail(one, source, 5)
    clock.forward(seconds=30)
    [state] = workers[0].states()
    assert (state.state, state.failures, state.until) == (CircuitState.HALF_OPEN, 5, None)
    seen = []

    def probe(inquiry):
        seen.append(refused(other))
        return CAPTURE

    source.fetch = probe
    assert one.fetch(ABOUT) is CAPTURE
    assert (seen[0].reason, seen[0].retry_after) == (Reason.CIRCUIT_OPEN, USUAL.probe)
    del source.fetch
    assert other.fetch(ABOUT) is CAPTURE
    assert workers[1].states() == []


def test_a_probe_that_fails_opens_it_anew_and_one_that_says_nothing_lets_another_go(workers, clock):
    source = Source()
    guarded = workers[0].guard(source)
    fail(guarded, source, 5)
    clock.forward(seconds=30)
    fail(guarded, source, 1, RuntimeError("a fault of the connector"))
    fail(guarded, source, 1)
    assert refused(guarded).retry_after == USUAL.rest
    clock.forward(seconds=30)
    fail(guarded, source, 1, down(Reason.REFUSED))
    assert workers[1].states() == []


def test_a_probe_held_back_by_a_rate_lets_another_go(workers, clock):
    source = Source()
    guarded = workers[0].guard(source, [Rate(5, 600)])
    fail(guarded, source, 5)
    clock.forward(seconds=30)
    assert refused(guarded).reason == Reason.DEFERRED
    assert workers[1].guard(source).fetch(ABOUT) is CAPTURE


def test_a_connector_that_breaks_its_contract_says_nothing_of_the_source(workers, clock):
    source = Source()
    guarded = workers[0].guard(source)
    fail(guarded, source, 5)
    clock.forward(seconds=30)
    source.fetch = lambda inquiry: "no capture"
    assert guarded.fetch(ABOUT) == "no capture"
    [state] = workers[1].states()
    assert (state.state, state.until) == (CircuitState.HALF_OPEN, None)


def test_a_probe_that_never_comes_back_is_given_up(workers, clock):
    source = Source()
    guarded = workers[0].guard(source)
    fail(guarded, source, 5)
    clock.forward(seconds=30)
    lost = workers[0].enter("xx.a", ())
    assert refused(guarded).retry_after == USUAL.probe
    clock.forward(minutes=1)
    second = workers[1].enter("xx.a", ())
    workers[0].leave(lost, CAPTURE)  # too late: it is the second probe's word that counts
    assert refused(guarded).reason == Reason.CIRCUIT_OPEN
    workers[1].leave(second, CAPTURE)
    assert guarded.fetch(ABOUT) is CAPTURE


def test_operators_read_and_reset(workers, clock):
    source = Source()
    guarded = workers[0].guard(source)
    fail(guarded, source, 5)
    [state] = workers[1].states()
    assert (state.source, state.state, state.failures) == ("xx.a", CircuitState.OPEN, 5)
    assert state.until == datetime.fromtimestamp(clock.seconds + 30, UTC)
    workers[1].reset("xx.a")
    assert workers[0].states() == []
    assert guarded.fetch(ABOUT) is CAPTURE
    workers[1].reset("xx.unknown")


def test_by_the_time_that_redis_has(valkey):
    shared = SharedLimits.at(valkey)
    source = Source()
    guarded = shared.guard(source)
    fail(guarded, source, 5)
    assert timedelta(0) < refused(guarded).retry_after <= USUAL.rest
    client = redis.Redis.from_url(valkey)
    assert client.pttl(f"{PREFIX}circuit:xx.a") > timedelta(days=1).total_seconds() * 1000
    client.close()
    shared.close()


@pytest.mark.parametrize(
    "kept", [b"", b"x", b"[]", b"1", b'{"failures":"9"}', b'{"other":1}', b'{"opened_at":-1}',
             b'{"paused_until":1e300}', b'{"paused_until":999999999999999999}', b"\xff" * 100],
)  # fmt: skip
def test_what_somebody_else_wrote_there_does_no_harm(valkey, workers, kept):
    client = redis.Redis.from_url(valkey)
    client.set(f"{PREFIX}circuit:xx.a", kept)
    source = Source()
    guarded = workers[0].guard(source)
    guarded.fetch(ABOUT)
    workers[0].states()
    fail(guarded, source, 5)
    assert refused(guarded).reason == Reason.CIRCUIT_OPEN
    client.delete(f"{PREFIX}circuit:xx.a")
    client.lpush(f"{PREFIX}circuit:xx.a", "not even a text")
    client.close()
    guarded.fetch(ABOUT)


def test_without_redis_each_process_keeps_the_limits_for_itself(tmp_path):
    away = SharedLimits.at(f"unix://{tmp_path}/nobody.sock")
    alone = SharedLimits(None)
    for shared in (away, alone):
        source = Source()
        guarded = shared.guard(source)
        guarded.fetch(ABOUT)
        fail(guarded, source, 5)
        assert refused(guarded).reason == Reason.CIRCUIT_OPEN
        [state] = shared.states()
        assert state.state is CircuitState.OPEN
        shared.reset("xx.a")
        limited = shared.guard(source, [Rate(2, 600)])
        limited.fetch(ABOUT)
        limited.fetch(ABOUT)
        assert refused(limited).reason == Reason.DEFERRED
        shared.close()


def test_threads_count_every_failure(valkey):
    shared = SharedLimits.at(valkey, breaking=Breaking(failures=4))
    source = Source()
    guarded = shared.guard(source)
    together = threading.Barrier(4, timeout=30)

    def act(inquiry):
        together.wait()
        raise down()

    source.fetch = act
    with ThreadPoolExecutor(4) as threads:
        assert {error.reason for error in threads.map(lambda _: refused(guarded), range(4))} == {"timeout"}
    assert refused(guarded).reason == Reason.CIRCUIT_OPEN
    shared.close()


@given(st.lists(st.sampled_from(["timeout", "refused", None]), max_size=30))
@settings(max_examples=50)
def test_a_circuit_opens_only_after_so_many_failures_in_succession(outcomes):
    shared = SharedLimits(None, clock=lambda: 1e9)
    source = Source()
    guarded = shared.guard(source)
    succession = 0
    for outcome in outcomes:
        if succession == USUAL.failures:
            assert refused(guarded).reason == Reason.CIRCUIT_OPEN
            break
        succession = succession + 1 if outcome == "timeout" else 0
        if outcome is None:
            guarded.fetch(ABOUT)
        else:
            fail(guarded, source, 1, down(Reason(outcome)))


@pytest.fixture
def machine_valkey(valkey_url):
    Breaker.url = valkey_url


BREAKING = Breaking(
    failures=3, window=timedelta(seconds=20), rest=timedelta(seconds=10), probe=timedelta(seconds=15)
)


class Breaker(RuleBasedStateMachine):
    """Two workers, requests that overlap in any way, and a clock that goes by whole seconds."""

    url = ""
    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.clients = [redis.Redis.from_url(self.url) for _ in range(2)]
        self.clients[0].flushall()
        self.workers = [SharedLimits(client, breaking=BREAKING, clock=self.clock) for client in self.clients]
        self.failures: list[float] = []  # in succession
        self.open_since: float | None = None
        self.probe: tuple[Entry, float] | None = None
        self.paused_until = 0.0

    def teardown(self) -> None:
        for worker in self.workers:
            worker.close()

    @rule(seconds=st.integers(1, 12))
    def time_goes_by(self, seconds):
        self.clock.forward(seconds=seconds)

    @rule(target=under_way, worker=st.integers(0, 1))
    def begin(self, worker):
        now = self.clock()
        try:
            entry = self.workers[worker].enter("xx.a", ())
        except SourceUnavailable as refusal:
            self.was_right_to_refuse(refusal)
            return None
        assert now >= self.paused_until
        if self.open_since is None:
            assert entry.probe == 0
        else:
            assert now >= self.open_since + 10
            assert entry.probe
            assert self.probe is None or now >= self.probe[1] + 15, "two probes at once"
            self.probe = (entry, now)
        return entry

    def was_right_to_refuse(self, refusal: SourceUnavailable) -> None:
        now = self.clock()
        reason, until = Reason.RATE_LIMITED, self.paused_until
        if until <= now:
            assert self.open_since is not None
            reason, until = Reason.CIRCUIT_OPEN, self.open_since + 10
        if until <= now:
            assert self.probe is not None
            until = self.probe[1] + 15
        assert until > now
        assert (refusal.reason, refusal.retry_after) == (reason, timedelta(seconds=until - now))

    @rule(entry=consumes(under_way), worker=st.integers(0, 1), fails=st.booleans())
    def end(self, entry, worker, fails):
        if entry is None:
            return
        self.workers[worker].leave(entry, down() if fails else CAPTURE)
        if self.open_since is not None:
            if self.probe is not None and self.probe[0] == entry:
                self.probe = None
                self.open_since = self.clock() if fails else None
                self.failures = []
        elif fails:
            if self.failures and self.clock() - self.failures[0] > 20:
                self.failures = []
            self.failures.append(self.clock())
            if len(self.failures) >= 3:
                self.open_since = self.clock()
        elif not entry.well:
            self.failures = []

    @rule(entry=consumes(under_way), worker=st.integers(0, 1))
    def end_unknown(self, entry, worker):
        if entry is None:
            return
        self.workers[worker].leave(entry, None)
        if self.probe is not None and self.probe[0] == entry:
            self.probe = None

    @rule(entry=consumes(under_way), seconds=st.integers(0, 20))
    def end_too_often(self, entry, seconds):
        if entry is None:
            return
        self.workers[0].leave(entry, down(Reason.RATE_LIMITED, timedelta(seconds=seconds)))
        self.paused_until = max(self.paused_until, self.clock() + seconds)
        if self.open_since is None:
            self.failures = []
        elif self.probe is not None and self.probe[0] == entry:
            self.probe = self.open_since = None
            self.failures = []

    @rule(worker=st.integers(0, 1))
    @precondition(lambda self: self.open_since is not None)
    def reset(self, worker):
        self.workers[worker].reset("xx.a")
        self.open_since = self.probe = None
        self.failures = []
        self.paused_until = 0.0

    @invariant()
    def all_see_the_same(self):
        one, other = (worker.states() for worker in self.workers)
        assert one == other
        now = self.clock()
        expected = CircuitState.CLOSED
        if self.paused_until > now:
            expected = CircuitState.PAUSED
        elif self.open_since is not None:
            expected = CircuitState.OPEN if now < self.open_since + 10 else CircuitState.HALF_OPEN
        assert [state.state for state in one] in ([expected], [] if expected is CircuitState.CLOSED else None)


Breaker.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.usefixtures("machine_valkey")
class TestBreaker(Breaker.TestCase):
    """The machine, run by pytest."""
