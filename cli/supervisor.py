"""Starts the parts of a machine, watches them, and ends them in the opposite order."""

from __future__ import annotations

import signal
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from cli.output import Exit, Failure
from cli.processes import Child, Signals

START_DEADLINE = 90.0
"""Seconds that the parts have to become ready. It takes about three on two cores."""

MOST_RESTARTS = 5
"""A part that ends more often within :data:`RESTART_WINDOW` has a fault that starting it does not mend."""

RESTART_WINDOW = 60.0


@dataclass(frozen=True)
class Part:
    """A process and how to see that it is ready.

    ``serves`` says that other parts talk to it: it is ended after them.
    """

    child: Child
    is_ready: Callable[[], bool]
    serves: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.child.name


class Supervisor:
    """Holds parts. Leaving the ``with`` block ends all of them, whatever happened.

    ``grace`` is how many seconds a part has to end by itself.
    """

    def __init__(self, signals: Signals, grace: float) -> None:
        self.parts: list[Part] = []
        self._signals = signals
        self._grace = grace
        self._endings: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_RESTARTS + 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for serves in (False, True):
            self._end([part.child for part in self.parts if part.serves is serves])

    def start(self, parts: Sequence[Part]) -> None:
        """Start parts; they run beside each other from now on."""
        for part in parts:
            self.parts.append(part)
            part.child.start()

    def await_ready(self) -> None:
        """Return when every part is ready.

        :raises Failure: when one ends or takes too long, with the last lines of its log.
        :raises Interrupted: when somebody asks the run to end.
        """
        deadline = time.monotonic() + START_DEADLINE
        waiting = list(self.parts)
        while waiting:
            self._signals.check()
            for part in waiting:
                if not part.child.is_running:
                    raise failed(part.child, f"ended ({part.child.ending})")
            waiting = [part for part in waiting if not part.is_ready()]
            if waiting and time.monotonic() > deadline:
                raise failed(waiting[0].child, f"was not ready within {START_DEADLINE:.0f} seconds")
            if waiting:
                self._signals.wait(0.02)

    def check(self) -> None:
        """Pass if every part runs and nobody asked the run to end.

        :raises Failure: when a part has ended, with the last lines of its log.
        :raises Interrupted: when somebody asks the run to end.
        """
        self._signals.check()
        for part in self.parts:
            if not part.child.is_running:
                raise failed(part.child, f"ended ({part.child.ending})")

    def keep_running(self, tell: Callable[[str], None]) -> None:
        """Start again whatever ends, and say so, until somebody asks the run to end.

        :raises Interrupted: then.
        :raises Failure: when a part ends too often.
        """
        while True:
            self._signals.check()
            for part in self.parts:
                if not part.child.is_running:
                    self._restart(part, tell)
            self._signals.wait()

    def _restart(self, part: Part, tell: Callable[[str], None]) -> None:
        ended = failed(part.child, f"ended ({part.child.ending})")
        endings = self._endings[part.name]
        endings.append(time.monotonic())
        if len(endings) > MOST_RESTARTS and endings[-1] - endings[0] < RESTART_WINDOW:
            raise ended
        tell(f"{ended.text()}\n  It is started again.")
        part.child.start()

    def _end(self, children: Sequence[Child]) -> None:
        asked = len(self._signals.received)
        for child in reversed(children):
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while any(child.is_running for child in children):
            # Whoever asks a second time is in a hurry.
            if time.monotonic() >= deadline or len(self._signals.received) > asked:
                for child in children:
                    child.signal(signal.SIGKILL)
            self._signals.wait(0.05)


def failed(child: Child, what: str) -> Failure:
    """What is said of a part that fails: what happened, and the end of its log."""
    return Failure(
        Exit.FAILED,
        "cli.part_failed",
        f"{child.name} {what}",
        f"The end of {child.log}:\n{child.last_lines()}",
        {"part": child.name},
    )
