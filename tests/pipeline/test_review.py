"""What people do to cases, on both databases, with scripted sources and policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from pipeline.calendar import end_of
from pipeline.errors import StaleCase
from pipeline.lifecycle import State
from pipeline.model import ChangeKind, Verdict
from pipeline.people import Person, Role
from pipeline.review.actions import Review
from pipeline.review.model import (
    Ask,
    Audience,
    ProposalState,
    QueueFilter,
    Reason,
    Refused,
    Seen,
    WaitsFor,
)
from pipeline.review.policy import ReviewTimes
from storage import tables as t

World = Any

AYA = Person("aya", Role.REVIEWER)
BEN = Person("ben", Role.REVIEWER)
CHIE = Person("chie", Role.OFFICER)
DAI = Person("dai", Role.OFFICER)
VIEWER = Person("vera", Role.VIEWER)


@pytest.fixture
def review(world: World) -> Review:
    return Review(world.memory, world.clock, ReviewTimes())


def refer(world: World, code: str = "chat", **options: Any) -> str:
    """A case that the rules refer, and its reference."""
    world.policy.referring = True
    step = world.receive(code=code, **options)
    assert world.verification.carry_on(step.id) == "referred: LOOK"
    return str(step.reference)


def list_one(world: World, code: str = "listed-before", **options: Any) -> str:
    """A listing of the vendor, made by the rules alone."""
    world.policy.referring = False
    step = world.receive(code=code, **options)
    assert world.verification.carry_on(step.id) == "listed"
    return str(step.reference)


def file(world: World, reference: str) -> Any:
    with world.memory.read() as tx:
        return tx.cases.by_reference(reference)


def seen(world: World, reference: str) -> Seen:
    return Seen.of(file(world, reference))


def state(world: World, reference: str) -> State:
    return State(file(world, reference).case.state)


def record(world: World, reference: str) -> Any:
    with world.memory.read() as tx:
        return tx.reviews.of(file(world, reference).case.id)


def pending(world: World, reference: str) -> Any:
    with world.memory.read() as tx:
        return tx.reviews.pending(file(world, reference).case.id)


def refused(code: str) -> Any:
    return pytest.raises(Refused, match=f"^{code}")


# Deciding


def test_a_person_approves_and_the_listing_follows(world: World, review: Review) -> None:
    list_one(world)
    reference = refer(world)
    done = review.approve(reference, seen(world, reference), AYA, text="承認しました。")
    assert (done.case.state, done.proposal) == (State.APPROVED, None)
    assert world.sweep() == ["listed"]
    decided = file(world, reference).decision
    assert (decided.number, decided.by, decided.judgement.verdict) == (2, "aya", Verdict.APPROVE)
    with world.memory.read() as tx:
        first, second = tx.decisions.all_of(done.case.id)
        [note] = tx.reviews.notes(done.case.id)
        changes = tx.listings.changes(0, 10)
    assert first.dossier.digest == second.dossier.digest
    assert (first.by, first.judgement.verdict) == ("policy", Verdict.REVIEW)
    assert (note.audience, note.text) == (Audience.VENDOR, "承認しました。")
    assert [change.kind for change in changes] == [ChangeKind.PUBLISHED] * 2
    assert record(world, reference).waits_for is None


def test_a_person_rejects_for_a_rules_reason_and_ours(world: World, review: Review) -> None:
    reference = refer(world)
    reasons = [Reason("R-1", "LOOK"), Reason("", "OUT_OF_SCOPE")]
    done = review.reject(reference, seen(world, reference), AYA, reasons)
    assert done.case.state is State.REJECTED
    outcome = file(world, reference).decision.judgement.outcome
    assert outcome["reviewed"]["reasons"] == [
        {"rule": "R-1", "code": "LOOK"},
        {"rule": "", "code": "OUT_OF_SCOPE"},
    ]
    assert world.steps() == []


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        ([], "reason_missing"),
        ([Reason("", "BECAUSE")], "reason_unknown"),
        ([Reason("R-1", "OTHER")], "reason_unknown"),
        ([Reason("R-9", "LOOK")], "reason_unknown"),
    ],
)
def test_a_rejection_needs_reasons_that_there_are(
    world: World, review: Review, reasons: list[Reason], code: str
) -> None:
    reference = refer(world)
    with refused(code):
        review.reject(reference, seen(world, reference), AYA, reasons)
    assert state(world, reference) is State.REFERRED


def test_what_was_not_on_the_page_is_not_decided_on(world: World, review: Review) -> None:
    list_one(world)
    reference = refer(world)
    stale = seen(world, reference)
    review.defer(reference, stale, AYA, date(2026, 11, 20))
    for other in (stale, Seen(stale.version + 1, "sha256:" + "0" * 64)):
        with pytest.raises(StaleCase):
            review.approve(reference, other, BEN)
    assert state(world, reference) is State.REFERRED


@pytest.mark.parametrize("by", [VIEWER, Person("otto", Role.OPERATOR)])
def test_whoever_may_only_look_decides_nothing(world: World, review: Review, by: Person) -> None:
    reference = refer(world)
    now = seen(world, reference)
    actions: list[Callable[[], Any]] = [
        lambda: review.approve(reference, now, by),
        lambda: review.reject(reference, now, by, [Reason("R-1", "LOOK")]),
        lambda: review.override(reference, now, by, "R-1", "EVIDENCE_SEEN", date(2027, 1, 1)),
        lambda: review.ask(reference, now, by, [Ask("EXPLANATION_NEEDED")]),
        lambda: review.defer(reference, now, by, date(2027, 1, 1)),
        lambda: review.note(reference, by, "x"),
        lambda: review.claim(reference, by),
    ]
    for action in actions:
        with refused("not_allowed"):
            action()
    assert review.view(reference, by).possible == frozenset()


@pytest.mark.parametrize("name", ["policy", "vendor", "", " ", "a b", "a\u0000"])
def test_nobody_acts_under_the_pipelines_names(world: World, review: Review, name: str) -> None:
    reference = refer(world)
    with refused("name_unusable"):
        review.approve(reference, seen(world, reference), Person(name, Role.REVIEWER))


# Four eyes


def test_a_vendors_first_listing_takes_two(world: World, review: Review) -> None:
    reference = refer(world)
    done = review.approve(reference, seen(world, reference), AYA)
    assert done.proposal is not None
    assert done.proposal.because == "first_listing"
    assert (state(world, reference), record(world, reference).waits_for) == (State.REFERRED, WaitsFor.SECOND)
    [waiting] = review.queue(QueueFilter(waits_for=(WaitsFor.SECOND,))).entries
    assert waiting.reference == reference
    assert review.queue(QueueFilter(waits_for=(WaitsFor.REVIEWER,))).entries == ()
    with refused("same_person"):
        review.confirm(reference, seen(world, reference), AYA, done.proposal.id)
    confirmed = review.confirm(reference, seen(world, reference), BEN, done.proposal.id)
    assert confirmed.case.state is State.APPROVED
    assert world.sweep() == ["listed"]


@pytest.mark.parametrize("name", ["AYA", "ａｙａ", " aya "])
def test_the_same_person_in_other_letters_is_the_same_person(world: World, review: Review, name: str) -> None:
    reference = refer(world)
    done = review.approve(reference, seen(world, reference), AYA)
    assert done.proposal is not None
    with refused("same_person"):
        review.confirm(reference, seen(world, reference), Person(name, Role.REVIEWER), done.proposal.id)


def test_the_database_itself_wants_two_people_and_one_proposal(world: World, review: Review) -> None:
    reference = refer(world)
    proposal = review.approve(reference, seen(world, reference), AYA).proposal
    assert proposal is not None
    with world.memory.write() as tx:
        assert not tx.reviews.propose(proposal)
        now, evidence = world.clock.now(), proposal.evidence
        settle = tx.reviews.settle
        assert not settle(proposal, ProposalState.CONFIRMED, "aya", now, evidence=evidence)
        assert not settle(proposal, ProposalState.CONFIRMED, "ben", now, evidence="sha256:other")
    with pytest.raises(IntegrityError), world.database.write() as connection:
        connection.execute(update(t.proposals).values(state="confirmed", closed_by="aya", closed_at=now))


def test_a_pending_proposal_holds_everything_else(world: World, review: Review) -> None:
    reference = refer(world)
    review.approve(reference, seen(world, reference), AYA)
    now = seen(world, reference)
    actions: list[Callable[[], Any]] = [
        lambda: review.approve(reference, now, BEN),
        lambda: review.reject(reference, now, BEN, [Reason("R-1", "LOOK")]),
        lambda: review.ask(reference, now, BEN, [Ask("EXPLANATION_NEEDED")]),
        lambda: review.ask_source(reference, now, BEN, "jp.nta", "vendor"),
        lambda: review.defer(reference, now, BEN, date(2027, 1, 1)),
    ]
    for action in actions:
        with refused("proposal_pending"):
            action()


def test_a_proposal_is_returned_by_another_and_cancelled_by_its_maker(world: World, review: Review) -> None:
    reference = refer(world)
    for end, by, other, code in (
        (review.send_back, BEN, AYA, "is_proposer"),
        (review.cancel, AYA, BEN, "not_proposer"),
    ):
        proposal = review.approve(reference, seen(world, reference), AYA).proposal
        assert proposal is not None
        with refused(code):
            end(reference, seen(world, reference), other, proposal.id)
        end(reference, seen(world, reference), by, proposal.id)
        assert pending(world, reference) is None
        assert record(world, reference).waits_for is WaitsFor.REVIEWER
        with refused("no_proposal"):
            review.confirm(reference, seen(world, reference), BEN, proposal.id)
    with world.memory.read() as tx:
        states = [one.state for one in tx.reviews.proposals(file(world, reference).case.id)]
    assert states == [ProposalState.RETURNED, ProposalState.CANCELLED]


def test_a_listing_is_suspended_and_put_back_by_two_officers(world: World, review: Review) -> None:
    reference = list_one(world)
    with refused("not_allowed"):
        review.suspend(reference, seen(world, reference), AYA, "COMPLAINT")
    for act, expected in ((review.suspend, State.SUSPENDED), (review.reinstate, State.LISTED)):
        proposal = act(reference, seen(world, reference), CHIE, "COMPLAINT").proposal
        assert proposal is not None
        with refused("not_allowed"):
            review.confirm(reference, seen(world, reference), AYA, proposal.id)
        review.confirm(reference, seen(world, reference), DAI, proposal.id)
        assert state(world, reference) is expected
        assert record(world, reference).waits_for is None
    with world.memory.read() as tx:
        kinds = [change.kind for change in tx.listings.changes(0, 10)]
    assert kinds == [ChangeKind.PUBLISHED, ChangeKind.SUSPENDED, ChangeKind.RESTORED]


# Overrides


def test_an_override_is_recorded_as_such_and_ends(world: World, review: Review) -> None:
    list_one(world)
    reference = refer(world)
    until = date(2026, 12, 1)
    proposal = review.override(reference, seen(world, reference), AYA, "R-1", "EVIDENCE_SEEN", until).proposal
    assert proposal is not None
    assert proposal.because == "override"
    assert (
        review.confirm(reference, seen(world, reference), BEN, proposal.id).case.state is State.ADJUDICATING
    )
    assert world.sweep() == ["listed"]
    decision = file(world, reference).decision
    [result] = decision.judgement.outcome["results"]
    assert (result["outcome"], result["effect"]) == ("unknown", "waived")
    assert (result["waived"]["kind"], result["waived"]["until"]) == ("override", "2026-12-01")
    assert world.policy.judge(decision.dossier).document == decision.judgement.document

    [step] = world.steps()
    assert (step.stage, step.role, step.due_at) == ("review", "override", end_of(until))
    world.clock.moment = end_of(until)
    assert world.sweep() == ["referred: LOOK"]
    with world.memory.read() as tx:
        assert tx.listings.changes(0, 10)[-1].kind is ChangeKind.SUSPENDED
    assert record(world, reference).waits_for is WaitsFor.REVIEWER
    assert record(world, reference).referred_at == world.clock.now()

    review.approve(reference, seen(world, reference), AYA)
    assert world.sweep() == ["listed"]
    with world.memory.read() as tx:
        assert tx.listings.changes(0, 10)[-1].kind is ChangeKind.RESTORED


def test_the_end_of_an_override_waits_for_a_pending_proposal(world: World, review: Review) -> None:
    list_one(world)
    reference = refer(world)
    proposal = review.override(
        reference, seen(world, reference), AYA, "R-1", "EVIDENCE_SEEN", date(2026, 12, 1)
    ).proposal
    assert proposal is not None
    review.confirm(reference, seen(world, reference), BEN, proposal.id)
    world.sweep()
    suspension = review.suspend(reference, seen(world, reference), CHIE, "COMPLAINT").proposal
    assert suspension is not None
    world.clock.moment = end_of(date(2026, 12, 1))
    assert world.sweep() == ["put off"]
    assert state(world, reference) is State.LISTED
    review.cancel(reference, seen(world, reference), CHIE, suspension.id)
    world.clock.advance(timedelta(hours=1))
    assert world.sweep() == ["referred: LOOK"]


@pytest.mark.parametrize(
    ("rule", "reason", "until", "code"),
    [
        ("R-9", "EVIDENCE_SEEN", date(2026, 12, 1), "rule_unknown"),
        ("R-1", "BECAUSE", date(2026, 12, 1), "reason_unknown"),
        ("R-1", "EVIDENCE_SEEN", date(2026, 11, 2), "date_past"),
        ("R-1", "EVIDENCE_SEEN", date(2036, 11, 2), "date_far"),
    ],
)
def test_an_override_names_a_finding_a_reason_and_an_end(
    world: World, review: Review, rule: str, reason: str, until: date, code: str
) -> None:
    reference = refer(world)
    with refused(code):
        review.override(reference, seen(world, reference), AYA, rule, reason, until)


# Asking, deferring, working together


def test_a_question_stops_the_clock_until_its_time_is_over(world: World, review: Review) -> None:
    reference = refer(world)
    due = record(world, reference).due_at
    assert due == end_of(date(2026, 11, 17))  # ten business days after Monday the 2nd; the 3rd is a holiday
    world.clock.advance(timedelta(days=2))
    asks = [
        Ask("FIELD_UNCLEAR", "/contract/court", "どの裁判所ですか。"),
        Ask("DOCUMENT_NEEDED", "certificate"),
    ]
    review.ask(reference, seen(world, reference), AYA, asks, due_on=date(2026, 11, 10))
    stopped = record(world, reference)
    assert (state(world, reference), stopped.waits_for, stopped.remaining) == (
        State.ASKED,
        WaitsFor.VENDOR,
        9,
    )
    world.clock.moment = end_of(date(2026, 11, 10))
    assert world.sweep() == ["referred"]
    going = record(world, reference)
    assert going.waits_for is WaitsFor.REVIEWER
    assert going.due_at == end_of(
        date(2026, 11, 25)
    )  # nine business days after the 11th; the 23rd is a holiday
    view = review.view(reference, AYA)
    assert [question.outcome for question in view.questions] == ["lapsed", "lapsed"]
    [stop] = view.stops
    assert stop.until is not None
    assert (stop.waits_for, stop.until - stop.since) == (
        WaitsFor.VENDOR,
        end_of(date(2026, 11, 10)) - stop.since,
    )


@pytest.mark.parametrize(
    "ask",
    [
        Ask("WHATEVER"),
        Ask("FIELD_UNCLEAR", "contract.court"),
        Ask("DOCUMENT_NEEDED", "diary"),
        Ask("FIELD_MISSING"),
        Ask("EXPLANATION_NEEDED", "x"),
    ],
)
def test_one_asks_for_a_field_a_document_or_an_explanation(world: World, review: Review, ask: Ask) -> None:
    reference = refer(world)
    with refused("question_unknown"):
        review.ask(reference, seen(world, reference), AYA, [ask])


def test_questions_are_taken_back(world: World, review: Review) -> None:
    reference = refer(world)
    review.ask(reference, seen(world, reference), AYA, [Ask("EXPLANATION_NEEDED")])
    review.take_back(reference, seen(world, reference), BEN)
    assert (state(world, reference), world.steps()) == (State.REFERRED, [])
    assert record(world, reference).waits_for is WaitsFor.REVIEWER


def test_a_source_is_asked_again_and_the_case_judged_anew(world: World, review: Review) -> None:
    reference = refer(world)
    done = review.ask_source(reference, seen(world, reference), AYA, "jp.nta", "vendor")
    assert done.case.state is State.COLLECTING
    [waiting] = review.queue(QueueFilter(waits_for=(WaitsFor.SOURCE,))).entries
    assert waiting.stopped_at is not None
    world.sources.asked.clear()
    world.policy.referring = False
    assert world.sweep() == ["listed"]
    assert world.sources.asked == [("jp.nta", "vendor")]
    assert file(world, reference).decision.number == 2
    assert record(world, reference).waits_for is None


def test_a_case_that_is_referred_again_keeps_its_clock(world: World, review: Review) -> None:
    reference = refer(world)
    before = record(world, reference)
    review.ask_source(reference, seen(world, reference), AYA, "jp.nta", "vendor")
    world.clock.advance(timedelta(days=2))
    assert world.sweep() == ["referred: LOOK"]
    after = record(world, reference)
    assert (after.referred_at, after.waits_for) == (before.referred_at, WaitsFor.REVIEWER)
    assert after.due_at == end_of(date(2026, 11, 18))  # ten days were left; only the 4th was waited through


def test_a_deferred_case_comes_back_on_its_day(world: World, review: Review) -> None:
    reference = refer(world)
    review.defer(reference, seen(world, reference), AYA, date(2026, 11, 9))
    [entry] = review.queue(QueueFilter(waits_for=(WaitsFor.DATE,))).entries
    assert entry.resumes_on == date(2026, 11, 9)
    world.clock.moment = end_of(date(2026, 11, 8)) - timedelta(seconds=1)
    assert world.sweep() == []
    world.clock.advance(timedelta(seconds=1))
    assert world.sweep() == ["referred"]
    assert record(world, reference).waits_for is WaitsFor.REVIEWER


def test_a_deferred_case_is_taken_up_before(world: World, review: Review) -> None:
    reference = refer(world)
    with refused("state"):
        review.resume(reference, seen(world, reference), AYA)
    review.defer(reference, seen(world, reference), AYA, date(2026, 11, 9))
    review.resume(reference, seen(world, reference), AYA)
    assert (record(world, reference).waits_for, world.steps()) == (WaitsFor.REVIEWER, [])


def test_a_claim_is_soft_and_lapses(world: World, review: Review) -> None:
    reference = refer(world)
    review.claim(reference, AYA)
    with refused("claimed"):
        review.claim(reference, BEN)
    assert review.queue(QueueFilter(assignee="aya")).entries[0].assignee == "aya"
    assert review.queue(QueueFilter(assignee="")).entries == ()
    review.claim(reference, BEN, take_over=True)
    review.release(reference, AYA)
    assert record(world, reference).assignee == "ben"
    world.clock.advance(timedelta(minutes=30))
    assert review.queue(QueueFilter(assignee="")).entries[0].assignee is None
    review.claim(reference, AYA)
    review.release(reference, AYA)
    assert record(world, reference).assignee is None


def test_a_note_makes_no_page_stale_and_stays_out_of_the_journal(world: World, review: Review) -> None:
    list_one(world)
    reference = refer(world)
    page = seen(world, reference)
    review.note(reference, AYA, "電話 03-0000-0000 で確認")
    with refused("text_missing"):
        review.note(reference, AYA, " ")
    with refused("text_long"):
        review.note(reference, AYA, "x" * 4001)
    review.approve(reference, page, BEN, text="秘密の文")
    journal = str(review.view(reference, AYA).journal)
    assert "電話" not in journal
    assert "秘密" not in journal


# Looking


def test_the_queue_is_searched_by_reference_name_number_and_reason(world: World, review: Review) -> None:
    reference = refer(world)
    other = refer(world, number="4120101047866")
    for search, expected in {
        reference.lower(): {reference},
        "例示": {reference, other},
        "4120101047866": {other},
        "LOOK": {reference, other},
        "NOBODY": set(),
        "100%": set(),
    }.items():
        found = review.queue(QueueFilter(search=search)).entries
        assert {entry.reference for entry in found} == expected, search
    assert review.queue(QueueFilter(reason="LOOK", buyer="kobe-city")).entries == ()


def test_the_queue_is_paged_without_gap_or_repetition(world: World, review: Review) -> None:
    references = [refer(world, code=f"p{n}") for n in range(7)]
    found: list[str] = []
    after = None
    while True:
        page = review.queue(QueueFilter(), after, 3)
        found += [entry.reference for entry in page.entries]
        after = page.next
        if after is None:
            break
    assert found == references
    with refused("cursor_malformed"):
        review.queue(QueueFilter(), "nonsense")


def test_counts_say_what_waits_and_what_is_late(world: World, review: Review) -> None:
    first, second = refer(world, code="a"), refer(world, code="b")
    review.ask(first, seen(world, first), AYA, [Ask("EXPLANATION_NEEDED")], due_on=date(2027, 6, 1))
    world.clock.moment = end_of(date(2026, 12, 1))
    counts = review.counts()
    assert dict(counts.waiting) == {WaitsFor.VENDOR: 1, WaitsFor.REVIEWER: 1}
    assert (counts.overdue, counts.states) == (1, {"asked": 1, "referred": 1})
    assert [entry.reference for entry in review.queue(QueueFilter(overdue=True)).entries] == [second]


def test_the_view_shows_conflicts_and_what_an_earlier_application_said(world: World, review: Review) -> None:
    listed = list_one(world)
    earlier = refer(world, code="chat")
    reference = refer(world, code="chat", name="例示チャット改")
    view = review.view(reference, AYA)
    assert {other.reference for other in view.conflicts.same_number} == {listed, earlier}
    assert [one.reference for one in view.conflicts.listings_of_vendor] == [listed]
    [before] = view.conflicts.earlier
    [difference] = before.differences
    assert (before.other.reference, difference.pointer) == (earlier, "/product/name/ja")
    assert (difference.before, difference.after) == ("例示チャット", "例示チャット改")
    assert "approve" in view.possible
    with refused("case_unknown"):
        review.view("SK-000000000", AYA)


def test_only_those_who_decide_see_the_contact_person(world: World, review: Review) -> None:
    reference = refer(world, contact={"name": "山田太郎"})
    assert "contact" in review.view(reference, AYA).application
    assert "contact" not in review.view(reference, VIEWER).application
