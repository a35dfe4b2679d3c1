"""Every message has its Japanese, and none is in doubt."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from catalog.languages import LANGUAGES, language, preferred

FOLDER = Path(__file__).resolve().parents[2] / "catalog"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]


def messages() -> set[str]:
    found = extract_from_dir(str(FOLDER), method_map=METHODS, keywords={"N_": None, "_": None})
    texts = {message for _, _, message, _, _ in found}
    assert all(isinstance(text, str) for text in texts)
    return {text for text in texts if isinstance(text, str)}


def test_every_message_is_translated_and_every_translation_is_used() -> None:
    with (FOLDER / "locale" / "ja.po").open("rb") as file:
        catalog = read_po(file, locale="ja", abort_invalid=True)
    entries = [entry for entry in catalog if entry.id]
    assert [entry.id for entry in entries if entry.fuzzy or not entry.string] == []
    assert {entry.id for entry in entries} == messages()
    assert [list(entry.check(catalog)) for entry in entries if list(entry.check(catalog))] == []


def test_templates_say_nothing_outside_the_messages() -> None:
    import re

    for file in (FOLDER / "templates").glob("*.html"):
        text = re.sub(r"\{[{%#].*?[#%}]\}|<[^>]*>", " ", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        words = set(re.findall(r"[A-Za-z]{3,}|[\u3040-\u9fff]+", text))
        assert words <= {"English", "日本語", "sekisho", "catalog", "selection", "verify", "FILE"}, file.name


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "ja"),
        ("en", "en"),
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("ja,en;q=0.9", "ja"),
        ("fr,de;q=0.7", "ja"),
        ("en;q=0.3, ja;q=0.4", "ja"),
        ("en;q=nonsense", "ja"),
        (";;;,,,", "ja"),
    ],
)
def test_the_browsers_language_is_taken_where_it_is_one_of_ours(header: str, expected: str) -> None:
    assert preferred(header) == expected


@given(st.text(max_size=700))
def test_any_header_gives_one_of_ours(header: str) -> None:
    assert preferred(header) in LANGUAGES


def test_dates_and_amounts_are_written_as_each_language_does() -> None:
    ja, en = language("ja"), language("en")
    assert (ja.day("2026-11-30"), en.day("2026-11-30")) == ("2026年11月30日", "30 November 2026")
    assert ja.moment("2026-11-30T15:30:00Z") == "2026年12月1日 0:30 JST"
    assert en.day("soon") == "soon"
    assert (ja.country("DE"), en.country("DE"), en.country("??")) == ("ドイツ", "Germany", "??")
    assert "1,200" in ja.yen(1200)
