"""Two languages: nothing unsaid in either, chosen by the browser at first and by the reader for good."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from pipeline.people import Role
from tests.web.desk.conftest import Desk
from web.desk.extraction import catalog, messages
from web.desk.language import ENGLISH, JAPANESE, LANGUAGES, chosen


def kept(code: str) -> Catalog:
    with catalog(code).open("rb") as file:
        return read_po(file, locale=code)


@pytest.mark.parametrize("code", sorted(LANGUAGES.keys() - {ENGLISH.code}))
def test_every_sentence_of_the_pages_is_in_the_catalog_and_nothing_else_is(code: str) -> None:
    known = {message.id for message in kept(code) if message.id}
    assert known == {message.id for message in messages() if message.id}, "run `make catalog`, and translate"


@pytest.mark.parametrize("code", sorted(LANGUAGES.keys() - {ENGLISH.code}))
def test_no_sentence_is_missing_or_fuzzy(code: str) -> None:
    wanting = []
    for message in kept(code):
        if message.id:
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            if message.fuzzy or not all(said):
                wanting.append(message.id)
    assert wanting == []


def test_what_is_filled_in_is_filled_in_in_each_language() -> None:
    for message in kept("ja"):
        if message.id and message.python_format:
            asked = message.id if isinstance(message.id, tuple) else (message.id,)
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            for text in said:
                assert text.count("%") == asked[-1].count("%")


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        (None, "", JAPANESE),
        (None, "en", ENGLISH),
        (None, "en-GB,en;q=0.8,ja;q=0.5", ENGLISH),
        (None, "fr, ja;q=0.3, en;q=0.2", JAPANESE),
        (None, "fr", JAPANESE),
        (None, "en;q=0, ja", JAPANESE),
        (None, "en;q=x", JAPANESE),
        ("en", "ja", ENGLISH),
        ("xx", "en", ENGLISH),
    ],
)
def test_the_readers_choice_then_the_browsers(cookie: str | None, header: str, language: object) -> None:
    assert chosen(cookie, header) is language


def test_the_choice_is_remembered_and_leads_back_to_the_page(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.REVIEWER, "en")
    assert '<html lang="en">' in browser.get("/reviews").text
    answer = browser.post("/reviews/choice", language="ja", next="/reviews?waits=vendor")
    assert answer.headers["Location"] == "/reviews?waits=vendor"
    page = browser.get("/reviews").text
    assert '<html lang="ja">' in page
    assert ">審査待ち<" in page
    assert ">審査</a>" in browser.get("/tasks").text, "the tab on Flower's own pages"


def test_days_and_numbers_are_said_as_the_language_says_them(desk: Desk) -> None:
    moment = desk.clock.now()
    assert JAPANESE.moment(moment) == "2026/11/02 18:00"
    assert ENGLISH.moment(moment) == "Nov 2, 2026 18:00"
    assert ENGLISH.number(1234567) == "1,234,567"


def test_shortcuts_can_be_turned_off(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.REVIEWER)
    assert 'data-shortcuts="on"' in browser.get("/reviews").text
    browser.post("/reviews/choice", shortcuts="off")
    assert 'data-shortcuts="off"' in browser.get("/reviews").text
