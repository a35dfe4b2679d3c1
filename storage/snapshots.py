"""The whole catalog as one file: NDJSON, gzipped, made while it is read and kept by its position in the feed.

The first line says what follows: ``position`` in the feed, ``count`` and ``digest`` of the state; then a line
a listing in the order of the ids, as ``GET /v1/listings`` shows it. ``digest`` is the SHA-256 of one line a
listing, ``{listing_id} {version} {digest}`` with a line feed, in that order.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, cast

import orjson
from sqlalchemy import exists, select

from pipeline.model import isoformat
from pipeline.ports import Clock
from storage import tables as t
from storage.database import Database
from storage.listings import IN_CATALOG, IS_IN, SqlListings, item, stored_listing

SCHEMA = "snapshot/1"

_AT_ONCE = 200
"""Listings in memory."""

_COMPRESSION = 3
"""Of nine: half the time of the usual six for a tenth more bytes."""

_PREFIX = "listings-"
_SUFFIX = ".ndjson.gz"


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A snapshot on disk. ``mark`` tells its position from the same one of another catalog's feed."""

    path: Path
    position: int
    count: int
    digest: str
    generated_at: datetime
    mark: str = ""


def write_snapshot(database: Database, path: Path, generated_at: datetime) -> SnapshotFile:
    """Write the catalog as it is now to a file, which is there once it is whole.

    Memory does not grow with the catalog.
    """
    body = path.with_name(f"{path.name}.{os.getpid()}-body")
    whole = path.with_name(f"{path.name}.{os.getpid()}-whole")
    try:
        with body.open("wb") as raw, _zipped(raw) as lines:
            position, count, digest = _write_lines(database, lines)
        head = {
            "schema": SCHEMA,
            "position": position,
            "count": count,
            "digest": digest,
            "generated_at": isoformat(generated_at),
        }
        # What the first line says is known last. Members of a gzip file may be put one behind the other.
        with whole.open("wb") as out, body.open("rb") as made:
            with _zipped(out) as first:
                first.write(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE))
            shutil.copyfileobj(made, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        whole.replace(path)
    finally:
        body.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    return SnapshotFile(path, position, count, digest, generated_at)


def read_head(path: Path) -> SnapshotFile:
    """What a snapshot's first line says."""
    with gzip.open(path) as lines:
        head = orjson.loads(lines.readline(10_000))
    generated_at = datetime.fromisoformat(head["generated_at"])
    return SnapshotFile(path, head["position"], head["count"], head["digest"], generated_at)


def _write_lines(database: Database, lines: IO[bytes]) -> tuple[int, int, str]:
    whole = hashlib.sha256()
    count = 0
    with database.read() as connection:
        while True:
            for row in connection.execute(_STATE.execution_options(yield_per=_AT_ONCE)):
                listing = stored_listing(row)
                position = int(row.position)
                lines.write(orjson.dumps(item(listing), option=orjson.OPT_APPEND_NEWLINE))
                whole.update(f"{listing.listing_id} {listing.version} {listing.sha256}\n".encode())
                count += 1
            if count == 0:
                empty_at = connection.execute(_EMPTY).scalar_one_or_none()
                if empty_at is None:
                    continue  # the first listing came in between
                position = int(empty_at)
            return position, count, "sha256:" + whole.hexdigest()


@contextmanager
def _zipped(file: IO[bytes]) -> Iterator[IO[bytes]]:
    # No name and no time: the same listings are the same bytes.
    with gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as zipped:
        yield cast("IO[bytes]", zipped)


class Snapshots:
    """Keeps the newest snapshot in a folder and makes another when the catalog has changed.

    Not oftener than every ``age``, whoever asks: a snapshot a little behind is as good, for it says from
    which position to follow the feed. Several processes may share the folder.
    """

    def __init__(self, database: Database, folder: Path, clock: Clock, age: timedelta) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._age = age
        self._making = threading.Lock()

    def newest(self) -> SnapshotFile:
        """A snapshot from which the feed can be followed."""
        return self._kept() or self._made()

    def _kept(self) -> SnapshotFile | None:
        """The snapshot on disk, if it is good enough."""
        found = next(iter(self._files()), None)
        if found is None:
            return None
        name, _, mark = found.name.removeprefix(_PREFIX).removesuffix(_SUFFIX).partition("-")
        position = int(name)
        with self._database.read() as connection:
            listings = SqlListings(connection)
            head = listings.head()
            if listings.mark(position) != mark:
                return None
        try:
            file = read_head(found)
        except FileNotFoundError:
            return None
        if position != head and self._clock.now() - file.generated_at >= self._age:
            return None
        return SnapshotFile(found, position, file.count, file.digest, file.generated_at, mark)

    def _made(self) -> SnapshotFile:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._making, (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (kept := self._kept()) is not None:
                return kept
            made = write_snapshot(self._database, self._folder / "new", self._clock.now())
            with self._database.read() as connection:
                mark = SqlListings(connection).mark(made.position)
            path = self._folder / f"{_PREFIX}{made.position}-{mark}{_SUFFIX}"
            made.path.replace(path)
            for old in self._files()[2:]:
                old.unlink(missing_ok=True)
            return SnapshotFile(path, made.position, made.count, made.digest, made.generated_at, str(mark))

    def _files(self) -> list[Path]:
        """The snapshots on disk, the newest first. The one before it stays: it may be on its way out."""
        dated = []
        for path in self._folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            with suppress(FileNotFoundError):
                dated.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(dated, reverse=True)]


# One statement sees one moment, also on PostgreSQL under READ COMMITTED.
_STATE = IN_CATALOG.add_columns(select(t.feed_head.c.position).scalar_subquery().label("position")).order_by(
    t.listings.c.id
)
_EMPTY = select(t.feed_head.c.position).where(~exists().where(IS_IN))
