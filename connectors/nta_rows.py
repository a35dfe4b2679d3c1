"""The rows of the corporate-number register's files, read strictly.

Sources: the agency's resource definition (columns and code tables), and measurements on 3,171,572 published
rows: text is quoted wherever it is filled, codes and dates never are, ``""`` is the escape; a number's rows
stand together and exactly the last is its latest; in a daily file ``updateDate`` is the day of the file.

Each row is matched whole against one pattern. The few that it does not fit (a quotation mark or a line break
in a text, a withdrawn number, whatever is wrong) are read column by column with the same patterns.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Final

from pipeline.errors import SekishoError
from pipeline.register import COLUMNS, FIRST_COLUMNS, WITHDRAWN, Row

LONGEST_ROW: Final = 1 << 16
"""Characters. The longest name measured has 145, the longest note 497."""

PREFECTURES: Final = {
    f"{code:02}": name
    for code, name in enumerate(
        (
            "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県",
            "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県",
            "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県",
            "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県",
            "岡山県", "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県",
            "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県",
        ),
        start=1,
    )
}  # fmt: skip
"""JIS X 0401."""


class UnreadableFile(SekishoError):
    """A file is not what the agency publishes. ``code`` is of a closed set; ``row`` counts from 1.

    Of the file: ``not_a_file``, ``zip_damaged``, ``zip_members``, ``zip_bomb``, ``too_large``, ``empty``,
    ``nul``, ``encoding``, ``mixed_encoding``, ``changed_meanwhile``. Of a row: ``line_too_long``, ``csv``,
    ``columns``, ``value``, ``prefecture``, ``group``, ``date``.
    """

    def __init__(self, code: str, detail: str, row: int | None = None) -> None:
        super().__init__(detail if row is None else f"row {row}: {detail}")
        self.code = code
        self.row = row


def count_columns(line: str) -> int:
    """How many columns a file has, from its first line.

    :raises UnreadableFile: when they are not those of either layout.
    """
    if line.count('"') % 2:
        return len(COLUMNS)  # a text goes on in the next line, which it never did in the layout of 2016
    found = len(_split(line, 1))
    if found not in _USUAL:
        raise UnreadableFile("columns", f"{found} columns, not {len(COLUMNS)} or {FIRST_COLUMNS}", 1)
    return found


def read_rows(lines: Iterable[str], columns: int, published: date | None = None) -> Iterator[Row]:
    """The rows of a file in its order, from its decoded lines.

    :param published: the day of a daily file, which each of its rows must bear.
    :raises UnreadableFile: at the first row that is not as published.
    """
    lines = iter(lines)
    usual = _USUAL[columns].fullmatch
    day = published.isoformat() if published is not None else None
    group: tuple[str, str] | None = None
    latest = "1"
    for place, first in enumerate(lines, start=1):
        line = first
        match = usual(line)
        if match is not None:
            fields = match.groups("")
        else:
            line, fields = _read_closely(first, lines, columns, place)
        number, updated, name, prefecture, city, street, code, abroad, is_latest, english = fields
        if prefecture != PREFECTURES.get(code, ""):
            # The text does not say what its code says: it was written in another encoding, or changed.
            raise UnreadableFile("prefecture", "prefectureName is not the name of prefectureCode", place)
        if (
            _WEIGHED[number[1:5]] + _WEIGHED[number[5:9]] + _WEIGHED[number[9:]] + int(number[0])
            not in _NINES
        ):
            raise UnreadableFile("value", "corporateNumber has a wrong check digit", place)
        if not _is_day(updated):
            raise UnreadableFile("value", "updateDate is no day", place)
        if day is not None and updated != day:
            raise UnreadableFile("date", "updateDate is not the day of the file", place)
        if (number, updated) == group:
            if latest == "1":
                raise UnreadableFile("group", "a number has rows after its latest", place)
        elif latest == "0":
            raise UnreadableFile("group", "the last row of a number is not its latest", place - 1)
        group, latest = (number, updated), is_latest
        yield Row(int(number), updated, place, name, english, city + street or abroad, line)
    if latest == "0":
        raise UnreadableFile("group", "the last row of a number is not its latest", place)


def _read_closely(first: str, lines: Iterator[str], columns: int, place: int) -> tuple[str, tuple[str, ...]]:
    """A row column by column, together with the lines that a text of it goes on in."""
    line = first
    while line.count('"') % 2:
        more = next(lines, None)
        if more is None or len(line) > LONGEST_ROW:
            raise UnreadableFile("csv", "a quotation mark is left open", place)
        line += "\n" + more
    values = _split(line, place)
    if len(values) != columns:
        raise UnreadableFile("columns", f"{len(values)} columns, where the first row has {columns}", place)
    row = dict(zip(COLUMNS, values, strict=False))
    for column, value in row.items():
        blank = row["process"] == WITHDRAWN and column not in _WITHDRAWN_COLUMNS
        if not re.fullmatch("" if blank else _VALUES[column], value):
            raise UnreadableFile("value", f"{column} is not in its shape", place)
    return line.removesuffix("\r"), tuple(row.get(column, "") for column in _WANTED)


def _split(line: str, place: int) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        raise UnreadableFile("csv", "the row is not CSV", place) from None


@lru_cache(maxsize=1 << 16)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_WEIGHED: Final = {
    f"{four:04}": sum(int(digit) * weight for digit, weight in zip(f"{four:04}", (2, 1, 2, 1), strict=True))
    % 9
    for four in range(10_000)
}
"""What four of a number's last twelve digits add to the sum that its check digit completes to a nine."""

_NINES: Final = frozenset({9, 18, 27})

# No control characters, no U+FFFD, nothing of what cp932 makes of bytes that it has no character for.
_SIGN: Final = r"\x00-\x1f\x7f-\x9f\uf8f0-\uf8ff\ufffd"
_PLAIN_TEXT: Final = f'[^"{_SIGN}]+'
_ANY_TEXT: Final = f"(?:[^{_SIGN}]|[\r\n])*"
_DAY: Final = "[12][0-9]{3}-[01][0-9]-[0-3][0-9]"
_IMAGE: Final = "(?:[0-9]{8})?"

_TEXTS: Final = frozenset(
    {
        "name", "prefectureName", "cityName", "streetNumber", "addressOutside", "changeCause", "enName",
        "enPrefectureName", "enCityName", "enAddressOutside", "furigana",
    }
)  # fmt: skip

_VALUES: Final = {
    **dict.fromkeys(_TEXTS, _ANY_TEXT),
    "sequenceNumber": "[0-9]{1,9}",
    "corporateNumber": "[1-9][0-9]{12}",
    "process": "01|1[123]|2[12]|7[12]|81|99",
    "correct": "[01]",
    "updateDate": _DAY,
    "changeDate": _DAY,
    "name": f"{_ANY_TEXT}[^{_SIGN}]",
    "nameImageId": _IMAGE,
    "kind": "101|201|30[1-5]|399|401|499",
    "addressImageId": _IMAGE,
    "prefectureCode": "(?:[0-9]{2})?",
    "cityCode": "(?:[0-9]{3})?",
    "postCode": "(?:[0-9]{7})?",
    "addressOutsideImageId": _IMAGE,
    "closeDate": f"(?:{_DAY})?",
    "closeCause": "(?:01|11|21|31)?",
    "successorCorporateNumber": "(?:[1-9][0-9]{12})?",
    "assignmentDate": _DAY,
    "latest": "[01]",
    "hihyoji": "[01]",
}
"""What each column may hold."""

_WITHDRAWN_COLUMNS: Final = frozenset({"sequenceNumber", "corporateNumber", "process", "updateDate"})

_WANTED: Final = (
    "corporateNumber", "updateDate", "name", "prefectureName", "cityName", "streetNumber", "prefectureCode",
    "addressOutside", "latest", "enName",
)  # fmt: skip
"""What :func:`read_rows` takes from a row, in the order of the columns."""


def _usual(columns: int) -> re.Pattern[str]:
    """A row as nearly all are written; the groups are :data:`_WANTED`."""
    parts = []
    for column in COLUMNS[:columns]:
        value = _PLAIN_TEXT if column in _TEXTS else _VALUES[column].removesuffix("|99")
        value = f"({value})" if column in _WANTED else f"(?:{value})"
        if column in _TEXTS:
            value = f'"{value}"' if column == "name" else f'(?:"{value}")?'
        parts.append(value)
    later = "()" * sum(column in _WANTED for column in COLUMNS[columns:])
    return re.compile(",".join(parts) + later)


_USUAL: Final = {columns: _usual(columns) for columns in (FIRST_COLUMNS, len(COLUMNS))}
