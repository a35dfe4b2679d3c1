"""The sandbox's corporate number register says what genuine answers say, in the same members and signs."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from lxml import etree

from connectors.sandbox.registers import Reply
from connectors.sandbox.registers.nta import APPLICATION_ID, COLUMNS, NtaRegister
from connectors.sandbox.world import generate, load

WORLD = load()
REGISTER = NtaRegister(WORLD)


def number(key: str) -> str:
    return WORLD.company(key).identifiers["JP-JCN"]


def ask(numbers: str, form: str = "12", history: str = "0") -> Reply:
    return REGISTER.answer("num", f"id={APPLICATION_ID}&number={numbers}&type={form}&history={history}")


def rows(reply: Reply) -> list[dict[str, str]]:
    _header, *lines = csv.reader(io.StringIO(reply.body.decode()))
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]


def tags(body: bytes) -> list[object]:
    """The members of an answer in XML, in their order; the records as lists of theirs."""
    return [[part.tag for part in child] or child.tag for child in etree.fromstring(body)]


@pytest.mark.parametrize(
    ("genuine", "numbers", "history"),
    [
        ("num_by_number.xml", number("homei"), "0"),
        ("num_7000012050002.xml", number("homei"), "0"),
        ("num_by_numbers.xml", f"{number('homei')},{number('rokko')}", "0"),
        ("diff_empty.xml", "7000012050002", "0"),
    ],
)
def test_xml_has_the_members_of_genuine_answers(
    reference: Path, genuine: str, numbers: str, history: str
) -> None:
    reply = ask(numbers, "12", history)
    assert (reply.status, reply.media_type) == (200, "application/xml")
    sample = (reference / "registries-jp/samples/nta-houjin-api" / genuine).read_bytes()
    assert tags(reply.body) == tags(sample)


def test_xml_with_history_has_the_members_of_a_genuine_one(reference: Path) -> None:
    sample = reference / "registries-jp/samples/nta-houjin-api/num_by_number_with_history.xml"
    genuine, ours = tags(sample.read_bytes()), tags(ask(number("canvas"), history="1").body)
    assert ours[:4] == genuine[:4]
    assert len(ours) == 6
    assert ours[4] == ours[5] == genuine[4]


def test_xml_is_written_as_genuine_xml_is(reference: Path) -> None:
    sample = (reference / "registries-jp/samples/nta-houjin-api/num_7000012050002.xml").read_bytes()
    for body in (sample.rstrip(), ask(number("homei")).body):
        assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?><corporations><lastUpdateDate>')
        assert b"<nameImageId/>" in body
        assert not re.search(rb">\s+<", body)


def test_csv_quotes_the_columns_that_genuine_rows_quote(reference: Path) -> None:
    sample = (reference / "registries-jp/samples/nta-houjin/edge_rows_utf8.csv").read_text(encoding="utf-8")

    def styles(line: str) -> list[str]:
        cells = re.findall(r'(?:^|,)("(?:[^"]|"")*"|[^,]*)', line)
        return ["quoted" if cell.startswith('"') else "plain" if cell else "blank" for cell in cells]

    genuine: list[set[str]] = [set() for _ in COLUMNS]
    for line in sample.splitlines():
        for seen, style in zip(genuine, styles(line), strict=True):
            seen.add(style)
    for key in ("homei", "suzume", "kasasagi", "canvas"):
        for line in ask(number(key), "02", "1").body.decode().splitlines()[1:]:
            for column, seen, style in zip(COLUMNS, genuine, styles(line), strict=True):
                assert style == "blank" or style in seen, column


def test_csv_begins_and_ends_as_genuine_csv_does(reference: Path) -> None:
    folder = reference / "registries-jp/samples/nta-houjin-api"
    absent = ask("7000012050002", "02").body
    shape = rb"[0-9]{4}-[0-9]{2}-[0-9]{2},0,1,1\n"
    assert re.fullmatch(shape, absent)
    assert re.fullmatch(shape, (folder / "spec_type02_no_hit.csv").read_bytes())
    renamed = (folder / "spec_type02_renamed_history.csv").read_text(encoding="utf-8").splitlines()
    ours = ask(number("canvas"), "02", "1").body.decode().splitlines()
    marks = [re.findall(r"[,\"]", line) for line in renamed]
    assert re.findall(r"[,\"]", ours[0]) == marks[0]
    assert len(ours) == len(renamed)
    # The genuine rows have no reading of the name; else ours have the same columns filled.
    assert re.findall(r"[,\"]", ours[1].replace('"アオゾラコウテイカンリ"', "")) == marks[1]


def test_shift_jis_says_the_same_as_utf8() -> None:
    for company in (*WORLD.companies, *generate(40).companies):
        if "JP-JCN" in company.identifiers:
            one, other = (ask(company.identifiers["JP-JCN"], form, "1") for form in ("01", "02"))
            assert one.media_type == other.media_type == "application/csv"
            assert one.body.decode("cp932") == other.body.decode("utf-8")


def test_csv_and_xml_say_the_same() -> None:
    for key in ("homei", "suzume", "kasasagi", "canvas", "iyo"):
        document = etree.fromstring(ask(number(key), "12", "1").body)
        records = [
            {part.tag: part.text or "" for part in record} for record in document.findall("corporation")
        ]
        assert records == rows(ask(number(key), "02", "1"))


def test_without_history_only_the_latest_record_is_given() -> None:
    whole, latest = rows(ask(number("canvas"), "02", "1")), rows(ask(number("canvas"), "02"))
    assert [(row["process"], row["name"], row["latest"]) for row in whole] == [
        ("01", "株式会社青空工程管理", "0"),
        ("11", "株式会社ブルーキャンバス", "1"),
    ]
    assert [row | {"sequenceNumber": "2"} for row in latest] == whole[1:]


def test_records_are_numbered_through_all_companies() -> None:
    answer = rows(ask(f"{number('canvas')},{number('hokkyokusei')}", "02", "1"))
    assert [row["sequenceNumber"] for row in answer] == ["1", "2", "3", "4"]
    assert [row["process"] for row in answer] == ["01", "11", "01", "12"]


def test_a_merger_is_told_on_both_sides() -> None:
    ended, survivor = (rows(ask(number(key), "02"))[0] for key in ("suzume", "kasasagi"))
    assert (ended["process"], ended["closeDate"], ended["closeCause"]) == ("21", "2026-06-15", "11")
    assert ended["successorCorporateNumber"] == number("kasasagi")
    assert "株式会社かささぎ会計" in ended["changeCause"]
    assert ended["changeCause"].endswith("に合併し解散")
    assert (survivor["process"], survivor["closeDate"], survivor["latest"]) == ("71", "", "1")
    assert survivor["changeCause"].startswith("令和８年６月１日")
    assert survivor["changeCause"].endswith("株式会社すずめ帳簿（８３４０００１９９００１６）を合併")


def test_what_was_assigned_at_the_beginning_was_sent_anew_in_2018() -> None:
    first, last = rows(ask(number("canvas"), "02", "1"))
    assert (first["assignmentDate"], first["changeDate"]) == ("2015-10-05", "2015-10-05")
    assert (first["correct"], first["updateDate"]) == ("1", "2018-04-02")
    assert (last["correct"], last["updateDate"]) == ("0", "2026-04-01")


def test_ten_numbers_at_once_and_each_once() -> None:
    numbers = [company.identifiers["JP-JCN"] for company in WORLD.companies[:10]]
    reply = ask(",".join([*numbers, numbers[0]]), "02")
    assert [row["corporateNumber"] for row in rows(reply)] == numbers
    assert reply.subjects == tuple(numbers)


def test_eleven_numbers_are_refused_in_the_agencys_words(reference: Path) -> None:
    numbers = [company.identifiers["JP-JCN"] for company in WORLD.companies[:11]]
    reply = ask(",".join(numbers))
    assert (reply.status, reply.media_type) == (400, "application/csv")
    assert (
        reply.body
        == (reference / "registries-jp/samples/nta-houjin-api/error_400_042.txt").read_bytes().rstrip()
    )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("type=12", b"040"),
        ("number=&type=12", b"040"),
        ("number=123&type=12", b"041"),
        ("number=６０１０００１９９０００１&type=12", b"041"),
        ("number=6010001990001", b"070"),
        ("number=6010001990001&type=03", b"071"),
    ],
)
def test_a_wrong_request_is_answered_with_a_code(query: str, code: bytes) -> None:
    reply = REGISTER.answer("num", f"id={APPLICATION_ID}&{query}")
    assert (reply.status, reply.media_type) == (400, "application/csv")
    assert re.fullmatch(code + rb",[^\n,]+", reply.body)


@pytest.mark.parametrize(("path", "key"), [("num", "Kunknown00000"), ("num", ""), ("diff", APPLICATION_ID)])
def test_an_unknown_application_id_or_call_is_404_without_words(path: str, key: str) -> None:
    reply = REGISTER.answer(path, f"id={key}&number=6010001990001&type=12")
    assert (reply.status, reply.media_type, reply.body) == (404, "text/html", b"")


def test_an_unknown_number_is_an_answer_with_count_0() -> None:
    reply = ask("7000012050002")
    assert reply.status == 200
    assert etree.fromstring(reply.body).findtext("count") == "0"
