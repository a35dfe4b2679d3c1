"""All that the policy decided, gone through page by page, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.model import Dossier
from storage import decisions
from storage.database import Database
from storage.decisions import SqlHistory
from tests.storage.history import decide

NOON = datetime(2026, 11, 2, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "PAGE", 3)
    monkeypatch.setattr(decisions, "_DOSSIERS", decisions._DOSSIERS.limit(3))
    monkeypatch.setattr(decisions, "_OUTCOMES", decisions._OUTCOMES.limit(3))


def dossier(number: int) -> Dossier:
    return Dossier(NOON + timedelta(days=number), {"n": {"number": number}}, {"": {"source": "document"}})


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_every_decision_is_read_once_in_order(count: int, database: Database) -> None:
    references = decide(database, map(dossier, range(count)))
    history = SqlHistory(database)
    found = list(history.dossiers())
    assert history.count == count
    assert [one.reference for one in found] == references
    assert [one.dossier for one in found] == list(map(dossier, range(count)))
    assert [reference for reference, _, _ in history.outcomes()] == references


def test_what_is_decided_meanwhile_is_not_read(database: Database) -> None:
    first = decide(database, map(dossier, range(5)))
    history = SqlHistory(database)
    reading = history.dossiers()
    begun = next(reading)
    decide(database, [dossier(9)])
    assert [begun.reference, *(one.reference for one in reading)] == first


def test_what_people_decided_is_left_out(database: Database) -> None:
    decide(database, [dossier(1)], by="officer@example.jp")
    assert list(SqlHistory(database).dossiers()) == []
