"""The site beside a real catalog: what happens there is on its pages, also after it was away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from pipeline.model import ChangeKind
from tests.catalog.conftest import Site
from tests.integration.cluster import free_port

CHECKOUT = Path(__file__).resolve().parents[2]


def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.05)


class Server:
    """The site as a process of its own."""

    def __init__(self, catalog: str, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")},
            "SEKISHO_CATALOG_API_URL": catalog,
            "SEKISHO_CATALOG_DATABASE_URL": f"sqlite:///{folder}/catalog.db",
            "SEKISHO_CATALOG_WAIT_SECONDS": "5",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-c", "from cli.main import main; main()"]
        self._process = subprocess.Popen(
            [*command, "catalog", "serve", "--port", port],
            env=self._environment,
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self.answers, "the site")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def position(self) -> int | None:
        try:
            found = httpx.get(f"{self.url}/readyz", timeout=5).json()["position"]
        except httpx.HTTPError:
            return None
        return None if found is None else int(found)

    def shows(self, name: str) -> bool:
        return (
            name
            in httpx.get(f"{self.url}/", params={"q": name, "lang": "ja"}, timeout=10).text.partition("<h3")[
                2
            ]
        )


@pytest.fixture
def server(site: Site, tmp_path: Path) -> Iterator[Server]:
    made = Server(site.url, tmp_path)
    yield made
    made.kill()


@pytest.mark.processes
def test_what_is_published_and_taken_out_is_on_the_pages_also_after_a_kill(
    site: Site, server: Server
) -> None:
    first = site.publish("aozora", product={"name": {"ja": "あおぞら会計"}})
    server.start()
    until(lambda: server.shows("あおぞら会計"), "the first listing")
    site.publish("izayoi", product={"name": {"ja": "いざよい会議"}})
    until(lambda: server.shows("いざよい会議"), "the second listing")
    server.kill()
    position = site.take_out(first, ChangeKind.SUSPENDED, "ISMAP_ENDED")
    site.publish("uruma", product={"name": {"ja": "うるま分析"}})
    server.start()
    until(lambda: server.position() == position + 1, "what came meanwhile")
    assert not server.shows("あおぞら会計")
    assert server.shows("うるま分析")
    gone = httpx.get(f"{server.url}/listings/{first}", timeout=10)
    assert gone.status_code == 410
    assert "ISMAP_ENDED" in gone.text
    before = httpx.get(f"{server.url}/listings/{first}", params={"as_of": 1}, timeout=10)
    assert before.status_code == 200
