"""A running ``sekisho up``, for tests that look at it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

SEKISHO = str(Path(sys.executable).with_name("sekisho"))


@dataclass
class Up:
    """A running ``sekisho up`` and the addresses that it printed."""

    state: Path

    def __post_init__(self) -> None:
        self.environment = {name: value for name, value in os.environ.items() if "SEKISHO" not in name}
        self.process = subprocess.Popen(
            [SEKISHO, "up", "--json", "--state-dir", str(self.state)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.addresses: dict[str, Any] = json.loads(line)

    def sekisho(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SEKISHO, *arguments, "--state-dir", str(self.state), "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def submit(self) -> dict[str, Any]:
        """Submit the example that was printed, as a new message, and follow it."""
        done = self.sekisho("submit", str(self.state / "example-application.json"), "--again", "--wait")
        assert done.returncode == 0, done
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome

    @contextmanager
    def signed_in(self, name: str = "", password: str = "") -> Iterator[httpx.Client]:
        """A browser of an account; without a name, of nobody."""
        with httpx.Client(base_url=self.addresses["flower"], timeout=30) as client:
            client.get("/login")
            if name:
                form = {"_xsrf": client.cookies["_xsrf"], "name": name, "password": password}
                assert client.post("/login", data=form).status_code == 302
            yield client

    def end(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err
