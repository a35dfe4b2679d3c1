"""The invoice issuer connector against published announcements and each deviation from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors import invoice
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence
from pipeline.ports import BatchConnector

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
ID = "K9secretK9sec"
CARTA = "T6011001033049"
UTASHINAI = "T1000020012271"

CARTA_RECORD = {
    "number": CARTA,
    "kind": "2",
    "country": "1",
    "registered_on": "2023-10-01",
    "updated_on": "2022-05-30",
    "name": "株式会社ＣＡＲＴＡ　ＨＯＬＤＩＮＧＳ",
    "address": "東京都渋谷区道玄坂１丁目２１番１号渋谷ソラスタ１５階",
    "prefecture_code": "13",
    "city_code": "113",
}
UTASHINAI_RECORD = {
    "number": UTASHINAI,
    "kind": "2",
    "country": "1",
    "registered_on": "2023-10-01",
    "updated_on": "2023-03-03",
    "name": "歌志内市",
    "address": "北海道歌志内市字本町５",
    "prefecture_code": "01",
    "city_code": "227",
}


@pytest.fixture(scope="module")
def connector():
    connector = invoice.Invoice(ID)
    yield connector
    connector.close()


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-jp/samples/invoice-kohyo"


@pytest.fixture(scope="session")
def published(samples):
    return json.loads((samples / "announcement_T6011001033049.json").read_bytes())[0]


def answer(*announcements: dict[str, str], **header: object) -> bytes:
    envelope = {
        "lastUpdateDate": "2026-11-05",
        "count": str(len(announcements)),
        "divideNumber": "1",
        "divideSize": "1",
        "announcement": announcements,
    }
    return json.dumps(envelope | header, ensure_ascii=False).encode()


def capture(body: bytes, *numbers: str) -> Capture:
    url = f"https://register.example/1/num?number={','.join(numbers)}&history=0&type=21&id=***"
    return Capture("jp.invoice", url, AT, 200, "application/json", body)


def about(number: str) -> Inquiry:
    return Inquiry("jp.invoice", "vendor", OrganisationId("JP-INVOICE", number), "株式会社架空")


def test_a_published_announcement(connector, published):
    taken = capture(answer(published), CARTA)
    evidence = connector.parse(about(CARTA), taken)
    assert evidence.record == {**CARTA_RECORD, "register_date": "2026-11-05"}
    assert evidence.presence is Presence.FOUND
    assert (evidence.source, evidence.role, str(evidence.subject)) == (
        "jp.invoice",
        "vendor",
        f"JP-INVOICE:{CARTA}",
    )
    assert (evidence.observed_at, evidence.capture) == (AT, taken.sha256)


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("announcement_T6011001033049.json", CARTA_RECORD),
        ("zenken_row_T1000020012271.csv", UTASHINAI_RECORD),
    ],
)
def test_every_sample_is_read(connector, samples, name, record):
    taken = Capture("jp.invoice", "", AT, 200, "", (samples / name).read_bytes())
    assert [(one.subject.id, one.record) for one in connector.evidence_in(taken)] == [
        (record["number"], record)
    ]
    assert len(list(samples.iterdir())) == 2


def test_a_saved_answer_is_read_with_its_envelope(connector, published):
    other = published | {"registratedNumber": UTASHINAI}
    found = connector.evidence_in(capture(answer(published, other)))
    assert [one.subject.id for one in found] == [UTASHINAI, CARTA]
    assert all(one.record["register_date"] == "2026-11-05" for one in found)


def test_nobody_of_that_number(connector):
    evidence = connector.parse(about(CARTA), capture(answer(), CARTA))
    assert (evidence.presence, evidence.record) == (Presence.ABSENT, {"register_date": "2026-11-05"})


def test_one_answer_on_several_numbers_answers_each(connector, published):
    other = published | {"registratedNumber": UTASHINAI, "name": "歌志内市"}
    taken = capture(answer(published, other), CARTA, UTASHINAI, "T8040001999013")
    names = [
        connector.parse(about(number), taken).record.get("name")
        for number in (UTASHINAI, CARTA, "T8040001999013")
    ]
    assert names == ["歌志内市", CARTA_RECORD["name"], None]
    for asked in ([CARTA], [UTASHINAI]):
        with pytest.raises(SourceChanged, match="number"):
            connector.parse(about(CARTA), capture(answer(published, other), *asked))


@pytest.mark.parametrize(
    ("fields", "key", "value"),
    [
        ({"disposalDate": "2026-04-01"}, "revoked_on", "2026-04-01"),
        ({"expireDate": "2027-04-01"}, "expired_on", "2027-04-01"),
        ({"country": "2", "addressInside": "東京都港区"}, "address_in_japan", "東京都港区"),
        ({"tradeName": "架空屋"}, "trade_name", "架空屋"),
        ({"popularName_previousName": "旧架空"}, "other_name", "旧架空"),
    ],
)
def test_what_else_an_announcement_can_say(connector, published, fields, key, value):
    record = connector.parse(about(CARTA), capture(answer(published | fields), CARTA)).record
    assert record == {**CARTA_RECORD, "register_date": "2026-11-05", key: value, "country": record["country"]}


def test_of_an_individual_nothing_personal_is_recorded(connector, published):
    personal = published | {
        "kind": "1", "name": "架空太郎", "kana": "カクウタロウ", "tradeName": "架空屋",
        "popularName_previousName": "架空花子", "addressRequest": "東京都",
    }  # fmt: skip
    record = connector.parse(about(CARTA), capture(answer(personal), CARTA)).record
    assert record == {
        "number": CARTA,
        "kind": "1",
        "country": "1",
        "registered_on": "2023-10-01",
        "updated_on": "2022-05-30",
        "register_date": "2026-11-05",
    }


def test_a_deleted_announcement(connector):
    deleted = {"registratedNumber": CARTA, "process": "99", "correct": "", "latest": "1"}
    evidence = connector.parse(about(CARTA), capture(answer(deleted), CARTA))
    assert evidence.presence is Presence.FOUND
    assert evidence.record == {"number": CARTA, "deleted": True, "register_date": "2026-11-05"}


@pytest.mark.parametrize(
    "fields",
    [
        {"process": "21"},
        {"kind": "3"},
        {"country": "JP"},
        {"latest": ""},
        {"latest": "0"},
        {"registrationDate": ""},
        {"registrationDate": "2023-02-30"},
        {"registrationDate": "2023-10-01\n"},
        {"disposalDate": None},
        {"name": ""},
        {"name": 1},
        {"registratedNumber": "6011001033049"},
        {"registratedNumber": "Ｔ6011001033049"},
        {"registratedNumber": UTASHINAI},
        {"addressPrefectureCode": "東京"},
    ],
)
def test_what_is_out_of_the_known_shape_is_a_changed_source(connector, published, fields):
    taken = capture(answer(published | fields), CARTA)
    with pytest.raises(SourceChanged) as caught:
        connector.parse(about(CARTA), taken)
    assert caught.value.sha256 == taken.sha256
    assert "東京" not in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        {"count": "2"},
        {"count": 1},
        {"count": "１"},
        {"divideSize": "2"},
        {"lastUpdateDate": ""},
        {"announcement": None},
        {"announcement": {}},
    ],
)
def test_an_envelope_of_another_shape_is_a_changed_source(connector, published, header):
    with pytest.raises(SourceChanged):
        connector.parse(about(CARTA), capture(answer(published, **header), CARTA))


@pytest.mark.parametrize("missing", ["latest", "expireDate", "name", "process"])
def test_a_field_that_is_gone_is_a_changed_source(connector, published, missing):
    rest = {name: value for name, value in published.items() if name != missing}
    with pytest.raises(SourceChanged, match="schema"):
        connector.parse(about(CARTA), capture(answer(rest), CARTA))


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"<html>", b"[" * 100_000, b'{"a":' * 100_000, b"1,2\n", b'1,"', b"\xff", b"\0" * 50],
)
def test_what_is_no_saved_answer_is_a_changed_source(connector, body):
    taken = capture(body)
    if body == b"[]":
        assert connector.evidence_in(taken) == []
    else:
        with pytest.raises(SourceChanged):
            connector.evidence_in(taken)
    with pytest.raises(SourceChanged):
        connector.parse(about(CARTA), taken)


def application(number: str | None):
    vendor = {"name": "株式会社架空", "country": "JP", "identifiers": []}
    return {"vendor": vendor if number is None else vendor | {"invoice_number": number}}


@pytest.mark.parametrize(
    ("number", "asked"),
    [(CARTA, [CARTA]), ("T7011001033049", []), (None, []), ("T０００００２００１２２７１", [])],
)
def test_whom_it_asks_about(connector, number, asked):
    inquiries = list(connector.inquiries(application(number)))
    assert [(one.role, one.subject.id, one.name) for one in inquiries] == [
        ("vendor", number, "株式会社架空") for number in asked
    ]


def test_several_numbers_are_one_request(registry, message, published):
    server = registry(message(answer(published), media_type="application/json;charset=UTF-8"))
    way = invoice.connector({"application_id": ID, "base_url": server.url})
    assert isinstance(way, BatchConnector)
    taken = way.fetch_many([about(CARTA), about(UTASHINAI), about(CARTA)])
    assert server.requests[0].startswith(
        f"GET /base/num?number={CARTA},{UTASHINAI}&history=0&type=21&id={ID} ".encode()
    )
    assert ID not in taken.url
    assert way.parse(about(CARTA), taken).record["name"] == CARTA_RECORD["name"]
    assert way.parse(about(UTASHINAI), taken).presence is Presence.ABSENT
    way.close()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        ("403 Forbidden", b"", "rate_limited"),
        ("404 Not Found", b"", "refused"),
        ("400 Bad Request", "070,応答形式".encode(), "refused"),
        ("500 Internal Server Error", b"", "server_error"),
    ],
)
def test_what_is_no_answer(registry, message, status, body, reason):
    way = invoice.Invoice(ID, base_url=registry(message(body, status, "text/html")).url)
    with pytest.raises(SourceUnavailable) as caught:
        way.fetch(about(CARTA))
    assert (caught.value.source, caught.value.reason) == ("jp.invoice", reason)
    assert ID not in str(caught.value)
    way.close()
