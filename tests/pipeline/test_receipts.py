"""Receipts of decisions: each decision has one, the same for ever, and anyone can check it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from pipeline.documents import sha256
from pipeline.lifecycle import State
from pipeline.notary import BATCH, Receipts
from pipeline.receipts import RECEIPT_KIND, SignedReceipt, payload
from pipeline.review.policy import ReviewTimes
from pipeline.schemas import find
from pipeline.signing import KeySet, SigningKey, key_of
from storage import tables as t

KEY = SigningKey.new()
KEYS = KeySet([KEY.public])

World = Any


def receipts(world: World, *keys: SigningKey) -> Receipts:
    return Receipts(world.memory, world.clock, keys or (KEY,), ReviewTimes(appeal_days=90))


def read(world: World, case_id: Any, number: int = 1) -> Any:
    with world.memory.read() as tx:
        token = tx.receipts.of_case(case_id, number)
    return None if token is None else KEYS.verify(token, RECEIPT_KIND)


def decided(world: World, says: str = "found") -> Any:
    world.sources.script["jp.nta"] = [says]
    step = world.receive(code=f"p{world.clock.now():%s%f}")
    world.verification.carry_on(step.id)
    world.clock.advance(timedelta(seconds=1))
    return step.case_id


def test_a_receipt_says_what_was_decided_on_what_and_where_it_is_recorded(world: World) -> None:
    case_id = decided(world)
    assert receipts(world).sign_due() == 1
    said, file = read(world, case_id), world.file(case_id)
    schema = find("receipt")
    assert schema is not None
    assert schema.violations(said) == []
    assert said["case"] == file.case.reference
    assert said["document"] == file.application.digest
    assert said["decision"] == {
        "number": 1,
        "verdict": "approve",
        "by": "policy",
        "at": "2026-11-02T09:00:00.000000Z",
    }
    assert said["policy"] == [{"pack": "scripted@1", "digest": ""}]
    assert said["basis"] == file.decision.dossier.digest
    assert said["outcome"] == sha256(file.decision.judgement.document)
    assert "appeal_until" not in said
    with world.memory.read() as tx:
        entries = tx.journal.entries(0, 100)
    [entry] = [each for each in entries if each.entry.event.name == "case.decided"]
    assert said["journal"] == {"position": entry.entry.position, "sha256": entry.sha256}


def test_a_rejection_can_be_appealed_through_a_day_in_japan(world: World) -> None:
    case_id = decided(world, "absent")
    assert world.file(case_id).case.state is State.REJECTED
    receipts(world).sign_due()
    said = read(world, case_id)
    assert (said["decision"]["verdict"], said["appeal_until"]) == ("reject", "2027-01-31")


def test_receipts_are_signed_once_and_are_the_same_when_made_again(world: World) -> None:
    first, second = decided(world), decided(world, "absent")
    assert receipts(world).sign_due() == 2
    assert receipts(world).sign_due() == 0
    with world.memory.read() as tx:
        before = [tx.receipts.of_case(case, 1) for case in (first, second)]
    with world.database.write() as connection:
        connection.execute(delete(t.receipts))
    world.clock.advance(timedelta(days=400))
    assert receipts(world).sign_due() == 2
    with world.memory.read() as tx:
        assert [tx.receipts.of_case(case, 1) for case in (first, second)] == before
        assert [tx.receipts.named(sha256(token.encode())) for token in before] == before


def test_two_who_sign_at_once_leave_one_receipt(world: World) -> None:
    case_id = decided(world)
    other = SigningKey.new()
    with world.memory.read() as tx:
        [missing] = tx.receipts.missing(10)
    receipts(world).sign_due()
    token = other.sign(RECEIPT_KIND, payload(missing, ReviewTimes()))
    late = SignedReceipt(missing.kept.entry.position, missing, token)
    with world.memory.write() as tx:
        tx.receipts.add([late], other.public, world.clock.now())
    assert read(world, case_id) is not None


def test_many_are_signed_batch_by_batch_and_a_renewed_key_goes_on(world: World) -> None:
    cases = [decided(world) for _ in range(3)]
    renewed = SigningKey.new()
    with world.memory.read() as tx:
        assert len(tx.receipts.missing(2)) == 2
    assert receipts(world).sign_due() == 3 < BATCH
    cases.append(decided(world))
    assert receipts(world, renewed, KEY).sign_due() == 1
    with world.memory.read() as tx:
        tokens = [tx.receipts.of_case(case, 1) for case in cases]
        assert {key.id for key in tx.journal.signing_keys()} == {KEY.public.id, renewed.public.id}
    assert [key_of(token) for token in tokens] == [KEY.public.id] * 3 + [renewed.public.id]


def test_without_a_key_nothing_is_signed(world: World) -> None:
    case_id = decided(world)
    assert Receipts(world.memory, world.clock, (), ReviewTimes()).sign_due() == 0
    assert read(world, case_id) is None


@pytest.mark.parametrize(
    ("reviewed", "reasons"),
    [
        (None, [{"rule": "NTL-1", "code": "REG_CLOSED"}, {"rule": "NTL-3", "code": "NAME_DIFFERS"}]),
        (
            {"verdict": "reject", "reasons": [{"rule": "", "code": "NOT_SERIOUS"}]},
            [{"code": "NOT_SERIOUS"}],
        ),
    ],
)
def test_reasons_are_those_of_the_rules_or_of_the_person_who_decided(
    world: World, reviewed: Any, reasons: Any
) -> None:
    decided(world)
    with world.memory.read() as tx:
        [missing] = tx.receipts.missing(10)
    decision = missing.decision
    outcome = {
        "decision": "reject",
        "policy": ["jp-national@1.2#sha256:" + "0" * 64],
        "results": [
            {"rule": "NTL-1", "effect": "reject", "reason": "REG_CLOSED"},
            {"rule": "NTL-2", "effect": "none", "reason": "OK"},
            {"rule": "NTL-3", "effect": "review", "reason": "NAME_DIFFERS"},
        ],
        "buyers": [{"buyer": "tokyo", "decision": "review"}],
        **({"reviewed": reviewed} if reviewed else {}),
    }
    judged = replace(decision, judgement=replace(decision.judgement, outcome=outcome), by="keiko")
    said = payload(replace(missing, decision=judged), ReviewTimes())
    schema = find("receipt")
    assert schema is not None
    assert schema.violations(said) == []
    assert said["reasons"] == reasons
    assert said["buyers"] == [{"buyer": "tokyo", "verdict": "review"}]
    assert said["policy"] == [{"pack": "jp-national@1.2", "digest": "sha256:" + "0" * 64}]
    assert "keiko" not in str(said)
