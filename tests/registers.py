"""Files of the corporate-number register that tests make, and what their rows add up to, told plainly."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from pipeline.corporate_number import check_digit
from pipeline.register import COLUMNS
from storage.mirror import Importer, Mirror, Outcome
from tasks.mirror import take

TEXTS = frozenset(
    {
        "name", "prefectureName", "cityName", "streetNumber", "addressOutside", "changeCause", "enName",
        "enPrefectureName", "enCityName", "enAddressOutside", "furigana",
    }
)  # fmt: skip


def number(body: int) -> str:
    """A well-formed corporate number of nobody."""
    return check_digit(f"{body:012}") + f"{body:012}"


def line(number_: str, columns: int = 30, **values: str) -> str:
    """A row as the agency writes it: a company in Tokyo, newly assigned, unless ``values`` say otherwise."""
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "sequenceNumber": "1", "corporateNumber": number_, "process": "01", "correct": "0",
        "updateDate": "2024-04-01", "changeDate": "2024-03-25", "name": "株式会社せきしょ試験", "kind": "301",
        "prefectureName": "東京都", "cityName": "千代田区", "streetNumber": "霞が関３丁目１番１号",
        "prefectureCode": "13", "cityCode": "101", "postCode": "1000013", "assignmentDate": "2024-03-25",
        "latest": "1", "hihyoji": "0",
    }  # fmt: skip
    row |= values
    written = [
        f'"{value.replace(chr(34), chr(34) * 2)}"' if name in TEXTS and value else value
        for name, value in row.items()
    ]
    return ",".join(written[:columns]) + "\n"


def write(folder: Path, name: str, lines: Iterable[str], encoding: str = "utf-8") -> Path:
    """A file of these rows."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes("".join(lines).encode(encoding))
    return path


def import_all(mirror: Mirror, paths: Iterable[Path], *, batch: int = 20_000) -> list[Outcome]:
    """Import files, one after another, in one call."""
    with mirror.importing(batch=batch) as importer:
        return [import_one(importer, path) for path in paths]


def import_one(importer: Importer, path: Path) -> Outcome:
    """Import a file."""
    return take(importer, path, lambda _file, _rows: None)[1]


def daily_files(folder: Path, source: Path, encoding: str) -> list[Path]:
    """The rows of a file, each in the daily file of its ``updateDate``, oldest first."""
    rows = [
        (next(csv.reader([each]))[4], f"{each}\n")
        for each in source.read_bytes().decode(encoding).split("\n")
        if each
    ]
    rows.sort(key=lambda row: row[0])  # stable: within a day the order stays
    return [
        write(folder, f"diff_{day.replace('-', '')}.csv", [text for _, text in group], encoding)
        for day, group in groupby(rows, key=lambda row: row[0])
    ]


def read_plainly(path: Path, encoding: str) -> list[dict[str, str]]:
    """Every row of a file, by nothing but the csv module."""
    text = path.read_bytes().decode(encoding)
    return [dict(zip(COLUMNS, row, strict=False)) for row in csv.reader(io.StringIO(text, newline=""))]


def applied(days: Sequence[Sequence[dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    """What daily files add up to, applied one after another as the rules say."""
    state: dict[str, list[dict[str, str]]] = {}
    for rows in days:
        groups: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            groups.setdefault(row["corporateNumber"], []).append(row)
        for number_, group in groups.items():
            state[number_] = group if group[0]["process"] == "01" else [*state.get(number_, []), *group]
    return state


def told(mirror: Mirror, numbers: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """What a mirror says of these numbers."""
    histories = {each: mirror.history(each) for each in numbers}
    return {
        each: [] if history is None else [entry.fields() for entry in history.entries]
        for each, history in histories.items()
    }
