"""The gBizINFO connector against published answers of both versions and each deviation from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors import gbizinfo
from connectors.strict import Unexpected
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
TOKEN = "K9secretK9secretK9secretK9secret"
TOYOTA = "1180301018771"
NINTENDO = "1130001011420"
BASICS = {"number": TOYOTA, "name": "トヨタ自動車株式会社", "address": "愛知県豊田市トヨタ町１番地"}

RECORDS = {
    "v2_detail_1180301018771.json": {
        **BASICS,
        "postcode": "4710826",
        "kind": "301",
        "closed": False,
        "capital_jpy": 635402000000,
        "founded_on": "1937-08-27",
        "updated_on": "2019-04-23",
    },
    "v2_certification_1180301018771.json": {
        **BASICS,
        "qualifications": [
            {"kinds": ["goods_manufacture", "goods_sale", "services", "goods_purchase"], "grade": "A"}
        ],
        "certifications": [
            {"title": "ＤＸ認定制度", "approved_on": "2024-07-01"},
            {"title": "ＤＸ認定制度", "approved_on": "2022-07-01"},
        ],
    },
    "v2_commendation_1180301018771.json": {
        **BASICS,
        "commendations": [{"title": "障害者雇用優良事業所の大臣表彰－表彰", "year": 2016}],
    },
    # What is not asked for is not read either.
    "v2_finance_1180301018771.json": BASICS,
    "v2_subsidy_empty_1180301018771.json": BASICS,
    "v2_workplace_1180301018771.json": BASICS,
    "v1_merged_1130001011420_patents_trimmed.json": {
        "number": NINTENDO,
        "name": "任天堂株式会社",
        "kana": "にんてんどう",
        "address": "京都府京都市南区上鳥羽鉾立町１１番地１",
        "postcode": "6018116",
        "closed": False,
        "capital_jpy": 10065000000,
        "employees": 2648,
        "updated_on": "2018-07-18",
        "qualifications": [],
        "certifications": [
            {
                "title": "前払式支払手段（第三者型）発行者登録",
                "approved_on": "2012-04-16",
                "by": "金融庁",
            }
        ],
        "commendations": [
            {
                "title": "次世代育成支援対策推進法に基づく「くるみん」認定",
                "year": 2010,
                "by": "厚生労働省",
            },
            {
                "title": "次世代育成支援対策推進法に基づく「くるみん」認定",
                "year": 2015,
                "by": "厚生労働省",
            },
            {"title": "両立支援のひろば　一般事業主行動計画公表", "by": "厚生労働省"},
            {"title": "女性の活躍推進企業", "by": "厚生労働省"},
            {"title": "次世代育成支援対策推進法に基づく「くるみん」認定", "by": "厚生労働省"},
        ],
        "procurements": [],
    },
}

HITS = [
    ("1180301018771", "トヨタ自動車株式会社", "愛知県豊田市トヨタ町１番地", "4710826", False),
    ("1100001008774", "軽井沢トヨタ自動車株式会社", "長野県北佐久郡軽井沢町大字長倉字屋敷裏２４１４番地１",
     "3890111", True),
    ("1430005009042", "トヨタ自動車北海道労働組合", "北海道苫小牧市字勇払１４５番１", "0591372", False),
    ("5430001053338", "トヨタ自動車北海道株式会社", "北海道苫小牧市字勇払１４５番１", "0591372", False),
    ("1440005000132", "函館トヨタ自動車協同組合", "北海道函館市石川町１６９番地３５", "0410802", False),
    ("1470003001699", "東かがわトヨタ自動車販売合同会社", "香川県東かがわ市西村１５０１番地１",
     "7692604", False),
    ("2270001000937", "鳥取トヨタ自動車株式会社", "鳥取県鳥取市天神町３番地", "6800847", False),
    ("2360003004852", "合資会社名護トヨタ自動車販売", "沖縄県名護市字名護６０８番地の３", "9050012", True),
    ("4040005000665", "千葉トヨタ自動車労働組合",
     "千葉県千葉市中央区登戸２丁目２番７号千葉トヨタ自動車株式会社内", "2600032", False),
    ("5040001008249", "千葉トヨタ自動車株式会社", "千葉県千葉市中央区登戸２丁目２番７号", "2600032", False),
    ("4700150069059", "新潟トヨタ自動車連合厚生年金基金", "新潟県新潟市中央区女池南１丁目２番１３号",
     "9500948", True),
    ("5700150044011", "トヨタ自動車安全衛生協力会", "愛知県豊田市トヨタ町１番地トヨタ会館Ｇ階",
     "4710826", False),
    ("9700150043892", "トヨタ自動車企業年金基金",
     "愛知県豊田市喜多町２丁目１６０番地コモスクエアＷＥＳＴ４Ｆ", "4710027", False),
    ("6021001040127", "トヨタ自動車東日本株式会社", "宮城県黒川郡大衡村中央平１番地", "9813609", False),
]  # fmt: skip


@pytest.fixture(scope="module")
def connector():
    connector = gbizinfo.GBizInfo(TOKEN)
    yield connector
    connector.close()


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-jp/samples/gbizinfo"


def capture(*bodies: bytes, status: int = 200) -> Capture:
    """One answer, or a sequence as :meth:`GBizInfo.fetch` puts it together."""
    body = bodies[0] if len(bodies) == 1 else b"".join(b"\x1e" + body + b"\n" for body in bodies)
    return Capture("jp.gbizinfo", "https://register.example/v2/hojin/1", AT, status, "application/json", body)


def about(number: str = TOYOTA) -> Inquiry:
    return Inquiry("jp.gbizinfo", "vendor", OrganisationId("JP-JCN", number), "株式会社架空")


def answer(**company: object) -> bytes:
    infos = [{"corporate_number": TOYOTA, **company}]
    return json.dumps({"id": TOYOTA, "errors": None, "message": "200 - OK.", "hojin-infos": infos}).encode()


NO_MATCH = b'{"id":null,"message":"404 - Not Found.","errors":[]}'
NOBODY = b'{"id":null,"message":"200 - OK.","errors":null,"hojin-infos":[]}'


@pytest.mark.parametrize(("name", "record"), RECORDS.items())
def test_published_answers(connector, samples, name, record):
    taken = capture((samples / name).read_bytes())
    evidence = connector.parse(about(record["number"]), taken)
    assert evidence.record == record
    assert evidence.presence is Presence.FOUND
    assert (evidence.observed_at, evidence.capture) == (AT, taken.sha256)
    [unasked] = connector.evidence_in(taken)
    assert (str(unasked.subject), unasked.record) == (f"JP-JCN:{record['number']}", record)


def test_the_hits_of_a_search(connector, samples):
    taken = capture((samples / "v2_search_name_subset_a.json").read_bytes())
    assert [one.record for one in connector.evidence_in(taken)] == [
        dict(zip(("number", "name", "address", "postcode", "closed"), hit, strict=True)) for hit in HITS
    ]
    with pytest.raises(SourceChanged, match="another number"):
        connector.parse(about(), taken)


def test_published_contracts(connector, samples):
    taken = capture((samples / "v2_procurement_1180301018771.json").read_bytes())
    contracts = connector.parse(about(), taken).record["procurements"]
    assert len(contracts) == 39
    assert contracts[:2] == [
        {"ordered_on": "2018-01-26", "amount_jpy": 84136320},
        {"ordered_on": "2017-01-05", "amount_jpy": 11998184},
    ]
    assert contracts[-1] == {"ordered_on": "2025-07-11", "amount_jpy": 7402000}


def test_a_published_no_match(connector, samples):
    for body, status in (((samples / "v2_404_no_match.json").read_bytes(), 404), (NOBODY, 200)):
        evidence = connector.parse(about(), capture(body, status=status))
        assert (evidence.presence, evidence.record) == (Presence.ABSENT, {})
        assert connector.evidence_in(capture(body)) == []


def test_a_published_refusal_is_no_evidence(connector, samples):
    taken = capture((samples / "v2_401_bad_token.json").read_bytes())
    with pytest.raises(SourceChanged, match="neither a hit nor no match") as caught:
        connector.parse(about(), taken)
    assert caught.value.sha256 == taken.sha256
    with pytest.raises(SourceUnavailable) as refused:
        connector.evidence_in(taken)
    assert refused.value.reason == "refused"


def test_every_sample_is_used(samples):
    used = {*RECORDS, "v2_search_name_subset_a.json", "v2_procurement_1180301018771.json"}
    used |= {"v2_404_no_match.json", "v2_401_bad_token.json", "procurement_rows_sparql.csv"}
    assert {path.name for path in samples.iterdir()} == used | {"openapi_v1.yaml", "openapi_v2.json"}


def test_the_basics_and_the_lists_together(connector, samples):
    names = [f"v2_{part}_{TOYOTA}.json" for part in ("detail", *gbizinfo.LISTS)]
    evidence = connector.parse(about(), capture(*((samples / name).read_bytes() for name in names)))
    assert evidence.record == {
        **RECORDS[names[0]],
        **RECORDS[names[1]],
        **RECORDS[names[2]],
        "procurements": evidence.record["procurements"],
    }
    assert len(evidence.record["procurements"]) == 39


def test_a_list_that_was_not_answered_is_left_out(connector):
    record = connector.parse(about(), capture(answer(), answer(certification=[]), NO_MATCH, NOBODY)).record
    assert record == {"number": TOYOTA, "qualifications": [], "certifications": []}


@pytest.mark.parametrize(
    "bodies",
    [
        [NOBODY, answer(certification=[])],
        [answer(), answer(corporate_number=NINTENDO)],
        [answer(), b"{}"],
        [answer(), b"<html>"],
        [answer(), b""],
        [answer(), b'{"id":null,"message":"401 - Unauthorized","errors":[]}'],
        [answer(), b'{"id":null,"message":"500","errors":[{"item":"","message":"x"}]}'],
    ],
)
def test_answers_that_do_not_fit_together(connector, bodies):
    with pytest.raises(SourceChanged):
        connector.parse(about(), capture(*bodies))


GRADES = [
    ("役務の提供等：D", [{"kinds": ["services"], "grade": "D"}]),
    (
        "物品の製造：A\n物品の販売：B\n役務の提供等：A",
        [
            {"kinds": ["goods_manufacture", "services"], "grade": "A"},
            {"kinds": ["goods_sale"], "grade": "B"},
        ],
    ),
    ("物品の販売:Ｃ\r\n物品の買受け： －\n役務の提供等：", [{"kinds": ["goods_sale"], "grade": "C"}]),
]


@pytest.mark.parametrize(("title", "qualifications"), GRADES)
def test_kinds_and_grades_of_the_unified_qualification(connector, title, qualifications):
    record = connector.parse(about(), capture(answer(certification=[{"title": title}]))).record
    assert record["qualifications"] == qualifications
    assert record["certifications"] == []


def test_the_end_of_a_qualification_where_it_is_given(connector):
    entry = {"title": "役務の提供等：A", "date_of_approval": "2025-04-01", "expiration_date": "2028-03-31"}
    record = connector.parse(about(), capture(answer(certification=[entry]))).record
    assert record["qualifications"] == [
        {"kinds": ["services"], "grade": "A", "approved_on": "2025-04-01", "valid_to": "2028-03-31"}
    ]


@pytest.mark.parametrize(
    "title", ["役務の提供等：E", "役務の提供等：A\n工事：A", "役務の提供等：A 物品の販売：B"]
)
def test_a_grade_that_is_none_is_a_changed_source(connector, title):
    with pytest.raises(SourceChanged, match="kind with its grade"):
        connector.parse(about(), capture(answer(certification=[{"title": title}])))


@pytest.mark.parametrize(
    ("company", "record"),
    [
        ({"status": "閉鎖", "close_date": None}, {"closed": True}),
        ({"status": "閉鎖", "close_date": "2024-01-31", "close_cause": "01"},
         {"closed": True, "closed_on": "2024-01-31", "close_cause": "01"}),
        ({"date_of_establishment": "昭和12年"}, {}),
        ({"date_of_establishment": "1937-02-30"}, {}),
        ({"name_en": "Acme", "employee_number": 0}, {"english_name": "Acme", "employees": 0}),
        ({"business_items": ["304", "306"], "qualification_grade": "A"},
         {"business_items": ["304", "306"], "qualification_grade": "A"}),
        ({"procurement": [{"amount": 90000000167598800}, {"amount": -1}, {"amount": 0}]},
         {"procurements": [{}, {}, {"amount_jpy": 0}]}),
        ({"representative_name": "架空太郎"}, {}),
    ],
)  # fmt: skip
def test_what_else_a_record_can_say(connector, company, record):
    found = connector.parse(about(), capture(answer(**company))).record
    assert found == {"number": TOYOTA, **record}


@pytest.mark.parametrize(
    "company",
    [
        {"corporate_number": "118030101877"},
        {"corporate_number": None},
        {"corporate_number": NINTENDO},
        {"status": "休眠"},
        {"name": 1},
        {"capital_stock": "100"},
        {"certification": {}},
        {"certification": ["A"]},
        {"certification": [{"title": 1}]},
        {"procurement": [{"amount": "100"}]},
        {"business_items": [1]},
    ],
)
def test_what_is_out_of_the_known_shape_is_a_changed_source(connector, company):
    taken = capture(answer(**company))
    with pytest.raises(SourceChanged) as caught:
        connector.parse(about(), taken)
    assert caught.value.sha256 == taken.sha256
    assert "休眠" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"<html>",
        b"\x1e",
        b"\x1e\x1e",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_answer_is_a_changed_source(connector, body):
    for read in (
        lambda: connector.parse(about(), capture(body)),
        lambda: connector.evidence_in(capture(body)),
    ):
        with pytest.raises(SourceChanged):
            read()


def application(*numbers: str, **maker):
    identifiers = [{"scheme": "JP-JCN", "id": number} for number in numbers]
    return {"vendor": {"name": "株式会社架空", "country": "JP", "identifiers": identifiers}, **maker}


def test_whom_it_asks_about(connector):
    maker = {"name": "任天堂", "country": "JP", "identifiers": [{"scheme": "JP-JCN", "id": NINTENDO}]}
    asked = list(connector.inquiries(application(TOYOTA, maker=maker)))
    assert [(one.role, one.subject.id) for one in asked] == [("vendor", TOYOTA), ("maker", NINTENDO)]
    assert list(connector.inquiries(application("2180301018771"))) == []
    assert list(connector.inquiries(application())) == []


def test_the_basics_are_asked_for_and_then_each_list(registry, message, samples):
    names = [f"v2_{part}_{TOYOTA}.json" for part in ("detail", *gbizinfo.LISTS)]
    bodies = [(samples / name).read_bytes() for name in names]
    server = registry(*(message(body, media_type="application/json") for body in bodies))
    way = gbizinfo.connector({"token": TOKEN, "base_url": server.url})
    taken = way.fetch(about())
    assert [request.split()[1].decode() for request in server.requests] == [
        f"/base/{TOYOTA}",
        *(f"/base/{TOYOTA}/{name}" for name in gbizinfo.LISTS),
    ]
    assert all(f"X-hojinInfo-api-token: {TOKEN}".encode() in request for request in server.requests)
    assert TOKEN not in f"{taken!r}{way!r}"
    assert (taken.media_type, taken.url) == ("application/json-seq", f"{server.url}/{TOYOTA}")
    assert [part.strip() for part in taken.body.split(b"\x1e")[1:]] == [body.strip() for body in bodies]
    assert way.parse(about(), taken).record["closed"] is False
    way.close()


def test_of_a_company_that_is_not_there_no_list_is_asked_for(registry, message):
    server = registry(message(NO_MATCH, "404 Not Found", "application/json"))
    way = gbizinfo.GBizInfo(TOKEN, base_url=server.url)
    evidence = way.parse(about(), way.fetch(about()))
    assert (evidence.presence, len(server.requests)) == (Presence.ABSENT, 1)
    way.close()


def test_a_list_that_fails_fails_the_inquiry(registry, message):
    server = registry(message(answer(), media_type="application/json"), message(b"", "429 Too Many Requests"))
    way = gbizinfo.GBizInfo(TOKEN, base_url=server.url)
    with pytest.raises(SourceUnavailable, match="rate_limited"):
        way.fetch(about())
    way.close()


@pytest.mark.parametrize(("status", "reason"), [("403 Forbidden", "rate_limited"), ("401 No", "refused")])
def test_what_is_no_answer(registry, message, status, reason):
    body = b'{"id":null,"message":"401 - Unauthorized","errors":[]}'
    way = gbizinfo.GBizInfo(TOKEN, base_url=registry(message(body, status, "application/json")).url)
    with pytest.raises(SourceUnavailable) as caught:
        way.fetch(about())
    assert caught.value.reason == reason
    assert TOKEN not in str(caught.value)
    way.close()


def test_exported_contracts(samples):
    contracts = gbizinfo.read_procurements((samples / "procurement_rows_sparql.csv").read_bytes())
    assert len(contracts) == 33
    # Damaged: ninety thousand times the budget of the state.
    assert contracts[0] == (
        "9010005018986",
        {
            "title": "平成３１年度技術協力活用型・新興国市場開拓事業（インフラ海外展開支援）",
            "by": "経済産業省",
            "ordered_on": "2019-04-01",
        },
    )
    assert contracts[1] == (
        "1020001071491",
        {
            "title": "ハローワークシステム拠点設備更改等一式",
            "by": "厚生労働省",
            "ordered_on": "2019-04-01",
            "amount_jpy": 73_872_000_000,
        },
    )
    assert contracts[7] == (
        "1140001005719",
        {
            "title": "輸送ヘリコプターＣＨ－４７ＪＡ",
            "by": "防衛省",
            "ordered_on": "2018-03-23",
            "amount_jpy": 38_491_200_000,
        },
    )
    assert contracts[-1] == (
        "2010801012579",
        {
            "title": "ページプリンタの保守業務（リコー製）",
            "by": "会計検査院",
            "ordered_on": "2016-04-01",
            "amount_jpy": 1_270_080,
        },
    )
    assert all("amount_jpy" in contract for _, contract in contracts[1:])


@pytest.mark.parametrize("body", [b"", b"\xff", b"a,b\n1,2\n", b'date_of_order,"'])
def test_what_is_no_export_is_unexpected(body):
    with pytest.raises(Unexpected):
        gbizinfo.read_procurements(body)
