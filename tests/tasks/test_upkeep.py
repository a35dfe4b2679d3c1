"""The register's mirror is brought up to date when its row says so, by one worker, whatever happens to it."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.nta_downloads import read_page
from storage.database import Database
from storage.memory import SqlMemory
from tasks.mirror import open_mirror
from tasks.settings import Settings
from tasks.upkeep import CHORE, LEASE, SOON, is_due, update_register
from tests.connectors.test_nta_downloads import _capture, site
from tests.registers import import_all, line, number, write

ONE = number(30_000_001)
NOW = datetime(2022, 11, 2, 3, 0, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(mirror_url=SecretStr(f"sqlite:///{tmp_path}/mirror.db"), registry_update_hours=6)


@pytest.fixture
def memory(database: Database) -> SqlMemory:
    return SqlMemory(database)


def fill(settings: Settings, folder: Path, day: str) -> None:
    mirror = open_mirror(settings, create=True)
    import_all(mirror, [write(folder, f"00_zenkoku_all_{day}.csv", [line(ONE, updateDate="2022-01-01")])])
    mirror.close()


def chore(memory: SqlMemory) -> Any:
    with memory.read() as tx:
        return tx.chores.named(CHORE)


def test_it_is_due_once_and_again_when_nobody_has_done_it(
    settings: Settings, memory: SqlMemory, tmp_path: Path
) -> None:
    assert not is_due(settings, memory, NOW)  # there is no mirror
    fill(settings, tmp_path / "files", "20220930")
    assert not is_due(settings.model_copy(update={"registry_update_hours": 0.0}), memory, NOW)
    assert is_due(settings, memory, NOW)
    assert not is_due(settings, memory, NOW)  # somebody has it
    assert not is_due(settings, memory, NOW + LEASE - timedelta(seconds=1))
    assert is_due(settings, memory, NOW + LEASE)  # whoever had it died


def test_the_missing_files_are_imported_and_it_is_due_again_later(
    settings: Settings, memory: SqlMemory, tmp_path: Path, reference: Path
) -> None:
    fill(settings, tmp_path / "files", "20221028")
    page = (reference / "registries-jp/samples/nta-houjin/download_sabun_page_2022-11-01.html").read_bytes()
    files = {}
    for day, file_number in read_page(_capture(page)).files.items():
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            row = line(ONE, process="12", updateDate=f"{day}", changeDate=f"{day}")
            archive.writestr(f"diff_{day:%Y%m%d}.csv", row.encode())
        files[file_number] = packed.getvalue()
    with site(page, files) as root:
        here = settings.model_copy(update={"nta_download_url": root})
        assert is_due(here, memory, NOW)
        assert update_register(here, memory, Clock()) == "40 files, state of 2022-11-01"
        stands = chore(memory)
        assert (stands.outcome, stands.ended_at) == ("40 files, state of 2022-11-01", NOW)
        assert stands.due_at == NOW + timedelta(hours=6)
        assert update_register(here, memory, Clock()) == "0 files, state of 2022-11-01"


def test_what_went_wrong_is_kept_and_it_is_tried_again_soon(
    settings: Settings, memory: SqlMemory, tmp_path: Path
) -> None:
    fill(settings, tmp_path / "files", "20220930")
    nowhere = settings.model_copy(update={"nta_download_url": "http://127.0.0.1:9"})
    assert is_due(nowhere, memory, NOW)
    assert update_register(nowhere, memory, Clock()) == "unreachable"
    assert (chore(memory).outcome, chore(memory).due_at) == ("unreachable", NOW + SOON)


def test_another_import_is_left_alone(settings: Settings, memory: SqlMemory, tmp_path: Path) -> None:
    fill(settings, tmp_path / "files", "20220930")
    assert is_due(settings, memory, NOW)
    mirror = open_mirror(settings)
    with mirror.importing():
        assert update_register(settings, memory, Clock()) == "another import is running"
    mirror.close()
