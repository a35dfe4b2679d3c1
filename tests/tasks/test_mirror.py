"""The mirror joined with the sources, as a worker has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.nta_mirrored import MEDIA_TYPE
from pipeline.errors import SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence, Unanswered
from storage.mirror import Mirror
from tasks.bootstrap import build
from tasks.mirror import Register, mirror_url, open_mirror
from tasks.settings import Settings
from tests.registers import import_all, line, number, write

ONE = number(10_000_001)
INQUIRY = Inquiry("jp.nta", "vendor", OrganisationId("JP-JCN", ONE))


@pytest.fixture
def settings(sqlite_database_url: str) -> Settings:
    return Settings(database_url=SecretStr(sqlite_database_url), gleif_enabled=False)


def fill(settings: Settings, folder: Path, age: timedelta) -> None:
    """A mirror of a whole register, of one company, whose state lies so far back."""
    day = (datetime.now(UTC) - age).date()
    mirror = open_mirror(settings, create=True)
    path = write(folder, f"00_zenkoku_all_{day:%Y%m%d}.csv", [line(ONE)])
    import_all(mirror, [path])
    mirror.close()


def test_a_fresh_mirror_makes_jp_nta_answer_without_a_key(settings: Settings, tmp_path: Path) -> None:
    fill(settings, tmp_path / "files", timedelta(days=1))
    system = build(settings)
    (capture,) = system.sources.ask([INQUIRY])
    assert isinstance(capture, Capture)
    assert capture.media_type == MEDIA_TYPE
    assert system.sources.read(INQUIRY, capture).presence is Presence.FOUND
    system.close()


def test_an_old_mirror_without_a_key_says_that_it_could_not_be_checked(
    settings: Settings, tmp_path: Path
) -> None:
    fill(settings, tmp_path / "files", timedelta(days=40))
    system = build(settings)
    (answer,) = system.sources.ask([INQUIRY])
    assert isinstance(answer, Unanswered)
    assert answer.reason == "unreachable"
    system.close()


def test_without_a_mirror_and_a_key_jp_nta_is_not_asked(settings: Settings) -> None:
    system = build(settings)
    party = {"name": "株式会社せきしょ試験", "identifiers": [{"scheme": "JP-JCN", "id": ONE}]}
    assert system.sources.plan({"vendor": party}) == ()
    system.close()


@pytest.mark.parametrize(
    ("database", "chosen", "expected"),
    [
        ("sqlite:////srv/sekisho/sekisho.db", "", "sqlite:////srv/sekisho/mirror.db"),
        ("postgresql+psycopg://u:p@db/sekisho", "", "postgresql+psycopg://u:p@db/sekisho"),
        ("postgresql+psycopg://u:p@db/sekisho", "sqlite:////srv/m.db", "sqlite:////srv/m.db"),
    ],
)
def test_the_mirror_is_beside_the_database_unless_it_is_set(
    database: str, chosen: str, expected: str
) -> None:
    settings = Settings(database_url=SecretStr(database), mirror_url=SecretStr(chosen))
    assert mirror_url(settings) == expected


@pytest.fixture
def broken(settings: Settings, tmp_path: Path) -> Iterator[Mirror]:
    """A mirror whose tables went away while it was open."""
    fill(settings, tmp_path / "files", timedelta(days=1))
    mirror = open_mirror(settings)
    with mirror._database.write() as connection:
        connection.exec_driver_sql("DROP TABLE files")
    yield mirror
    mirror.close()


def test_a_mirror_that_cannot_be_read_is_an_outage_of_the_source(broken: Mirror) -> None:
    register = Register(broken)
    assert register.register_date() is None
    with pytest.raises(SourceUnavailable):
        register.history(ONE)
