"""Keeping the register's mirror up to date: the sweeper has it done when its row says that it is due.

A worker that is killed in the middle leaves the row to come due again, and the import to go on where it was.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from connectors.nta_downloads import BASE_URL, Downloads
from connectors.nta_rows import UnreadableFile
from pipeline.errors import SourceError
from pipeline.ports import Clock
from storage.memory import SqlMemory
from storage.mirror import ImportRunning, MirrorUnusable
from tasks.mirror import RegisterGap, mirror_if_there, open_mirror, update
from tasks.settings import Settings

log = structlog.get_logger()

CHORE: Final = "registry.update"
"""The row's name, and the task's."""

LEASE: Final = timedelta(minutes=30)
"""How long an update may take before another is sent. Forty daily files take some two minutes."""

SOON: Final = timedelta(hours=1)
"""When it is tried again after it failed."""


def is_due(current: Settings, memory: SqlMemory, now: datetime) -> bool:
    """Whether the mirror is to be updated now; whoever is told so has it done."""
    if not current.registry_update_hours:
        return False
    mirror = mirror_if_there(current)
    if mirror is None:
        return False
    mirror.close()
    with memory.write() as tx:
        return tx.chores.claim(CHORE, now, now + LEASE)


def update_register(current: Settings, memory: SqlMemory, clock: Clock) -> str:
    """Import the daily files that are offered and missing; say in a word how that ended."""
    outcome, well = _followed(current)
    now = clock.now()
    wait = timedelta(hours=current.registry_update_hours) if well else SOON
    with memory.write() as tx:
        tx.chores.end(CHORE, now, outcome, now + wait)
    if not well:
        log.warning("registry.not_updated", outcome=outcome)
    return outcome


def _followed(current: Settings) -> tuple[str, bool]:
    try:
        mirror = open_mirror(current)
    except MirrorUnusable as error:
        return f"mirror {error.code}", False
    downloads = Downloads(base_url=current.nta_download_url or BASE_URL, contact=current.contact)
    try:
        with mirror.importing() as importer:
            files = [file.name for file, _ in update(mirror, importer, downloads, lambda _file, _rows: None)]
        return f"{len(files)} files, state of {mirror.register_date()}", True
    except ImportRunning:
        return "another import is running", False
    except RegisterGap as gap:
        return f"gap: {gap}", False
    except SourceError as error:
        return str(error.reason), False
    except UnreadableFile as error:
        return f"unreadable: {error.code}", False
    finally:
        downloads.close()
        mirror.close()
