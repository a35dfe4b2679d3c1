"""The example consumer: an index that is as the catalog, also when it is killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from catalog.client import Follower, state_digest
from catalog.verification import verify
from cli.processes import Child
from examples.search_index import SearchIndex
from pipeline.model import ChangeKind
from tests.integration.cluster import until

Site = Any

CHECKOUT = Path(__file__).resolve().parents[2]


def state_of(index: Path) -> tuple[int, str]:
    """The position and the state of an index, and that its two tables agree."""
    with sqlite3.connect(index, timeout=30) as kept:
        (position,) = kept.execute("SELECT position FROM place").fetchone()
        held = kept.execute("SELECT id, version, digest FROM listing").fetchall()
        words = kept.execute("SELECT listing_id FROM words ORDER BY listing_id").fetchall()
    assert words == sorted((row[0],) for row in held)
    return position, state_digest(held)


def test_the_index_is_the_catalog_though_it_is_killed_at_any_moment(site: Site, tmp_path: Path) -> None:
    chance = random.Random(4711)
    index = tmp_path / "index.db"
    command = [sys.executable, str(CHECKOUT / "examples" / "search_index.py"), site.url, str(index)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    child = Child("index", command, tmp_path / "index.log", environment, tmp_path)
    listings = [site.publish(f"product-{number}") for number in range(20)]
    for _ in range(6):
        child.start()
        for _ in range(15):
            listing = chance.choice(listings)
            deed = chance.randrange(3)
            if deed == 0:
                site.publish(f"product-{listings.index(listing)}")
            elif deed == 1:
                site.take_out(listing, chance.choice([kind for kind in ChangeKind if kind.is_out]))
            else:
                site.put_back(listing)
        time.sleep(chance.random())
        child.signal(signal.SIGKILL)
        until(lambda: not child.is_running, "its end")
    child.start()
    proof = verify(site.client())
    assert proof.holds
    until(lambda: index.exists() and _state_or_none(index) == (proof.position, proof.state), "the index")
    child.signal(signal.SIGTERM)
    until(lambda: not child.is_running, "its end")


def _state_or_none(index: Path) -> tuple[int, str] | None:
    try:
        return state_of(index)
    except (sqlite3.OperationalError, TypeError):
        return None  # not begun yet


def test_what_it_holds_is_found_in_both_languages(site: Site, tmp_path: Path) -> None:
    names = {"chat": {"ja": "みなと会議", "en": "Minato Meeting"}, "forms": {"ja": "申請くん"}}
    for code, name in names.items():
        site.publish(code, product={"name": name, "summary": {"ja": "例"}}, seller={"name": "例示株式会社"})
    index = SearchIndex(tmp_path / "index.db")
    Follower(site.client(), index).catch_up()
    assert [one["code"] for one in index.find("会議")] == ["chat"]
    assert [one["code"] for one in index.find("minato meet")] == ["chat"]
    assert {one["code"] for one in index.find("例示株式会社")} == {"chat", "forms"}
    assert index.find("どこにもない") == []
    index.close()
