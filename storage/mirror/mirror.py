"""A mirror as its users see it: histories by number, search by name and address, what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, bindparam, text

from pipeline.errors import SekishoError
from pipeline.register import Entry, History, Kind, history_of
from storage.database import Database
from storage.dialect import AnyRow
from storage.mirror import shape
from storage.mirror.importing import BATCH, Importer, importing
from storage.mirror.keys import Keys
from storage.mirror.search import Hit, Search

LONGEST_PAUSE: Final = timedelta(days=11)
"""Longer the agency's daily files have never been apart (holidays of May and around New Year)."""

_NATIONAL: Final = "00"
_AREAS: Final = frozenset({*(f"{code:02}" for code in range(1, 48)), "99"})
_AT_ONCE: Final = 500


class MirrorUnusable(SekishoError):
    """There is no mirror (``missing``), or one of another version (``other_version``)."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file in the ledger. Only when it is complete do its rows count."""

    name: str
    sha256: str
    kind: Kind
    issued: date | None
    area: str
    encoding: str
    rows: int
    complete: bool
    imported_at: str


class Mirror:
    """A mirror of the corporate-number register. Implements :class:`pipeline.register.CorporateRegister`.

    :param url: where it is, or is to be; of SQLAlchemy.
    :param create: make it if it is not there.
    :raises MirrorUnusable: when it cannot be used as it is.
    """

    def __init__(self, url: str, keys: Keys, *, create: bool = False) -> None:
        if not create and url.startswith("sqlite") and not Path(url.partition("///")[2]).exists():
            raise MirrorUnusable("missing", "there is no mirror of the register yet")
        self._keys = keys
        self._database = Database(url, pool_size=8)
        shape.prepare(self._database.engine)
        if create:
            with self._database.write() as connection:
                shape.create(connection, keys.version)
        with self._database.read() as connection:
            stamp = shape.stamp(connection)
        if stamp != (shape.SHAPE, keys.version):
            self._database.close()
            if stamp is None:
                raise MirrorUnusable("missing", "there is no mirror of the register yet")
            raise MirrorUnusable("other_version", "the mirror was made by another version; make it anew")

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def importing(self, *, batch: int = BATCH) -> AbstractContextManager[Importer]:
        """An importer for the length of the block; there is one at a time.

        :raises ImportRunning: when somebody else imports.
        """
        return importing(self._database, self._keys, batch)

    def history(self, number: str) -> History | None:
        """All that is known of a number; None where no file has it."""
        with self._database.read() as connection:
            return _history(connection.execute(_BY_NUMBER, {"number": int(number), "complete": True}).all())

    def names(self, name: str, *, prefecture: str = "", limit: int = 20) -> list[Hit]:
        """Numbers that have, or had, a name like this one, the best first.

        :param prefecture: two digits (JIS X 0401) where the number must be now; ``""`` for anywhere.
        """
        with self._search() as search:
            return search.names(name, prefecture, limit)

    def addresses(self, address: str, *, prefecture: str = "", limit: int = 20) -> list[Hit]:
        """Numbers that have, or had, an address that begins like this one, from the city on."""
        with self._search() as search:
            return search.addresses(address, prefecture, limit)

    @contextmanager
    def _search(self) -> Iterator[Search]:
        with self._database.read() as connection:
            yield Search(connection, self._keys, lambda numbers: _histories(connection, numbers))

    def files(self) -> list[ImportedFile]:
        """The ledger, in the order of import."""
        with self._database.read() as connection:
            return [
                ImportedFile(
                    name=row.name,
                    sha256=row.sha256,
                    kind=Kind(row.kind),
                    issued=date.fromisoformat(row.issued) if row.issued else None,
                    area=row.area,
                    encoding=row.encoding,
                    rows=row.done,
                    complete=bool(row.complete),
                    imported_at=row.imported_at,
                )
                for row in connection.execute(_FILES)
            ]

    def register_date(self) -> date | None:
        """The day whose state the mirror has: that of a full file, carried on by the daily files after it.

        None without a full file of the whole country, or of every area of it. Daily files further apart than
        :data:`LONGEST_PAUSE` are not taken to follow one another.
        """
        return register_date(self.files())

    def digest(self) -> str:
        """The SHA-256 of all that the mirror says: every history, by number. Reads everything."""
        state = hashlib.sha256()
        with self._database.read() as connection:
            rows = connection.execution_options(yield_per=10_000).execute(_ALL, {"complete": True})
            for _, same_number in groupby(rows, key=lambda row: row.number):
                history = _history(list(same_number))
                assert history is not None
                for entry in history.entries:
                    state.update(f"{entry.line}\n".encode())
        return state.hexdigest()


def register_date(files: Iterable[ImportedFile]) -> date | None:
    """As :meth:`Mirror.register_date`, of these files."""
    full: dict[str, date] = {}
    days = set()
    for file in files:
        if not file.complete or file.issued is None:
            continue
        if file.kind is Kind.DIFFERENTIAL:
            days.add(file.issued)
        elif file.kind is Kind.FULL:
            full[file.area] = max(file.issued, full.get(file.area, file.issued))
    bases = [full[_NATIONAL]] if _NATIONAL in full else []
    if full.keys() >= _AREAS:
        bases.append(min(full[area] for area in _AREAS))
    if not bases:
        return None
    reached = max(bases)
    for day in sorted(days):
        if reached < day <= reached + LONGEST_PAUSE:
            reached = day
    return reached


def _histories(connection: Connection, numbers: Sequence[int]) -> dict[str, History]:
    histories = {}
    for start in range(0, len(numbers), _AT_ONCE):
        rows = connection.execute(
            _BY_NUMBERS, {"numbers": numbers[start : start + _AT_ONCE], "complete": True}
        )
        for _, same_number in groupby(rows, key=lambda row: row.number):
            history = _history(list(same_number))
            assert history is not None
            histories[history.entries[0].number] = history
    return histories


def _history(rows: Sequence[AnyRow]) -> History | None:
    return history_of(
        (
            Entry(
                number=str(row.number),
                updated=row.updated,
                file=row.name,
                sha256=row.sha256,
                # The UTF-8 edition has characters that Shift_JIS has not.
                rank=int(row.encoding == "utf-8"),
                place=row.place,
                line=row.line,
            )
            for row in rows
        ),
        {row.sha256: Kind(row.kind) for row in rows},
    )


_ENTRIES = (
    "SELECT e.number, e.updated, e.place, e.line, f.name, f.sha256, f.kind, f.encoding"
    " FROM entries AS e JOIN files AS f ON f.id = e.file WHERE f.complete = :complete"
)
_BY_NUMBER = text(f"{_ENTRIES} AND e.number = :number")
_BY_NUMBERS = text(f"{_ENTRIES} AND e.number IN :numbers ORDER BY e.number").bindparams(
    bindparam("numbers", expanding=True)
)
_ALL = text(f"{_ENTRIES} ORDER BY e.number")
_FILES = text("SELECT * FROM files ORDER BY id")
