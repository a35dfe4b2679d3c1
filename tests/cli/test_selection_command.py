"""``sekisho catalog selection verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog import selection
from catalog.index import Index
from catalog.search import Question, Search
from cli.output import Exit
from tests.catalog.offers import DAY, document, feed, gone, listing_id
from tests.cli.conftest import Sekisho


@pytest.fixture
def record(tmp_path: Path) -> dict[str, Any]:
    """A record, kept as ``record.json``, and the index of the site that made it."""
    (tmp_path / ".sekisho").mkdir()
    index = Index(f"sqlite:///{tmp_path}/.sekisho/catalog.db")
    index.apply(feed([document(1), document(2)]), 2)
    question = Question("会計")
    found = selection.candidates(Search(index), index, question, DAY, 2)
    choices = {
        listing_id(1): selection.Choice(shortlisted=True),
        listing_id(2): selection.Choice(shortlisted=False, reason="price"),
    }
    made = selection.record(
        question,
        found,
        choices,
        title="会計システム",
        made_at="2026-11-30T00:00:00Z",
        day=DAY,
        catalog_url="https://sekisho.example",
        position=2,
        state=selection.digest_at(index, 2),
    )
    index.apply([gone(3, listing_id(2))], 3)
    index.close()
    (tmp_path / "record.json").write_text(json.dumps(made), encoding="utf-8")
    return made


def test_a_record_holds_although_the_catalog_went_on(sekisho: Sekisho, record: dict[str, Any]) -> None:
    answer = sekisho("catalog", "selection", "verify", "record.json", "--json")
    assert answer.status == Exit.DONE
    assert answer.value["holds"] is True
    assert answer.value["digest"] == record["digest"]
    assert "holds" in sekisho("catalog", "selection", "verify", "record.json").out


def test_a_record_that_was_changed_is_found_out(sekisho: Sekisho, record: dict[str, Any]) -> None:
    record["long_list"].pop()
    Path("record.json").write_text(json.dumps(record), encoding="utf-8")
    answer = sekisho("catalog", "selection", "verify", "record.json", "--json")
    assert answer.status == Exit.FINDINGS
    assert [finding["code"] for finding in answer.value["findings"]] == ["digest", "long_list"]


def test_what_is_no_record_or_has_no_index_is_told(sekisho: Sekisho, record: dict[str, Any]) -> None:
    Path("other.json").write_text("{}", encoding="utf-8")
    assert sekisho("catalog", "selection", "verify", "other.json").status == Exit.FINDINGS
    Path("other.json").write_text("{", encoding="utf-8")
    assert sekisho("catalog", "selection", "verify", "other.json").status == Exit.INVALID
    elsewhere = sekisho("catalog", "selection", "verify", "record.json", "--database", "sqlite:///none.db")
    assert elsewhere.status == Exit.NOT_FOUND
    assert not Path("none.db").exists()
    record["catalog"]["position"] = 99
    Path("record.json").write_text(json.dumps(record), encoding="utf-8")
    unknown = sekisho("catalog", "selection", "verify", "record.json", "--json")
    assert (unknown.status, unknown.problem["code"]) == (Exit.NOT_FOUND, "selection.position_unknown")
