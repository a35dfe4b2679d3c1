"""Erasure over both databases: nothing about the person is left, and digests stay what they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import LargeBinary, Table, Text, insert, select

from cli.samples import samples
from connectors.installed import BUILT_IN
from connectors.persons import PERSONS, may_name_people
from pipeline import audit
from pipeline.documents import sha256
from pipeline.erasure import ERASED, Erasure, Fate, erase
from pipeline.identifiers import OrganisationId, new_id
from pipeline.intake import Intake
from pipeline.lifecycle import State
from pipeline.model import Capture, Check, CheckState, Inquiry
from pipeline.notary import Notary
from pipeline.problems import Problem
from storage import tables as t
from storage.database import Database
from storage.erasure import PLACES, SqlErasure, cases_of_sender, cases_of_vendor, scrub
from storage.memory import SqlMemory

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
MARK = "見本 太郎 taro.mihon@vendor.example"
CONTACT = {"name": "見本 太郎", "email": "taro.mihon@vendor.example", "phone": "+81 3 0000 0000"}

NOBODY = {
    "applications.body": "erased by its own rule",
    "applications.salt": "random",
    "cases.vendor_name": "an organisation's registered name",
    "cases.product_name": "a product's name",
    "checks.subject_name": "an organisation's declared name",
    "captures.url": "goes with the capture",
    "capture_bodies.body": "goes with --captures",
    "dossiers.document": "facts: the contact is none of them",
    "decisions.outcome": "rules and reasons",
    "listing_versions.document": "public",
    "receipts.token": "public",
    "subscribers.url": "an endpoint",
    "subscriber_keys.key_material": "a key, encrypted",
    "sender_keys.key_material": "a key, encrypted",
    "reviews.buyers": "codes",
    "proposals.data": "codes",
    "appeals.policy": "policy versions",
}
"""Columns of text or bytes near a case, in which nothing is about a person, or which go otherwise."""


class Clock:
    moment = NOW

    def now(self) -> datetime:
        return self.moment


class World:
    """Applications of one sender, on a database of each kind."""

    def __init__(self, database: Database) -> None:
        self.database, self.memory, self.clock = database, SqlMemory(database), Clock()
        self.sender_id = new_id()
        with database.write() as connection:
            connection.execute(insert(t.senders), {"id": self.sender_id, "name": "portal", "created_at": NOW})

    def receive(self, message: str = "m", **members: Any) -> UUID:
        document = {**samples()[0].document, "contact": CONTACT, **members}
        body = orjson.dumps(
            {"type": "application.submitted", "timestamp": "2026-11-23T09:00:00Z", "data": document}
        )
        intake = Intake(self.memory, self.clock, timedelta(seconds=30))
        receipt = intake.accept(self.sender_id, message, body, orjson.loads(body))
        with self.memory.read() as tx:
            file = tx.cases.of_sender(self.sender_id, receipt.application_id)
        assert file is not None
        return file.case.id

    def close(self, case_id: UUID, *states: State) -> None:
        for state in states or (State.WITHDRAWN,):
            with self.memory.write() as tx:
                tx.cases.move(tx.cases.file(case_id).case, state, NOW)
                tx.ledger.drop(case_id)

    def erase(self, case_id: UUID, *, captures: bool = False) -> Erasure:
        with self.memory.write() as tx:
            names_people = may_name_people if captures else None
            return erase(SqlErasure(tx.connection, tx.journal), case_id, NOW, "operator", names_people)

    def write_everywhere(self, case_id: UUID) -> None:
        """Something about the person at each registered place."""
        application_id = self.file(case_id).application.id
        subscriber, delivery, message = new_id(), new_id(), new_id()
        of_case = {"id": new_id(), "case_id": case_id}
        rows: list[tuple[Table, dict[str, Any]]] = [
            (
                t.notes,
                {**of_case, "audience": "internal", "written_by": "keiko", "written_at": NOW, "text": MARK},
            ),
            (
                t.vendor_messages,
                {
                    "id": message,
                    "case_id": case_id,
                    "sender_id": self.sender_id,
                    "message_id": str(new_id()),
                    "kind": "application.answered",
                    "body": MARK.encode(),
                    "body_sha256": sha256(MARK.encode()),
                    "received_at": NOW,
                },
            ),
            (
                t.questions,
                {
                    **of_case,
                    "code": "x",
                    "about": "/contact",
                    "text": MARK,
                    "asked_by": "keiko",
                    "asked_at": NOW,
                    "due_on": NOW.date(),
                    "outcome": "answered",
                    "closed_at": NOW,
                    "message_id": message,
                },
            ),
            (
                t.proposals,
                {
                    **of_case,
                    "act": "approve",
                    "because": "x",
                    "data": b"{}",
                    "text": MARK,
                    "evidence_sha256": sha256(b""),
                    "proposed_by": "keiko",
                    "proposed_at": NOW,
                    "state": "returned",
                    "closed_by": "ken",
                    "closed_at": NOW,
                },
            ),
            (
                t.subscribers,
                {
                    "id": subscriber,
                    "name": str(subscriber),
                    "kind": "catalog",
                    "url": "https://x.example/",
                    "state": "active",
                    "reason": "",
                    "ordered": False,
                    "cursor": 0,
                    "failures": 0,
                    "busy_until": NOW,
                    "sends": 0,
                    "created_at": NOW,
                    "changed_at": NOW,
                },
            ),
            (
                t.deliveries,
                {
                    "id": delivery,
                    "subscriber_id": subscriber,
                    "about": "application",
                    "subject": application_id,
                    "sequence": 1,
                    "version": 1,
                    "kind": "rejected",
                    "occurred_at": NOW,
                    "state": "delivered",
                    "tries": 1,
                    "next_attempt_at": NOW,
                },
            ),
            (
                t.delivery_attempts,
                {
                    "id": new_id(),
                    "delivery_id": delivery,
                    "number": 1,
                    "began_at": NOW,
                    "milliseconds": 1,
                    "reason": "",
                    "answer": MARK.encode(),
                },
            ),
        ]
        with self.database.write() as connection:
            for table, row in rows:
                connection.execute(insert(table), row)

    def answer(self, case_id: UUID, source: str, body: bytes) -> None:
        inquiry = Inquiry(source, "vendor", OrganisationId("JP-JCN", "7000012050002"))
        capture = Capture(source, "https://registry.example/", NOW, 200, "application/json", body)
        with self.memory.write() as tx:
            check = Check(inquiry, CheckState.ANSWERED, 1, capture=capture)
            tx.cases.record(tx.cases.file(case_id).case, [check])

    def file(self, case_id: UUID) -> Any:
        with self.memory.read() as tx:
            return tx.cases.file(case_id)

    def everything(self) -> str:
        """All that the database says, whatever table it is in."""
        with self.database.read() as connection:
            return "\n".join(
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                for table in t.metadata.sorted_tables
                for row in connection.execute(select(table))
                for value in row
            )

    def verify(self) -> audit.Report:
        notary = Notary(self.memory, self.clock, (), 1, timedelta(hours=1))
        return audit.verify(audit.Export(self.memory, self.clock, notary).lines(audit.Selection()))


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def near_a_case() -> set[str]:
    """Columns of text or bytes in tables that lead to a case, an application or a sender."""
    near, growing = (
        {"cases", "applications", "senders", "capture_bodies", "dossiers", "listing_versions"},
        True,
    )
    while growing:
        reached = {
            table.name
            for table in t.metadata.sorted_tables
            for key in table.foreign_keys
            if key.column.table.name in near
        }
        near, growing = near | reached, not reached <= near
    return {
        f"{table.name}.{column.name}"
        for table in t.metadata.sorted_tables
        if table.name in near
        for column in table.columns
        if isinstance(column.type, (Text, LargeBinary))
    }


def test_of_every_column_of_text_or_bytes_it_is_known_whether_people_are_in_it() -> None:
    registered = {place.name for place in PLACES}
    unknown = near_a_case() - registered - set(NOBODY)
    assert unknown == set(), "add these to storage.erasure.PLACES, or say here why nobody is in them"
    assert registered & set(NOBODY) == set()
    assert set(NOBODY) <= near_a_case()


def test_nothing_about_the_person_is_left_and_the_digest_is_the_same(world: World) -> None:
    case_id = world.receive()
    world.write_everywhere(case_id)
    world.close(case_id)
    before = world.file(case_id).application
    assert all(value in world.everything() for value in CONTACT.values())
    erased = world.erase(case_id)
    assert erased.fate is Fate.ERASED
    assert set(erased.places) == {"applications.body", *(place.name for place in PLACES)}
    after = world.file(case_id).application
    assert after.digest == before.digest
    assert after.erased
    said = world.everything()
    assert not any(value in said for value in (*CONTACT.values(), MARK, sha256(MARK.encode())))
    assert {**after.document, "contact": 0} == {**before.document, "contact": 0}
    with world.memory.read() as tx:
        events = tx.journal.of_case(case_id)
    [received] = [event for event in events if event.name == "application.received"]
    [recorded] = [event for event in events if event.name == ERASED]
    assert received.data["document"] == recorded.data["document"] == after.digest
    assert world.verify().sound
    scrub(world.database)


def test_it_is_done_once_and_what_comes_later_is_erased_later(world: World) -> None:
    case_id = world.receive()
    world.close(case_id)
    assert world.erase(case_id).fate is Fate.ERASED
    assert world.erase(case_id).fate is Fate.NOTHING_LEFT
    world.write_everywhere(case_id)
    assert "applications.body" not in world.erase(case_id).places
    assert MARK not in world.everything()
    with world.memory.read() as tx:
        assert [event.name for event in tx.journal.of_case(case_id)].count(ERASED) == 2


@pytest.mark.parametrize("states", [(), (State.ADJUDICATING, State.REFERRED)])
def test_a_case_under_way_is_left_alone(world: World, states: tuple[State, ...]) -> None:
    case_id = world.receive()
    if states:
        world.close(case_id, *states)
    assert world.erase(case_id).fate is Fate.UNDER_WAY
    assert CONTACT["email"] in world.everything()


def test_a_transaction_that_ends_badly_erases_nothing(world: World) -> None:
    case_id = world.receive()
    world.close(case_id)
    with pytest.raises(RuntimeError, match="killed"):
        _erase_and_fail(world, case_id)
    assert not world.file(case_id).application.erased
    assert world.erase(case_id).fate is Fate.ERASED


def _erase_and_fail(world: World, case_id: UUID) -> None:
    with world.memory.write() as tx:
        erase(SqlErasure(tx.connection, tx.journal), case_id, NOW, "operator")
        raise RuntimeError("killed")


def test_the_same_message_is_still_known_and_opens_no_second_case(world: World) -> None:
    case_id = world.receive("m")
    world.close(case_id)
    world.erase(case_id)
    assert world.receive("m") == case_id
    try:
        assert world.receive("m", portability={}) == case_id
    except Problem:  # pragma: no cover - whichever body comes, it is not kept
        pytest.fail("a message id that is known was refused")


def test_cases_are_found_by_sender_and_by_vendor(world: World) -> None:
    first, second = world.receive("1"), world.receive("2")
    vendor = world.file(first).application.vendor_id
    with world.memory.read() as tx:
        assert cases_of_sender(tx.connection, "portal") == [first, second]
        assert cases_of_sender(tx.connection, "another") == []
        assert cases_of_vendor(tx.connection, vendor) == [first, second]
        assert cases_of_vendor(tx.connection, OrganisationId("JP-JCN", "x")) == []


def test_answers_that_may_name_people_go_on_request(world: World) -> None:
    case_id = world.receive()
    world.answer(case_id, "jp.gbizinfo", "代表 花子".encode())
    world.answer(case_id, "jp.nta", b"a corporation")
    world.close(case_id)
    assert "captures" not in world.erase(case_id).places
    erased = world.erase(case_id, captures=True)
    assert (erased.places, erased.kept) == ({"captures": 1}, 0)
    assert "花子" not in world.everything()
    checks = {check.inquiry.source: check for check in world.file(case_id).checks}
    assert (checks["jp.gbizinfo"].state, checks["jp.gbizinfo"].reason) == (CheckState.GIVEN_UP, "erased")
    assert checks["jp.nta"].capture is not None
    assert world.verify().sound


def test_an_answer_that_a_listing_rests_on_stays(world: World) -> None:
    case_id = world.receive()
    world.answer(case_id, "jp.gbizinfo", "代表 花子".encode())
    world.close(case_id, State.ADJUDICATING, State.APPROVED, State.LISTED)
    assert world.erase(case_id, captures=True).kept == 1
    assert "花子" in world.everything()


def test_bytes_that_another_case_has_too_stay_for_that_one(world: World) -> None:
    one, other = world.receive("1"), world.receive("2")
    for case_id in (one, other):
        world.answer(case_id, "jp.gbizinfo", "代表 花子".encode())
    world.close(one)
    assert world.erase(one, captures=True).places["captures"] == 1
    [check] = world.file(other).checks
    assert check.capture is not None
    assert check.capture.body == "代表 花子".encode()
    world.close(other)
    world.erase(other, captures=True)
    assert "花子" not in world.everything()
    # The same answer may come again for somebody else.
    third = world.receive("3")
    world.answer(third, "jp.gbizinfo", "代表 花子".encode())
    assert world.file(third).checks[0].capture.body == "代表 花子".encode()


def test_sources_that_may_name_people_are_ours_and_unknown_ones_count_as_such() -> None:
    assert set(PERSONS) <= set(BUILT_IN)
    assert may_name_people("xx.third-party")
    assert not may_name_people("jp.nta")
