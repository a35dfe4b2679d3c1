"""A catalog behind a real server, to be read as any consumer reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn

from catalog.client import CatalogClient
from storage.database import Database
from tests.storage.shelf import Shelf
from tests.web.conftest import Door


class Site(Shelf):
    """The catalog, the door before it, and where that is."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.door = Door(database)
        self.url = ""

    def client(self) -> CatalogClient:
        return CatalogClient(self.url, timeout=20.0, tries=3, sleep=lambda _: None)


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A catalog on each kind of database."""
    made = Site(database)
    config = uvicorn.Config(
        made.door.app,
        host="127.0.0.1",
        port=0,
        log_level="error",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    listener.listen()
    made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield made
    server.should_exit = True
    thread.join(timeout=30)
    made.door.close()
