"""A clerk's list of companies: CSV as spreadsheets write it, with its columns in any order."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.output import Exit, Failure

if TYPE_CHECKING:
    from pipeline.identifiers import OrganisationId
    from rules.roster import Company

LARGEST: Final = 32 << 20
"""Bytes."""
MOST_ROWS: Final = 200_000
_LONGEST_CELL: Final = 1 << 16
_NO_TEXT: Final = re.compile("[\0\x80-\x9f\uf8f0-\uf8ff\ufffd]")
"""What no text holds, or what cp932 makes of bytes that it has no character for."""

_NUMBER = "number"
_INVOICE = "invoice"
_NAME = "name"
_IDENTIFIER = "identifier"
_SCHEME = "scheme"

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    _NAME: (
        "商号", "名称", "商号又は名称", "商号または名称", "会社名", "法人名", "法人名称", "事業者名",
        "企業名", "業者名", "社名", "取引先名", "name", "company", "company name", "legal name",
        "vendor", "vendor name", "supplier", "supplier name", "organisation", "organization",
    ),
    "JP-JCN": ("法人番号", "corporate number", "houjin bangou", "jcn", "jp-jcn"),
    _INVOICE: (
        "登録番号", "適格請求書発行事業者登録番号", "インボイス番号", "インボイス登録番号", "invoice number",
        "qualified invoice issuer number", "t number",
    ),
    "XI-LEI": ("lei", "lei code", "leiコード", "xi-lei"),
    "GB-COH": ("companies house number", "uk company number", "英国会社番号", "gb-coh"),
    "NO-BRC": ("organisasjonsnummer", "orgnr", "no-brc"),
    "FR-INSEE": ("siren", "fr-insee"),
    "XI-VAT": ("vat", "vat number", "vat番号", "付加価値税番号", "xi-vat"),
    "US-UEI": ("uei", "us-uei"),
    _IDENTIFIER: ("識別子", "identifier", "identifiers", "id"),
    _SCHEME: ("番号体系", "scheme"),
}  # fmt: skip
"""What each column is, by its heading: the schemes of identifiers, and what has a name of its own."""


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A row: where it stands (counted as a spreadsheet does), its cells, the company, and what is wrong."""

    number: int
    cells: tuple[str, ...]
    company: Company
    fault: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """A list: its headings and its rows."""

    headings: tuple[str, ...]
    rows: tuple[RosterRow, ...]


def read_roster(path: Path) -> Roster:
    """The list in a file.

    :raises Failure: with what is wrong with the whole file; what is wrong with a row stands in the row.
    """
    text = _text(path)
    try:
        lines = list(_lines(text))
    except csv.Error:
        raise _broken(
            "csv", "The file is not CSV", "A quotation mark is left open, or a cell is too long."
        ) from None
    if not lines:
        raise _broken(
            "empty", "The file is empty", "The first row has the headings, each further one a company."
        )
    (_, headings), *rows = lines
    columns = _columns(headings)
    if len(rows) > MOST_ROWS:
        raise _broken("too_many_rows", f"The file has more than {MOST_ROWS:,} rows", "Take it in parts.")
    return Roster(
        tuple(headings),
        tuple(
            _row(place, cells, len(headings), columns) for place, cells in rows if any(map(str.strip, cells))
        ),
    )


def _broken(code: str, title: str, detail: str) -> Failure:
    return Failure(Exit.INVALID, f"verify.{code}", title, detail)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
    except OSError as error:
        raise Failure(
            Exit.NOT_FOUND, "verify.no_file", "The file cannot be opened", f"{path}: {error.strerror}"
        ) from None
    if len(body) > LARGEST:
        raise _broken("too_large", f"The file has more than {LARGEST >> 20} MiB", "Take it in parts.")
    encodings = ("utf-16",) if body.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _NO_TEXT.search(text):
            break
        return text
    raise _broken(
        "encoding",
        "The file is not a text in UTF-8 or Shift_JIS",
        "Save it from the spreadsheet as CSV (UTF-8). 表計算ソフトで「CSV UTF-8」として保存してください。",
    )


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line's cells and the row that it begins at, from 1."""
    first = text.split("\n", 1)[0]
    delimiter = max((",", "\t", ";"), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    for cells in reader:
        if any(len(cell) > _LONGEST_CELL for cell in cells):
            raise csv.Error
        yield begins, cells
        begins = reader.line_num + 1


def _columns(headings: Sequence[str]) -> dict[str, int]:
    """Where each thing stands."""
    meanings = {_folded(known): meaning for meaning, all_known in HEADINGS.items() for known in all_known}
    columns: dict[str, int] = {}
    for place, heading in enumerate(headings):
        meaning = meanings.get(_folded(heading))
        if meaning is None:
            continue
        if meaning in columns:
            raise _broken(
                "column_twice",
                f"Two columns say the same: {headings[columns[meaning]]} and {heading}",
                "Leave one. 同じ意味の列が二つあります。一つにしてください。",
            )
        columns[meaning] = place
    if not columns.keys() - {_SCHEME} or (_SCHEME in columns and _IDENTIFIER not in columns):
        raise _broken(
            "columns",
            "No column is known by its heading",
            f"There are {', '.join(heading[:40] for heading in headings[:20])}. Head one 法人番号 (corporate "
            "number), 商号 (name), identifier (SCHEME:ID) or as `sekisho verify --help` says. "
            "見出しから列を判別できません。「法人番号」や「商号」などの見出しを付けてください。",
        )
    return columns


def _folded(heading: str) -> str:
    return re.sub(r"[\s_・　]+", " ", unicodedata.normalize("NFKC", heading)).strip().casefold()


def _row(number: int, cells: Sequence[str], width: int, columns: Mapping[str, int]) -> RosterRow:
    from rules.roster import Company

    if len(cells) > width and any(map(str.strip, cells[width:])):
        return RosterRow(number, tuple(cells), Company(), "ROW_MALFORMED", f"{len(cells)} / {width}")
    padded = [*cells[:width], *[""] * (width - len(cells))]
    values = {meaning: padded[place].strip() for meaning, place in columns.items()}
    name = " ".join(values.get(_NAME, "").split())
    identifiers, faults = [], []
    for scheme, text in _identified(values):
        identifier = _identifier(scheme, text)
        if identifier is None:
            faults.append(text)
        else:
            identifiers.append(identifier)
    invoice = _compact(values.get(_INVOICE, "")).upper()
    if invoice:
        from pipeline.corporate_number import is_well_formed

        invoice = invoice if invoice.startswith("T") else f"T{invoice}"
        if not is_well_formed(invoice.removeprefix("T")):
            faults.append(values[_INVOICE])
            invoice = ""
    company = Company(name, tuple(dict.fromkeys(identifiers)), invoice)
    if faults:
        return RosterRow(number, tuple(padded), company, "IDENTIFIER_MALFORMED", ", ".join(faults)[:200])
    if not (name or identifiers or invoice):
        return RosterRow(number, tuple(padded), company, "ROW_EMPTY")
    return RosterRow(number, tuple(padded), company)


def _identified(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for meaning, value in values.items():
        if meaning in {_NAME, _INVOICE, _SCHEME} or not value:
            continue
        if meaning != _IDENTIFIER:
            yield meaning, value
        elif values.get(_SCHEME):
            yield values[_SCHEME], value
        else:
            for part in re.split(r"[\s;、,]+", unicodedata.normalize("NFKC", value)):
                scheme, colon, number = part.partition(":")
                # Thirteen digits without a scheme are what a clerk here means by a number.
                yield (scheme, number) if colon else ("JP-JCN", part)


def _identifier(scheme: str, text: str) -> OrganisationId | None:
    from connectors.identifiers import is_well_formed
    from pipeline.identifiers import OrganisationId

    scheme = unicodedata.normalize("NFKC", scheme).strip().upper()
    number = _compact(text)
    if scheme == "GB-COH" and number.isdigit() and len(number) < 8:
        number = number.zfill(8)  # the register's own rule; spreadsheets drop leading zeros
    if scheme in {"XI-LEI", "GB-COH", "XI-VAT", "US-UEI"}:
        number = number.upper()
    identifier = OrganisationId(scheme, number)
    return identifier if is_well_formed(identifier) else None


def _compact(text: str) -> str:
    """A number without width, spaces and dashes; and without the apostrophe that keeps it a text."""
    folded = unicodedata.normalize("NFKC", text)
    return re.sub(r"[\s\-‐‑‒–—―−－ー']+", "", folded)
