"""The buyers' site in a real browser: without script, with the keyboard, by axe-core, in both languages."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from catalog import selection
from catalog.fit import Fits
from catalog.index import Index
from catalog.search import Search
from catalog.site import Site, create_app
from cli.samples import samples
from tests.catalog.offers import DIGEST, document, feed, listing_id

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "best-practice"]}}
"""JIS X 8341-3:2016 AA has the success criteria of WCAG 2.0 AA."""

SCREENSHOTS = os.environ.get("SEKISHO_SCREENSHOTS", "")
"""Folder for the pictures in the documents; ``make screenshots`` names it."""


def offers() -> Iterator[dict[str, object]]:
    """The sample applications as listings."""
    for number, sample in enumerate(samples(), 1):
        application = sample.document
        vendor, base = application["vendor"], document(number)
        parts = ("product", "certifications", "ismap", "data", "contract", "subprocessors", "support_access")
        kept = {name: application[name] for name in (*parts, "portability") if name in application}
        names = ("name", "name_en", "country", "identifiers", "role", "offices")
        seller = {name: vendor[name] for name in names if name in vendor}
        maker = (
            {**application["maker"], "is_seller": False}
            if "maker" in application
            else {
                "name": vendor["name"],
                "country": vendor["country"],
                "is_seller": True,
            }
        )
        origin = {"status": "verified", "source": "jp.ismap", "at": "2026-11-30T00:00:00Z", "capture": DIGEST}
        for name in ("certifications", "ismap", "data", "contract", "subprocessors", "portability"):
            base.pop(name, None)
        yield {
            **base,
            **kept,
            "seller": seller,
            "maker": maker,
            "startup": {"mark": bool(application.get("startup", {}).get("j_startup")), "until": "2028-03-31"},
            "origins": {"": {"status": "declared"}, "/ismap": origin},
        }


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = Index(f"sqlite:///{tmp_path_factory.mktemp('site')}/catalog.db")
    documents = list(offers())
    opened.apply(feed(documents), len(documents))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(index: Index) -> Iterator[str]:
    site = Site(index, Fits("http://127.0.0.1:1", 0.5), catalog_url="https://sekisho.example")
    config = uvicorn.Config(create_app(site), host="127.0.0.1", port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    listener.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(params=["ja", "en"])
def page(request: pytest.FixtureRequest, browser: Browser, url: str) -> Iterator[Page]:
    """A page in each language, of a browser that runs no script."""
    context = browser.new_context(
        base_url=url, locale="ja-JP" if request.param == "ja" else "en-GB", java_script_enabled=False
    )
    yield context.new_page()
    context.close()


def language(page: Page) -> str:
    return str(page.locator("html").get_attribute("lang"))


def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS, f"buyers-{name}-{language(page)}.png"), full_page=False)


def test_from_a_search_to_a_selection_record_without_script(page: Page, index: Index) -> None:
    page.goto("/")
    ja = language(page) == "ja"
    page.get_by_role("searchbox").fill("会計")
    page.get_by_role("button", name="検索" if ja else "Search", exact=True).click()
    expect(page.locator(".results h3")).not_to_have_count(0)
    everything = page.locator(".results h3").count()
    picture(page, "search")

    page.get_by_label("ISO/IEC 27001", exact=False).first.check()
    page.locator("#residency-jp-eea").check()
    page.get_by_role("button", name="適用" if ja else "Apply").first.click()
    assert "residency=jp-eea" in page.url
    expect(page.locator("#residency-jp-eea")).to_be_checked()
    assert 0 < page.locator(".results h3").count() <= everything

    boxes = page.locator("input[name=id]")
    for number in range(2):
        boxes.nth(number).check()
    page.locator("#compare button").click()
    expect(page.locator("thead th")).to_have_count(2)
    picture(page, "compare")
    page.go_back()

    page.get_by_role(
        "link", name="この検索から選定記録を作る" if ja else "Make a selection record of this search"
    ).click()
    page.locator("#name").fill("財務会計システムの選定" if ja else "Choice of an accounting system")
    choices = page.locator("fieldset")
    count = choices.count()
    choices.nth(0).locator("input[value=short]").check()
    for number in range(1, count - 1):
        choices.nth(number).locator("input[value=out]").check()
        choices.nth(number).locator("select").select_option("price")
    choices.nth(count - 1).locator("input[value=out]").check()
    button = page.get_by_role("button", name="記録を作る" if ja else "Make the record")
    button.click()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(1)
    picture(page, "selection-form")
    page.locator("fieldset").nth(count - 1).locator("select").select_option("function")
    button.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("選定" if ja else "Choice")
    picture(page, "selection-record")

    with page.expect_download() as download:
        page.locator("button[value=json]").click()
    record = json.loads(Path(download.value.path()).read_bytes())
    assert len(record["short_list"]) == 1
    assert selection.verify(record, Search(index), index) == []
    with page.expect_download() as download:
        page.locator("button[value=csv]").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_other_language_is_one_link_away_and_kept(page: Page) -> None:
    page.goto("/?q=会計")
    before = language(page)
    page.locator("header nav a").click()
    assert language(page) != before
    assert page.locator("#q").input_value() == "会計"
    page.goto("/")
    assert language(page) != before


def test_a_listing_in_pictures(page: Page) -> None:
    page.goto(f"/listings/{listing_id(1)}")
    expect(page.locator("table.facts").first).to_be_visible()
    picture(page, "listing")


def test_axe_finds_nothing_on_any_page(browser: Browser, url: str) -> None:
    wide, narrow = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
    two = f"/compare?id={listing_id(1)}&id={listing_id(2)}"
    paths = (
        "/",
        "/?q=会計&residency=jp-eea&company=maker",
        "/?q=nothing-has-this",
        f"/listings/{listing_id(1)}",
        f"/listings/{listing_id(3)}?confidentiality=2",
        "/listings/none",
        two,
        "/compare",
        "/selection?category=accounting&residency=jp-only",
    )
    for locale, size in (("ja-JP", wide), ("en-GB", narrow)):
        context = browser.new_context(base_url=url, locale=locale, viewport=size)  # type: ignore[arg-type]
        page = context.new_page()
        for path in paths:
            page.goto(path)
            _clean(page)
        page.goto("/selection?category=chat")
        page.get_by_role("button").last.click()
        page.locator("#name").fill("x")
        _clean(page)
        context.close()


def _clean(page: Page) -> None:
    results = Axe().run(page, options=RULES)
    told = [
        (one["id"], [node["html"][:200] for node in one["nodes"]]) for one in results.response["violations"]
    ]
    assert told == [], page.url


def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser: Browser, url: str) -> None:
    context = browser.new_context(base_url=url, locale="ja-JP")
    page = context.new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert "q" in seen
    assert len(seen) >= 10
    context.close()
