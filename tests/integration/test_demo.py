"""``sekisho demo`` as a user runs it: in a process of its own, and twice at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.samples import samples
from tests.integration.cluster import until

pytestmark = pytest.mark.processes

SEKISHO = Path(sys.executable).with_name("sekisho")


@dataclass
class Demo:
    """A run whose state folder lies below ``folder``, so that its processes can be told from others."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.process = subprocess.Popen(
            [SEKISHO, "demo", "--json"],
            # What the environment says of another Sekisho is no business of the demo's.
            env={
                **os.environ,
                "TMPDIR": str(self.folder),
                "SEKISHO_DATABASE_URL": "sqlite:////nonexistent/x",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def await_parts(self, count: int) -> None:
        """Return when so many parts run; fail with what the run said if it ends before."""

        def running() -> bool:
            assert self.process.poll() is None, self.process.communicate()
            return len(self.processes()) >= count

        until(running, f"{count} parts")

    def processes(self) -> list[int]:
        """The parts of the run: they work in its state folder."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd().startswith(str(self.folder)):
                    found.append(process.pid)
        return found

    def left(self) -> list[str]:
        """What the run has left behind."""
        return [path.name for path in self.folder.iterdir()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Demo, int, str, str]]:
    """Two runs at once, ended."""
    folder = tmp_path_factory.mktemp("demos")
    demos = [Demo(folder / name) for name in ("one", "other")]
    return [(demo, *ended(demo)) for demo in demos]


def ended(demo: Demo) -> tuple[int, str, str]:
    out, err = demo.process.communicate(timeout=240)
    return demo.process.returncode, out, err


@pytest.fixture(params=[0, 1], ids=["one", "other"])
def run(request: pytest.FixtureRequest, runs: list[tuple[Demo, int, str, str]]) -> tuple[Demo, int, str, str]:
    return runs[request.param]


def test_every_sample_comes_out_as_expected(run: tuple[Demo, int, str, str]) -> None:
    _, status, out, err = run
    assert err == ""
    assert status == 0
    told: dict[str, Any] = json.loads(out)
    assert set(told) == {"applications", "listed", "rejected", "referred", "seconds", "cases"}
    assert told["applications"] == len(samples()) >= 24
    assert [case["sample"] for case in told["cases"]] == [sample.name for sample in samples()]
    assert all(case["actual"] == case["expected"] for case in told["cases"])
    assert all(case["reason"] for case in told["cases"] if case["actual"] != "listed")
    counts = Counter(case["expected"] for case in told["cases"])
    assert counts == {state: told[state] for state in ("listed", "rejected", "referred")}
    assert len({case["case"] for case in told["cases"]}) == len(samples())
    assert all(0 < case["seconds"] < told["seconds"] for case in told["cases"])


def test_it_leaves_nothing_behind(run: tuple[Demo, int, str, str]) -> None:
    demo, *_ = run
    assert demo.processes() == []
    assert demo.left() == []


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    started = Demo(tmp_path / "demo")
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate()


@pytest.mark.parametrize(
    ("parts", "signum"),
    [(0, signal.SIGINT), (1, signal.SIGINT), (6, signal.SIGINT), (6, signal.SIGTERM)],
    ids=["at once", "while it starts", "when all run", "when all run, SIGTERM"],
)
def test_whoever_interrupts_it_finds_nothing_left(demo: Demo, parts: int, signum: signal.Signals) -> None:
    until(demo.left, "the state folder")
    demo.await_parts(parts)
    demo.process.send_signal(signum)
    status, out, err = ended(demo)
    assert status == 128 + signum
    assert out == ""
    assert "Traceback" not in err
    assert demo.processes() == []
    assert demo.left() == []


def test_whoever_kills_it_finds_no_process_left(demo: Demo) -> None:
    demo.await_parts(6)
    demo.process.kill()
    until(lambda: not demo.processes(), "the end of the parts")
