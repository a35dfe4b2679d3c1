"""The corporate number connector against published answers, each deviation from them, and arbitrary bytes."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import nta
from pipeline.errors import ConfigurationError, SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence
from pipeline.ports import BatchConnector

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
ID = "K9secretK9sec"
FILLIN = "5070001032626"


@pytest.fixture(scope="module")
def connector():
    connector = nta.Nta(ID)
    yield connector
    connector.close()


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-jp/samples/nta-houjin-api"


def capture(body: bytes, media_type: str = "application/xml", *, asked: str | None = None) -> Capture:
    """``asked`` is the query, by default one that names the form and no number."""
    if asked is None:
        asked = f"type={'12' if media_type == 'application/xml' else '02'}"
    return Capture("jp.nta", f"https://register.example/num?{asked}", AT, 200, media_type, body)


def about(number: str, role: str = "vendor") -> Inquiry:
    return Inquiry("jp.nta", role, OrganisationId("JP-JCN", number), "株式会社フィルイン")


FILLIN_RECORD = {
    "number": FILLIN,
    "name": "株式会社フィルイン",
    "name_is_approximate": False,
    "furigana": "フィルイン",
    "kind": "301",
    "closed": False,
    "prefecture_code": "10",
    "city_code": "202",
    "address": "群馬県高崎市飯塚町１４７番地４",
    "assigned_on": "2016-09-05",
    "changed_on": "2021-06-02",
    "hidden": False,
    "register_date": "2021-07-20",
}

SAMPLES = {
    # Its one record is a move: what the company was called before is not in it.
    "num_by_number.xml": (FILLIN, FILLIN_RECORD),
    "num_by_number_with_history.xml": (FILLIN, {**FILLIN_RECORD, "former_names": []}),
    "num_7000012050002.xml": (
        "7000012050002",
        {
            "number": "7000012050002",
            "name": "国税庁",
            "name_is_approximate": False,
            "former_names": [],
            "english_name": "National Tax Agency",
            "furigana": "コクゼイチョウ",
            "kind": "101",
            "closed": False,
            "prefecture_code": "13",
            "city_code": "101",
            "address": "東京都千代田区霞が関3丁目1-1",
            "assigned_on": "2015-10-05",
            "changed_on": "2015-10-05",
            "hidden": False,
            "register_date": "2026-03-11",
        },
    ),
    "diff_empty.xml": ("7000012050002", {"register_date": "2026-03-11"}),
    "spec_type02_no_hit.csv": ("8040001999013", {"register_date": "2017-05-10"}),
    "spec_type02_hidden.csv": (
        "5111101000006",
        {
            "number": "5111101000006",
            "name": "株式会社検索対象除外",
            "name_is_approximate": False,
            "former_names": [],
            "kind": "301",
            "closed": False,
            "prefecture_code": "13",
            "city_code": "101",
            "address": "東京都千代田区（東京市神田区小川町一丁目１０番地）",
            "assigned_on": "2015-10-05",
            "changed_on": "2015-10-05",
            "hidden": True,
            "register_date": "2019-04-05",
        },
    ),
    "spec_type02_renamed_history.csv": (
        "8040001999013",
        {
            "number": "8040001999013",
            "name": "株式会社商号変更後",
            "name_is_approximate": False,
            "former_names": ["株式会社商号変更前"],
            "kind": "301",
            "closed": False,
            "prefecture_code": "12",
            "city_code": "101",
            "address": "千葉県千葉市中央区蘇我５丁目９番１号",
            "assigned_on": "2015-10-05",
            "changed_on": "2017-05-09",
            "hidden": False,
            "register_date": "2017-05-10",
        },
    ),
}


@pytest.mark.parametrize(("name", "number", "record"), [(name, *rest) for name, rest in SAMPLES.items()])
def test_published_answers(connector, samples, name, number, record):
    taken = capture((samples / name).read_bytes(), "text/csv" if name.endswith("csv") else "application/xml")
    evidence = connector.parse(about(number, "maker"), taken)
    assert evidence.record == record
    assert evidence.presence is (Presence.FOUND if len(record) > 1 else Presence.ABSENT)
    assert (evidence.source, evidence.role) == ("jp.nta", "maker")
    assert evidence.subject == OrganisationId("JP-JCN", number)
    assert (evidence.observed_at, evidence.capture) == (AT, taken.sha256)


GUNMA = "7000020100005"
GUNMA_RECORD = {
    "number": GUNMA,
    "name": "群馬県",
    "name_is_approximate": False,
    "former_names": [],
    "english_name": "Gunma Prefectural Government",
    "furigana": "グンマケン",
    "kind": "201",
    "closed": False,
    "prefecture_code": "10",
    "city_code": "201",
    "address": "群馬県前橋市大手町１丁目１番１号",
    "assigned_on": "2015-10-05",
    "changed_on": "2015-10-05",
    "hidden": False,
    "register_date": "2021-07-20",
}


def test_one_answer_on_several_numbers_answers_each(connector, samples):
    unknown = "8040001999013"
    taken = capture(
        (samples / "num_by_numbers.xml").read_bytes(), asked=f"number={FILLIN},{GUNMA},{unknown}&type=12"
    )
    first, second, third = (
        connector.parse(about(number, role), taken)
        for number, role in ((FILLIN, "vendor"), (GUNMA, "maker"), (unknown, "vendor"))
    )
    assert first.record == FILLIN_RECORD
    assert second.record == GUNMA_RECORD
    assert (third.presence, third.record) == (Presence.ABSENT, {"register_date": "2021-07-20"})
    assert [one.subject.id for one in (first, second, third)] == [FILLIN, GUNMA, unknown]
    assert {one.capture for one in (first, second, third)} == {taken.sha256}


@pytest.mark.parametrize("asked", [f"number={FILLIN}&type=12", f"number={GUNMA}&type=12", "type=12"])
def test_an_answer_that_is_not_to_the_question_is_no_evidence(connector, samples, asked):
    taken = capture((samples / "num_by_numbers.xml").read_bytes(), asked=asked)
    with pytest.raises(SourceChanged, match="number") as caught:
        connector.parse(about(FILLIN), taken)
    assert caught.value.sha256 == taken.sha256


def test_a_saved_answer_is_read_for_every_number_in_it(connector, samples):
    found = connector.evidence_in(capture((samples / "num_by_numbers.xml").read_bytes()))
    assert [one.record for one in found] == [FILLIN_RECORD, GUNMA_RECORD]
    assert [(str(one.subject), one.role, one.presence) for one in found] == [
        (f"JP-JCN:{FILLIN}", "", Presence.FOUND),
        (f"JP-JCN:{GUNMA}", "", Presence.FOUND),
    ]
    assert connector.evidence_in(capture((samples / "diff_empty.xml").read_bytes())) == []
    with pytest.raises(SourceChanged):
        connector.evidence_in(capture((samples / "error_400_042.txt").read_bytes()))


def test_every_saved_sample_is_read_without_its_address(connector, samples):
    for name, (number, record) in SAMPLES.items():
        found = connector.evidence_in(Capture("jp.nta", "", AT, 200, "", (samples / name).read_bytes()))
        assert [(one.subject.id, one.record) for one in found] == (
            [(number, record)] if len(record) > 1 else []
        )


@pytest.mark.parametrize("name", ["spec_type02_hidden.csv", "spec_type02_renamed_history.csv"])
@pytest.mark.parametrize("asked", ["type=01", ""])
def test_shift_jis_says_the_same_as_utf_8(connector, samples, name, asked):
    number, record = SAMPLES[name]
    body = (samples / name).read_text("utf-8").encode("cp932")
    assert connector.parse(about(number), capture(body, "text/csv", asked=asked)).record == record


@pytest.mark.parametrize("encoding", ["euc_jp", "utf-8", "utf-16"])
def test_shift_jis_was_asked_for_and_is_not_what_came(connector, samples, encoding):
    body = (samples / "spec_type02_hidden.csv").read_text("utf-8").encode(encoding)
    with pytest.raises(SourceChanged):
        connector.parse(about("5111101000006"), capture(body, "text/csv", asked="type=01"))


def test_dashes_of_the_two_editions_are_the_same(connector):
    body = csv_answer([row(streetNumber="１－２～３")]).decode().encode("cp932")
    taken = capture(body, "text/csv", asked="type=01")
    assert connector.parse(about("8040001999013"), taken).record["address"].endswith("１－２～３")


def test_every_sample_is_used(samples):
    used = {*SAMPLES, "num_by_numbers.xml", "error_400_042.txt"}
    assert {path.name for path in samples.iterdir()} == used


def csv_answer(rows: list[list[str]], register_date: str = "2026-03-11") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([[register_date, str(len(rows)), "1", "1"], *rows])
    return text.getvalue().encode()


def published_groups(reference, name: str, encoding: str) -> list[list[list[str]]]:
    """The published rows of one number on one day, together."""
    path = reference / "registries-jp/samples/nta-houjin" / name
    with path.open(encoding=encoding, newline="") as lines:
        rows = list(csv.reader(lines))
    groups = itertools.groupby(rows, key=lambda row: (row[1], row[4]))
    return [list(group) for _, group in groups]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("edge_rows_utf8.csv", "utf-8"), ("edge_rows_sjis.csv", "cp932"), ("timeline_rows_sjis.csv", "cp932")],
)
def test_the_odd_records_of_five_years_are_understood(connector, reference, name, encoding):
    for rows in published_groups(reference, name, encoding):
        number = rows[0][1]
        evidence = connector.parse(about(number), capture(csv_answer(rows), "text/csv"))
        assert evidence.presence is Presence.FOUND
        last = dict(zip(nta.COLUMNS, rows[-1], strict=True))
        if last["process"] == "99":
            assert evidence.record == {
                "number": number,
                "withdrawn": True,
                "closed": True,
                "register_date": "2026-03-11",
            }
        else:
            assert evidence.record["name"] == last["name"]
            assert evidence.record["closed"] == (last["closeDate"] != "")
            assert evidence.record.get("successor", "") == last["successorCorporateNumber"]


def row(**columns: str) -> list[str]:
    """A record of an invented company; the columns given replace its own."""
    values = dict.fromkeys(nta.COLUMNS, "") | {
        "sequenceNumber": "1",
        "corporateNumber": "8040001999013",
        "process": "01",
        "correct": "0",
        "updateDate": "2017-05-09",
        "changeDate": "2017-05-09",
        "name": "株式会社架空",
        "kind": "301",
        "prefectureName": "千葉県",
        "cityName": "千葉市中央区",
        "streetNumber": "蘇我５丁目",
        "prefectureCode": "12",
        "cityCode": "101",
        "postCode": "2600822",
        "assignmentDate": "2015-10-05",
        "latest": "1",
        "hihyoji": "0",
    }
    return list((values | columns).values())


def record_of(connector, *rows: list[str]) -> dict[str, object]:
    return dict(connector.parse(about("8040001999013"), capture(csv_answer(list(rows)), "text/csv")).record)


def test_a_company_that_was_merged_away(connector):
    record = record_of(
        connector,
        row(
            process="21",
            closeDate="2026-06-30",
            closeCause="11",
            successorCorporateNumber="7000012050002",
            changeCause="令和８年６月１日…に合併し解散",
        ),
    )
    assert record["closed"] is True
    assert record["closed_on"] == "2026-06-30"
    assert record["close_cause"] == "11"
    assert record["successor"] == "7000012050002"
    assert record["merger_note"] == "令和８年６月１日…に合併し解散"


def test_a_company_that_was_reopened_is_not_closed(connector):
    closed = row(latest="0", process="21", closeDate="2020-01-01", closeCause="01")
    record = record_of(connector, row(latest="0"), closed, row(process="22"))
    assert record["closed"] is False
    assert "closed_on" not in record


def test_former_names_are_those_it_no_longer_has_in_their_order(connector):
    names = ["甲", "乙", "甲", "丙", "乙"]
    rows = [row(name=name, latest="0", process="01" if not n else "11") for n, name in enumerate(names)]
    record = record_of(connector, *rows, row(name="丁", process="11"))
    assert record["former_names"] == ["甲", "乙", "丙"]
    record = record_of(connector, *rows, row(name="甲", process="11"))
    assert record["former_names"] == ["乙", "丙"]


@pytest.mark.parametrize(
    ("columns", "approximate"),
    [({}, False), ({"nameImageId": "00020782"}, True), ({"name": "＿島工業株式会社"}, True)],
)
def test_a_name_with_a_replaced_character_is_approximate(connector, columns, approximate):
    assert record_of(connector, row(**columns))["name_is_approximate"] is approximate


def test_a_foreign_company(connector):
    nowhere = dict.fromkeys(("prefectureName", "cityName", "streetNumber", "prefectureCode", "cityCode"), "")
    record = record_of(connector, row(kind="401", addressOutside="アイルランド ダブリン 1 Quay", **nowhere))
    assert record["address_abroad"] == "アイルランド ダブリン 1 Quay"
    assert not record.keys() & {"address", "prefecture_code", "city_code"}


def test_an_address_is_one_line(connector):
    # The agency's own example of type 02 has a line break inside the quoted street.
    assert (
        record_of(connector, row(streetNumber="蘇我\r\n５丁目"))["address"] == "千葉県千葉市中央区蘇我５丁目"
    )


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["spec_type02_hidden.csv", "num_by_number.xml"])
def test_a_byte_order_mark_makes_no_difference(connector, samples, before, name):
    number, record = SAMPLES[name]
    evidence = connector.parse(about(number), capture(before + (samples / name).read_bytes()))
    assert evidence.record == record


WITHDRAWN = [*("1", "8040001999013", "99", "", "2024-04-03"), *[""] * 25]
CHANGED_ROWS = {
    "unknown process": [row(process="77")],
    "unknown kind": [row(kind="402")],
    "unknown close cause": [row(process="21", closeDate="2020-01-01", closeCause="12")],
    "two latest": [row(), row(process="12")],
    "none latest": [row(latest="0")],
    "latest not last": [row(), row(process="12", latest="0")],
    "another number": [row(corporateNumber="7000012050002")],
    "another number among its own": [row(latest="0"), row(corporateNumber="7000012050002")],
    "no number": [row(corporateNumber="")],
    "full-width number": [row(corporateNumber="８０４０００１９９９０１３")],
    "no name": [row(name="")],
    "blank name": [row(name="　")],
    "no change date": [row(changeDate="")],
    "impossible date": [row(changeDate="2026-02-30")],
    "week date": [row(closeDate="2026-W01-1")],
    "compact date": [row(assignmentDate="20151005")],
    "latest neither 0 nor 1": [row(latest="2")],
    "correct blank": [row(correct="")],
    "hihyoji blank": [row(hihyoji="")],
    "successor in words": [row(successorCorporateNumber="国税庁")],
    "image id too short": [row(nameImageId="123")],
    "withdrawn with a name": [[*WITHDRAWN[:6], "株式会社架空", *WITHDRAWN[7:]]],
    "records after withdrawal": [WITHDRAWN, row()],
    "29 columns": [row()[:29]],
    "31 columns": [[*row(), ""]],
}


@pytest.mark.parametrize("rows", CHANGED_ROWS.values(), ids=CHANGED_ROWS)
def test_what_is_out_of_the_known_shape_is_a_changed_source(connector, rows):
    taken = capture(csv_answer(rows), "text/csv")
    with pytest.raises(SourceChanged) as caught:
        connector.parse(about("8040001999013"), taken)
    assert caught.value.sha256 == taken.sha256
    assert caught.value.source == "jp.nta"
    assert caught.value.reason == "source_changed"
    assert "架空" not in str(caught.value)


def test_a_withdrawn_number_may_come_with_its_history(connector):
    assert record_of(connector, row(latest="0"), WITHDRAWN)["withdrawn"] is True


BOMB = b"""<?xml version="1.0"?><!DOCTYPE corporations [<!ENTITY a "aaaaaaaaaa">%s]>
<corporations><lastUpdateDate>&j;</lastUpdateDate></corporations>""" % b"".join(
    b'<!ENTITY %c "%s">' % (name, b"&%c;" % (name - 1) * 10) for name in b"bcdefghij"
)
CHANGED_BODIES = {
    "nothing": b"",
    "a web page": b"<!DOCTYPE html><html><body>maintenance</body></html>",
    "a web page in XHTML": b"<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>",
    "JSON": b'{"count": 0}',
    "an entity bomb": BOMB,
    "an outside entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><corporations>&a;</corporations>',
    "an unknown entity": b"<corporations><lastUpdateDate>&a;</lastUpdateDate></corporations>",
    "too deep": b"<corporations>" + b"<a>" * 100_000,
    "an error line": "042,法人番号は10件以内で指定してください。".encode(),
    "header only half": b"2017-05-10,0\n",
    "an unclosed quotation": b'2017-05-10,1,1,1\n1,"',
    "U+0000": b"2017-05-10,0,1,1\x00\n",
    "no date": b"10 May 2017,0,1,1\n",
    "count too large": b"2017-05-10,1,1,1\n",
    "count too small": csv_answer([row()]).replace(b",1,1,1\n", b",0,1,1\n", 1),
    "the first of two parts": b"2017-05-10,0,1,2\n",
    "a part beyond the last": b"2017-05-10,0,2,1\n",
    "no parts": b"2017-05-10,0,0,0\n",
    "a count that is none": "2017-05-10,０,1,1\n".encode(),
    "a count without end": b"2017-05-10," + b"9" * 5000 + b",1,1\n",
}


@pytest.mark.parametrize("body", CHANGED_BODIES.values(), ids=CHANGED_BODIES)
def test_what_is_no_answer_is_a_changed_source(connector, body):
    with pytest.raises(SourceChanged) as caught:
        connector.parse(about("8040001999013"), capture(body))
    assert caught.value.sha256 == capture(body).sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<count>1</count>", "<count>2</count>"),
        ("<corporations>", "<answer>"),
        ("corporation>", "organisation>"),
        ("hihyoji", "hidden"),
        ("<hihyoji>0</hihyoji>", ""),
        ("<hihyoji>0</hihyoji>", "<hihyoji>0</hihyoji><new/>"),
        ("<hihyoji>0</hihyoji>", "<hihyoji>0<b/></hihyoji>"),
        ("<hihyoji>0</hihyoji>", "<hihyoji>0</hihyoji><!-- new -->"),
        ("<enName/>", "<name>株式会社架空</name>"),
        ("<divideNumber>1</divideNumber>", ""),
    ],
)
def test_xml_of_another_shape_is_a_changed_source(connector, samples, old, new):
    text = (samples / "num_by_number.xml").read_text("utf-8")
    assert old in text
    with pytest.raises(SourceChanged):
        connector.parse(about(FILLIN), capture(text.replace(old, new).encode()))


@pytest.mark.parametrize("name", ["num_by_number.xml", "spec_type02_hidden.csv"])
@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "utf-16"])
def test_another_encoding_than_utf_8_is_a_changed_source(connector, samples, name, encoding):
    text = (samples / name).read_text("utf-8").replace("UTF-8", "Shift_JIS")
    with pytest.raises(SourceChanged):
        connector.parse(about(SAMPLES[name][0]), capture(text.encode(encoding)))


def survives(connector, body: bytes) -> None:
    """Reading gives evidence or SourceChanged, and nothing else."""
    taken = capture(body)
    with contextlib.suppress(SourceChanged):
        connector.parse(about(FILLIN), taken).as_json()


@settings(deadline=None)
@given(body=st.binary() | st.text().map(str.encode) | st.binary().map(b"<corporations>".__add__))
def test_arbitrary_bytes(connector, body):
    survives(connector, body)


@settings(deadline=None)
@given(data=st.data())
def test_arbitrary_mutations_of_samples(connector, samples, data):
    name = data.draw(st.sampled_from(sorted([*SAMPLES, "num_by_numbers.xml", "error_400_042.txt"])))
    body = (samples / name).read_bytes()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = start + data.draw(st.integers(0, 40))
        piece = data.draw(st.binary(max_size=6) | st.sampled_from([b"<name/>", b'"', b"\n", b"99", b"&lt;"]))
        body = body[:start] + piece + body[end:]
    survives(connector, body)


@settings(deadline=None)
@given(data=st.data())
def test_arbitrary_columns(connector, data):
    rows = data.draw(
        st.lists(
            st.dictionaries(
                st.sampled_from(nta.COLUMNS), st.text() | st.sampled_from(["", "0", "1", "99", FILLIN])
            ).map(lambda columns: row(**{"corporateNumber": FILLIN, **columns})),
            max_size=3,
        )
    )
    try:
        body = csv_answer(rows)
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8
        return
    survives(connector, body)


def application(vendor, **maker):
    return {"vendor": {"name": "株式会社架空", "country": "JP", "identifiers": vendor}, **maker}


def jcn(number: str) -> dict[str, str]:
    return {"scheme": "JP-JCN", "id": number}


LEI = {"scheme": "XI-LEI", "id": "5493009V2TKX7TKLBP02"}
WRONG = jcn("8000012050002")


@pytest.mark.parametrize(
    ("document", "asked"),
    [
        (application([jcn(FILLIN)]), [("vendor", FILLIN, "株式会社架空")]),
        (application([LEI]), []),
        (application([WRONG]), []),
        (application([WRONG, jcn(FILLIN)]), []),
        (application([LEI, jcn(FILLIN), jcn("7000012050002")]), [("vendor", FILLIN, "株式会社架空")]),
        (
            application(
                [jcn(FILLIN)],
                maker={"name": "国税庁", "country": "JP", "identifiers": [jcn("7000012050002")]},
            ),
            [("vendor", FILLIN, "株式会社架空"), ("maker", "7000012050002", "国税庁")],
        ),
        (
            application(
                [LEI], maker={"name": "国税庁", "country": "JP", "identifiers": [jcn("7000012050002")]}
            ),
            [("maker", "7000012050002", "国税庁")],
        ),
        (
            application([jcn(FILLIN)], maker={"name": "Acme", "country": "IE"}),
            [("vendor", FILLIN, "株式会社架空")],
        ),
    ],
)
def test_whom_it_asks_about(connector, document, asked):
    inquiries = list(connector.inquiries(document))
    assert [(one.role, one.subject.id, one.name) for one in inquiries] == asked
    assert {one.source for one in inquiries} <= {"jp.nta"}


def at(server) -> nta.Nta:
    return nta.Nta(ID, base_url=server.url)


def test_a_number_is_asked_for_with_its_history(registry, message, samples):
    body = (samples / "num_by_number_with_history.xml").read_bytes()
    server = registry(message(body, media_type="text/xml; charset=UTF-8"))
    way = at(server)
    taken = way.fetch(about(FILLIN))
    assert server.requests[0].startswith(
        f"GET /base/num?number={FILLIN}&history=1&type=12&id={ID} HTTP/1.1\r\n".encode()
    )
    assert taken.url == f"{server.url}/num?number={FILLIN}&history=1&type=12&id=***"
    assert taken.body == body
    assert way.parse(about(FILLIN), taken).record["name"] == "株式会社フィルイン"
    way.close()


def test_ten_waiting_cases_are_one_request(registry, message, samples):
    server = registry(message((samples / "num_by_numbers.xml").read_bytes()))
    way = at(server)
    assert isinstance(way, BatchConnector)
    assert way.batch_size == 10
    taken = way.fetch_many([about(FILLIN), about(GUNMA), about(FILLIN, "maker")])
    assert len(server.requests) == 1
    assert f"/num?number={FILLIN},{GUNMA}&history=1&".encode() in server.requests[0]
    assert way.parse(about(FILLIN, "maker"), taken).record == FILLIN_RECORD
    assert way.parse(about(GUNMA), taken).record == GUNMA_RECORD
    way.close()


@pytest.mark.parametrize("form", nta.Form)
def test_the_form_asked_for_is_a_setting(registry, message, form):
    server = registry(message(csv_answer([row()]), media_type="text/csv"))
    way = nta.connector({"application_id": ID, "form": str(form), "base_url": server.url})
    way.fetch(about(FILLIN))
    assert f"&type={form}&id=".encode() in server.requests[0]
    way.close()


def test_a_form_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="form is one of 01, 02, 12"):
        nta.connector({"application_id": ID, "form": "21"})


def test_a_search_by_name(registry, message):
    server = registry(message(b"2026-03-11,4001,2,3\n" + csv_answer([row(), row()]).partition(b"\n")[2]))
    way = nta.Nta(ID, form=nta.Form.CSV_UTF_8, base_url=server.url)
    taken = way.search(
        "架空", comparison=nta.Comparison.EXACT, anywhere=True, former=True, closed=False, area="13", part=2
    )
    assert server.requests[0].startswith(
        b"GET /base/name?name=%E6%9E%B6%E7%A9%BA&mode=2&target=2&change=1&close=0&address=13&divide=2"
    )
    answer = nta.read_answer(taken)
    assert (answer.total, answer.part, answer.parts, len(answer.rows)) == (4001, 2, 3, 2)
    with pytest.raises(SourceChanged, match="one part of several"):
        way.parse(about("8040001999013"), taken)
    way.close()


def test_what_changed_between_two_days(registry, message, samples):
    server = registry(message((samples / "diff_empty.xml").read_bytes()))
    way = at(server)
    answer = nta.read_answer(way.changes(date(2026, 3, 1), date(2026, 3, 11), area="10202"))
    assert server.requests[0].startswith(
        b"GET /base/diff?from=2026-03-01&to=2026-03-11&address=10202&divide=1&type=12&id="
    )
    assert (answer.register_date, answer.rows, answer.total) == ("2026-03-11", (), 0)
    way.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda way: way.search(""),
        lambda way: way.search("あ" * 151),
        lambda way: way.search("a" * 301),
        lambda way: way.search("あ", area="131"),
        lambda way: way.changes(date(2026, 3, 2), date(2026, 3, 1)),
        lambda way: way.changes(date(2026, 1, 1), date(2026, 2, 21)),
        lambda way: way.changes(date(2026, 1, 1), date(2026, 1, 2), area="１３"),
    ],
)
def test_what_the_register_would_refuse_is_not_asked(connector, ask):
    with pytest.raises(ValueError, match=r"name|area|days"):
        ask(connector)


@pytest.mark.parametrize(
    ("status", "media_type", "body", "reason", "detail"),
    [
        # Of the agency's own: 403 is too many requests, 404 an ID it does not know.
        ("403 Forbidden", "text/html", b"", "rate_limited", "HTTP 403"),
        ("404 Not Found", "text/html", b"<html>", "refused", "HTTP 404"),
        (
            "400 Bad Request",
            "application/csv",
            "042,法人番号は10件以内で".encode(),
            "refused",
            "HTTP 400, code 042",
        ),
        ("400 Bad Request", "text/html", b"<html>", "refused", "HTTP 400"),
        ("500 Internal Server Error", "text/html", b"", "server_error", "HTTP 500"),
        ("200 OK", "text/html", b"<html>", "wrong_media_type", ""),
    ],
)
def test_what_is_no_answer(registry, message, caplog, status, media_type, body, reason, detail):
    way = at(registry(message(body, status, media_type)))
    with caplog.at_level("DEBUG"), pytest.raises(SourceUnavailable) as caught:
        way.fetch(about(FILLIN))
    assert (caught.value.source, caught.value.reason, caught.value.detail) == ("jp.nta", reason, detail)
    assert ID not in f"{caught.value!r}{caught.value}{caplog.text}"


def test_the_published_error_line(registry, message, samples):
    body = (samples / "error_400_042.txt").read_bytes()
    way = at(registry(message(body, "400 Bad Request", "application/csv")))
    with pytest.raises(SourceUnavailable, match=r"^jp\.nta: refused \(HTTP 400, code 042\)$"):
        way.fetch(about(FILLIN))


def test_the_id_does_not_show_in_the_connector(connector):
    assert ID not in repr(connector)
