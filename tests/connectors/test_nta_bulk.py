"""The register's files: genuine ones read whole, others refused by name."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
from collections.abc import Callable, Iterable
from datetime import date
from itertools import groupby
from pathlib import Path

import pytest

from connectors.nta_bulk import inspect
from connectors.nta_rows import UnreadableFile, read_rows
from pipeline.register import COLUMNS, Kind
from tests.registers import line, number, read_plainly, write

ONE = number(10_000_001)
TWO = number(10_000_002)


@pytest.fixture(scope="module")
def samples(reference: Path) -> Path:
    return reference / "registries-jp" / "samples" / "nta-houjin"


@pytest.mark.parametrize(
    ("name", "kind", "issued", "area", "encoding", "columns", "lines"),
    [
        ("31_tottori_all_20160229.zip", Kind.FULL, date(2016, 2, 29), "31", "utf-8", 23, 16_593),
        ("diff_20210714.csv", Kind.DIFFERENTIAL, date(2021, 7, 14), "", "utf-8", 30, 2_750),
        ("diff_20260819.csv", Kind.DIFFERENTIAL, date(2026, 8, 19), "", "cp932", 30, 2_243),
        ("edge_rows_sjis.csv", Kind.EXTRACT, None, "", "cp932", 30, 459),
        ("zenken_rows_2024-03-29.csv", Kind.EXTRACT, None, "", "utf-8", 30, 5),
    ],
)
def test_genuine_files_are_known_for_what_they_are(
    samples: Path,
    name: str,
    kind: Kind,
    issued: date | None,
    area: str,
    encoding: str,
    columns: int,
    lines: int,
) -> None:
    file = inspect(samples / name)
    assert (file.kind, file.issued, file.area) == (kind, issued, area)
    assert (file.encoding, file.columns, file.lines) == (encoding, columns, lines)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("diff_20210908.csv", "utf-8"),
        ("diff_20260818.csv", "cp932"),
        ("edge_rows_utf8.csv", "utf-8"),
        ("edge_rows_sjis.csv", "cp932"),
        ("timeline_rows_sjis.csv", "cp932"),
    ],
)
def test_genuine_rows_are_read_as_the_csv_module_reads_them(samples: Path, name: str, encoding: str) -> None:
    rows = list(inspect(samples / name).rows())
    plain = read_plainly(samples / name, encoding)
    assert [
        (str(row.number), row.updated, row.place, row.name, row.english_name, row.address) for row in rows
    ] == [
        (
            each["corporateNumber"],
            each["updateDate"],
            place,
            each["name"],
            each["enName"],
            each["cityName"] + each["streetNumber"] or each["addressOutside"],
        )
        for place, each in enumerate(plain, start=1)
    ]
    assert [row.line for row in rows] == (samples / name).read_bytes().decode(encoding).split("\n")[:-1]


def _is(column: str, *values: str) -> Callable[[list[dict[str, str]]], bool]:
    return lambda rows: any(row[column] in values for row in rows)


def _has(column: str) -> Callable[[list[dict[str, str]]], bool]:
    return lambda rows: any(row[column] for row in rows)


def _holds(sign: str, *columns: str) -> Callable[[list[dict[str, str]]], bool]:
    return lambda rows: any(sign in row[column] for row in rows for column in columns)


def _any(test: Callable[[dict[str, str]], object]) -> Callable[[list[dict[str, str]]], bool]:
    return lambda rows: any(test(row) for row in rows)


_FORMS = ("株式会社", "有限会社", "合同会社", "合資会社", "合名会社")

CATEGORIES: dict[str, Callable[[list[dict[str, str]]], bool]] = {
    "address_image": _has("addressImageId"),
    "address_lowline_placeholder": _holds(
        "＿", "prefectureName", "cityName", "streetNumber", "addressOutside"
    ),
    "address_outside_image": _has("addressOutsideImageId"),
    "astral_code_point": _any(lambda row: any(ord(sign) > 0xFFFF for sign in "".join(row.values()))),
    "blank_postcode": _any(lambda row: not row["postCode"]),
    "closed_by_registrar": _is("closeCause", "21"),
    "closed_liquidated_with_history": lambda rows: rows[-1]["closeCause"] == "01" and len(rows) > 1,
    "closed_merged_with_successor": _any(
        lambda row: row["closeCause"] == "11" and row["successorCorporateNumber"]
    ),
    "closed_merged_without_successor": _any(
        lambda row: row["closeCause"] == "11" and not row["successorCorporateNumber"]
    ),
    "closed_other": _is("closeCause", "31"),
    "embedded_double_quote": _holds('"', *COLUMNS),
    "english_name": _has("enName"),
    "foreign_with_japan_address": _any(lambda row: row["kind"] == "401" and row["prefectureName"]),
    "foreign_without_prefecture": _any(lambda row: row["kind"] == "401" and not row["prefectureName"]),
    "furigana_with_legal_form": _any(lambda row: "シャ" in row["furigana"] or "シヤ" in row["furigana"]),
    "hidden_hihyoji": _is("hihyoji", "1"),
    "history_six_or_more": lambda rows: len(rows) >= 6,
    "it_company_changed": _is("process", "01", "11", "12", "21", "22", "71"),
    "legal_form_inside": _any(
        lambda row: any(form in row["name"] and not row["name"].startswith(form) for form in _FORMS)
    ),
    "legal_form_twice": _any(lambda row: row["name"].count("会社") > 1 or row["name"].count("法人") > 1),
    "name_beyond_jis_1_2": _any(lambda row: not _is_jis_x_0208(row["name"])),
    "name_image": _has("nameImageId"),
    "name_lowline_placeholder": _holds("＿", "name"),
    "odd_spaces_in_name": _any(lambda row: "　　" in row["name"] or row["name"] != row["name"].strip("　")),
    "parenthesis_in_name": _any(lambda row: "（" in row["name"] or "(" in row["name"]),
    "renamed_with_history": lambda rows: len(rows) > 1 and _is("process", "11")(rows),
    "same_name_same_day": _has("name"),
    "very_long_name": _any(lambda row: len(row["name"]) >= 60),
    **{f"process_{code}": _is("process", code) for code in ("13", "22", "71", "72", "81", "99")},
    **{f"kind_{code}": _is("kind", code) for code in ("101", "201", "303", "304", "305", "399", "499")},
}


def _is_jis_x_0208(text: str) -> bool:
    try:
        text.replace("－", "").replace("～", "").encode("shift_jis")
    except UnicodeEncodeError:
        return False
    return True


def test_every_odd_record_of_the_index_is_read_for_what_it_is(samples: Path) -> None:
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for name, encoding in (("edge_rows_utf8.csv", "utf-8"), ("edge_rows_sjis.csv", "shift_jis")):
        by_group = groupby(inspect(samples / name).rows(), key=lambda row: (str(row.number), row.updated))
        for (number_, day), rows in by_group:
            lines = [dict(zip(COLUMNS, next(csv.reader([row.line])), strict=True)) for row in rows]
            groups[number_, day.replace("-", ""), encoding] = lines
    with (samples / "edge_index.tsv").open(encoding="utf-8", newline="") as file:
        index = list(csv.DictReader(file, delimiter="\t"))
    assert {entry["category"] for entry in index} == CATEGORIES.keys()
    wrong = []
    for entry in index:
        rows = groups[entry["corporateNumber"], entry["fileDate"], entry["encoding"]]
        if len(rows) != int(entry["rows"]) or not CATEGORIES[entry["category"]](rows):
            wrong.append(entry)
    assert wrong == []


def _zip(folder: Path, members: Iterable[tuple[str, bytes]], name: str = "diff_20240401.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, body in members:
            archive.writestr(member, body)
    return path


GOOD = line(ONE).encode()


def _plain(body: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "diff_20240401.csv"
        path.write_bytes(body)
        return path

    return make


def _zipped(*members: tuple[str, bytes]) -> Callable[[Path], Path]:
    return lambda folder: _zip(folder, members)


def _cut_short(folder: Path) -> Path:
    path = _zip(folder, [("diff_20240401.csv", GOOD * 500)])
    path.write_bytes(path.read_bytes()[:-60])
    return path


def _damaged(folder: Path) -> Path:
    path = _zip(folder, [("diff_20240401.csv", "".join(line(number(n)) for n in range(500)).encode())])
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.write_bytes(body)
    return path


def _lying_about_its_size(folder: Path) -> Path:
    path = _zip(folder, [("diff_20240401.csv", GOOD * 100)])
    body = path.read_bytes()
    directory = body.index(b"PK\x01\x02")
    path.write_bytes(body[: directory + 24] + struct.pack("<I", 10) + body[directory + 28 :])
    return path


def _encrypted(folder: Path) -> Path:
    path = _zip(folder, [("diff_20240401.csv", GOOD)])
    body = bytearray(path.read_bytes())
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(body)
    return path


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "not there": (lambda folder: folder / "diff_20240401.csv", "not_a_file"),
    "a folder": (lambda folder: folder, "not_a_file"),
    "empty": (_plain(b""), "empty"),
    "a page": (_plain(b"<!DOCTYPE html>\n<html></html>\n"), "columns"),
    "no zip after all": (_plain(b"PK\x03\x04 and so on"), "zip_damaged"),
    "cut short": (_cut_short, "zip_damaged"),
    "damaged": (_damaged, "zip_damaged"),
    "lying about its size": (_lying_about_its_size, "zip_damaged"),
    "encrypted": (_encrypted, "zip_members"),
    "a bomb": (_zipped(("diff_20240401.csv", b"0" * (20 << 20))), "zip_bomb"),
    "leading elsewhere": (_zipped(("../diff_20240401.csv", GOOD)), "zip_members"),
    "leading to the root": (_zipped(("/etc/diff_20240401.csv", GOOD)), "zip_members"),
    "two files": (_zipped(("a.csv", GOOD), ("b.csv", GOOD)), "zip_members"),
    "something beside": (_zipped(("a.csv", GOOD), ("a.exe", b"")), "zip_members"),
    "no csv": (_zipped(("a.xml", GOOD)), "zip_members"),
    "no member": (_zipped(), "zip_members"),
    "NUL": (_plain(GOOD + line(TWO, name="株式会社\0").encode()), "nul"),
    "UTF-16": (_plain(line(ONE).encode("utf-16")), "nul"),
    "EUC": (_plain(line(ONE).encode("euc_jp")), "encoding"),
    "UTF-8 with one byte lost": (_plain(GOOD.replace("東".encode(), "東".encode()[:2])), "encoding"),
    "first UTF-8, then Shift_JIS": (_plain(GOOD + line(TWO).encode("cp932")), "encoding"),
    "first Shift_JIS, then UTF-8": (_plain(line(ONE).encode("cp932") + GOOD), "encoding"),
    "long UTF-8, then Shift_JIS": (_plain(GOOD * 6000 + line(TWO).encode("cp932")), "mixed_encoding"),
    "Shift_JIS, declared by nothing": (_plain(line(ONE, name="ABC").encode("cp932")[:-30]), "columns"),
    "an endless line": (_plain(b"1," * (1 << 20)), "line_too_long"),
    "29 columns": (_plain(line(ONE, columns=29).encode()), "columns"),
    "23 after 30": (_plain(GOOD + line(TWO, columns=23).encode()), "columns"),
    "a header": (_plain((",".join(COLUMNS) + "\n").encode() + GOOD), "value"),
    "semicolons": (_plain(GOOD.replace(b",", b";")), "columns"),
    "an open quotation mark": (_plain(GOOD[:-20] + b'"\n'), "csv"),
    "an empty line": (_plain(GOOD + b"\n" + line(TWO).encode()), "columns"),
    "unknown process": (_plain(line(ONE, process="77").encode()), "value"),
    "unknown kind": (_plain(line(ONE, kind="402").encode()), "value"),
    "unknown cause": (_plain(line(ONE, closeCause="02").encode()), "value"),
    "no name": (_plain(line(ONE, name="").encode()), "value"),
    "twelve digits": (_plain(line(ONE[:-1]).encode()), "value"),
    "a wrong check digit": (_plain(line(str(int(ONE[0]) % 9 + 1) + ONE[1:]).encode()), "value"),
    "no such day": (_plain(line(ONE, updateDate="2024-02-30").encode()), "value"),
    "a control character": (_plain(line(ONE, name="株式会社\x07").encode()), "value"),
    "a replacement character": (_plain(line(ONE, name="株式会社\ufffd").encode()), "value"),
    "another prefecture": (_plain(line(ONE, prefectureName="大阪府").encode()), "prefecture"),
    "no such prefecture": (_plain(line(ONE, prefectureCode="48").encode()), "prefecture"),
    "another day": (_plain(line(ONE, updateDate="2024-04-02").encode()), "date"),
    "no latest": (_plain(line(ONE, latest="0").encode()), "group"),
    "two latest": (_plain(line(ONE).encode() * 2), "group"),
    "withdrawn with a name": (_plain(line(ONE, process="99").encode()), "value"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_file_of_the_register_is_refused_by_name(case: str, tmp_path: Path) -> None:
    make, code = HOSTILE[case]
    with pytest.raises(UnreadableFile) as refused:
        list(inspect(make(tmp_path)).rows())
    assert refused.value.code == code


def test_a_file_that_changes_between_the_two_looks_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "diff_20240401.csv", [line(ONE)])
    file = inspect(path)
    write(tmp_path, "diff_20240401.csv", [line(TWO)])
    with pytest.raises(UnreadableFile) as refused:
        list(file.rows())
    assert refused.value.code == "changed_meanwhile"


@pytest.mark.parametrize(
    "text",
    [
        line(ONE),
        "\ufeff" + line(ONE),
        line(ONE).replace("\n", "\r\n"),
        line(ONE).rstrip("\n"),
        line(ONE, streetNumber="霞が関３丁目\n１番１号"),
        line(ONE, name='株式会社"せきしょ"'),
        line(ONE).replace('"', ""),
    ],
    ids=["usual", "mark", "CRLF", "no end", "line break in a text", "quotation marks", "nothing quoted"],
)
def test_other_ways_to_write_csv_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "diff_20240401.csv"
    path.write_bytes(text.encode())
    (row,) = inspect(path).rows()
    written = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert (str(row.number), row.name) == (ONE, written[6])
    assert next(csv.reader([row.line])) == written


def test_a_zip_with_its_signature_is_read(tmp_path: Path) -> None:
    path = _zip(tmp_path, [("diff_20240401.csv", GOOD), ("diff_20240401.csv.asc", b"-----BEGIN")])
    file = inspect(path)
    assert (file.name, file.kind) == ("diff_20240401.csv", Kind.DIFFERENTIAL)
    assert [row.place for row in file.rows()] == [1]


def test_the_same_rows_in_zip_and_csv_are_the_same_file(tmp_path: Path) -> None:
    plain = write(tmp_path, "diff_20240401.csv", [line(ONE)])
    assert inspect(_zip(tmp_path, [("diff_20240401.csv", GOOD)])).sha256 == inspect(plain).sha256


def test_rows_of_one_number_on_two_days_are_two_groups() -> None:
    lines = [
        line(ONE).strip(),
        line(ONE, process="12", updateDate="2024-04-05").strip(),
    ]
    assert [row.updated for row in read_rows(lines, 30)] == ["2024-04-01", "2024-04-05"]
