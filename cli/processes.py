"""Child processes that do not outlive us, and the signals that end a run."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TETHER = Path(__file__).with_name("tether.py")


class Interrupted(Exception):
    """Somebody asked the run to end. ``signum`` is the signal that said so."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Signals:
    """Notes the signals that end a run, instead of letting them strike at any instruction.

    A child that was just started is therefore always known to whoever has to end it. :meth:`wait` returns
    early when a signal arrives or a child ends.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for signum in (*_ENDING, signal.SIGCHLD):
            if signal.getsignal(signum) is signal.SIG_IGN and signum != signal.SIGCHLD:
                continue  # nohup, or a shell's background job: whoever started us wants it ignored
            self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._reading)
        os.close(self._writing)

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        if signum != signal.SIGCHLD:
            self.received.append(signum)

    def wait(self, seconds: float | None = None) -> None:
        """Wait so long, or until a signal arrives or a child ends."""
        select.select([self._reading], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._reading, 4096)

    def check(self) -> None:
        """Pass if nobody asked the run to end.

        :raises Interrupted: if somebody did.
        """
        if self.received:
            raise Interrupted(self.received[0])


@dataclass
class Child:
    """A command that runs in a process group of its own, so that Ctrl-C reaches us only, and ends with us.

    What it prints goes to ``log``. ``environment`` is all of its environment.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def put_log_aside(self) -> None:
        """Keep the log of the run before apart, so that a log is about one run."""
        if self.log.exists():
            self.log.replace(self.log.with_name(self.log.name + ".previous"))

    def start(self) -> None:
        """Start it, or start it again after it ended. Only from the main thread: see ``cli/tether.py``."""
        tethered = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *self.command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours, and no shell reads it
                tethered,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.folder,
                process_group=0,
            )

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, for people: ``exit status 1``, ``SIGKILL``."""
        status = self._process.poll() if self._process is not None else None
        if status is None:
            return "running"
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def signal(self, signum: int) -> None:
        """Send its process group a signal, if it still runs."""
        if self._process is not None and self.is_running:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signum)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 16384))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-count:])
