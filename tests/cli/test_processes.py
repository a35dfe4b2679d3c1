from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cli.output import Failure
from cli.processes import Child, Interrupted, Signals
from cli.supervisor import MOST_RESTARTS, Part, Supervisor

pytestmark = pytest.mark.processes

PATIENT = "import signal; print('here', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + PATIENT


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    made: list[Child] = []

    def make(program: str, name: str = "part") -> Child:
        child = Child(
            name, [sys.executable, "-c", program], tmp_path / f"{name}.log", dict(os.environ), tmp_path
        )
        made.append(child)
        return child

    yield make
    for child in made:
        child.signal(signal.SIGKILL)
        until(lambda child=child: not child.is_running)


def says_here(child: Child) -> bool:
    return "here" in child.last_lines()


def test_a_child_writes_to_its_log_and_says_how_it_ended(make_child: Callable[[str], Child]) -> None:
    child = make_child("import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)")
    child.start()
    until(lambda: not child.is_running)
    assert child.ending == "exit status 3"
    assert set(child.last_lines().splitlines()) == {"one", "two"}
    assert child.pid is None


def test_a_child_that_was_killed_says_by_what(make_child: Callable[[str], Child]) -> None:
    child = make_child(PATIENT)
    child.start()
    child.signal(signal.SIGKILL)
    until(lambda: not child.is_running)
    assert child.ending == "SIGKILL"


def test_only_the_end_of_a_long_log_is_told(make_child: Callable[[str], Child]) -> None:
    child = make_child("print('\\n'.join(str(number) for number in range(10_000)))")
    child.start()
    until(lambda: not child.is_running)
    assert child.last_lines(3).splitlines() == ["9997", "9998", "9999"]


def test_the_log_of_the_run_before_is_kept_apart(make_child: Callable[[str], Child]) -> None:
    child = make_child("print('run')")
    child.start()
    until(lambda: not child.is_running)
    child.put_log_aside()
    assert child.last_lines() == ""
    assert child.log.with_name("part.log.previous").read_text() == "run\n"


def test_a_child_has_a_process_group_of_its_own(make_child: Callable[[str], Child]) -> None:
    child = make_child(PATIENT)
    child.start()
    assert child.pid is not None
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)


def test_a_child_ends_with_a_parent_that_had_no_time_to_end_it(tmp_path: Path) -> None:
    program = (
        "import os, sys, signal\n"
        "from pathlib import Path\n"
        "from cli.processes import Child\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"command = [sys.executable, '-c', {STUBBORN!r}]\n"
        "child = Child('part', command, folder / 'log', dict(os.environ), folder)\n"
        "child.start()\n"
        "print(child.pid, flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until(lambda: (tmp_path / "log").read_text() == "here\n")
        parent.kill()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_signal_wakes_whoever_waits_and_is_thrown_where_it_is_asked_for() -> None:
    with Signals() as signals:
        signals.check()
        signal.raise_signal(signal.SIGTERM)
        signals.wait(60)
        with pytest.raises(Interrupted) as interrupted:
            signals.check()
    assert interrupted.value.signum == signal.SIGTERM


def test_a_child_that_ends_wakes_whoever_waits(make_child: Callable[[str], Child]) -> None:
    with Signals() as signals:
        child = make_child("pass")
        child.start()
        while child.is_running:
            signals.wait(60)
        signals.check()


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    with Signals():
        pass
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)] == before


def test_what_whoever_started_us_wants_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            signal.raise_signal(signal.SIGHUP)
            signals.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_leaving_ends_those_who_are_served_before_those_who_serve(
    make_child: Callable[..., Child], tmp_path: Path
) -> None:
    leaving = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(tmp_path / 'order')!r}, 'a').write(sys.argv[1]); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('here', flush=True)\n"
        "while True: signal.pause()\n"
    )
    server, client = make_child(leaving, "server"), make_child(leaving, "client")
    server.command = [*server.command, "s"]
    client.command = [*client.command, "c"]
    with Signals() as signals, Supervisor(signals, 30) as supervisor:
        supervisor.start(
            [
                Part(server, lambda: says_here(server), serves=True),
                Part(client, lambda: says_here(client)),
            ]
        )
        supervisor.await_ready()
    assert (tmp_path / "order").read_text() == "cs"
    assert not server.is_running
    assert not client.is_running


def test_a_part_that_does_not_listen_is_killed(make_child: Callable[[str], Child]) -> None:
    child = make_child(STUBBORN)
    with Signals() as signals, Supervisor(signals, 0.0) as supervisor:
        supervisor.start([Part(child, lambda: says_here(child))])
        supervisor.await_ready()
    assert child.ending == "SIGKILL"


def test_asking_twice_is_asking_for_haste(make_child: Callable[[str], Child]) -> None:
    child = make_child(
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGINT))\n"
        "print('here', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with Signals() as signals, Supervisor(signals, 3600) as supervisor:
        supervisor.start([Part(child, lambda: says_here(child))])
        supervisor.await_ready()
    assert child.ending == "SIGKILL"


def test_a_part_that_ends_before_it_is_ready_is_told_with_its_last_words(
    make_child: Callable[[str], Child],
) -> None:
    child = make_child("raise SystemExit('the key is missing')")
    with Signals() as signals, Supervisor(signals, 5) as supervisor:
        supervisor.start([Part(child, lambda: False)])
        with pytest.raises(Failure) as failure:
            supervisor.await_ready()
    assert "part ended (exit status 1)" in failure.value.text()
    assert "the key is missing" in failure.value.text()


def test_what_ends_is_started_again_but_not_for_ever(make_child: Callable[[str], Child]) -> None:
    child = make_child("print('again')")
    told: list[str] = []
    with Signals() as signals, Supervisor(signals, 5) as supervisor:
        supervisor.start([Part(child, lambda: True)])
        with pytest.raises(Failure) as failure:
            supervisor.keep_running(told.append)
    assert len(told) == MOST_RESTARTS
    assert child.last_lines().count("again") == MOST_RESTARTS + 1
    assert failure.value.members == {"part": "part"}
