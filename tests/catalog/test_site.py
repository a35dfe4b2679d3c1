"""The pages, asked as a browser without script and cookies asks them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import selection
from catalog.fit import Fitness, Fits, Use
from catalog.index import Index
from catalog.search import Search
from catalog.site import Site, create_app
from tests.catalog.offers import document, feed, gone, listing_id, named

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>'\"&</title>"


class AnsweringFits(Fits):
    """Sekisho, as far as the fit is concerned."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.asked: list[tuple[str, Use]] = []

    def of(self, listing_id: str, use: Use) -> Fitness:
        self.asked.append((listing_id, use))
        return Fitness("review", ({"rule": "KOBE-02", "message": {"ja": "評価が必要", "en": "Assess it"}},))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index(f"sqlite:///{tmp_path}/catalog.db")
    yield opened
    opened.close()


@pytest.fixture
def fits() -> AnsweringFits:
    return AnsweringFits()


class Browser:
    """Asks the site in one language."""

    def __init__(self, index: Index, fits: Fits) -> None:
        self.site = Site(
            index,
            fits,
            catalog_url="https://sekisho.example",
            public_url="https://catalog.example",
            clock=lambda: NOW,
        )
        self._transport = httpx.ASGITransport(create_app(self.site), raise_app_exceptions=False)

    def _ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        import asyncio

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://site.example") as client:
                return await client.request(method, url, **more)

        return asyncio.run(ask())

    def get(self, url: str, language: str = "en") -> httpx.Response:
        return self._ask("GET", url, headers={"Accept-Language": language})

    def post(self, url: str, fields: list[tuple[str, str]] | bytes) -> httpx.Response:
        body = urlencode(fields).encode() if isinstance(fields, list) else fields
        headers = {"Accept-Language": "en", "Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", url, content=body, headers=headers)


@pytest.fixture
def browser(index: Index, fits: AnsweringFits) -> Browser:
    return Browser(index, fits)


def soup(answer: httpx.Response) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "html.parser")


def names(answer: httpx.Response) -> list[str]:
    return [heading.get_text(strip=True) for heading in soup(answer).select(".results h3")]


def test_a_search_is_a_url_and_its_page_says_what_was_asked(index: Index, browser: Browser) -> None:
    index.apply(feed([document(1), document(2), named(3, "ほしぞら", category="chat")]), 3)
    answer = browser.get("/?q=会計&category=accounting&certificate=ismap-liu")
    assert names(answer) == ["Mihon Accounts 1", "Mihon Accounts 2"]
    page = soup(answer)
    field = page.select_one("#q")
    assert field is not None
    assert field["value"] == "会計"
    assert page.select_one("#certificate-ismap-liu[checked]")
    assert "Verified" in page.select(".why")[0].get_text()
    assert names(browser.get("/?q=会計&category=accounting", "ja")) == ["みほん会計1", "みほん会計2"]


def test_next_page_is_a_link(index: Index, browser: Browser) -> None:
    index.apply(feed([document(number) for number in range(1, 26)]), 25)
    first = browser.get("/?q=会計")
    link = soup(first).select_one("a.next")
    assert link is not None
    second = browser.get(str(link["href"]))
    assert len(names(first)) == 20
    assert len(names(second)) == 5
    assert not set(names(first)) & set(names(second))


def test_a_listing_tells_verified_and_declared_apart(index: Index, browser: Browser) -> None:
    index.apply(feed([document(1)]), 1)
    answer = browser.get(f"/listings/{listing_id(1)}")
    rows = {
        row.th.get_text(strip=True): row.td.get_text(" ", strip=True)
        for row in soup(answer).select("tr")
        if row.th and row.td
    }
    assert "Verified ISMAP cloud service list, 30 November 2026, 09:00 JST" in rows["Certificates"]
    assert "ISO/IEC 27001" in rows["Certificates"]
    assert "Declared" in rows["Place of data"]
    assert "Kobe City" in answer.text


def test_search_engines_are_told_by_schema_org(index: Index, browser: Browser) -> None:
    index.apply(feed([document(1)]), 1)
    script = soup(browser.get(f"/listings/{listing_id(1)}")).find("script", type="application/ld+json")
    assert script is not None
    told = json.loads(script.get_text())
    assert (told["@type"], told["name"]) == ("SoftwareApplication", "みほん会計1")
    assert told["offers"][0]["priceCurrency"] == "JPY"
    assert told["provider"]["identifier"][0] == {
        "@type": "PropertyValue",
        "propertyID": "JP-JCN",
        "value": "5260001990019",
    }


def test_what_a_vendor_writes_is_text_everywhere(index: Index, browser: Browser) -> None:
    evil = named(1, EVIL, summary={"ja": EVIL}, prices=[{"plan": EVIL, "amount_jpy": 1, "per": EVIL}])
    evil["seller"]["name"] = evil["seller"]["name_en"] = EVIL
    evil["portability"]["formats"] = [EVIL]
    index.apply(feed([evil]), 1)
    for url in ("/", f"/listings/{listing_id(1)}", f"/compare?id={listing_id(1)}", "/selection"):
        answer = browser.get(url)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert answer.text.count("</title>") == 1
    script = soup(browser.get(f"/listings/{listing_id(1)}")).find("script", type="application/ld+json")
    assert script is not None
    assert json.loads(script.get_text())["name"] == EVIL


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A listing of which some members are gone or are not what they should be."""
    whole = document(1)
    for _ in range(draw(st.integers(1, 4))):
        node: Any = whole
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = draw(st.sampled_from(keys))
            below = node[key]
            if not isinstance(below, dict | list) or not below or draw(st.booleans()):
                break
            node = below
        if node is whole and key == "id":
            continue
        other = draw(st.sampled_from([None, [], {}, "", 5, True, "x", [1], {"x": {}}]))
        if isinstance(node, dict) and draw(st.booleans()):
            del node[key]
        else:
            node[key] = other
        if not whole.get("version"):
            whole["version"] = 1
    return whole


@given(damaged())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_a_document_that_is_not_as_it_should_be_still_has_its_pages(
    tmp_path: Path, fits: AnsweringFits, broken: dict[str, Any]
) -> None:
    for file in tmp_path.glob("damaged.db*"):
        file.unlink()
    index = Index(f"sqlite:///{tmp_path}/damaged.db")
    browser = Browser(index, fits)
    index.apply(feed([{**broken, "version": 1}, document(2)]), 2)
    for url in (
        "/",
        "/?q=会計&sort=price&residency=jp-eea",
        f"/listings/{listing_id(1)}",
        f"/compare?id={listing_id(1)}&id={listing_id(2)}",
        "/selection",
    ):
        assert browser.get(url).status_code == 200, url
    index.close()


def test_what_is_asked_is_text_too(index: Index, browser: Browser) -> None:
    index.apply(feed([document(1)]), 1)
    answer = browser.get("/?" + urlencode({"q": EVIL}))
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert names(answer) == []


def test_the_policy_forbids_script_and_everything_from_elsewhere(index: Index, browser: Browser) -> None:
    index.apply(feed([document(1)]), 1)
    for url in ("/", f"/listings/{listing_id(1)}", "/compare", "/nowhere", "/static/site.css"):
        headers = browser.get(url).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    page = browser.get(f"/listings/{listing_id(1)}").text
    assert not re.search(
        r"<script(?! type=\"application/ld\+json\")|\son\w+=|\sstyle=|https?://(?!schema|catalog)", page
    )


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/?residency=moon", 400),
        ("/?after=AAAA", 400),
        ("/?q=" + "x" * 300, 400),
        ("/?" + "x" * 9000, 414),
        ("/?" + "&".join(f"a{number}=1" for number in range(200)), 400),
        ("/listings/none", 404),
        ("/listings/" + "x" * 500, 404),
        ("/listings/%00", 404),
        ("/nowhere", 404),
        ("/language/xx", 404),
        ("/compare", 422),
        ("/selection?sort=x", 400),
    ],
)
def test_what_cannot_be_answered_is_a_page_in_both_languages(
    index: Index, browser: Browser, url: str, status: int
) -> None:
    index.apply(feed([document(1)]), 1)
    for language in ("ja", "en"):
        answer = browser.get(url, language)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert f'<html lang="{language}">' in answer.text


@given(st.text(max_size=120), st.sampled_from(["q", "after", "id", "as_of", "sort", "value_jpy", "buyer"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
def test_no_text_in_a_parameter_is_a_fault_of_ours(
    index: Index, browser: Browser, value: str, name: str
) -> None:
    if index.position() is None:
        index.apply(feed([document(1)]), 1)
    try:
        query = urlencode({name: value, "confidentiality": "2"})
    except UnicodeEncodeError:
        return
    for path in ("/", f"/listings/{listing_id(1)}", "/compare", "/selection"):
        assert browser.get(f"{path}?{query}").status_code in {200, 400, 422}


def test_a_listing_that_went_out_says_why_and_how_it_was(index: Index, browser: Browser) -> None:
    index.apply([*feed([document(1)]), gone(2, listing_id(1))], 2)
    answer = browser.get(f"/listings/{listing_id(1)}")
    assert answer.status_code == 410
    assert "Suspended" in answer.text
    assert "ISMAP_ENDED" in answer.text
    before = browser.get(f"/listings/{listing_id(1)}?as_of=1")
    assert before.status_code == 200
    assert "As of catalog position 1." in before.text


def test_the_language_is_switched_on_every_page_and_kept(index: Index, browser: Browser) -> None:
    index.apply(feed([document(1)]), 1)
    page = soup(browser.get("/?q=会計&category=accounting"))
    link = page.select_one("a[hreflang=ja]")
    assert link is not None
    answer = browser.get(str(link["href"]))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?q=%E4%BC%9A%E8%A8%88&category=accounting"
    assert "lang=ja" in answer.headers["set-cookie"]
    assert "みほん会計1" in browser.get("/?lang=ja").text
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aX: y"):
        outside = browser.get("/language/en?" + urlencode({"back": back}))
        assert outside.headers["location"].startswith("/")
        assert not outside.headers["location"].startswith(("//", "/\\"))


def test_up_to_four_stand_side_by_side(index: Index, browser: Browser) -> None:
    index.apply(feed([document(number) for number in range(1, 7)]), 6)
    wanted = "&".join(f"id={listing_id(number)}" for number in (1, 2, 2, 3, 4, 5))
    page = soup(browser.get(f"/compare?{wanted}"))
    assert len(page.select("thead th")) == 4
    assert "Some are not shown" in page.get_text()
    rows = [row.th.get_text(strip=True) for row in page.select("tbody tr") if row.th]
    assert {"Prices without tax", "Certificates", "Place of data", "How to leave"} <= set(rows)


def test_others_who_sell_it_and_others_without_lock_in(index: Index, browser: Browser) -> None:
    product = document(1)["product"]
    locked = document(1, portability={"formats": ["ours"]})
    resold = document(
        2,
        product=product,
        seller={**document(1)["seller"], "name": "とおり商会", "name_en": "Tori", "role": "reseller"},
        maker={**document(1)["maker"], "is_seller": False},
        portability={},
    )
    free = named(3, "わかば会計")
    index.apply(feed([locked, resold, free]), 3)
    text = soup(browser.get(f"/listings/{listing_id(1)}")).get_text(" ", strip=True)
    assert "The same product from others Mihon Accounts 1 , とおり商会 (reseller)" in text
    assert "Who offers the same without lock-in わかば会計" in text


def test_the_fit_is_asked_of_sekisho_for_the_buyers_own_use(
    index: Index, browser: Browser, fits: AnsweringFits
) -> None:
    index.apply(feed([document(1)]), 1)
    query = "buyer=kobe-city&confidentiality=2&personal_data=true&value_jpy=1,000,000"
    page = soup(browser.get(f"/listings/{listing_id(1)}?{query}"))
    assert fits.asked == [(listing_id(1), Use("kobe-city", 2, True, False, False, 1_000_000))]
    answer = page.select_one("[role=status]")
    assert answer is not None
    assert "KOBE-02 Assess it" in answer.get_text(" ", strip=True)
    assert fits.asked[0][1].query()["my_number"] == "false"
    browser.get(f"/listings/{listing_id(1)}")
    assert len(fits.asked) == 1


def test_that_sekisho_does_not_answer_says_nothing_of_the_listing(index: Index) -> None:
    index.apply(feed([document(1)]), 1)
    browser = Browser(index, Fits("http://127.0.0.1:1", timeout=1.0))
    answer = browser.get(f"/listings/{listing_id(1)}?confidentiality=2")
    assert "could not be found out" in answer.text


def form_fields(answer: httpx.Response) -> list[tuple[str, str]]:
    page = soup(answer).select_one("form[action='/selection']")
    assert page is not None
    return [(str(field["name"]), str(field["value"])) for field in page.select("input[type=hidden]")]


def made(browser: Browser, query: str, short: set[int], **more: str) -> httpx.Response:
    answer = browser.get(f"/selection?{query}")
    fields = [*form_fields(answer), ("name", "財務会計システム")]
    for choice in soup(answer).select("fieldset"):
        id_ = str(choice["id"]).removeprefix("choice.")
        chosen = id_ in {listing_id(number) for number in short}
        fields.append((f"choice.{id_}", "short" if chosen else "out"))
        if not chosen:
            fields += [(f"reason.{id_}", "price"), (f"note.{id_}", "=1+1 高い")]
    return browser.post("/selection", [*fields, *more.items()])


def test_a_selection_record_is_made_without_script_and_can_be_gone_through_again(
    index: Index, browser: Browser
) -> None:
    abroad = [{"class": "content", "at_rest": ["US"]}]
    documents = [document(1), document(2), document(3, data=abroad), named(4, "ちがう", category="chat")]
    index.apply(feed(documents), 4)
    query = "q=みほん&category=accounting&residency=jp-eea"
    page = made(browser, query, {1})
    assert page.status_code == 200
    assert "財務会計システム" in page.text
    fields = form_fields(page)
    record = browser.post("/selection", [*fields, ("as", "json")])
    assert "attachment" in record.headers["content-disposition"]
    told = record.json()
    assert told["short_list"] == [listing_id(1)]
    outcome = {item["listing_id"]: item for item in told["long_list"]}
    assert set(outcome) == {listing_id(1), listing_id(2), listing_id(3)}
    assert outcome[listing_id(2)]["reasons"] == [{"code": "price", "note": "=1+1 高い"}]
    assert outcome[listing_id(3)]["reasons"] == [{"code": "requirement", "facet": "residency"}]
    assert told["digest"] in page.text
    table = browser.post("/selection", [*fields, ("as", "csv")])
    rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert ["Digest of the record", told["digest"]] in rows
    assert any(row[0] == listing_id(2) and "Price: =1+1 高い" in row[6] for row in rows if len(row) > 6)
    assert not any(cell.startswith(("=", "@")) for row in rows for cell in row)

    # Later everything has changed, and the record can still be gone through.
    index.apply([gone(5, listing_id(1)), *feed([document(9)], first=6)], 6)
    search = Search(index)
    assert selection.verify(told, search, index) == []
    for name, change in {
        "digest": {"title": "べつの件"},
        "catalog": {"catalog": {**told["catalog"], "digest": "sha256:0"}},
        "long_list": {"long_list": told["long_list"][1:]},
        "short_list": {"short_list": []},
    }.items():
        assert name in selection.verify({**told, **change}, search, index)
    for hostile in ({}, [], None, {"schema": "selection/1"}, {**told, "long_list": [1]}, {**told, "day": 1}):
        assert selection.verify(hostile, search, index) == ["not_a_record"]
    with pytest.raises(selection.Unknown):
        selection.verify({**told, "catalog": {**told["catalog"], "position": 99}}, search, index)


def test_a_record_with_an_exclusion_without_reason_is_sent_back(index: Index, browser: Browser) -> None:
    index.apply(feed([document(1), document(2)]), 2)
    fields = form_fields(browser.get("/selection?q=会計"))
    one, two = listing_id(1), listing_id(2)
    fields += [(f"choice.{one}", "out"), (f"choice.{two}", "out"), (f"reason.{two}", "other")]
    answer = browser.post("/selection", fields)
    assert answer.status_code == 422
    page = soup(answer)
    summary = page.select_one("[role=alert]")
    assert summary is not None
    targets = {str(link["href"])[1:] for link in summary.select("a")}
    assert targets == {"name", f"reason.{one}", f"reason.{two}"}
    assert all(page.find(id=target) for target in targets)
    assert page.select_one(f"[name='choice.{one}'][value=out][checked]")


def test_a_scope_too_wide_to_reason_about_is_to_be_narrowed(
    index: Index, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "LONGEST_LIST", 2)
    index.apply(feed([document(number) for number in (1, 2, 3)]), 3)
    answer = browser.get("/selection?q=会計")
    assert answer.status_code == 422
    assert "3 listings are in scope" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"position=x&day=2026-11-30",
        b"position=1&day=1999-01-01",
        b"position=99&day=2026-11-30",
        b"\xff\xfe",
    ],
)
def test_a_form_that_is_none_of_ours_is_refused(index: Index, browser: Browser, body: bytes) -> None:
    index.apply(feed([document(1)]), 1)
    assert browser.post("/selection", body).status_code == 400


def test_a_form_that_is_too_large_is_refused(index: Index, browser: Browser) -> None:
    assert browser.post("/selection", b"x=" + b"y" * 400_000).status_code == 413


def test_probes_tell_whether_there_is_an_index(index: Index, browser: Browser) -> None:
    assert browser.get("/livez").status_code == 200
    assert browser.get("/readyz").status_code == 503
    index.apply(feed([document(1)]), 1)
    assert browser.get("/readyz").json() == {"ok": True, "position": 1}
