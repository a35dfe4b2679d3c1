"""The corporate number connector against published answers, each deviation from them, and arbitrary bytes."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import nta
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

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


def capture(body: bytes, media_type: str = "application/xml", status: int = 200) -> Capture:
    return Capture("jp.nta", "https://register.example/num", AT, status, media_type, body)


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


def test_an_answer_on_several_numbers_is_read_but_is_evidence_of_none(connector, samples):
    taken = capture((samples / "num_by_numbers.xml").read_bytes())
    answer = nta.read_answer(taken)
    assert answer.register_date == "2021-07-20"
    assert [(row["corporateNumber"], row["name"], row["enName"]) for row in answer.rows] == [
        (FILLIN, "株式会社フィルイン", ""),
        ("7000020100005", "群馬県", "Gunma Prefectural Government"),
    ]
    with pytest.raises(SourceChanged, match="another number") as caught:
        connector.parse(about(FILLIN), taken)
    assert caught.value.sha256 == taken.sha256


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
        f"GET /base/num?number={FILLIN}&type=12&history=1&id={ID} HTTP/1.1\r\n".encode()
    )
    assert taken.url == f"{server.url}/num?number={FILLIN}&type=12&history=1&id=***"
    assert taken.body == body
    assert way.parse(about(FILLIN), taken).record["name"] == "株式会社フィルイン"
    way.close()


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
