"""Publications of policy packs: the database itself keeps an officer from approving their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from storage.policies import Publication, PublicationError

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
PROPOSAL = Publication(
    uuid4(), "a-pack", "2026.1.0", "sha256:" + "0" * 64, "方針", date(2026, 12, 1), "alice", NOW
)


@pytest.fixture
def memory(database: Database) -> SqlMemory:
    memory = SqlMemory(database)
    with memory.write() as tx:
        tx.policies.propose(PROPOSAL)
    return memory


def approved(memory: SqlMemory, by: str = "bob") -> Publication:
    with memory.write() as tx:
        return tx.policies.approve(PROPOSAL.id, by, NOW + timedelta(hours=1))


def test_what_was_proposed_is_kept_as_it_was(memory: SqlMemory) -> None:
    with memory.read() as tx:
        assert tx.policies.get(PROPOSAL.id) == PROPOSAL
        assert tx.policies.all() == [PROPOSAL]
        assert tx.policies.approved() == []


def test_another_officer_approves(memory: SqlMemory) -> None:
    expected = replace(PROPOSAL, approved_by="bob", approved_at=NOW + timedelta(hours=1))
    assert approved(memory) == expected
    with memory.read() as tx:
        assert tx.policies.approved() == [expected]


def test_an_officer_cannot_approve_their_own(memory: SqlMemory) -> None:
    with pytest.raises(PublicationError) as refused:
        approved(memory, "alice")
    assert refused.value.code == "same_officer"
    with memory.read() as tx:
        assert tx.policies.get(PROPOSAL.id) == PROPOSAL


@pytest.mark.parametrize("values", [{"approved_by": "alice", "approved_at": NOW}, {"approved_by": "bob"}])
def test_nor_can_whoever_writes_past_the_code(
    values: dict[str, object], memory: SqlMemory, database: Database
) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(update(t.policy_publications).values(values))
    row = {
        "id": uuid4(),
        "pack": "b-pack",
        "version": "1",
        "digest": "x",
        "document": b"",
        "effective": NOW.date(),
        "proposed_by": "alice",
        "proposed_at": NOW,
        **values,
    }
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(t.policy_publications), row)


def test_nobody_approves_twice(memory: SqlMemory) -> None:
    approved(memory)
    with pytest.raises(PublicationError) as refused:
        approved(memory, "carol")
    assert refused.value.code == "approved_already"


def test_a_version_is_proposed_once(memory: SqlMemory) -> None:
    with pytest.raises(PublicationError) as refused, memory.write() as tx:
        tx.policies.propose(replace(PROPOSAL, id=uuid4()))
    assert refused.value.code == "version_taken"
    with pytest.raises(PublicationError) as refused, memory.read() as tx:
        tx.policies.get(uuid4())
    assert refused.value.code == "unknown"
