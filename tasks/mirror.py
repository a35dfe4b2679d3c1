"""The register's mirror: where it is, how files get into it, how it is kept up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Protocol

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from connectors.nta_bulk import BulkFile, inspect
from connectors.nta_downloads import SOURCE, DownloadPage
from connectors.nta_rows import UnreadableFile
from pipeline.errors import SekishoError, SourceUnavailable
from pipeline.register import History, Kind
from rules.names import key
from storage.mirror import Importer, Keys, Mirror, MirrorUnusable, Outcome
from tasks.settings import Settings

KEYS = Keys(key.VERSION, key.name_key, key.address_key)
"""How the mirror's names and addresses are looked up: as the rules fold them."""

_A_MINUTE = 60.0

Progress = Callable[[BulkFile, int], None]
"""Told of a file how many of its rows are kept."""


class RegisterGap(SekishoError):
    """Daily files that are missing are not offered any more. A full file has to be imported first."""

    def __init__(self, reached: date | None, offered: date) -> None:
        super().__init__(f"the mirror reaches {reached}, the oldest file that is offered is of {offered}")


class DownloadSite(Protocol):
    """Where daily files come from."""

    def page(self) -> DownloadPage:
        """What is offered."""

    def file(self, page: DownloadPage, day: date) -> bytes:
        """The zip of a day."""


class Register:
    """The mirror as its connector sees it. Implements :class:`pipeline.register.CorporateRegister`."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._date: date | None = None
        self._look_again_at = float("-inf")

    def register_date(self) -> date | None:
        """As the mirror's, looked up once a minute; None while it cannot be read."""
        if monotonic() >= self._look_again_at:
            try:
                self._date = self._mirror.register_date()
            except SQLAlchemyError:
                self._date = None
            self._look_again_at = monotonic() + _A_MINUTE
        return self._date

    def history(self, number: str) -> History | None:
        """As the mirror's.

        :raises SourceUnavailable: when it cannot be read.
        """
        try:
            return self._mirror.history(number)
        except SQLAlchemyError:
            raise SourceUnavailable(SOURCE, "unreachable", "the mirror cannot be read") from None


def mirror_url(settings: Settings) -> str:
    """Where the mirror is: as set, else a file beside the database, or a schema in it."""
    if chosen := settings.mirror_url.get_secret_value():
        return chosen
    url = make_url(settings.database_url.get_secret_value())
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=str(Path(url.database).with_name("mirror.db")))
    return url.render_as_string(hide_password=False)


def open_mirror(settings: Settings, *, create: bool = False) -> Mirror:
    """The mirror of these settings.

    :raises MirrorUnusable: when it is not there, or of another version.
    """
    return Mirror(mirror_url(settings), KEYS, create=create)


def mirror_if_there(settings: Settings) -> Mirror | None:
    """The mirror, or None where there is none that can be used."""
    try:
        return open_mirror(settings)
    except (MirrorUnusable, SQLAlchemyError):
        return None


def take(importer: Importer, path: Path, progress: Progress) -> tuple[BulkFile, Outcome]:
    """Import one file.

    :raises UnreadableFile: when it is not what the agency publishes; nothing of it remains.
    """
    file = inspect(path)
    return file, _taken(importer, file, progress)


def _taken(importer: Importer, file: BulkFile, progress: Progress) -> Outcome:
    return importer.take(file, lambda rows: progress(file, rows))


def update(
    mirror: Mirror, importer: Importer, site: DownloadSite, progress: Progress
) -> Iterator[tuple[BulkFile, Outcome]]:
    """Import, oldest first, the daily files that are offered and missing. Yields each when it is kept.

    :raises RegisterGap: before anything is imported, when what is offered does not reach back far enough.
    :raises SourceError: when page or file cannot be had or read.
    :raises UnreadableFile: when a file is not what the agency publishes.
    """
    page = site.page()
    reached = mirror.register_date()
    if reached is None or reached < min(page.files):
        raise RegisterGap(reached, min(page.files))
    there = {file.issued for file in mirror.files() if file.complete and file.kind is Kind.DIFFERENTIAL}
    for day in sorted(page.files.keys() - there):
        with _kept(site.file(page, day), day) as path:
            file = inspect(path)
            if file.kind is not Kind.DIFFERENTIAL or file.issued != day:
                raise UnreadableFile("date", f"what was offered for {day} is {file.name}")
            yield file, _taken(importer, file, progress)


@contextmanager
def _kept(archive: bytes, day: date) -> Iterator[Path]:
    with TemporaryDirectory(prefix="sekisho-register-") as folder:
        path = Path(folder) / f"diff_{day:%Y%m%d}.zip"
        path.write_bytes(archive)
        yield path
