"""ISMAP, ISMS-AC, PrivacyMark, suspensions, start-up lists: whom they are asked about and what they say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors import ismap, isms, privacymark, startup, suspension
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
HOMEI = "6010001990001"
SUBJECT = OrganisationId("JP-JCN", HOMEI)


def application(**members):
    identifiers = [{"scheme": "JP-JCN", "id": HOMEI}]
    vendor = {"name": "鳳鳴電機株式会社", "country": "JP", "identifiers": identifiers}
    product = {"name": {"ja": "ホウメイ会議室", "en": "Homei Rooms"}}
    use = {"confidentiality": 1}
    return {"vendor": vendor, "product": product, "use": use, **members}


def asked(module, **members):
    """``(role, subject, name)`` of each inquiry."""
    connector = module.connector({})
    inquiries = list(connector.inquiries(application(**members)))
    connector.close()
    assert {one.source for one in inquiries} <= {module.SOURCE}
    return [(one.role, str(one.subject), one.name) for one in inquiries]


def read(module, content, subject, role="vendor", name="鳳鳴電機株式会社"):
    connector = module.connector({})
    body = f"<html><body>{content}</body></html>".encode()
    taken = Capture(module.SOURCE, "https://register.example/list", AT, 200, "text/html", body)
    try:
        return connector.parse(Inquiry(module.SOURCE, role, subject, name), taken)
    finally:
        connector.close()


def table(headings, *rows):
    def line(tag, cells):
        return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line('th', headings)}{''.join(line('td', row) for row in rows)}</table>"


@pytest.mark.parametrize(
    ("claim", "inquiries"),
    [
        ({}, []),
        ({"ismap": {"list": "none"}}, []),
        # For information of class 2, that it is on neither list is for the lists to say.
        (
            {"ismap": {"list": "none"}, "use": {"confidentiality": 2}},
            [
                ("ismap", f"JP-JCN:{HOMEI}", "ホウメイ会議室"),
                ("ismap-liu", f"JP-JCN:{HOMEI}", "ホウメイ会議室"),
            ],
        ),
        (
            {"ismap": {"list": "ismap", "number": "Ｃ99-0001-2 "}},
            [("ismap", "JP-ISMAP:C99-0001-2", "ホウメイ会議室")],
        ),
        (
            {"ismap": {"list": "ismap-liu", "number": "L99-0003-1"}},
            [("ismap-liu", "JP-ISMAP:L99-0003-1", "ホウメイ会議室")],
        ),
        # No number, or one that is none: the service is looked for by its name.
        ({"ismap": {"list": "ismap"}}, [("ismap", f"JP-JCN:{HOMEI}", "ホウメイ会議室")]),
        (
            {"ismap": {"list": "ismap", "number": "2021-0001"}},
            [("ismap", f"JP-JCN:{HOMEI}", "ホウメイ会議室")],
        ),
    ],
)
def test_what_ismap_is_asked(claim, inquiries):
    assert asked(ismap, **claim) == inquiries


def test_a_service_without_a_number_is_found_by_name():
    page = table(
        ["登録番号", "サービス名", "事業者名"],
        ["C99-0001-2", "ホウメイ 会議室", "鳳鳴"],
        ["C98-0100-5", "別", "別"],
    )
    evidence = read(ismap, page, SUBJECT, "ismap", "ホウメイ会議室")
    assert [listing["number"] for listing in evidence.record["listings"]] == ["C99-0001-2"]


def test_the_lists_of_ismap_have_addresses_of_their_own(registry, message):
    server = registry(message(b"<html></html>", media_type="text/html"))
    way = ismap.connector({"base_url": server.url})
    for listed in ("ismap", "ismap-liu"):
        way.fetch(Inquiry("jp.ismap", listed, OrganisationId("JP-ISMAP", "C99-0001-2"), "x"))
    with pytest.raises(SourceUnavailable, match="not_configured"):
        way.fetch(Inquiry("jp.ismap", "ismap-x", OrganisationId("JP-ISMAP", "C99-0001-2"), "x"))
    assert [request.split()[1] for request in server.requests] == [
        b"/base/csm?id=cloud_service_list",
        b"/base/csm?id=liu_cloud_service_list",
    ]
    way.close()


def certificate(kind="ISO27001", number="IS 689557", **members):
    return {"type": kind, "number": number, **members}


@pytest.mark.parametrize(
    ("certificates", "inquiries"),
    [
        ([], []),
        ([certificate()], [("iso27001", "JP-ISMS:IS 689557", "鳳鳴電機株式会社")]),
        (
            [certificate(), certificate(number="X"), certificate("ISO27017", "JUSE-IR-575")],
            [
                ("iso27001", "JP-ISMS:IS 689557", "鳳鳴電機株式会社"),
                ("iso27017", "JP-ISMS:JUSE-IR-575", "鳳鳴電機株式会社"),
            ],
        ),
        (
            [certificate(accreditation_body="ISMS-AC")],
            [("iso27001", "JP-ISMS:IS 689557", "鳳鳴電機株式会社")],
        ),
        ([certificate(accreditation_body="UKAS")], []),
        ([certificate(accredited=False)], []),
        ([certificate("SOC2")], []),
        ([certificate(number="第1号")], []),
        ([certificate(number="x" * 41)], []),
        ([{"type": "ISO27001"}], []),
    ],
)
def test_what_isms_ac_is_asked(certificates, inquiries):
    assert asked(isms, certifications=certificates) == inquiries


def test_a_certificate_is_asked_for_at_its_own_address(registry, message):
    server = registry(message(b"<html></html>", media_type="text/html"))
    way = isms.connector({"base_url": server.url})
    way.fetch(Inquiry("jp.isms", "iso27001", OrganisationId("JP-ISMS", "IS 1/2?"), "x"))
    assert server.requests[0].startswith(b"GET /base/lst/ind/CR_IS%201%2F2%3F.html HTTP")
    way.close()


def test_a_certificate():
    lines = [
        ("認証登録番号", "IS689557"), ("組織名称", "鳳鳴電機株式会社"), ("認証基準", "JIS Q 27001:2023"),
        ("認証機関", "日ノ本品質審査機構"), ("認証登録範囲", "会議室の開発"), ("初回登録日", "2026年7月1日"),
        ("有効期限", "2029年6月30日"), ("登録状態", "一時停止中"),
    ]  # fmt: skip
    page = "<table>" + "".join(f"<tr><th>{h}</th><td>{v}</td></tr>" for h, v in lines) + "</table>"
    evidence = read(isms, page, OrganisationId("JP-ISMS", "IS 689557"), "iso27001")
    assert evidence.record == {
        "list": "isms",
        "certificates": [
            {
                "number": "IS689557",
                "holder": "鳳鳴電機株式会社",
                "type": "ISO27001",
                "standard": "JIS Q 27001:2023",
                "body": "日ノ本品質審査機構",
                "scope": "会議室の開発",
                "valid_from": "2026-07-01",
                "valid_to": "2029-06-30",
                "status": "一時停止中",
            }
        ],
    }
    absent = read(
        isms, "<p>該当する認証登録はありません。</p>", OrganisationId("JP-ISMS", "IS 689557"), "iso27001"
    )
    assert (absent.presence, absent.record) == (Presence.ABSENT, {"list": "isms", "certificates": []})


@pytest.mark.parametrize(
    ("number", "subject"),
    [
        ("10830292(07)", "10830292"),
        ("10830292", "10830292"),
        ("１０８３０２９２（０７）", "10830292"),
        ("1083029", None),
        ("A1083029", None),
    ],
)
def test_what_jipdec_is_asked(number, subject):
    expected = [] if subject is None else [("vendor", f"JP-PMARK:{subject}", "鳳鳴電機株式会社")]
    assert asked(privacymark, certifications=[certificate(), certificate("PRIVACYMARK", number)]) == expected


def test_a_holder_of_the_privacy_mark():
    headings = ["登録番号", "事業者名", "所在地", "業種", "有効期限", "審査機関", "JIS"]
    row = [
        "10830292(07)",
        "鳳鳴電機株式会社",
        "東京都",
        "情報処理",
        "令和10年11月30日",
        "JIPDEC",
        "JIS Q 15001:2023",
    ]
    evidence = read(privacymark, table(headings, row), OrganisationId("JP-PMARK", "10830292"))
    assert evidence.record == {
        "number": "10830292",
        "grants": 7,
        "name": "鳳鳴電機株式会社",
        "address": "東京都",
        "industry": "情報処理",
        "valid_to": "2028-11-30",
        "ask_again_from": "2028-12-01",
        "assessor": "JIPDEC",
        "standard": "JIS Q 15001:2023",
    }
    with pytest.raises(SourceChanged, match="several"):
        read(privacymark, table(headings, row, row), OrganisationId("JP-PMARK", "10830292"))
    absent = read(privacymark, "<p>該当する事業者はありません</p>", OrganisationId("JP-PMARK", "10830292"))
    assert (absent.presence, absent.record) == (Presence.ABSENT, {})


MEASURES = ["措置年月日", "措置を行った者", "事業者名", "本社住所", "措置の内容", "詳細"]
DETAIL = '<a href="/detail?id=1">詳細</a>'


def test_suspensions_are_told_apart_by_how_sure_they_are():
    page = "<p>検索結果：3件</p>" + table(
        MEASURES,
        ["2026年8月3日", "架空地方整備局", f"鳳鳴電機株式会社 ({HOMEI})", "東京都", "指名停止2か月", DETAIL],
        ["2025/1/6", "架空市", "鳳鳴電機（株）", "", "指名停止", ""],
        ["2025/1/7", "架空市", "鳳鳴電機株式会社(7000012050002)", "", "指名停止", ""],
    )
    record = read(suspension, page, SUBJECT).record
    assert record == {
        "list": "mlit",
        "suspensions": [
            {
                "name": "鳳鳴電機株式会社",
                "number": HOMEI,
                "matched_by": "number",
                "measured_on": "2026-08-03",
                "authority": "架空地方整備局",
                "address": "東京都",
                "measure": "指名停止2か月",
                "url": "https://register.example/detail?id=1",
            },
            {
                "name": "鳳鳴電機（株）",
                "matched_by": "name",
                "measured_on": "2025-01-06",
                "authority": "架空市",
                "measure": "指名停止",
            },
        ],
    }


def test_no_hit_says_only_that_this_list_had_none():
    for page in (
        "<p>検索結果：0件</p>",
        "<p>検索結果：1件</p>" + table(MEASURES, ["2026/8/3", "架空市", "別会社", "", "", ""]),
    ):
        evidence = read(suspension, page, SUBJECT)
        assert (evidence.presence, evidence.record) == (Presence.ABSENT, {"list": "mlit", "suspensions": []})
    with pytest.raises(SourceChanged):
        read(
            suspension,
            "<p>検索結果：21件</p>" + table(MEASURES, ["2026/8/3", "市", "別会社", "", "", ""]),
            SUBJECT,
        )


def test_suspensions_are_searched_by_name(registry, message):
    maker = {"name": "海外", "country": "IE", "identifiers": [{"scheme": "XI-LEI", "id": "x"}]}
    vendor = ("vendor", f"JP-JCN:{HOMEI}", "鳳鳴電機株式会社")
    assert asked(suspension, maker=maker) == [vendor, ("maker", "XI-LEI:x", "海外")]
    assert asked(suspension, maker={"name": "海外", "country": "IE"}) == [vendor]
    server = registry(message(b"<html></html>", media_type="text/html"))
    way = suspension.connector({"base_url": server.url})
    way.fetch(Inquiry("jp.suspension", "vendor", SUBJECT, "鳳鳴 & Co"))
    assert server.requests[0].startswith(b"POST /base/nega-inf/cgi-bin/search.cgi HTTP")
    fields = server.bodies[0].split(b"&")
    assert {b"jigyoubunya=shimeiteishi", b"EID=search", b"jigyousya=%E9%B3%B3%E9%B3%B4+%26+Co"} < set(fields)
    way.close()


def test_start_up_lists():
    claims = {"j_startup": True, "sbir": True, "public_fund": False}
    assert asked(startup, startup=claims) == [("j-startup", f"JP-JCN:{HOMEI}", "鳳鳴電機株式会社")]
    assert asked(startup, startup={"j_startup": False}) == asked(startup) == []
    page = "<p>全3社</p>" + table(
        ["企業名", "法人番号", "選定日"],
        ['<a href="/c/1">鳳鳴電機</a>', HOMEI, "2025年4月1日"],
        ["鳳鳴電機 株式会社", "", ""],
        ["鳳鳴電機株式会社", "7000012050002", ""],
    )
    assert read(startup, page, SUBJECT, "j-startup").record == {
        "list": "j-startup",
        "companies": [
            {
                "name": "鳳鳴電機",
                "number": HOMEI,
                "matched_by": "number",
                "selected_on": "2025-04-01",
                "url": "https://register.example/c/1",
            },
            {"name": "鳳鳴電機 株式会社", "matched_by": "name"},
        ],
    }
    absent = read(startup, "<p>全1社</p>" + table(["企業名"], ["別会社"]), SUBJECT, "j-startup")
    assert absent.presence is Presence.ABSENT


def test_an_operator_can_add_a_list_of_start_ups(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "verified: true\nlists: {sbir: {by_name: {target: '/?q={name}'}}}\nnothing_found: []\n"
        "fields: {name: {headings: [名], required: true}}\n"
    )
    way = startup.connector({"layout": str(tmp_path / "own.yaml")})
    claims = application(startup={"j_startup": True, "sbir": True})
    assert [one.role for one in way.inquiries(claims)] == ["sbir"]
    way.close()


@pytest.mark.parametrize("module", [ismap, isms, privacymark, suspension, startup])
def test_every_module_says_that_its_layout_is_unverified(module):
    assert "layout unverified" in module.__doc__.lower()
