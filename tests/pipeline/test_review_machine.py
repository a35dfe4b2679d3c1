"""A case under everything at once: people decide, propose, ask and defer on fresh and on stale pages; vendors
answer, correct, withdraw and appeal, sometimes twice; workers die half-way; contacts are erased; time passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline.calendar import day_of
from pipeline.correspondence import Correspondence
from pipeline.erasure import Fate, erase
from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.intake import Intake
from pipeline.lifecycle import OPEN, State
from pipeline.model import ChangeKind
from pipeline.people import Person, Role
from pipeline.problems import Problem
from pipeline.review.actions import Review
from pipeline.review.model import (
    Act,
    Ask,
    Audience,
    ProposalState,
    Reason,
    Refused,
    Seen,
    WaitsFor,
)
from pipeline.review.policy import ReviewTimes
from storage import tables as t
from storage.erasure import SqlErasure
from tests.pipeline.conftest import LEASE

RARELY = st.sampled_from([False, False, False, False, True])
ANSWERS = st.sampled_from(["found", "found", "absent", "unreadable", "timeout"])
SECRET = "これは日誌に出てはならない"
_ACTIONS = (
    *("approve", "reject", "override", "suspend", "reinstate", "withdraw", "confirm", "send_back", "cancel"),
    *("ask", "take_back", "ask_source", "defer", "resume", "note", "claim", "release"),
    *("grant_appeal", "dismiss_appeal"),
)
_KINDS = ("question.answered", "appeal.submitted", "application.withdrawn")
_FITTING = {
    State.ASKED: "question.answered",
    State.REJECTED: "appeal.submitted",
    State.SUSPENDED: "appeal.submitted",
}
_WAITS: dict[State, set[WaitsFor | None]] = {
    State.REFERRED: {WaitsFor.REVIEWER, WaitsFor.DATE, WaitsFor.SECOND},
    State.ASKED: {WaitsFor.VENDOR},
    State.APPEALED: {WaitsFor.REVIEWER},
    State.COLLECTING: {WaitsFor.SOURCE, None},
    State.ADJUDICATING: {WaitsFor.SOURCE, None},
    State.LISTED: {WaitsFor.SECOND, None},
    State.SUSPENDED: {WaitsFor.SECOND, None},
}
_MAYBE_LISTED = {State.COLLECTING, State.ADJUDICATING, State.APPROVED}


def machine(make_world: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    class Desk(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = make_world()
            self.world.policy.referring = True
            times = ReviewTimes()
            self.review = Review(self.world.memory, self.world.clock, times)
            self.correspondence = Correspondence(self.world.memory, self.world.clock, times)
            self.intake = Intake(self.world.memory, self.world.clock, LEASE)
            self.references: list[str] = []
            self.said: list[tuple[str, bytes, Any]] = []
            self.done: list[Any] = []
            self.decided: dict[Any, bytes] = {}

        def teardown(self) -> None:
            for name in self.world.sources.script:
                self.world.sources.script[name].clear()
            for _ in range(60):
                if not any(State(row.state) in OPEN for row in self.world.rows(t.cases)):
                    break
                self.world.clock.advance(timedelta(hours=2))
                self.world.sweep()
            for row in self.world.rows(t.cases):
                assert State(row.state) not in OPEN
            self.world.database.close()

        def file(self, reference: str) -> Any:
            with self.world.memory.read() as tx:
                return tx.cases.by_reference(reference)

        def interesting(self) -> list[str]:
            """The cases that have not ended for good, if there are any."""
            rows = [row for row in self.world.rows(t.cases) if row.state not in {"withdrawn", "superseded"}]
            return [row.reference for row in rows] or self.references

        # Applications, sources, time, workers

        @precondition(lambda self: len(self.references) < 4)
        @rule(code=st.sampled_from(["chat", "video"]))
        def receive(self, code: str) -> None:
            step = self.world.receive(code=code, contact={"name": SECRET})
            self.references.append(step.reference)
            self.world.verification.carry_on(step.id)

        @rule(source=st.sampled_from(["jp.nta", "int.gleif"]), answer=ANSWERS)
        def a_source_will_say(self, source: str, answer: str) -> None:
            self.world.sources.script[source].append(answer)

        @rule(hours=st.sampled_from([1, 24, 24 * 12, 24 * 60]))
        def time_passes(self, hours: int) -> None:
            self.world.clock.advance(timedelta(hours=hours))
            self.world.sweep()

        @precondition(lambda self: self.world.steps())
        @rule(data=st.data())
        def a_message_arrives_early_and_again(self, data: st.DataObject) -> None:
            row = data.draw(st.sampled_from(self.world.steps()), label="step")
            due = row.stage != "review" or row.due_at <= self.world.clock.now()
            for _ in range(2 if due else 0):
                self.world.verification.carry_on(row.id)

        @precondition(lambda self: any(row.stage != "review" for row in self.world.steps()))
        @rule(data=st.data())
        def a_worker_dies_after_one_stage(self, data: st.DataObject) -> None:
            rows = [row for row in self.world.steps() if row.stage != "review"]
            row = data.draw(st.sampled_from(rows), label="step")
            with self.world.memory.read() as tx:
                step, file = tx.ledger.load(row.id)
            stage = self.world.verification.stages[step.stage]
            stage(file, step)
            assert stage(file, step).word == "done already"

        # People

        @precondition(lambda self: self.references)
        @rule(data=st.data(), wanton=RARELY, stale=RARELY)
        def aya_acts(self, data: st.DataObject, wanton: bool, stale: bool) -> None:
            self.acts(data, Person("aya", Role.REVIEWER), wanton, stale)

        @precondition(lambda self: self.references)
        @rule(data=st.data(), wanton=RARELY, stale=RARELY)
        def ben_acts(self, data: st.DataObject, wanton: bool, stale: bool) -> None:
            self.acts(data, Person("ben", Role.REVIEWER), wanton, stale)

        @precondition(lambda self: self.references)
        @rule(data=st.data(), wanton=RARELY, stale=RARELY)
        def chie_acts(self, data: st.DataObject, wanton: bool, stale: bool) -> None:
            self.acts(data, Person("chie", Role.OFFICER), wanton, stale)

        @precondition(lambda self: self.references)
        @rule(data=st.data(), wanton=RARELY, stale=RARELY)
        def dai_acts(self, data: st.DataObject, wanton: bool, stale: bool) -> None:
            self.acts(data, Person("dai", Role.OFFICER), wanton, stale)

        @precondition(lambda self: self.references)
        @rule(data=st.data())
        def vera_tries(self, data: st.DataObject) -> None:
            self.acts(data, Person("vera", Role.VIEWER), True, False)

        def acts(self, data: st.DataObject, by: Person, wanton: bool, stale: bool) -> None:
            reference = data.draw(st.sampled_from(self.interesting()), label="case")
            file = self.file(reference)
            seen = Seen.of(file)
            possible = self.review.view(reference, by).possible
            # Mostly what the page offers, which leads far; else whatever comes to mind.
            offered = sorted(possible - {"note", "claim", "release"})
            action = data.draw(st.sampled_from(_ACTIONS if wanton or not offered else offered), label="act")
            if stale:
                seen = Seen(seen.version - 1, seen.evidence)
            proposals = self.review.view(reference, by).proposals
            proposal = proposals[-1].id if proposals else new_id()
            later = day_of(self.world.clock.now()) + timedelta(days=20)
            case = (reference, seen, by)
            acts: dict[str, Callable[[], Any]] = {
                "approve": lambda: self.review.approve(*case, text=SECRET),
                "reject": lambda: self.review.reject(*case, [Reason("", "OUT_OF_SCOPE")], text=SECRET),
                "override": lambda: self.review.override(*case, "R-1", "EVIDENCE_SEEN", later, text=SECRET),
                "suspend": lambda: self.review.suspend(*case, "COMPLAINT", text=SECRET),
                "reinstate": lambda: self.review.reinstate(*case, "RESOLVED", text=SECRET),
                "withdraw": lambda: self.review.withdraw(*case, "AUTHORITY", text=SECRET),
                "ask": lambda: self.review.ask(*case, [Ask("EXPLANATION_NEEDED", text=SECRET)]),
                "take_back": lambda: self.review.take_back(*case),
                "ask_source": lambda: self.review.ask_source(*case, "jp.nta", "vendor"),
                "defer": lambda: self.review.defer(*case, later, text=SECRET),
                "resume": lambda: self.review.resume(*case),
                "grant_appeal": lambda: self.review.grant_appeal(*case, "EVIDENCE_SEEN", text=SECRET),
                "dismiss_appeal": lambda: self.review.dismiss_appeal(
                    *case, [Reason("", "OUT_OF_SCOPE")], text=SECRET
                ),
                "note": lambda: self.review.note(reference, by, SECRET, Audience.VENDOR),
                "claim": lambda: self.review.claim(reference, by),
                "release": lambda: self.review.release(reference, by),
                "confirm": lambda: self.review.confirm(*case, proposal),
                "send_back": lambda: self.review.send_back(*case, proposal, text=SECRET),
                "cancel": lambda: self.review.cancel(*case, proposal),
            }
            try:
                acts[action]()
            except StaleCase:
                assert stale
                assert self.file(reference) == file
            except Refused:
                assert self.file(reference) == file
            else:
                assert action in possible or action == "release"
                assert not stale or action in {"note", "claim", "release"}

        # The vendor

        @precondition(lambda self: self.references)
        @rule(data=st.data(), wanton=RARELY)
        def the_vendor_says(self, data: st.DataObject, wanton: bool) -> None:
            reference = data.draw(st.sampled_from(self.interesting()), label="case")
            file = self.file(reference)
            fitting = {} if wanton else _FITTING
            kind = fitting.get(file.case.state) or data.draw(st.sampled_from(_KINDS), label="kind")
            with self.world.memory.read() as tx:
                asked = [one for one in tx.reviews.questions(file.case.id) if one.outcome == "open"]
            more: dict[str, Any] = {
                "application.withdrawn": {},
                "question.answered": {
                    "question": str(asked[0].id if asked else new_id()),
                    "answer": SECRET,
                },
                "appeal.submitted": {
                    "decision": file.decision.number if file.decision else 1,
                    "grounds": SECRET,
                },
            }[kind]
            document = {"type": kind, "data": {"application": str(file.application.id), **more}}
            message = (str(new_id()), orjson.dumps(document), document)
            try:
                self.correspondence.accept(self.world.sender_id, *message)
            except Problem:
                assert self.file(reference) == file
            else:
                self.said.append(message)

        @precondition(lambda self: self.said)
        @rule(data=st.data())
        def the_vendor_says_it_again(self, data: st.DataObject) -> None:
            message = data.draw(st.sampled_from(self.said), label="message")
            before = self.world.rows(t.cases)
            assert self.correspondence.accept(self.world.sender_id, *message).repeated
            assert self.world.rows(t.cases) == before

        @precondition(lambda self: 0 < len(self.references) < 5)
        @rule(data=st.data())
        def the_vendor_corrects(self, data: st.DataObject) -> None:
            reference = data.draw(st.sampled_from(self.references), label="case")
            file = self.file(reference)
            document = {**file.application.document, "supersedes": str(file.application.id)}
            body = orjson.dumps({"type": "application.submitted", "data": document})
            try:
                receipt = self.intake.accept(self.world.sender_id, str(new_id()), body, {"data": document})
            except Problem:
                assert self.file(reference) == file
            else:
                self.references.append(receipt.reference)

        @precondition(lambda self: self.references)
        @rule(data=st.data())
        def a_contact_is_erased(self, data: st.DataObject) -> None:
            reference = data.draw(st.sampled_from(self.references), label="case")
            case_id = self.file(reference).case.id
            with self.world.memory.write() as tx:
                eraser = SqlErasure(tx.connection, tx.journal)
                erased = erase(eraser, case_id, self.world.clock.now(), "operator")
            if erased.fate is not Fate.UNDER_WAY:
                view = self.review.view(reference, Person("aya", Role.REVIEWER))
                assert SECRET not in str((view.notes, view.questions, view.proposals, view.appeals))
                assert SECRET.encode() not in view.file.application.body

        # What always holds

        @invariant()
        def who_moves_a_case_on_is_there(self) -> None:
            steps = Counter(row.case_id for row in self.world.steps() if row.stage != "review")
            for row in self.world.rows(t.cases):
                assert (State(row.state) in OPEN) == (steps[row.id] > 0), row.state

        @invariant()
        def decisions_are_numbered_and_never_change(self) -> None:
            numbers: dict[Any, list[int]] = {}
            for row in self.world.rows(t.decisions):
                numbers.setdefault(row.case_id, []).append(row.number)
                assert self.decided.setdefault(row.id, row.outcome) == row.outcome
            for found in numbers.values():
                assert sorted(found) == list(range(1, len(found) + 1))
            assert set(self.decided) == {row.id for row in self.world.rows(t.decisions)}

        @invariant()
        def what_the_policy_decided_it_would_decide_again(self) -> None:
            for reference in self.references:
                with self.world.memory.read() as tx:
                    decisions = tx.decisions.all_of(tx.cases.by_reference(reference).case.id)
                for decision in decisions:
                    if decision.by == "policy":
                        again = self.world.policy.judge(decision.dossier)
                        assert again.document == decision.judgement.document

        @invariant()
        def two_people_and_one_proposal(self) -> None:
            rows = self.world.rows(t.proposals)
            pending = Counter(row.case_id for row in rows if row.state == ProposalState.PENDING)
            assert all(number == 1 for number in pending.values())
            for row in rows:
                if row.state == ProposalState.CONFIRMED:
                    assert row.closed_by not in {None, row.proposed_by}
            confirmed = Counter(
                row.case_id
                for row in rows
                if row.state == ProposalState.CONFIRMED and Act(row.act) is Act.OVERRIDE
            )
            overrides = Counter(row.case_id for row in self.world.rows(t.waivers) if row.kind == "override")
            assert overrides == confirmed

        @invariant()
        def the_queue_says_whose_turn_it_is(self) -> None:
            states = {row.id: State(row.state) for row in self.world.rows(t.cases)}
            proposals = self.world.rows(t.proposals)
            pending = {row.case_id for row in proposals if row.state == ProposalState.PENDING}
            running = Counter(row.case_id for row in self.world.rows(t.review_stops) if row.ended_at is None)
            for row in self.world.rows(t.reviews):
                waits_for = None if row.waits_for is None else WaitsFor(row.waits_for)
                assert waits_for in _WAITS.get(states[row.case_id], {None}), states[row.case_id]
                assert (waits_for is WaitsFor.SECOND) == (row.case_id in pending)
                stopped = waits_for is not None and not waits_for.clock_runs
                assert (row.stopped_at is not None) == stopped
                assert running[row.case_id] == int(stopped)
            referred = {case for case, state in states.items() if state in {State.REFERRED, State.ASKED}}
            assert referred <= {row.case_id for row in self.world.rows(t.reviews)}

        @invariant()
        def the_catalog_shows_what_is_listed(self) -> None:
            changes = sorted(self.world.rows(t.listing_changes), key=lambda row: row.position)
            assert [row.position for row in changes] == list(range(1, len(changes) + 1))
            last = {row.listing_id: ChangeKind(row.kind) for row in changes}
            versions = {
                (row.listing_id, row.version): row.case_id for row in self.world.rows(t.listing_versions)
            }
            states = {row.id: State(row.state) for row in self.world.rows(t.cases)}
            for listing in self.world.rows(t.listings):
                state = states[versions[listing.id, listing.version]]
                if state not in _MAYBE_LISTED:
                    assert last[listing.id].is_out == (state is not State.LISTED), (state, last[listing.id])

        @invariant()
        def whoever_decides_an_appeal_took_no_part_before(self) -> None:
            appeals = [row for row in self.world.rows(t.appeals) if row.state in {"granted", "dismissed"}]
            decisions, proposals = self.world.rows(t.decisions), self.world.rows(t.proposals)
            for appeal in appeals:
                before = {
                    row.decided_by
                    for row in decisions
                    if row.case_id == appeal.case_id and row.number <= appeal.decision
                }
                for row in proposals:
                    if row.case_id == appeal.case_id and row.proposed_at < appeal.submitted_at:
                        before |= {row.proposed_by, row.closed_by}
                assert appeal.decided_by not in before

        @invariant()
        def nothing_that_people_wrote_is_in_the_journal(self) -> None:
            for row in self.world.rows(t.journal):
                assert SECRET.encode() not in row.data

    return Desk


@pytest.mark.timeout(300)
def test_whatever_people_and_vendors_do(make_world: Callable[[], Any]) -> None:
    run_state_machine_as_test(
        machine(make_world),
        settings=settings(
            max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
