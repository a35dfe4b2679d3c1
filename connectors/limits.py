"""Limits that all workers share: how often a source is asked, and whether it is asked at all just now.

Both live in Redis, so that ten workers together keep a registry's published limit, and a registry that is
down is left alone by all of them. Nobody sleeps for his turn: whoever may not ask is told when to come again
(:class:`~pipeline.errors.SourceUnavailable` with ``retry_after``), and no request is sent.

- *Rate*: a moving window (library ``limits``); within any stretch of its length no more than its requests.
- *Pause*: a source that answers 429 is left alone by everybody for as long as it asks for.
- *Circuit breaker*: failures in succession open it. While it is open nobody asks. Then one request, the
  probe, goes through: its success closes the circuit, its failure opens it anew.

Redis holds nothing here that matters: emptied, it begins anew. While it is away each process keeps the same
limits for itself; nothing waits for it and nothing fails because of it.

:class:`SharedLimits` puts a connector behind them (:meth:`SharedLimits.guard`)::

    shared = SharedLimits.at("redis://127.0.0.1:6379/0")
    connector = shared.guard(CompaniesHouse(key))
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar, cast

import limits
import limits.storage
import limits.strategies
import orjson
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from connectors.circuit import USUAL, WELL, Breaking, Circuit, CircuitState, milliseconds
from connectors.reasons import Reason
from connectors.terms import Terms, terms_of
from pipeline.documents import Json
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry
from pipeline.ports import BatchConnector, Connector

_log = structlog.get_logger()
_T = TypeVar("_T")

PREFIX = "sekisho:sources:"
"""Before every key in Redis."""

_REDIS_PATIENCE = 0.2
"""Seconds that Redis may take to connect or to answer."""

_REDIS_AWAY = 5.0
"""Seconds for which Redis is not asked after it failed: nobody pays for its absence more often."""

_FORGOTTEN_AFTER = 2 * 24 * 60 * 60 * 1000
"""Milliseconds after which the state of a source that nobody asks leaves Redis; no pause is longer."""

_FAR = 100_000_000_000_000
"""A moment (milliseconds) beyond all that is written here; it still is a date."""

_SWAPS = 10
"""Attempts at a change that others make at the same time; a count that is lost then is no harm."""

_UNSAID_PAUSE = timedelta(minutes=1)
"""How long a source is left alone that says "too many requests" and not until when."""

_NOT_WELL = frozenset(
    {
        Reason.TIMEOUT, Reason.UNREACHABLE, Reason.FORBIDDEN_ADDRESS, Reason.TLS, Reason.SERVER_ERROR,
        Reason.REDIRECTED, Reason.WRONG_MEDIA_TYPE, Reason.TRUNCATED,
    }
)  # fmt: skip
"""What says that a source is down. That it refuses one question says that it is up."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``requests`` within any ``seconds``: as the source publishes it, or what we allow ourselves."""

    requests: int
    seconds: int

    @property
    def spacing(self) -> timedelta:
        """How far apart requests are that keep to it."""
        return timedelta(seconds=self.seconds / self.requests)


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as operators see it: its failures in succession, and when it is asked again."""

    source: str
    state: CircuitState
    failures: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Leave to ask a source once. ``probe`` is 0 unless this is the probe of a half-open circuit."""

    source: str
    probe: int
    well: bool


class _Board(Protocol):
    """Where circuits are kept: as bytes by source, changed only from what was read."""

    limiter: limits.strategies.MovingWindowRateLimiter

    def read(self, source: str) -> tuple[bytes | None, int]:
        """What is kept, and the time (milliseconds)."""

    def swap(self, source: str, old: bytes | None, new: bytes | None) -> bool:
        """Put ``new`` in the place of ``old``. False, and nothing is changed, if something else is there."""

    def sources(self) -> list[str]:
        """Of which sources something is kept."""


class _RedisBoard:
    """The board of all processes. Its clock is that of Redis: the hosts' clocks need not agree."""

    _SWAP = """
    if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
    if ARGV[2] == '' then redis.call('DEL', KEYS[1])
    else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
    return 1
    """

    def __init__(self, client: redis.Redis, clock: Callable[[], float] | None) -> None:
        self._client = client
        self._clock = clock
        self._script = client.register_script(self._SWAP)
        self.limiter = limits.strategies.MovingWindowRateLimiter(
            limits.storage.RedisStorage(
                "redis://", connection_pool=client.connection_pool, key_prefix=PREFIX + "rate"
            )
        )

    def read(self, source: str) -> tuple[bytes | None, int]:
        if self._clock is not None:
            return cast("bytes | None", self._client.get(self._key(source))), int(self._clock() * 1000)
        both = self._client.pipeline(transaction=False)
        both.get(self._key(source))
        both.time()
        kept, (seconds, microseconds) = both.execute()
        return kept, seconds * 1000 + microseconds // 1000

    def swap(self, source: str, old: bytes | None, new: bytes | None) -> bool:
        done = self._script(keys=[self._key(source)], args=[old or b"", new or b"", _FORGOTTEN_AFTER])
        return bool(done)

    def sources(self) -> list[str]:
        keys = self._client.scan_iter(match=self._key("*"), count=1000)
        return sorted(key.decode("utf-8", "replace").removeprefix(self._key("")) for key in keys)

    def _key(self, source: str) -> str:
        return f"{PREFIX}circuit:{source}"


class _OwnBoard:
    """The board of one process, for while Redis is away."""

    def __init__(self, clock: Callable[[], float] | None) -> None:
        self._clock = clock or time.time
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self.limiter = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())

    def read(self, source: str) -> tuple[bytes | None, int]:
        return self._kept.get(source), int(self._clock() * 1000)

    def swap(self, source: str, old: bytes | None, new: bytes | None) -> bool:
        with self._lock:
            if self._kept.get(source) != old:
                return False
            if new is None:
                self._kept.pop(source, None)
            else:
                self._kept[source] = new
            return True

    def sources(self) -> list[str]:
        return sorted(self._kept)


class SharedLimits:
    """The limits of all sources, shared with every process that has the same Redis. Safe between threads.

    :param client: a Redis whose calls end soon (:meth:`at` makes one), None for limits of this process alone.
    :param clock: seconds since 1970; by default the time that Redis has. Rates go by the process's own.
    """

    def __init__(
        self,
        client: redis.Redis | None,
        *,
        breaking: Breaking = USUAL,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._client = client
        self._breaking = breaking
        self._shared = _RedisBoard(client, clock) if client is not None else None
        self._own = _OwnBoard(clock)
        self._away_until = 0.0

    @classmethod
    def at(cls, url: str, *, breaking: Breaking = USUAL) -> SharedLimits:
        """The limits in the Redis or Valkey at this address (``redis://``, ``rediss://``, ``unix://``).

        At any other address, such as Sentinel's, each process keeps them for itself.
        """
        if not url.startswith(("redis://", "rediss://", "unix://")):
            return cls(None, breaking=breaking)
        client = redis.Redis.from_url(
            url,
            socket_timeout=_REDIS_PATIENCE,
            socket_connect_timeout=_REDIS_PATIENCE,
            retry=Retry(NoBackoff(), 0),  # else redis-py sleeps between attempts of its own
        )
        return cls(client, breaking=breaking)

    def guard(self, connector: Connector, rates: Iterable[Rate] | None = None) -> Guarded:
        """The connector behind these limits.

        :param rates: by default the connector's own ``rates``, if it has any.
        """
        chosen = getattr(connector, "rates", ()) if rates is None else rates
        if isinstance(connector, BatchConnector):
            return GuardedBatch(connector, self, chosen)
        return Guarded(connector, self, chosen)

    def states(self) -> list[SourceState]:
        """The sources that are not simply well, by name. Of this process alone while Redis is away."""
        return self._on_board(self._states)

    def reset(self, source: str) -> None:
        """Forget failures, rest and pause of a source: it is asked again at once."""
        self._on_board(lambda board: _change(board, source, lambda _circuit, _now: WELL))

    @property
    def are_shared(self) -> bool:
        """Whether other processes keep the same limits, as far as this one has noticed."""
        return self._shared is not None and time.monotonic() >= self._away_until

    def close(self) -> None:
        """Close the connections to Redis."""
        if self._client is not None:
            self._client.close()

    def enter(self, source: str, rates: Sequence[limits.RateLimitItem]) -> Entry:
        """Leave to ask ``source`` once, now. What comes of it is said to :meth:`leave`.

        :raises SourceUnavailable: ``circuit_open``, ``rate_limited`` (the source asked for a pause) or
            ``deferred`` (its rate is used up: that is no failed try), with the time to wait.
        """
        outcome = self._on_board(lambda board: self._enter(board, source, rates))
        if isinstance(outcome, SourceUnavailable):
            raise outcome
        return outcome

    def leave(self, entry: Entry, outcome: object) -> None:
        """Say how it went. What is neither an answer nor an error of the source says nothing of it."""
        if isinstance(outcome, Capture) and entry.well:
            return  # the common case costs nothing

        def change(circuit: Circuit, now: int) -> Circuit:
            if isinstance(outcome, Capture):
                return circuit.answered(entry.probe)
            if not isinstance(outcome, SourceUnavailable):
                return circuit.released(entry.probe)
            if outcome.reason in _NOT_WELL:
                return circuit.failed(now, self._breaking, entry.probe)
            circuit = circuit.answered(entry.probe)
            if outcome.reason != Reason.RATE_LIMITED:
                return circuit
            wait = _UNSAID_PAUSE if outcome.retry_after is None else outcome.retry_after
            return circuit.paused(now + milliseconds(wait))

        self._on_board(lambda board: _change(board, entry.source, change))

    def _enter(
        self, board: _Board, source: str, rates: Sequence[limits.RateLimitItem]
    ) -> Entry | SourceUnavailable:
        while True:
            kept, now = board.read(source)
            circuit = _circuit(kept)
            until = circuit.until(now, self._breaking)
            if until > now:
                paused = circuit.state(now, self._breaking) is CircuitState.PAUSED
                reason = Reason.RATE_LIMITED if paused else Reason.CIRCUIT_OPEN
                return SourceUnavailable(source, reason, retry_after=timedelta(milliseconds=until - now))
            probing = circuit.probed(now, self._breaking)
            if probing == circuit:
                entry = Entry(source, 0, well=circuit == WELL)
                break
            if board.swap(source, kept, _bytes(probing)):
                entry = Entry(source, probing.probe_until, well=False)
                break
            # Somebody else sends the probe, or the source is well by now: look again.
        for rate in rates:
            if not board.limiter.hit(rate, source):
                wait = board.limiter.get_window_stats(rate, source).reset_time - time.time()
                _change(board, source, lambda circuit, _now: circuit.released(entry.probe))
                return SourceUnavailable(
                    source,
                    Reason.DEFERRED,
                    "by its published limit",
                    retry_after=timedelta(seconds=max(0.0, wait)),
                )
        return entry

    def _states(self, board: _Board) -> list[SourceState]:
        states = []
        for source in board.sources():
            kept, now = board.read(source)
            circuit = _circuit(kept)
            until = circuit.until(now, self._breaking)
            states.append(
                SourceState(
                    source,
                    circuit.state(now, self._breaking),
                    circuit.failures,
                    datetime.fromtimestamp(until / 1000, UTC) if until > now else None,
                )
            )
        return states

    def _on_board(self, act: Callable[[_Board], _T]) -> _T:
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return act(self._shared)
            except (redis.RedisError, OSError) as error:
                self._away_until = time.monotonic() + _REDIS_AWAY
                _log.warning("shared_limits_away", error=type(error).__name__)
        return act(self._own)


EVERYTHING = ("role", "subject", "name")
"""What of an inquiry an answer depends on where its connector does not say."""


def asked_by(connector: Connector) -> tuple[str, ...] | None:
    """What of an inquiry a connector's answer depends on; None where no answer may stand for another."""
    said: tuple[str, ...] | None = getattr(connector, "asked_by", EVERYTHING)
    return said


class Guarded:
    """A connector behind shared limits; itself a :class:`~pipeline.ports.Connector`."""

    def __init__(self, connector: Connector, shared: SharedLimits, rates: Iterable[Rate]) -> None:
        self.source = connector.source
        self.connector = connector
        self.rates = tuple(rates)
        self._shared = shared
        self._rates = tuple(limits.RateLimitItemPerSecond(rate.requests, rate.seconds) for rate in self.rates)

    @property
    def asked_by(self) -> tuple[str, ...] | None:
        """What of an inquiry the connector's answer depends on."""
        return asked_by(self.connector)

    @property
    def terms(self) -> Terms:
        """The connector's terms."""
        return terms_of(self.connector)

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """The connector's inquiries."""
        return self.connector.inquiries(application)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """Ask, if the limits leave it."""
        return self._within_limits(lambda: self.connector.fetch(inquiry))

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """What the connector reads."""
        return self.connector.parse(inquiry, capture)

    def close(self) -> None:
        """Close the connector. The limits may guard others."""
        close = getattr(self.connector, "close", None)
        if close is not None:
            close()

    def _within_limits(self, ask: Callable[[], Capture]) -> Capture:
        entry = self._shared.enter(self.source, self._rates)
        outcome: object = None
        try:
            outcome = capture = ask()
        except SourceUnavailable as error:
            outcome = error
            raise
        finally:
            self._shared.leave(entry, outcome)
        return capture


class GuardedBatch(Guarded):
    """A connector that answers several inquiries in one request; for the limits that is one."""

    def __init__(self, connector: BatchConnector, shared: SharedLimits, rates: Iterable[Rate]) -> None:
        super().__init__(connector, shared, rates)
        self.batch_size = connector.batch_size
        self._fetch_many = connector.fetch_many

    def fetch_many(self, inquiries: Sequence[Inquiry]) -> Capture:
        """Ask about all of them at once, if the limits leave it."""
        return self._within_limits(lambda: self._fetch_many(inquiries))


def _change(board: _Board, source: str, change: Callable[[Circuit, int], Circuit]) -> None:
    for _ in range(_SWAPS):
        kept, now = board.read(source)
        circuit = _circuit(kept)
        changed = change(circuit, now)
        if changed == circuit or board.swap(source, kept, _bytes(changed)):
            return


def _circuit(kept: bytes | None) -> Circuit:
    if kept is None:
        return WELL
    try:
        circuit = Circuit(**orjson.loads(kept))
    except (ValueError, TypeError):
        return WELL
    # What does not look like a circuit was not written by this release: begin anew.
    values = asdict(circuit).values()
    return circuit if all(type(value) is int and 0 <= value < _FAR for value in values) else WELL


def _bytes(circuit: Circuit) -> bytes | None:
    return None if circuit == WELL else orjson.dumps(asdict(circuit))
