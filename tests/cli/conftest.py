"""The command line, called as the shell calls it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from cli.main import main
from tasks.settings import OPEN_SOURCES


@dataclass(frozen=True)
class Answer:
    """What a command did: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)

    @property
    def values(self) -> list[Any]:
        """The JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def problem(self) -> Any:
        """The problem object on standard error."""
        return json.loads(self.err)


Sekisho = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path) -> Iterator[None]:
    """What the environment says about another Sekisho does not count, nor what a command adds to it."""
    before = dict(os.environ)
    folder = Path.cwd()
    for name in before:
        if name.startswith(("SEKISHO_", "LC_", "LANG", "NO_COLOR")):
            del os.environ[name]
    os.chdir(tmp_path)
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def sekisho(capfd: pytest.CaptureFixture[str]) -> Sekisho:
    """Runs a command line."""

    def run(*arguments: str) -> Answer:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        written = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return Answer(int(ended.value.code), written.out, written.err)

    return run


@pytest.fixture
def installation(sqlite_database_url: str) -> None:
    """An environment with a migrated database and a key, and without sources or broker."""
    os.environ["SEKISHO_DATABASE_URL"] = sqlite_database_url
    os.environ["SEKISHO_SECRET_KEYS"] = Fernet.generate_key().decode()
    os.environ["SEKISHO_SOURCES"] = json.dumps(dict.fromkeys(OPEN_SOURCES, False))
    os.environ["SEKISHO_BROKER_URL"] = "redis://127.0.0.1:1/0"
