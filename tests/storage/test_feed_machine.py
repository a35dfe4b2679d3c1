"""Whatever happens to listings: a snapshot and the feed after it lead to the catalog, as all of the feed."""

from __future__ import annotations

import gzip
import itertools
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline.model import ChangeKind
from pipeline.publication import Expiry
from pipeline.validity import JAPAN
from storage import migrations
from storage.database import Database
from storage.snapshots import write_snapshot
from tests.storage.shelf import Shelf

CODES = ["chat", "forms", "plan"]
OUT = [kind for kind in ChangeKind if kind.is_out]
State = dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def make_shelf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shelf]:
    """Fresh shelves on SQLite: a migrated file is copied each time."""
    folder = tmp_path_factory.mktemp("shelves")
    template = Database(f"sqlite:///{folder}/template.db")
    migrations.upgrade(template)
    with template.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    template.close()
    numbers = itertools.count()

    def make() -> Shelf:
        path = folder / f"{next(numbers)}.db"
        shutil.copyfile(folder / "template.db", path)
        return Shelf(Database(f"sqlite:///{path}"))

    return make


def machine(make_shelf: Callable[[], Shelf], file: Path) -> type[RuleBasedStateMachine]:
    class Feed(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.shelf = make_shelf()
            self.listings: dict[str, Any] = {}
            self.snapshots: list[tuple[int, State]] = []

        def teardown(self) -> None:
            self.shelf.database.close()

        @rule(code=st.sampled_from(CODES), days=st.sampled_from([None, 0, 2]))
        def publish(self, code: str, days: int | None) -> None:
            today = self.shelf.now.astimezone(JAPAN).date()
            until = None if days is None else today + timedelta(days=days)
            self.listings[code] = self.shelf.publish(code, valid_until=until)

        @precondition(lambda self: self.listings)
        @rule(data=st.data(), kind=st.sampled_from(OUT), reason=st.sampled_from(["A", "B"]))
        def take_out(self, data: st.DataObject, kind: ChangeKind, reason: str) -> None:
            code = data.draw(st.sampled_from(sorted(self.listings)))
            self.shelf.take_out(self.listings[code], kind, reason)

        @precondition(lambda self: self.listings)
        @rule(data=st.data())
        def put_back(self, data: st.DataObject) -> None:
            self.shelf.put_back(self.listings[data.draw(st.sampled_from(sorted(self.listings)))])

        @rule(hours=st.sampled_from([1, 30]))
        def time_passes(self, hours: int) -> None:
            self.shelf.now += timedelta(hours=hours)
            shelf = self.shelf

            class Now:
                def now(self) -> Any:
                    return shelf.now

            Expiry(shelf.memory, Now())()
            with shelf.memory.read() as tx:
                assert tx.listings.expiring(shelf.now, 10) == []

        @rule(hours=st.sampled_from([0, 40]))
        def old_changes_are_forgotten(self, hours: int) -> None:
            with self.shelf.memory.write() as tx:
                tx.listings.forget_changes(self.shelf.now - timedelta(hours=hours))

        @rule()
        def a_snapshot_is_taken(self) -> None:
            made = write_snapshot(self.shelf.database, file, self.shelf.now)
            _, *lines = map(orjson.loads, gzip.decompress(file.read_bytes()).splitlines())
            held = {line["listing_id"]: (line["version"], line["digest"]) for line in lines}
            assert (made.count, held) == (len(held), self._shown())
            self.snapshots.append((made.position, held))

        def _shown(self) -> State:
            with self.shelf.memory.read() as tx:
                return {str(one.listing_id): (one.version, one.sha256) for one in tx.listings.page(None, 100)}

        @invariant()
        def every_beginning_leads_to_the_catalog(self) -> None:
            with self.shelf.memory.read() as tx:
                oldest, head = tx.listings.oldest(), tx.listings.head()
            shown = self._shown()
            for position, begun in [(0, {}), *self.snapshots]:
                if position < oldest:
                    continue
                state: State = dict(begun)
                changes = self.shelf.changes(position)
                assert [change.position for change in changes] == list(range(position + 1, head + 1))
                for change in changes:
                    state.pop(str(change.listing_id), None)
                    if change.listing is not None:
                        state[str(change.listing_id)] = (change.version, change.listing.sha256)
                assert state == shown

        @invariant()
        def what_is_told_of_a_listing_is_its_latest_change(self) -> None:
            latest = {change.listing_id: change for change in self.shelf.changes()}
            with self.shelf.memory.read() as tx:
                for listing_id, change in latest.items():
                    standing = tx.listings.standing(listing_id)
                    assert standing is not None
                    assert (standing.position, standing.kind, standing.reason, standing.since) == (
                        change.position,
                        change.kind,
                        change.reason,
                        change.occurred_at,
                    )

    return Feed


def test_every_beginning_leads_to_the_catalog(make_shelf: Callable[[], Shelf], tmp_path: Path) -> None:
    run_state_machine_as_test(
        machine(make_shelf, tmp_path / "snapshot"),
        settings=settings(max_examples=40, stateful_step_count=20, deadline=None),
    )
