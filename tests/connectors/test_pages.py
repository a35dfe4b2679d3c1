"""Pages are read by what their headings mean, and one that does not fit is a changed source."""

from __future__ import annotations

import contextlib
import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import ismap, layouts, pages
from pipeline.errors import ConfigurationError, SourceChanged
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
NUMBER = "C99-0001-2"

JAPANESE = {
    "登録番号": "Ｃ９９-０００１-２",
    "クラウドサービスの名称": '<a href="/csm?id=detail&amp;sys_id=1">ホウメイ<b>会議室</b></a>',
    "クラウドサービス事業者": "鳳鳴電機<br>株式会社",
    "言明の対象範囲": "会議室 一式",
    "登録の有効期限": "令和11年6月30日",
}
ENGLISH = {
    "Registration No.": "C99-0001-2",
    "Cloud service": '<a href="/csm?id=detail&amp;sys_id=1">ホウメイ会議室</a>',
    "Cloud service provider": "鳳鳴電機 株式会社",
    "Scope": "会議室 一式",
    "Valid until": "30 June 2029",
}
LISTING = {
    "list": "ismap",
    "number": NUMBER,
    "service": "ホウメイ会議室",
    "provider": "鳳鳴電機 株式会社",
    "scope": "会議室 一式",
    "valid_to": "2029-06-30",
    "url": "https://register.example/csm?id=detail&sys_id=1",
}
OTHER = ["C98-0100-5", "あけぼのクラウド", "あけぼのクラウド株式会社", "", "2026年9月30日"]
COUNT = "<p>全 <b>2</b> 件</p>"
NOTHING = "<p>該当するサービスはありません</p>"


@pytest.fixture(scope="module")
def connector():
    connector = ismap.Ismap()
    yield connector
    connector.close()


def page(content: str) -> bytes:
    return (
        '<!DOCTYPE html><html lang="ja"><head><meta charset="utf-8"><title>ISMAP</title></head>'
        f"<body><h1>サービスリスト</h1>{content}</body></html>\n"
    ).encode()


def table(*rows: dict[str, str] | list[str]) -> str:
    """The first row is of headings with values; the others of values alone."""
    assert isinstance(rows[0], dict)
    heads = "".join(f"<th>{heading}</th>" for heading in rows[0])
    values = [row.values() if isinstance(row, dict) else row for row in rows]
    body = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in row) + "</tr>" for row in values)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def capture(content: str | bytes) -> Capture:
    body = content if isinstance(content, bytes) else page(content)
    return Capture("jp.ismap", "https://register.example/csm?id=list", AT, 200, "text/html", body)


def about(number: str = NUMBER) -> Inquiry:
    return Inquiry("jp.ismap", "ismap", OrganisationId("JP-ISMAP", number), "ホウメイ会議室")


def listings(connector, content: str | bytes, number: str = NUMBER):
    return connector.parse(about(number), capture(content)).record["listings"]


@pytest.mark.parametrize("row", [JAPANESE, ENGLISH])
def test_headings_in_both_languages_mean_the_same(connector, row):
    evidence = connector.parse(about(), capture(table(row)))
    assert evidence.presence is Presence.FOUND
    assert evidence.record == {"list": "ismap", "listings": [LISTING]}
    assert evidence.capture == capture(table(row)).sha256


def test_columns_may_stand_in_any_order(connector):
    for columns in itertools.permutations(JAPANESE.items()):
        assert listings(connector, table(dict(columns))) == [LISTING]


def test_columns_that_mean_nothing_to_us_do_no_harm(connector):
    row = {"No.": "1", **JAPANESE, "備考": "登録番号", "": "x"}
    assert listings(connector, table(row)) == [LISTING]


def test_an_entry_is_read_from_a_page_about_it_alone(connector):
    ways = [
        "<table>" + "".join(f"<tr><th>{h}</th><td>{v}</td></tr>" for h, v in JAPANESE.items()) + "</table>",
        "<table>" + "".join(f"<tr><td>{h}：</td><td>{v}</td></tr>" for h, v in JAPANESE.items()) + "</table>",
        "<dl>" + "".join(f"<dt>{h}</dt><dd>{v}</dd>" for h, v in JAPANESE.items()) + "</dl>",
        "<dl>" + "".join(f"<div><dt>{h}</dt><dd>{v}</dd></div>" for h, v in JAPANESE.items()) + "</dl>",
    ]
    assert [listings(connector, way) for way in ways] == [[LISTING]] * 4


def test_cells_may_span_rows_and_columns(connector):
    spanned = (
        table(JAPANESE, OTHER)
        .replace("<td>鳳鳴", '<td rowspan="2">鳳鳴')
        .replace("<td>あけぼのクラウド株式会社</td>", "")
    )
    assert listings(connector, spanned) == [LISTING]
    assert listings(connector, spanned, "C98-0100-5")[0]["provider"] == "鳳鳴電機 株式会社"
    note = '<tr><td colspan="5">登録番号はお問い合わせの際に</td></tr></tbody>'
    assert listings(connector, table(JAPANESE).replace("</tbody>", note)) == [LISTING]


def test_headings_may_come_again_and_rows_may_be_blank(connector):
    again = "<tr>" + "".join(f"<th>{heading}</th>" for heading in JAPANESE) + "</tr>"
    blank = "<tr>" + "<td> </td>" * 5 + "</tr>"
    assert listings(connector, table(JAPANESE).replace("</tbody>", f"{again}{blank}</tbody>")) == [LISTING]


def test_several_tables_are_one_list(connector):
    both = table(JAPANESE) + table(dict(zip(ENGLISH, OTHER, strict=True)))
    assert listings(connector, both) == [LISTING]
    assert [entry["number"] for entry in listings(connector, both, "C98-0100-5")] == ["C98-0100-5"]


def test_a_table_inside_a_cell_is_its_own(connector):
    inner = JAPANESE | {"備考": "<table><tr><th>登録番号</th><td>C97-0001-1</td></tr></table>"}
    assert listings(connector, table(inner)) == [LISTING]


def test_blank_and_dashed_cells_say_nothing(connector):
    row = JAPANESE | {"言明の対象範囲": "－", "登録の有効期限": " "}
    [listing] = listings(connector, table(row))
    assert not listing.keys() & {"scope", "valid_to"}


def test_renewal_in_time_is_told(connector):
    for filed, in_time in (("2029-06-30", True), ("2029-07-01", False)):
        [listing] = listings(connector, table({**JAPANESE, "更新申請日": filed}))
        assert (listing["renewal_filed_on"], listing["renewal_in_time"]) == (filed, in_time)


@pytest.mark.parametrize(
    "content",
    [
        NOTHING,
        "<p>No matching services were found.</p>",
        "<table><tr><td>該当する<b>サービス</b>はありません。</td></tr></table>",
        "<p>検索結果：０件</p>",
        COUNT + table(dict(zip(JAPANESE, OTHER, strict=True)), ["C97-0001-1", "甲", "乙", "", ""]),
    ],
)
def test_who_is_not_there_by_the_pages_own_word_is_absent(connector, content):
    evidence = connector.parse(about(), capture(content))
    assert (evidence.presence, evidence.record) == (Presence.ABSENT, {"list": "ismap", "listings": []})


CHANGED = {
    "a page filled in by script": "<div id=list></div><script>load('該当するサービスはありません')</script>",
    "a sentence in a template": "<template><p>該当するサービスはありません</p></template>",
    "a sentence that is hidden": '<p style="display: none">該当するサービスはありません</p>',
    "a sentence that is hidden another way": "<div hidden><p>該当するサービスはありません</p></div>",
    "a comment": "<!-- 該当するサービスはありません -->",
    "a sentence within another": "<p>該当するサービスはありませんでした場合は事務局へ</p>",
    "a maintenance page": "<p>ただいまメンテナンス中です。</p>",
    "headings alone": table(JAPANESE).replace("<td>", "<i>"),
    "another list, perhaps a part": table(dict(zip(JAPANESE, OTHER, strict=True))),
    "fewer than it says": COUNT + table(dict(zip(JAPANESE, OTHER, strict=True))),
    "fewer than it says, the subject among them": COUNT + table(JAPANESE),
    "two counts": COUNT + "<p>全3件</p>" + table(JAPANESE, OTHER),
    "entries and none": NOTHING + table(JAPANESE),
    "a heading renamed": table({h.replace("登録番号", "管理番号"): v for h, v in JAPANESE.items()}),
    "two headings for one field": table({**JAPANESE, "登録No.": NUMBER}),
    "a number of another shape": table(JAPANESE | {"登録番号": "2021-0001"}),
    "no number": table(JAPANESE | {"登録番号": ""}),
    "no provider": table(JAPANESE | {"クラウドサービス事業者": "－"}),
    "a date that is none": table(JAPANESE | {"登録の有効期限": "審査中"}),
    "a row too short": table(JAPANESE, OTHER[:4]),
    "a row too long": table(JAPANESE, [*OTHER, "x"]),
    "a table too wide": table(JAPANESE | {str(n): "" for n in range(70)}),
    "values where headings were": (
        "<dl>" + "".join(f"<dt>{h}</dt><dd>登録番号</dd>" for h in JAPANESE) + "</dl>"
    ),
    "a null character": table(JAPANESE | {"言明の対象範囲": "\0"}),
}


@pytest.mark.parametrize("content", CHANGED.values(), ids=CHANGED)
def test_a_page_that_does_not_fit_is_a_changed_source(connector, content):
    taken = capture(content)
    with pytest.raises(SourceChanged) as caught:
        connector.parse(about(), taken)
    assert caught.value.sha256 == taken.sha256
    assert caught.value.source == "jp.ismap"
    assert "鳳鳴" not in str(caught.value)


BOMB = (
    '<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {name} "{f"&{chr(ord(name) - 1)};" * 10}">' for name in "bcdefghij")
    + "]><html><body>&j;</body></html>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        page(table(JAPANESE))[:-9],
        page(table(JAPANESE)).decode().encode("cp932"),
        page(table(JAPANESE)).decode().encode("euc_jp"),
        page(table(JAPANESE)).decode().encode("utf-16"),
        page("<div>" * 100_000),
        page("<table><tr><td>" * 20_000),
        page("<div hidden>" + "<table><tr><td>" * 20_000),
        page("<b>x</b>" * 60_000),
        b"<?xml version='1.0'?><corporations/></html>",
        BOMB.encode(),
        page('<table><tr><td colspan="9999" rowspan="9999">x</td></tr></table>' * 10),
    ],
    ids=[
        "nothing", "JSON", "cut short", "Shift_JIS", "EUC", "UTF-16", "too deep", "tables too deep",
        "hidden tables too deep", "too many tags", "XML", "an entity bomb", "wide spans",
    ],
)  # fmt: skip
def test_what_is_no_page_is_a_changed_source(connector, body):
    with pytest.raises(SourceChanged):
        connector.parse(about(), capture(body))


@given(data=st.data())
def test_arbitrary_mutations(connector, data):
    body = page(COUNT + table(JAPANESE, OTHER))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = start + data.draw(st.integers(0, 60))
        piece = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"<tr>", b"</td>", b"<table>", b"<dl><dt>"])
        )
        body = body[:start] + piece + body[end:]
    with contextlib.suppress(SourceChanged):
        assert connector.parse(about(), capture(body)).as_json()


@given(st.text() | st.binary())
def test_arbitrary_pages(connector, content):
    with contextlib.suppress(SourceChanged):
        connector.parse(about(), capture(content))


def test_a_saved_page_is_read_for_every_entry_in_it(connector):
    found = connector.evidence_in(capture(COUNT + table(JAPANESE, OTHER)))
    assert [(str(one.subject), one.role) for one in found] == [
        ("JP-ISMAP:C99-0001-2", ""),
        ("JP-ISMAP:C98-0100-5", ""),
    ]
    listing = {key: value for key, value in LISTING.items() if key != "list"}
    assert found[0].record == {"listings": [listing]}
    with pytest.raises(SourceChanged):
        connector.evidence_in(capture("<p>x</p>"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("㈱なにわ予算システム", "株式会社なにわ予算システム"),
        ("（株）ことのは", "株式会社 ことのは"),
        ("株式会社Ｋｏｔｏｂａ　Ｌａｂ", "株式会社kotoba lab"),
    ],
)
def test_names_are_found_in_whatever_width(one, other):
    assert pages.name_key(one) == pages.name_key(other)


OWN = """
verified: true
seen: the list as of 2026-11-01
end: ""
encoding: cp932
lists:
  ismap:
    number: C[0-9]{2}-[0-9]{4}-[0-9]
    by_number: {target: "/search?code={number}", form: {code: "{number}", kind: service}}
nothing_found: [ない]
count: 計([0-9]+)
fields:
  number: {headings: [管理番号], required: true}
  service: {headings: [名], required: true}
  provider: {headings: [者], required: true}
"""


def test_an_operator_can_correct_the_layout_without_code(registry, message, tmp_path):
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    body = table({"管理番号": NUMBER, "名": "会議室", "者": "鳳鳴"}).encode("cp932")
    server = registry(message(body, media_type="text/html; charset=Shift_JIS"))
    way = ismap.connector({"layout": str(tmp_path / "own.yaml"), "base_url": server.url})
    assert way.layout.verified
    taken = way.fetch(about())
    assert server.requests[0].startswith(b"POST /base/search?code=C99-0001-2 HTTP/1.1\r\n")
    assert server.bodies == [b"code=C99-0001-2&kind=service"]
    assert way.parse(about(), taken).record["listings"] == [
        {"list": "ismap", "number": NUMBER, "service": "会議室", "provider": "鳳鳴"}
    ]
    way.close()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("verified: true", "verified: perhaps", "schema"),
        ("verified: true", "verified: [", "YAML"),
        ("verified: true", "verified: true\nnew: 1", "schema"),
        ("encoding: cp932", "encoding: klingon", "YAML"),
        ("  ismap:", "  other:", "has other, which is not known"),
        ("  service: {", "  colour: {", "has colour, which is not known"),
        ("  provider: {headings: [者], required: true}", "", "lacks the field provider"),
        ("計([0-9]+)", "計([0-9]+", "no regular expression"),
        ('target: "/search', 'target: "search', "schema"),
    ],
)
def test_a_layout_that_is_none_is_refused(tmp_path, old, new, fault):
    assert old in OWN
    (tmp_path / "own.yaml").write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=fault):
        ismap.connector({"layout": str(tmp_path / "own.yaml")})


def test_a_layout_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        ismap.connector({"layout": str(tmp_path / "none.yaml")})
    (tmp_path / "deep.yaml").write_text("[" * 5000)
    with pytest.raises(ConfigurationError):
        ismap.connector({"layout": str(tmp_path / "deep.yaml")})


@pytest.mark.parametrize("source", ["jp.ismap", "jp.isms", "jp.privacymark", "jp.suspension", "jp.startup"])
def test_no_layout_claims_to_be_verified(source):
    everything = type("Any", (), {"__contains__": lambda self, name: True})()
    assert layouts.load(source, everything).verified is False
