from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import sekisho as group
from cli.output import MEANING, Exit
from cli.reference import commands, page
from tests.cli.conftest import Sekisho

CHECKOUT = Path(__file__).resolve().parents[2]
ALL = [path for path, _ in commands(group)]


def test_the_commands_that_people_were_promised_are_there() -> None:
    assert {path[0] for path in ALL} >= {
        "up", "demo", "submit", "case", "senders", "doctor", "migrate", "config", "keys", "probe",
    }  # fmt: skip


def test_the_page_about_the_commands_is_current() -> None:
    assert (CHECKOUT / "docs" / "commands.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_speaks_json_and_says_what_its_exit_status_means(
    path: tuple[str, ...], sekisho: Sekisho
) -> None:
    help_ = sekisho(*path, "--help")
    assert help_.status == Exit.DONE
    assert "--json" in help_.out
    assert "Exit status:" in help_.out
    assert MEANING[Exit.USAGE] in help_.out


def test_the_help_names_all_exit_statuses(sekisho: Sekisho) -> None:
    help_ = sekisho("--help")
    assert help_.status == Exit.DONE
    for code, meaning in MEANING.items():
        assert f"{int(code)} " in help_.out
        assert meaning in help_.out


def test_help_loads_nothing_that_only_commands_need() -> None:
    heavy = {
        "sqlalchemy",
        "celery",
        "kombu",
        "pydantic",
        "requests",
        "fastapi",
        "rich",
        "alembic",
        "cryptography",
    }
    program = "import sys, cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert heavy.isdisjoint(loaded)


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["case", "show"], ["submit"], ["up", "--port", "x"], ["-x"]]
)
def test_wrong_usage_is_2(arguments: list[str], sekisho: Sekisho) -> None:
    answer = sekisho(*arguments)
    assert answer.status == Exit.USAGE
    assert answer.out == ""
    assert "Error" in answer.err


def test_wrong_usage_is_a_problem_object_where_json_is_asked_for(sekisho: Sekisho) -> None:
    answer = sekisho("case", "show", "--json")
    assert answer.status == Exit.USAGE
    assert answer.out == ""
    assert answer.problem["type"] == "urn:sekisho:problem:cli.usage"
    assert answer.problem["exit_status"] == Exit.USAGE


def test_a_reader_that_goes_away_is_no_fault_to_trace() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-c", "from cli.main import main; main(['keys', 'new'])"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == Exit.FAILED
    assert "Traceback" not in done.stderr


def test_signs_that_a_terminal_lacks_are_written_as_codes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main(['case', 'show', '鳳鳴'])"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode != 0


def test_the_version_is_the_distributions(sekisho: Sekisho) -> None:
    assert sekisho("--version").out.startswith("sekisho, version ")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_there_is_colour_on_a_terminal_unless_it_is_not_wanted(no_color: str, coloured: bool) -> None:
    reader, terminal = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": no_color, "SEKISHO_WORKER_THREADS": "x"}
    program = "from cli.main import main; main(['doctor'])"
    with os.fdopen(terminal, "wb") as out:
        done = subprocess.run([sys.executable, "-c", program], stdout=out, env=environment, check=False)
        written = os.read(reader, 65536)
    os.close(reader)
    assert done.returncode == Exit.FINDINGS
    assert (b"\x1b[31m" in written) is coloured
    assert b"SEKISHO_WORKER_THREADS" in written
