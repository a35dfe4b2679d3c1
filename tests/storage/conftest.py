"""Mirrors on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.mirror import Mirror
from tasks.mirror import KEYS


@pytest.fixture(params=["sqlite", "postgresql"])
def mirror_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a mirror can be made, on a database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mirror.db"
    return str(request.getfixturevalue("postgres_database_url"))


@pytest.fixture
def mirror(mirror_url: str) -> Iterator[Mirror]:
    """An empty mirror on a database of each kind."""
    made = Mirror(mirror_url, KEYS, create=True)
    yield made
    made.close()


@pytest.fixture
def fresh_mirror(tmp_path: Path) -> Iterator[Callable[[], Mirror]]:
    """Makes empty mirrors on SQLite, as many as one wants."""
    made: list[Mirror] = []

    def make() -> Mirror:
        made.append(Mirror(f"sqlite:///{tmp_path}/mirror-{len(made)}.db", KEYS, create=True))
        return made[-1]

    yield make
    for each in made:
        each.close()
