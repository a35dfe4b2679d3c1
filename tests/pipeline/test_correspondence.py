"""What vendors say about their applications: withdrawal, answers, appeals, corrections under review."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from pipeline.calendar import end_of
from pipeline.correspondence import Acknowledgement, Correspondence
from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.intake import Intake
from pipeline.lifecycle import State
from pipeline.model import ChangeKind, Verdict
from pipeline.people import Person, Role
from pipeline.problems import Problem
from pipeline.review.actions import Review
from pipeline.review.model import AppealState, Ask, ProposalState, Reason, Seen, WaitsFor
from pipeline.review.policy import ReviewTimes

World = Any

AYA = Person("aya", Role.REVIEWER)
BEN = Person("ben", Role.REVIEWER)
CHIE = Person("chie", Role.OFFICER)
DAI = Person("dai", Role.OFFICER)
EMI = Person("emi", Role.OFFICER)


@pytest.fixture
def review(world: World) -> Review:
    return Review(world.memory, world.clock, ReviewTimes())


def received(world: World, *, refer: bool = True, **options: Any) -> str:
    world.policy.referring = refer
    step = world.receive(**options)
    world.verification.carry_on(step.id)
    return str(step.reference)


def file(world: World, reference: str) -> Any:
    with world.memory.read() as tx:
        return tx.cases.by_reference(reference)


def seen(world: World, reference: str) -> Seen:
    return Seen.of(file(world, reference))


def say(
    world: World, reference: str, kind: str, message_id: str = "", sender: UUID | None = None, **data: Any
) -> Acknowledgement:
    """Send a message about a case."""
    application = file(world, reference).application.id
    document = {"type": kind, "data": {"application": str(application), **data}}
    stage = Correspondence(world.memory, world.clock, ReviewTimes())
    return stage.accept(
        sender or world.sender_id, message_id or str(new_id()), orjson.dumps(document), document
    )


def refused(code: str) -> Any:
    class Refusal:
        def __enter__(self) -> None:
            self.raised = pytest.raises(Problem)
            self.info = self.raised.__enter__()

        def __exit__(self, *error: object) -> bool:
            handled = self.raised.__exit__(*error)
            [violation] = self.info.value.violations
            assert violation.code == code
            return bool(handled)

    return Refusal()


def record(world: World, reference: str) -> Any:
    with world.memory.read() as tx:
        return tx.reviews.of(file(world, reference).case.id)


# Withdrawal


def test_a_vendor_withdraws_what_people_have(world: World, review: Review) -> None:
    reference = received(world)
    proposal = review.approve(reference, seen(world, reference), AYA).proposal
    assert proposal is not None
    told = say(world, reference, "application.withdrawn", "w1")
    assert (told.state, told.repeated) == (State.WITHDRAWN, False)
    assert say(world, reference, "application.withdrawn", "w1").repeated
    with world.memory.read() as tx:
        [dropped] = tx.reviews.proposals(file(world, reference).case.id)
    assert (dropped.state, dropped.closed_by) == (ProposalState.DROPPED, "vendor")
    assert record(world, reference).waits_for is None
    with pytest.raises(StaleCase):
        review.confirm(
            reference, Seen(seen(world, reference).version - 1, proposal.evidence), BEN, proposal.id
        )
    with refused("not_in_this_state"):
        say(world, reference, "application.withdrawn")


def test_a_withdrawn_listing_leaves_the_catalog(world: World) -> None:
    reference = received(world, refer=False)
    say(world, reference, "application.withdrawn")
    with world.memory.read() as tx:
        last = tx.listings.changes(0, 10)[-1]
    assert last.kind is ChangeKind.WITHDRAWN


def test_a_listing_that_a_newer_application_replaced_stays(world: World) -> None:
    first = received(world, refer=False)
    received(world, refer=False)
    say(world, first, "application.withdrawn")
    with world.memory.read() as tx:
        kinds = [change.kind for change in tx.listings.changes(0, 10)]
    assert kinds == [ChangeKind.PUBLISHED, ChangeKind.PUBLISHED]


def test_a_waiting_case_is_withdrawn_and_asks_nobody_any_more(world: World) -> None:
    world.sources.script["jp.nta"] = ["timeout"]
    reference = received(world)
    say(world, reference, "application.withdrawn")
    assert world.steps() == []
    assert file(world, reference).case.state is State.WITHDRAWN


def test_only_the_sender_itself_says_anything(world: World) -> None:
    reference = received(world)
    with refused("unknown"):
        say(world, reference, "application.withdrawn", sender=new_id())


def test_an_id_that_came_with_another_body_is_refused(world: World, review: Review) -> None:
    reference = received(world, refer=True)
    review.ask(reference, seen(world, reference), AYA, [Ask("EXPLANATION_NEEDED")])
    [question] = review.view(reference, AYA).questions
    say(world, reference, "question.answered", "m", question=str(question.id), answer="はい")
    with pytest.raises(Problem, match="id_reused"):
        say(world, reference, "question.answered", "m", question=str(question.id), answer="いいえ")


# Answers


def test_the_last_answer_brings_the_case_back_and_the_clock_goes_on(world: World, review: Review) -> None:
    reference = received(world)
    asks = [Ask("FIELD_UNCLEAR", "/contract/court"), Ask("EXPLANATION_NEEDED")]
    review.ask(reference, seen(world, reference), AYA, asks)
    page = seen(world, reference)
    world.clock.advance(timedelta(days=7))
    first, second = review.view(reference, AYA).questions
    told = say(world, reference, "question.answered", question=str(first.id), answer="日本です。")
    assert told.state is State.ASKED
    assert [step.role for step in world.steps()] == ["question"]
    assert seen(world, reference).version > page.version
    told = say(world, reference, "question.answered", question=str(second.id), answer="説明です。")
    assert told.state is State.REFERRED
    assert world.steps() == []
    back = record(world, reference)
    assert (back.waits_for, back.due_at) == (WaitsFor.REVIEWER, end_of(date(2026, 11, 24)))
    answers = [question.answer for question in review.view(reference, AYA).questions]
    assert answers == ["日本です。", "説明です。"]
    assert "日本です" not in str(review.view(reference, AYA).journal)
    with refused("not_open"):
        say(world, reference, "question.answered", question=str(first.id), answer="再度")


def test_a_correction_ends_the_questions_and_the_proposal(world: World, review: Review) -> None:
    reference = received(world)
    review.ask(reference, seen(world, reference), AYA, [Ask("EXPLANATION_NEEDED")])
    superseded = file(world, reference).application
    document = {**superseded.document, "supersedes": str(superseded.id)}
    body = orjson.dumps({"type": "application.submitted", "data": document})
    stage = Intake(world.memory, world.clock, timedelta(seconds=30))
    receipt = stage.accept(world.sender_id, "c1", body, {"data": document})
    assert file(world, reference).case.state is State.SUPERSEDED
    [question] = review.view(reference, AYA).questions
    assert question.outcome == "corrected"
    assert record(world, reference).waits_for is None
    assert [step.id for step in world.steps()] == [receipt.step.id if receipt.step else None]


# Appeals


def reject(world: World, review: Review, reference: str) -> None:
    review.reject(reference, seen(world, reference), AYA, [Reason("R-1", "LOOK")])


def test_a_granted_appeal_keeps_the_same_rule_from_firing_on_the_same_facts(
    world: World, review: Review
) -> None:
    reference = received(world)
    reject(world, review, reference)
    told = say(world, reference, "appeal.submitted", decision=2, grounds="見落としがあります。")
    assert told.state is State.APPEALED
    appealed = record(world, reference)
    assert (appealed.waits_for, appealed.target_days) == (WaitsFor.REVIEWER, 20)
    with pytest.raises(Exception, match="decided_before"):
        review.grant_appeal(reference, seen(world, reference), AYA, "EVIDENCE_SEEN")
    assert "grant_appeal" not in review.view(reference, AYA).possible
    assert "grant_appeal" in review.view(reference, BEN).possible
    review.grant_appeal(reference, seen(world, reference), BEN, "EVIDENCE_SEEN")
    assert world.sweep() == ["listed"]
    [appeal] = review.view(reference, AYA).appeals
    assert (appeal.state, appeal.decided_by, appeal.policy) == (AppealState.GRANTED, "ben", ("scripted@1",))

    again = received(world)  # the same product once more: the rule reads the same facts
    decision = file(world, again).decision
    assert file(world, again).case.state is State.LISTED
    [result] = decision.judgement.outcome["results"]
    assert (result["effect"], result["waived"]["kind"]) == ("waived", "appeal")
    other = received(world, code="video")
    assert file(world, other).case.state is State.REFERRED


def test_whoever_proposed_or_confirmed_does_not_decide_the_appeal(world: World, review: Review) -> None:
    reference = received(world)
    proposal = review.approve(reference, seen(world, reference), AYA).proposal
    assert proposal is not None
    review.send_back(reference, seen(world, reference), BEN, proposal.id)
    review.reject(reference, seen(world, reference), CHIE, [Reason("R-1", "LOOK")])
    say(world, reference, "appeal.submitted", decision=2, grounds="x")
    for person in (AYA, BEN, CHIE):
        with pytest.raises(Exception, match="decided_before"):
            review.dismiss_appeal(reference, seen(world, reference), person, [Reason("R-1", "LOOK")])
    review.dismiss_appeal(reference, seen(world, reference), DAI, [Reason("R-1", "LOOK")])
    decision = file(world, reference).decision
    assert (decision.number, decision.by, decision.judgement.verdict) == (3, "dai", Verdict.REJECT)
    with refused("appealed_before"):
        say(world, reference, "appeal.submitted", decision=3, grounds="x")


def test_an_appeal_is_bound_to_the_decision_in_force_and_to_its_time(world: World, review: Review) -> None:
    reference = received(world)
    with refused("not_in_this_state"):
        say(world, reference, "appeal.submitted", decision=1, grounds="x")
    reject(world, review, reference)
    with refused("not_in_force"):
        say(world, reference, "appeal.submitted", decision=1, grounds="x")
    last_day = date(2026, 11, 2) + timedelta(days=90)
    world.clock.moment = end_of(last_day)
    with refused("too_late"):
        say(world, reference, "appeal.submitted", decision=2, grounds="x")
    world.clock.moment = end_of(last_day) - timedelta(seconds=1)
    assert say(world, reference, "appeal.submitted", decision=2, grounds="x").state is State.APPEALED


def test_an_automatic_rejection_can_be_appealed(world: World, review: Review) -> None:
    world.sources.script["jp.nta"] = ["absent"]
    reference = received(world, refer=False)
    assert file(world, reference).case.state is State.REJECTED
    say(world, reference, "appeal.submitted", decision=1, grounds="登記が済みました。")
    done = review.grant_appeal(reference, seen(world, reference), AYA, "SOURCE_IN_ERROR")
    assert done.case.state is State.ADJUDICATING
    assert world.sweep() == ["rejected: NOT_FOUND"]  # no rule was named: the same facts give the same


@pytest.mark.parametrize("granted", [True, False])
def test_a_suspension_can_be_appealed(world: World, review: Review, granted: bool) -> None:
    reference = received(world, refer=False)
    proposal = review.suspend(reference, seen(world, reference), CHIE, "COMPLAINT").proposal
    assert proposal is not None
    review.confirm(reference, seen(world, reference), DAI, proposal.id)
    say(world, reference, "appeal.submitted", decision=1, grounds="x")
    with pytest.raises(Exception, match="decided_before"):
        review.grant_appeal(reference, seen(world, reference), DAI, "EVIDENCE_SEEN")
    if granted:
        review.grant_appeal(reference, seen(world, reference), EMI, "EVIDENCE_SEEN")
    else:
        review.dismiss_appeal(reference, seen(world, reference), EMI, [])
    expected = State.LISTED if granted else State.SUSPENDED
    assert file(world, reference).case.state is expected
    with world.memory.read() as tx:
        last = tx.listings.changes(0, 10)[-1]
    assert last.kind is (ChangeKind.RESTORED if granted else ChangeKind.SUSPENDED)


def test_each_suspension_can_be_appealed_once(world: World, review: Review) -> None:
    reference = received(world, refer=False)

    def officers(act: Any, reason: str) -> None:
        proposal = act(reference, seen(world, reference), CHIE, reason).proposal
        review.confirm(reference, seen(world, reference), DAI, proposal.id)
        world.clock.advance(timedelta(days=1))

    officers(review.suspend, "COMPLAINT")
    say(world, reference, "appeal.submitted", decision=1, grounds="x")
    review.dismiss_appeal(reference, seen(world, reference), EMI, [])
    with refused("appealed_before"):
        say(world, reference, "appeal.submitted", decision=1, grounds="x")
    officers(review.reinstate, "RESOLVED")
    officers(review.suspend, "AUTHORITY")
    review.reinstate(reference, seen(world, reference), CHIE, "RESOLVED")  # pending: it moves no period
    assert say(world, reference, "appeal.submitted", decision=1, grounds="x").state is State.APPEALED


def test_an_appeal_ends_with_a_withdrawal(world: World, review: Review) -> None:
    reference = received(world)
    reject(world, review, reference)
    say(world, reference, "appeal.submitted", decision=2, grounds="x")
    say(world, reference, "application.withdrawn")
    [appeal] = review.view(reference, AYA).appeals
    assert appeal.state is AppealState.ENDED
