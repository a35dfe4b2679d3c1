"""Saved answers and published files, read without a network: what ``sekisho connectors read`` prints.

A source's own connector reads what it answered (``evidence_in``), alone or in a zip. Besides, of ``jp.nta``
the published files are read (full and daily, of both layouts, zipped or not), the page that lists them, and
tables of codes; of ``jp.gbizinfo`` rows exported from its SPARQL endpoint; ``jp.p-portal`` reads award files,
which no case has cause to ask about.

What a file holds is told by its content. A name may lie, and a copy has lost it.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Final

from connectors import gbizinfo, nta, nta_downloads, nta_mirrored, p_portal, strict
from connectors.evidence import unasked
from connectors.installed import BUILT_IN, Factory, load_entry_points
from connectors.nta_bulk import BulkFile, inspect
from connectors.nta_rows import UnreadableFile
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.tax_agency import refusal
from pipeline.errors import ConfigurationError, SourceChanged, SourceUnavailable
from pipeline.model import Capture, Evidence
from pipeline.ports import Connector
from pipeline.register import COLUMNS, FIRST_COLUMNS, Entry, Kind, Row, history_of

AWARDS: Final = "jp.p-portal"
FILE_SCHEME: Final = "JP-NTA-FILE"
CODE_SCHEME: Final = "JP-NTA-CODE"

LARGEST: Final = 256 << 20
"""Bytes of a file."""

_MOST_MEMBERS: Final = 100
_MOST_PACKED: Final = 100
_PLACEHOLDER: Final = "https://localhost"
"""For settings that a connector cannot be made without. Nothing is asked there."""


class UnknownSource(ConfigurationError):
    """There is no connector of this name, or it reads no saved answers."""


class _Placeholders(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return _PLACEHOLDER


def read_saved(source: str, path: Path, settings: Mapping[str, str] | None = None) -> Iterator[Evidence]:
    """Everything that a file says, in its order.

    :param settings: of the source, such as ``layout``; keys and addresses are not needed.
    :raises UnknownSource: when nothing here reads files of this source.
    :raises SourceChanged: when the file is none that is known of this source.
    :raises SourceUnavailable: when it is an answer that says that the question was not met, with its reason.
    :raises OSError: when it cannot be opened.
    """
    read = reader(source, settings or {})
    with path.open("rb") as file:
        body = file.read(LARGEST + 1)
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    if len(body) > LARGEST:
        raise SourceChanged(source, "the file is too large to be shown; `sekisho registry import` takes more")
    if source == nta.SOURCE and (_is_zip(body) or _is_bulk(body)):
        return _bulk(path, modified, body)
    captures = [
        Capture(source, f"file:{name}", modified, 200, "", part) for name, part in _parts(source, path, body)
    ]
    return (evidence for capture in captures for evidence in read(capture))


def reader(source: str, settings: Mapping[str, str]) -> Callable[[Capture], Iterable[Evidence]]:
    """What reads saved answers of a source.

    :raises UnknownSource: when there is no such thing.
    """
    if source == AWARDS:
        return _awards
    connector = made_for_reading(source, settings)
    evidence_in: Callable[[Capture], Iterable[Evidence]] | None = getattr(connector, "evidence_in", None)
    if evidence_in is None:
        raise UnknownSource([f"{source}: its connector reads no saved answers"])
    more = {nta.SOURCE: _nta, gbizinfo.SOURCE: _gbizinfo}.get(source)
    return evidence_in if more is None else lambda capture: more(capture, evidence_in)


def made_for_reading(source: str, settings: Mapping[str, str]) -> Connector:
    """The connector of a source, with placeholders for keys and addresses that are not set.

    :raises UnknownSource: when there is none.
    :raises ConfigurationError: when it cannot be made so.
    """
    factory: Factory | None = BUILT_IN.get(source) or load_entry_points({source}).get(source)
    if factory is None:
        raise UnknownSource([f"{source}: no connector of this name is installed"])
    return factory(_Placeholders(settings))


def _is_zip(body: bytes) -> bool:
    return body.startswith(b"PK\x03\x04")


def _parts(source: str, path: Path, body: bytes) -> list[tuple[str, bytes]]:
    """The file, or the files in it."""
    if not _is_zip(body):
        return [(path.name, body)]
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            size = sum(member.file_size for member in members)
            if len(members) > _MOST_MEMBERS or size > min(LARGEST, max(len(body), 1 << 18) * _MOST_PACKED):
                raise SourceChanged(source, "the zip holds more than any genuine one")
            return [
                (PurePosixPath(member.filename).name, archive.read(member))
                for member in members
                if not member.filename.endswith(".asc")  # a detached signature
            ]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise SourceChanged(source, "the zip is damaged, encrypted or cut short") from None


def _first_line(body: bytes) -> str:
    line = body.removeprefix(b"\xef\xbb\xbf")[: 1 << 16].split(b"\n", 1)[0]
    try:
        return line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError:
        return line.decode("cp932", "replace").rstrip("\r")


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []


def _is_bulk(body: bytes) -> bool:
    cells = _cells(_first_line(body))
    return len(cells) in (FIRST_COLUMNS, len(COLUMNS)) and bool(re.fullmatch("[0-9]{13}", cells[1], re.ASCII))


def _bulk(path: Path, modified: datetime, body: bytes) -> Iterator[Evidence]:
    """The numbers of a published file, each with what its rows add up to."""
    capture = Capture(nta.SOURCE, f"file:{path.name}", modified, 200, "", body)
    try:
        file = inspect(path)
        rows: Iterable[Row] = file.rows()
        if file.kind is Kind.EXTRACT:
            # Rows that somebody picked: a number's need not stand together.
            rows = sorted(rows, key=lambda row: row.number)
        for number, own in groupby(rows, key=lambda row: row.number):
            yield _numbered(file, f"{number:013}", list(own), capture)
    except UnreadableFile as error:
        raise SourceChanged(nta.SOURCE, f"{error.code}: {error}", sha256=capture.sha256) from None


def _numbered(file: BulkFile, number: str, rows: Sequence[Row], capture: Capture) -> Evidence:
    entries = [Entry(number, row.updated, file.name, file.sha256, 0, row.place, row.line) for row in rows]
    history = history_of(entries, {file.sha256: file.kind})
    assert history is not None
    with strict.reading(capture):
        record = nta_mirrored.record_of(history)
    day = file.issued.isoformat() if file.issued is not None else max(row.updated for row in rows)
    return unasked(nta.SOURCE, nta.SCHEME, number, capture, {**record, "register_date": day})


def _nta(capture: Capture, evidence_in: Callable[[Capture], Iterable[Evidence]]) -> Iterable[Evidence]:
    body, first = capture.body, _first_line(capture.body)
    if code := refusal(body):
        raise SourceUnavailable(nta.SOURCE, Reason.REFUSED, f"the saved answer is an error, code {code}")
    if re.match(rb"\s*<(?:!doctype html|html)", body[:1000].removeprefix(b"\xef\xbb\xbf"), re.IGNORECASE):
        page = nta_downloads.read_page(capture)
        files = {day.isoformat(): number for day, number in page.files.items()}
        return [_listed(day, number, capture) for day, number in files.items()]
    with strict.reading(capture):
        match _cells(first):
            case ["date", "fileNo"]:
                table = _table(body)
                return [_listed(strict.day(row["date"], "date"), row["fileNo"], capture) for row in table]
            case ["name", "label", *_]:
                return [_coded(row, capture) for row in _table(body)]
    return evidence_in(capture)


def _listed(day: str, number: str, capture: Capture) -> Evidence:
    """A daily file that the agency offers."""
    return unasked(nta.SOURCE, FILE_SCHEME, day, capture, {"day": day, "file_number": number})


def _coded(row: Mapping[str, str], capture: Capture) -> Evidence:
    """A code and what it means; the table is named by the file."""
    table = capture.url.removeprefix("file:").rpartition(".")[0]
    said = {key: value for key, value in row.items() if key != "name" and value}
    record = {"table": table, "code": row["name"], **said}
    return unasked(nta.SOURCE, CODE_SCHEME, f"{table}/{strict.text(row['name'], 'name')}", capture, record)


def _table(body: bytes) -> list[dict[str, str]]:
    """The rows of a CSV in UTF-8 that has a line of headings."""
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Unexpected("the file is not CSV in UTF-8") from None
    headings, *rows = lines
    if any(len(row) != len(headings) for row in rows):
        raise Unexpected("a line has other columns than the headings")
    return [dict(zip(headings, row, strict=True)) for row in rows]


def _gbizinfo(capture: Capture, evidence_in: Callable[[Capture], Iterable[Evidence]]) -> Iterable[Evidence]:
    if _first_line(capture.body).lstrip().startswith(("{", "[", "\x1e")):
        return evidence_in(capture)
    with strict.reading(capture):
        orders: dict[str, list[dict[str, Any]]] = {}
        for number, order in gbizinfo.read_procurements(capture.body):
            orders.setdefault(number, []).append(order)
        return [
            unasked(
                gbizinfo.SOURCE, gbizinfo.SCHEME, number, capture, {"number": number, "procurements": own}
            )
            for number, own in orders.items()
        ]


def _awards(capture: Capture) -> Iterable[Evidence]:
    """Awards by the winner's corporate number; one to somebody without a number is evidence about nobody."""
    with strict.reading(capture):
        awards = p_portal.read_awards(capture.body)
    return [
        unasked(AWARDS, nta.SCHEME, award["number"], capture, award) for award in awards if "number" in award
    ]
