"""Reviewers decide at the command line: the same actions as at the desk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.output import Exit
from pipeline.lifecycle import State
from pipeline.people import Role
from tasks.accounts import Accounts
from tests.cli.conftest import Sekisho
from tests.cli.test_case_command import Office

pytestmark = pytest.mark.usefixtures("installation")

SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()


@pytest.fixture
def office() -> Iterator[Office]:
    opened = Office()
    accounts = Accounts(opened.system.memory, opened.system.clock)
    for name, role in {"aya": Role.REVIEWER, "ben": Role.REVIEWER, "vera": Role.VIEWER}.items():
        accounts.add(name, role, "a long pass phrase")
    yield opened
    opened.system.close()


def seen(sekisho: Sekisho, reference: str) -> str:
    return str(sekisho("case", "show", reference, "--json").value["seen"])


def act(sekisho: Sekisho, reference: str, name: str, *more: str, by: str = "aya") -> Any:
    page = seen(sekisho, reference)
    return sekisho("case", name, reference, *more, "--as", by, "--seen", page, "--json")


def test_two_people_approve_a_first_listing(office: Office, sekisho: Sekisho) -> None:
    reference, _ = office.submit()
    [waiting] = sekisho("case", "queue", "--json").values
    assert (waiting["case"], waiting["waits_for"], waiting["clock"]) == (reference, "reviewer", "running")
    proposed = act(sekisho, reference, "approve", "--text", "よい製品です。").value
    assert proposed["because"] == "first_listing"
    assert sekisho("case", "queue", "--waits-for", "second", "--json").value["case"] == reference
    own = act(sekisho, reference, "confirm", proposed["proposal"])
    assert (own.status, own.problem["code"]) == (Exit.CONFLICT, "review.same_person")
    assert own.problem["ja"]
    assert act(sekisho, reference, "confirm", proposed["proposal"], by="ben").value["state"] == "approved"
    with office.system.memory.write() as tx:
        [step] = tx.ledger.claim_due(datetime.now(UTC), timedelta(seconds=1), 10)
    assert office.system.verification.carry_on(step.id) == "listed"


def test_what_changed_since_it_was_seen_is_not_decided_on(office: Office, sekisho: Sekisho) -> None:
    reference, _ = office.submit()
    page = seen(sekisho, reference)
    act(sekisho, reference, "defer", SOON)
    for stale in (page, seen(sekisho, reference).partition("@")[0] + "@000000000000"):
        told = sekisho(
            "case", "reject", reference, "--reason", "OUT_OF_SCOPE", "--as", "aya", "--seen", stale, "--json"
        )
        assert (told.status, told.problem["code"]) == (Exit.CONFLICT, "review.stale_case")
    told = sekisho("case", "resume", reference, "--as", "aya", "--seen", "now", "--json")
    assert (told.status, told.problem["code"]) == (Exit.INVALID, "cli.seen_malformed")


def test_the_vendor_is_asked_and_the_questions_taken_back(office: Office, sekisho: Sekisho) -> None:
    reference, _ = office.submit()
    questions = ("--question", "FIELD_UNCLEAR=/contract/court", "--question", "EXPLANATION_NEEDED")
    assert act(sekisho, reference, "ask", *questions, "--due", SOON).value["state"] == "asked"
    [waiting] = sekisho("case", "queue", "--json").values
    assert (waiting["waits_for"], waiting["clock"]) == ("vendor", "stopped")
    assert sekisho("case", "queue").out.count(reference) == 1
    assert act(sekisho, reference, "take-back").value["state"] == "referred"
    wrong = act(sekisho, reference, "ask", "--question", "WHATEVER")
    assert (wrong.status, wrong.problem["code"]) == (Exit.INVALID, "review.question_unknown")


def test_a_rule_is_overridden_returned_and_a_case_rejected(office: Office, sekisho: Sekisho) -> None:
    reference, _ = office.submit()
    override = ("REG-01", "--reason", "EVIDENCE_SEEN", "--until", SOON)
    proposal = act(sekisho, reference, "override", *override).value["proposal"]
    returned = act(sekisho, reference, "return", proposal, "--note", "証拠が足りません", by="ben")
    assert returned.value["state"] == "referred"
    proposal = act(sekisho, reference, "override", *override).value["proposal"]
    assert act(sekisho, reference, "cancel", proposal).value["state"] == "referred"
    with office.system.memory.read() as tx:
        file = tx.cases.by_reference(reference)
    assert file is not None
    assert file.decision is not None
    rule = next(
        f"{each['rule']}:{each['reason']}"
        for each in file.decision.judgement.outcome["results"]
        if each["effect"] == "review"
    )
    rejected = act(sekisho, reference, "reject", "--reason", rule, "--reason", "OUT_OF_SCOPE")
    assert rejected.value["state"] == str(State.REJECTED)
    assert sekisho("case", "queue", "--json").values == []


def test_a_real_rule_that_was_overridden_is_waived_and_the_rest_judged(
    office: Office, sekisho: Sekisho
) -> None:
    reference, _ = office.submit()
    override = ("REG-01", "--reason", "EVIDENCE_SEEN", "--until", SOON)
    proposal = act(sekisho, reference, "override", *override).value["proposal"]
    assert act(sekisho, reference, "confirm", proposal, by="ben").value["state"] == "adjudicating"
    with office.system.memory.write() as tx:
        [step] = tx.ledger.claim_due(datetime.now(UTC), timedelta(seconds=1), 10)
    office.system.verification.carry_on(step.id)
    outcome = sekisho("case", "show", reference, "--json").value["decision"]["outcome"]
    [result] = [each for each in outcome["results"] if each["rule"] == "REG-01"]
    assert (result["outcome"], result["effect"]) == ("unknown", "waived")
    assert (result["waived"]["kind"], result["waived"]["effect"]) == ("override", "review")
    assert "REG-01" in sekisho("case", "show", reference).out


def test_notes_and_claims(office: Office, sekisho: Sekisho) -> None:
    reference, _ = office.submit()
    note = sekisho("case", "note", reference, "要確認", "--as", "aya", "--json").value
    assert note["audience"] == "internal"
    assert sekisho("case", "assign", reference, "--as", "aya", "--json").value["assignee"] == "aya"
    taken = sekisho("case", "assign", reference, "--as", "ben", "--json")
    assert taken.problem["code"] == "review.claimed"
    assert sekisho("case", "assign", reference, "--as", "ben", "--take-over", "--json").status == Exit.DONE
    assert sekisho("case", "queue", "--assignee", "ben", "--json").value["assignee"] == "ben"
    assert sekisho("case", "assign", reference, "--release", "--as", "ben", "--json").value["until"] is None


@pytest.mark.parametrize(
    ("by", "status", "code"),
    [
        ("nobody", Exit.NOT_FOUND, "cli.account_unknown"),
        ("a b", Exit.NOT_FOUND, "cli.account_unknown"),
        ("vera", Exit.CONFLICT, "review.not_allowed"),
    ],
)
def test_who_may_not_decide_does_not(
    office: Office, sekisho: Sekisho, by: str, status: Exit, code: str
) -> None:
    reference, _ = office.submit()
    told = act(sekisho, reference, "approve", by=by)
    assert (told.status, told.problem["code"]) == (status, code)
