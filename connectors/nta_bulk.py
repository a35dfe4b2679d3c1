"""The files of the corporate-number register: full (全件) and differential (差分), zipped or plain, in CSV.

Sources: the agency's download pages (names of the files, a CSV and its detached OpenPGP signature in each
zip), and measurements on published files: no header, LF, UTF-8 or Shift_JIS. Shift_JIS is read as cp932: only
that gives the code points of the UTF-8 edition.

A file is looked through whole before any of it is used, so that one that is cut short, damaged or in another
encoding changes nothing. That bytes decode does not prove their encoding; the rows prove it again, each by
the name of its prefecture (:mod:`connectors.nta_rows`).
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Final, Protocol

from connectors.nta_rows import LONGEST_ROW, UnreadableFile, count_columns, read_rows
from pipeline.register import Kind, Row

LARGEST: Final = 8 << 30
"""Bytes of a file, unpacked. The national file has 1.2 GB."""

_MOST_PACKED: Final = 100
"""A zip that unpacks to more than so many times its size is none of these. Genuine ones reach 7."""

_SMALL: Final = 1 << 24
"""Up to so many bytes it does not matter how far a zip unpacks."""

_PIECE: Final = 1 << 20
_UTF8, _SHIFT_JIS = "utf-8", "cp932"
_BYTE_ORDER_MARK = "\ufeff"

_FULL = re.compile(r"([0-9]{2})_[a-z]+_all_([0-9]{4})([0-9]{2})([0-9]{2})\.csv")
_DIFFERENTIAL = re.compile(r"diff_()([0-9]{4})([0-9]{2})([0-9]{2})\.csv")
_PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class BulkFile:
    """A file that was looked through.

    ``name`` is that of the CSV, ``sha256`` its digest in hexadecimal, ``lines`` how many it has. ``issued``
    is the date in its name, ``area`` the two digits there that say what a full file covers.
    """

    path: Path
    name: str
    kind: Kind
    issued: date | None
    area: str
    sha256: str
    encoding: str
    columns: int
    lines: int

    def rows(self) -> Iterator[Row]:
        """The rows in their order.

        :raises UnreadableFile: at the first that is not as published.
        """
        digest = hashlib.sha256()
        published = self.issued if self.kind is Kind.DIFFERENTIAL else None
        with _opened(self.path) as (_, stream):
            yield from read_rows(_lines(_chunks(stream, digest), self.encoding), self.columns, published)
        if digest.hexdigest() != self.sha256:
            raise _changed()


def inspect(path: Path) -> BulkFile:
    """Look a file through: its container, its bytes, its encoding, its layout.

    :raises UnreadableFile: when it cannot be one that the agency publishes.
    """
    digest = hashlib.sha256()
    encoding, proven = _UTF8, False
    first, lines = b"", 0
    with _opened(path) as (name, stream):
        for chunk in _chunks(stream, digest):
            first = first or chunk.partition(b"\n")[0]
            lines += chunk.count(b"\n")
            if b"\0" in chunk:
                raise UnreadableFile("nul", "the file holds the character U+0000")
            if chunk.isascii():
                continue
            if encoding == _UTF8 and not _decodes(chunk, _UTF8):
                if proven:
                    raise UnreadableFile("mixed_encoding", "the file begins in UTF-8 and does not go on so")
                encoding = _SHIFT_JIS
            if encoding == _SHIFT_JIS and not _decodes(chunk, _SHIFT_JIS):
                raise UnreadableFile("encoding", "the file is neither UTF-8 nor Shift_JIS")
            proven = True
    if not lines:
        raise UnreadableFile("empty", "the file is empty")
    columns = count_columns(first.decode(encoding).removeprefix(_BYTE_ORDER_MARK))
    kind, issued, area = _named(name)
    return BulkFile(path, name, kind, issued, area, digest.hexdigest(), encoding, columns, lines)


def _named(name: str) -> tuple[Kind, date | None, str]:
    for pattern, kind in ((_FULL, Kind.FULL), (_DIFFERENTIAL, Kind.DIFFERENTIAL)):
        if match := pattern.fullmatch(name):
            area, *day = match.groups()
            try:
                return kind, date(*map(int, day)), area
            except ValueError:
                break
    return Kind.EXTRACT, None, ""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The name and the bytes of the CSV, in a zip or as it is. Nothing is ever unpacked to disk."""
    try:
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
            file.seek(0)
            if not is_zip:
                yield path.name, file
                return
            with zipfile.ZipFile(file) as archive:
                member = _table(archive)
                with archive.open(member) as stream:
                    yield member.filename, stream
    except OSError as error:
        raise UnreadableFile("not_a_file", error.strerror or type(error).__name__) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise UnreadableFile("zip_damaged", "the zip is damaged or cut short") from None


def _table(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    tables = [member for member in members if member.filename.endswith(".csv")]
    others = {member.filename for member in members} - {member.filename for member in tables}
    if len(tables) != 1 or not others <= {f"{tables[0].filename}.asc"} or len(members) > 2:
        raise UnreadableFile("zip_members", "the zip holds something else than one CSV and its signature")
    table = tables[0]
    if not _PLAIN_NAME.fullmatch(table.filename) or table.flag_bits & 1:
        raise UnreadableFile("zip_members", "the name in the zip leads elsewhere, or it is encrypted")
    if table.file_size > LARGEST:
        raise UnreadableFile("too_large", "the file in the zip is larger than any")
    if table.file_size > max(_SMALL, table.compress_size * _MOST_PACKED):
        raise UnreadableFile("zip_bomb", "the zip unpacks to far more than a genuine one")
    return table


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def _chunks(stream: IO[bytes], digest: _Digest) -> Iterator[bytes]:
    """The bytes in pieces of whole lines; a last line without an end gets one."""
    size = 0
    begun = b""
    while piece := stream.read(_PIECE):
        digest.update(piece)
        size += len(piece)
        if size > LARGEST:
            raise UnreadableFile("too_large", "the file is larger than any")
        whole, end, rest = piece.rpartition(b"\n")
        if end:
            yield begun + whole + end
            begun = rest
        else:
            begun += piece
        if len(begun) > LONGEST_ROW:
            raise UnreadableFile("line_too_long", "a line is longer than any row")
    if begun:
        yield begun + b"\n"


def _decodes(chunk: bytes, encoding: str) -> bool:
    try:
        chunk.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    mark = _BYTE_ORDER_MARK
    for chunk in chunks:
        try:
            text = chunk.decode(encoding)
        except UnicodeDecodeError:
            raise _changed() from None
        yield from text.removeprefix(mark).split("\n")[:-1]
        mark = ""


def _changed() -> UnreadableFile:
    return UnreadableFile("changed_meanwhile", "the file is not any more what it was when looked through")
