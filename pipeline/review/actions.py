"""What people do to cases: decide, propose and confirm, ask, defer, note, claim.

Every action names what was on the page it comes from (:class:`~pipeline.review.model.Seen`): where the case
has moved on since, or rests on another dossier, it is :class:`~pipeline.errors.StaleCase` and nothing is
done. The desk, the command line and the tests call the same methods; nothing here knows a page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pipeline.calendar import day_of, end_of
from pipeline.collection import retry_step
from pipeline.documents import Json
from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import (
    Case,
    CaseFile,
    ChangeKind,
    Check,
    CheckState,
    Decision,
    Event,
    Judgement,
    Stage,
    Step,
    Verdict,
    Waiver,
    WaiverKind,
)
from pipeline.people import Person, Role, normal_name
from pipeline.ports import Clock, Memory, SimilarNames, Transaction
from pipeline.review.clock import Timer, in_the_way, is_in_the_way, leave, referred, timer, wait
from pipeline.review.model import (
    Act,
    Appeal,
    AppealState,
    Ask,
    Audience,
    CaseView,
    Counts,
    Done,
    Note,
    Proposal,
    ProposalState,
    Question,
    QueueFilter,
    QueuePage,
    Reason,
    ReviewRecord,
    Seen,
    WaitsFor,
)
from pipeline.review.policy import ROLE as ROLE_FOR
from pipeline.review.policy import FourEyes, ReviewTimes, four_eyes
from pipeline.review.words import (
    DOCUMENTS,
    OVERRIDES,
    QUESTIONS,
    REJECTIONS,
    SUSPENSIONS,
    refusal,
)
from pipeline.waivers import grounds_of

LONGEST_TEXT = 4000
"""Characters of what a person writes."""

FURTHEST = timedelta(days=3 * 366)
"""How far ahead an override's end or a deferral may lie."""


@dataclass(frozen=True, slots=True)
class _Acting:
    """An action under way: the transaction, the case as read in it, who acts, and when."""

    tx: Transaction
    file: CaseFile
    by: str
    person: Person
    now: datetime

    @property
    def case(self) -> Case:
        return self.file.case

    @property
    def decision(self) -> Decision:
        assert self.file.decision is not None, "a case that people have was judged"
        return self.file.decision

    @property
    def reason(self) -> str:
        return self.decision.judgement.reason

    def event(self, name: str, **data: Any) -> None:
        """Write to the journal: codes, digests and ids."""
        self.tx.journal.write([Event(self.case.id, name, self.by, self.now, data)])

    def say(self, audience: Audience, text: str) -> None:
        """Keep what somebody wrote, if anything."""
        if text:
            self.tx.reviews.note(Note(new_id(), self.case.id, audience, self.by, self.now, text))


@dataclass(frozen=True, slots=True)
class Review:
    """The actions of people, with what they need. ``similar`` finds companies of like names."""

    memory: Memory
    clock: Clock
    times: ReviewTimes
    similar: SimilarNames | None = None

    # Looking

    def queue(self, wanted: QueueFilter, after: str | None = None, limit: int = 50) -> QueuePage:
        """Open reviews, the earliest due first."""
        with self.memory.read() as tx:
            return tx.reviews.queue(wanted, after, limit, self.clock.now())

    def counts(self) -> Counts:
        """How much waits for whom."""
        with self.memory.read() as tx:
            return tx.reviews.counts(self.clock.now())

    def view(self, reference: str, by: Person) -> CaseView:
        """A case whole.

        :raises Refused: where there is none.
        """
        with self.memory.read() as tx:
            file = tx.cases.by_reference(reference)
            if file is None:
                raise refusal("case_unknown")
            view = CaseView(
                file=file,
                seen=Seen.of(file),
                application=visible(file.application.document, by),
                review=tx.reviews.of(file.case.id),
                stops=tx.reviews.stops(file.case.id),
                decisions=tx.decisions.all_of(file.case.id),
                proposals=tx.reviews.proposals(file.case.id),
                questions=tx.reviews.questions(file.case.id),
                notes=tx.reviews.notes(file.case.id),
                appeals=tx.reviews.appeals(file.case.id),
                waivers=file.waivers,
                journal=tuple(tx.journal.of_case(file.case.id)),
                conflicts=tx.reviews.conflicts(file),
            )
        similar = () if self.similar is None else tuple(self.similar(file))
        conflicts = replace(view.conflicts, similar_names=similar)
        return replace(view, conflicts=conflicts, possible=possible(view, by))

    # Deciding

    def approve(self, reference: str, seen: Seen, by: Person, *, text: str = "") -> Done:
        """Approve a referred case; of a vendor's first listing a second person has to confirm it."""
        with self._acting(reference, seen, by, Act.APPROVE, {State.REFERRED}, text) as acting:
            self._nothing_pending(acting)
            first = acting.tx.reviews.is_first_listing(acting.file.application)
            row = four_eyes(Act.APPROVE, first_listing=first)
            if row is not None:
                return self._propose(acting, row, {}, text)
            return self._approve(acting, {}, text)

    def reject(
        self, reference: str, seen: Seen, by: Person, reasons: Sequence[Reason], *, text: str = ""
    ) -> Done:
        """Reject a referred case for these reasons; ``text`` goes to the vendor besides."""
        with self._acting(reference, seen, by, Act.REJECT, {State.REFERRED}, text) as acting:
            self._nothing_pending(acting)
            _check_reasons(reasons, acting.decision)
            return self._reject(acting, reasons, text)

    def override(
        self, reference: str, seen: Seen, by: Person, rule: str, reason: str, until: date, *, text: str = ""
    ) -> Done:
        """Propose that a rule does not count through a day. Once confirmed, the rest is judged again."""
        with self._acting(reference, seen, by, Act.OVERRIDE, {State.REFERRED}, text) as acting:
            self._nothing_pending(acting)
            if reason not in OVERRIDES:
                raise refusal("reason_unknown", reason)
            _check_ahead(until, acting.now)
            _finding(acting.decision, rule)
            data = {"rule": rule, "reason": reason, "until": until.isoformat()}
            return self._propose(acting, _row(Act.OVERRIDE), data, text)

    def suspend(self, reference: str, seen: Seen, by: Person, reason: str, *, text: str = "") -> Done:
        """Propose to take a listing out of the catalog for now."""
        return self._about_listing(reference, seen, by, Act.SUSPEND, {State.LISTED}, reason, text)

    def reinstate(self, reference: str, seen: Seen, by: Person, reason: str, *, text: str = "") -> Done:
        """Propose to put a suspended listing back."""
        return self._about_listing(reference, seen, by, Act.REINSTATE, {State.SUSPENDED}, reason, text)

    def withdraw(self, reference: str, seen: Seen, by: Person, reason: str, *, text: str = "") -> Done:
        """Propose to take a listing out for good."""
        states = {State.LISTED, State.SUSPENDED}
        return self._about_listing(reference, seen, by, Act.WITHDRAW, states, reason, text)

    def _about_listing(
        self,
        reference: str,
        seen: Seen,
        by: Person,
        act: Act,
        states: Collection[State],
        reason: str,
        text: str,
    ) -> Done:
        with self._acting(reference, seen, by, act, states, text) as acting:
            self._nothing_pending(acting)
            if reason not in SUSPENSIONS:
                raise refusal("reason_unknown", reason)
            if acting.tx.reviews.listing_of(acting.case.id) is None:
                raise refusal("listing_replaced")
            return self._propose(acting, _row(act), {"reason": reason}, text)

    # Four eyes

    def confirm(self, reference: str, seen: Seen, by: Person, proposal: UUID) -> Done:
        """Confirm what somebody else proposed on the same dossier; it is done in the same transaction."""
        with self._acting_on(reference, seen, by, proposal) as (acting, pending):
            if not by.may(ROLE_FOR[pending.act]):
                raise refusal("not_allowed")
            if pending.proposed_by == acting.by:
                raise refusal("same_person")
            if pending.evidence != seen.evidence:
                raise refusal("evidence_changed")
            # The write itself sees to both again: another page may be a moment ahead of this one.
            if not acting.tx.reviews.settle(
                pending, ProposalState.CONFIRMED, acting.by, acting.now, evidence=seen.evidence
            ):
                raise StaleCase(f"{reference}: the proposal is no longer pending")
            acting.event("proposal.confirmed", proposal=str(pending.id), act=str(pending.act))
            return replace(self._perform(acting, pending), proposal=None)

    def send_back(self, reference: str, seen: Seen, by: Person, proposal: UUID, *, text: str = "") -> Done:
        """Return a proposal to the first queue, as another person than the one who made it."""
        _check_text(text)
        with self._acting_on(reference, seen, by, proposal) as (acting, pending):
            if not by.may(ROLE_FOR[pending.act]):
                raise refusal("not_allowed")
            if pending.proposed_by == acting.by:
                raise refusal("is_proposer")
            return self._end_proposal(acting, pending, ProposalState.RETURNED, text)

    def cancel(self, reference: str, seen: Seen, by: Person, proposal: UUID) -> Done:
        """Take one's own proposal back."""
        with self._acting_on(reference, seen, by, proposal) as (acting, pending):
            if pending.proposed_by != acting.by:
                raise refusal("not_proposer")
            return self._end_proposal(acting, pending, ProposalState.CANCELLED, "")

    # Asking

    def ask(
        self, reference: str, seen: Seen, by: Person, asks: Sequence[Ask], *, due_on: date | None = None
    ) -> Done:
        """Ask the vendor, each time for one field or one document. The clock stops until it answers."""
        with self._acting(reference, seen, by, None, {State.REFERRED}, "") as acting:
            self._nothing_pending(acting)
            if not asks:
                raise refusal("question_unknown")
            for ask in asks:
                _check_ask(ask)
            due = self.times.answer_by(acting.now) if due_on is None else due_on
            _check_ahead(due, acting.now)
            tx, case = acting.tx, acting.case
            questions = [
                Question(new_id(), case.id, ask.code, ask.about, ask.text, acting.by, acting.now, due)
                for ask in asks
            ]
            self._drop_timers(acting)
            moved = tx.cases.move(case, State.ASKED, acting.now, reason=acting.reason)
            tx.reviews.ask(questions)
            wait(tx, _record(acting), WaitsFor.VENDOR, acting.now)
            tx.ledger.add([timer(case, Timer.QUESTION, end_of(due))])
            acting.event(
                "vendor.asked",
                due_on=due.isoformat(),
                questions=[{"id": str(one.id), "code": one.code, "about": one.about} for one in questions],
            )
            return Done(moved)

    def take_back(self, reference: str, seen: Seen, by: Person) -> Done:
        """Take the open questions back: the case is with the reviewer again."""
        with self._acting(reference, seen, by, None, {State.ASKED}, "") as acting:
            # The timer first: its stage locks it before the questions.
            self._drop_timers(acting)
            acting.tx.reviews.close_questions(acting.case.id, "taken_back", acting.now)
            moved = self._to_reviewer(acting)
            acting.event("questions.taken_back")
            return Done(moved)

    def ask_source(self, reference: str, seen: Seen, by: Person, source: str, role: str) -> Done:
        """Have a source asked again; once it has settled the case is judged anew."""
        with self._acting(reference, seen, by, None, {State.REFERRED}, "") as acting:
            self._nothing_pending(acting)
            check = next((one for one in acting.file.checks if one.inquiry.key == (source, role)), None)
            if check is None:
                raise refusal("check_unknown", f"{source} {role}")
            again = Check(check.inquiry, CheckState.WAITING, 0, "asked_again", acting.now)
            tx = acting.tx
            self._drop_timers(acting)
            tx.cases.record(acting.case, [again])
            moved = tx.cases.move(
                acting.case, State.COLLECTING, acting.now, outstanding=1, reason=acting.reason
            )
            step = retry_step(moved, again)
            tx.ledger.add([step])
            wait(tx, _record(acting), WaitsFor.SOURCE, acting.now)
            acting.event("source.asked_again", source=source, role=role)
            return Done(moved, step=step)

    def defer(self, reference: str, seen: Seen, by: Person, until: date, *, text: str = "") -> Done:
        """Leave a case until a day; it comes back to the queue by itself when that day begins in Japan."""
        with self._acting(reference, seen, by, None, {State.REFERRED}, text) as acting:
            self._nothing_pending(acting)
            _check_ahead(until, acting.now)
            self._drop_timers(acting)
            moved = acting.tx.cases.touch(acting.case, acting.now)
            wait(acting.tx, _record(acting), WaitsFor.DATE, acting.now, resumes_on=until)
            acting.tx.ledger.add([timer(moved, Timer.DEFERRAL, end_of(until - timedelta(days=1)))])
            acting.say(Audience.INTERNAL, text)
            acting.event("case.deferred", until=until.isoformat())
            return Done(moved)

    def resume(self, reference: str, seen: Seen, by: Person) -> Done:
        """Take a deferred case up before its day."""
        with self._acting(reference, seen, by, None, {State.REFERRED}, "") as acting:
            record = _record(acting)
            if record.waits_for is not WaitsFor.DATE:
                raise refusal("state")
            self._drop_timers(acting)
            moved = acting.tx.cases.touch(acting.case, acting.now)
            wait(acting.tx, record, WaitsFor.REVIEWER, acting.now)
            acting.event("case.resumed")
            return Done(moved)

    # Working together

    def note(self, reference: str, by: Person, text: str, audience: Audience = Audience.INTERNAL) -> Note:
        """Write a note. It changes nothing that a decision rests on, so it makes no page stale."""
        name = acting_name(by)
        if not by.may(Role.REVIEWER):
            raise refusal("not_allowed")
        _check_text(text)
        if not text.strip():
            raise refusal("text_missing")
        now = self.clock.now()
        with self.memory.write() as tx:
            file = _known(tx, reference)
            note = Note(new_id(), file.case.id, audience, name, now, text)
            tx.reviews.note(note)
            data = {"note": str(note.id), "audience": str(audience)}
            tx.journal.write([Event(file.case.id, "note.written", name, now, data)])
        return note

    def claim(self, reference: str, by: Person, *, take_over: bool = False) -> ReviewRecord:
        """Say that one works on a case; it lapses by itself. ``take_over`` takes it from somebody else."""
        name = acting_name(by)
        if not by.may(Role.REVIEWER):
            raise refusal("not_allowed")
        now = self.clock.now()
        with self.memory.write() as tx:
            file = _known(tx, reference)
            record = tx.reviews.of(file.case.id)
            if record is None or record.waits_for is None:
                raise refusal("state")
            if not tx.reviews.claim(file.case.id, name, now + self.times.claim, now, take_over=take_over):
                raise refusal("claimed", record.assignee or "")
            tx.journal.write([Event(file.case.id, "case.claimed", name, now, {"taken_over": take_over})])
        return replace(record, assignee=name, claimed_until=now + self.times.claim)

    def release(self, reference: str, by: Person) -> None:
        """Give one's claim up. Nothing happens where one has none."""
        name = acting_name(by)
        now = self.clock.now()
        with self.memory.write() as tx:
            file = _known(tx, reference)
            if tx.reviews.release(file.case.id, name):
                tx.journal.write([Event(file.case.id, "case.released", name, now, {})])

    # Appeals

    def grant_appeal(
        self,
        reference: str,
        seen: Seen,
        by: Person,
        reason: str,
        *,
        rules: Sequence[str] = (),
        text: str = "",
    ) -> Done:
        """Grant an appeal: the rules that rejected do not count on these facts, and the rest is judged.

        ``rules`` names others than those of the decision. Against a suspension: the listing comes back.
        """
        with self._acting(reference, seen, by, None, {State.APPEALED}, text) as acting:
            if reason not in OVERRIDES:
                raise refusal("reason_unknown", reason)
            appeal = self._settle_appeal(acting, AppealState.GRANTED)
            acting.say(Audience.VENDOR, text)
            if appeal.against is State.SUSPENDED:
                moved = self._put_back(acting)
                leave(acting.tx, _record(acting), acting.now)
                acting.event("appeal.granted", appeal=str(appeal.id), reason=reason)
                return Done(moved)
            waived = []
            for rule in rules or _rules_of(acting.decision):
                grounds = grounds_of(_finding(acting.decision, rule))
                waiver = Waiver(new_id(), rule, grounds, WaiverKind.APPEAL, reason)
                acting.tx.reviews.waive(acting.file, waiver, acting.now)
                waived.append(waiver)
            moved, step = self._judge_again(acting)
            acting.event(
                "appeal.granted",
                appeal=str(appeal.id),
                reason=reason,
                waivers=[{"id": str(one.id), "rule": one.rule, "grounds": one.grounds} for one in waived],
            )
            return Done(moved, step=step)

    def dismiss_appeal(
        self, reference: str, seen: Seen, by: Person, reasons: Sequence[Reason], *, text: str = ""
    ) -> Done:
        """Dismiss an appeal, with reasons: a new decision where a rejection was appealed."""
        with self._acting(reference, seen, by, None, {State.APPEALED}, text) as acting:
            appeal = self._settle_appeal(acting, AppealState.DISMISSED)
            if appeal.against is State.REJECTED:
                _check_reasons(reasons, acting.decision)
                done = self._reject(acting, reasons, text)
            else:
                moved = acting.tx.cases.move(acting.case, State.SUSPENDED, acting.now, reason=acting.reason)
                leave(acting.tx, _record(acting), acting.now)
                acting.say(Audience.VENDOR, text)
                done = Done(moved)
            acting.event("appeal.dismissed", appeal=str(appeal.id))
            return done

    def _settle_appeal(self, acting: _Acting, state: AppealState) -> Appeal:
        appeal = next(
            one for one in acting.tx.reviews.appeals(acting.case.id) if one.state is AppealState.OPEN
        )
        if not acting.tx.reviews.settle_appeal(appeal, state, acting.by, acting.now):
            raise refusal("decided_before")
        return appeal

    # What the actions have in common

    @contextmanager
    def _acting(
        self,
        reference: str,
        seen: Seen,
        by: Person,
        act: Act | None,
        states: Collection[State],
        text: str,
    ) -> Iterator[_Acting]:
        name = acting_name(by)
        if not by.may(Role.REVIEWER if act is None else ROLE_FOR[act]):
            raise refusal("not_allowed")
        _check_text(text)
        with self.memory.write() as tx:
            file = _fresh(tx, reference, seen)
            if file.case.state not in states:
                raise refusal("state", str(file.case.state))
            yield _Acting(tx, file, name, by, self.clock.now())

    @contextmanager
    def _acting_on(
        self, reference: str, seen: Seen, by: Person, proposal: UUID
    ) -> Iterator[tuple[_Acting, Proposal]]:
        name = acting_name(by)
        with self.memory.write() as tx:
            file = _fresh(tx, reference, seen)
            pending = tx.reviews.pending(file.case.id)
            if pending is None or pending.id != proposal:
                raise refusal("no_proposal")
            yield _Acting(tx, file, name, by, self.clock.now()), pending

    def _nothing_pending(self, acting: _Acting) -> None:
        if acting.tx.reviews.pending(acting.case.id) is not None:
            raise refusal("proposal_pending")

    def _drop_timers(self, acting: _Acting) -> None:
        acting.tx.ledger.drop_timers(acting.case.id, (Timer.DEFERRAL, Timer.QUESTION))

    def _propose(self, acting: _Acting, row: FourEyes, data: Json, text: str) -> Done:
        tx = acting.tx
        proposal = Proposal(
            id=new_id(),
            case_id=acting.case.id,
            act=row.act,
            because=row.because,
            data=data,
            text=text,
            evidence=acting.decision.dossier.digest,
            proposed_by=acting.by,
            proposed_at=acting.now,
        )
        # Timers do not act while a proposal is pending: what would have become due is taken off.
        self._drop_timers(acting)
        moved = tx.cases.touch(acting.case, acting.now)
        if not tx.reviews.propose(proposal):
            raise refusal("proposal_pending")
        record = tx.reviews.of(acting.case.id) or referred(
            acting.file, acting.decision, acting.now, self.times
        )
        wait(tx, record, WaitsFor.SECOND, acting.now)
        acting.event(
            "proposal.made",
            proposal=str(proposal.id),
            act=str(row.act),
            because=row.because,
            evidence=proposal.evidence,
            **data,
        )
        return Done(moved, proposal=proposal)

    def _end_proposal(self, acting: _Acting, pending: Proposal, state: ProposalState, text: str) -> Done:
        if not acting.tx.reviews.settle(pending, state, acting.by, acting.now, evidence=pending.evidence):
            raise StaleCase("the proposal is no longer pending")
        moved = acting.tx.cases.touch(acting.case, acting.now)
        if acting.case.state is State.REFERRED:
            wait(acting.tx, _record(acting), WaitsFor.REVIEWER, acting.now)
        else:
            leave(acting.tx, _record(acting), acting.now)
        acting.say(Audience.INTERNAL, text)
        acting.event(f"proposal.{state}", proposal=str(pending.id), act=str(pending.act))
        return Done(moved)

    def _perform(self, acting: _Acting, proposal: Proposal) -> Done:
        confirmed = {"proposal": str(proposal.id)}
        performers: dict[Act, Callable[[], Done]] = {
            Act.APPROVE: lambda: self._approve(acting, confirmed, proposal.text),
            Act.OVERRIDE: lambda: self._override(acting, proposal),
            Act.SUSPEND: lambda: self._take_out(acting, proposal, State.SUSPENDED, ChangeKind.SUSPENDED),
            Act.WITHDRAW: lambda: self._take_out(acting, proposal, State.WITHDRAWN, ChangeKind.WITHDRAWN),
            Act.REINSTATE: lambda: self._reinstate(acting, proposal),
        }
        return performers[proposal.act]()

    def _approve(self, acting: _Acting, data: Json, text: str) -> Done:
        case = acting.case
        step = Step(new_id(), case.id, case.reference, Stage.PUBLICATION, acting.now)
        self._drop_timers(acting)
        acting.tx.decisions.add(self._decision(acting, Verdict.APPROVE, (), data))
        moved = acting.tx.cases.move(case, State.APPROVED, acting.now)
        acting.tx.ledger.add([step])
        leave(acting.tx, _record(acting), acting.now)
        acting.say(Audience.VENDOR, text)
        return Done(moved, step=step)

    def _reject(self, acting: _Acting, reasons: Sequence[Reason], text: str) -> Done:
        self._drop_timers(acting)
        decision = self._decision(acting, Verdict.REJECT, reasons, {})
        acting.tx.decisions.add(decision)
        moved = acting.tx.cases.move(
            acting.case, State.REJECTED, acting.now, reason=decision.judgement.reason
        )
        leave(acting.tx, _record(acting), acting.now)
        acting.say(Audience.VENDOR, text)
        return Done(moved)

    def _decision(self, acting: _Acting, verdict: Verdict, reasons: Sequence[Reason], data: Json) -> Decision:
        """The next decision over the same dossier: what the rules found stays, and what people made of it."""
        before = acting.decision
        outcome = {
            **before.judgement.outcome,
            "decision": str(verdict),
            "reviewed": {
                "after": before.number,
                "verdict": str(verdict),
                "reasons": [reason.as_json() for reason in reasons],
                **data,
            },
        }
        reason = reasons[0].code if reasons else ""
        judgement = Judgement(verdict, reason, outcome)
        acting.event(
            "case.decided",
            number=before.number + 1,
            verdict=str(verdict),
            reason=reason,
            dossier=before.dossier.digest,
            reasons=[each.as_json() for each in reasons],
            **data,
        )
        return Decision(
            new_id(), acting.case.id, before.number + 1, acting.by, acting.now, judgement, before.dossier
        )

    def _override(self, acting: _Acting, proposal: Proposal) -> Done:
        finding = _finding(acting.decision, proposal.data["rule"])
        waiver = Waiver(
            id=new_id(),
            rule=proposal.data["rule"],
            grounds=grounds_of(finding),
            kind=WaiverKind.OVERRIDE,
            reason=proposal.data["reason"],
            until=date.fromisoformat(proposal.data["until"]),
        )
        acting.tx.reviews.waive(acting.file, waiver, acting.now)
        moved, step = self._judge_again(acting)
        acting.say(Audience.VENDOR, proposal.text)
        acting.event("rule.overridden", waiver=waiver.as_json(), proposal=str(proposal.id))
        return Done(moved, step=step)

    def _judge_again(self, acting: _Acting) -> tuple[Case, Step]:
        moved = acting.tx.cases.move(acting.case, State.ADJUDICATING, acting.now, reason=acting.reason)
        step = Step(new_id(), moved.id, moved.reference, Stage.ADJUDICATION, acting.now)
        acting.tx.ledger.add([step])
        leave(acting.tx, _record(acting), acting.now)
        return moved, step

    def _take_out(self, acting: _Acting, proposal: Proposal, target: State, kind: ChangeKind) -> Done:
        reason = str(proposal.data["reason"])
        listed = acting.tx.reviews.listing_of(acting.case.id)
        if listed is None:
            raise refusal("listing_replaced")
        moved = acting.tx.cases.move(acting.case, target, acting.now, reason=reason)
        position = acting.tx.listings.take_out(listed.listing_id, kind, acting.now, reason)
        leave(acting.tx, _record(acting), acting.now)
        acting.say(Audience.VENDOR, proposal.text)
        acting.event(
            f"listing.{kind}",
            listing=str(listed.listing_id),
            position=position,
            reason=reason,
            proposal=str(proposal.id),
        )
        return Done(moved)

    def _reinstate(self, acting: _Acting, proposal: Proposal) -> Done:
        moved = self._put_back(acting)
        leave(acting.tx, _record(acting), acting.now)
        acting.say(Audience.VENDOR, proposal.text)
        return Done(moved)

    def _put_back(self, acting: _Acting) -> Case:
        listed = acting.tx.reviews.listing_of(acting.case.id)
        if listed is None:
            raise refusal("listing_replaced")
        moved = acting.tx.cases.move(acting.case, State.LISTED, acting.now)
        position = acting.tx.listings.put_back(listed.listing_id, acting.now)
        acting.event("listing.restored", listing=str(listed.listing_id), position=position)
        return moved

    def _to_reviewer(self, acting: _Acting) -> Case:
        self._drop_timers(acting)
        moved = acting.tx.cases.move(acting.case, State.REFERRED, acting.now, reason=acting.reason)
        wait(acting.tx, _record(acting), WaitsFor.REVIEWER, acting.now)
        return moved


def acting_name(by: Person) -> str:
    """A person's name in the one form in which names compare.

    :raises Refused: where it is none, or one that the pipeline acts under.
    """
    try:
        return normal_name(by.name)
    except ValueError:
        raise refusal("name_unusable") from None


def visible(document: Json, by: Person) -> Json:
    """An application as this person may see it: the contact person only for those who decide."""
    if by.may(Role.REVIEWER):
        return document
    return {name: value for name, value in document.items() if name != "contact"}


_POSSIBLE: Mapping[State, frozenset[str]] = {
    State.REFERRED: frozenset({"approve", "reject", "override", "ask", "ask_source", "defer"}),
    State.ASKED: frozenset({"take_back"}),
    State.APPEALED: frozenset({"grant_appeal", "dismiss_appeal"}),
    State.LISTED: frozenset({"suspend", "withdraw"}),
    State.SUSPENDED: frozenset({"reinstate", "withdraw"}),
}
_OFFICERS = frozenset({"suspend", "reinstate", "withdraw"})


def possible(view: CaseView, by: Person) -> frozenset[str]:
    """The names of :class:`Review`'s actions that the case's state and the person's role allow now."""
    if not by.may(Role.REVIEWER):
        return frozenset()
    name, pending = acting_name(by), view.pending
    actions = {"note"}
    if view.review is not None and view.review.waits_for is not None:
        actions |= {"claim", "release"}
    if pending is None:
        actions |= _POSSIBLE.get(view.file.case.state, frozenset())
    elif pending.proposed_by == name:
        actions.add("cancel")
    elif by.may(ROLE_FOR[pending.act]):
        actions |= {"confirm", "send_back"}
    if view.review is not None and view.review.waits_for is WaitsFor.DATE:
        actions.add("resume")
    before = {decision.by for decision in view.decisions}
    before |= {each for one in view.proposals for each in (one.proposed_by, one.closed_by) if each}
    if name in before:
        actions -= _POSSIBLE[State.APPEALED]
    return frozenset(actions if by.may(Role.OFFICER) else actions - _OFFICERS)


def _known(tx: Transaction, reference: str) -> CaseFile:
    file = tx.cases.by_reference(reference)
    if file is None:
        raise refusal("case_unknown")
    return file


def _fresh(tx: Transaction, reference: str, seen: Seen) -> CaseFile:
    file = _known(tx, reference)
    if Seen.of(file) != seen:
        raise StaleCase(f"{reference} is in version {file.case.version}, the page showed {seen.version}")
    return file


def _record(acting: _Acting) -> ReviewRecord:
    record = acting.tx.reviews.of(acting.case.id)
    assert record is not None, "a case that people have has its record"
    return record


def _row(act: Act) -> FourEyes:
    row = four_eyes(act, first_listing=False)
    assert row is not None
    return row


def _finding(decision: Decision, rule: str) -> Json:
    for result in decision.judgement.outcome.get("results", ()):
        if result["rule"] == rule and is_in_the_way(result):
            finding: Json = result
            return finding
    raise refusal("rule_unknown", rule)


def _rules_of(decision: Decision) -> list[str]:
    """The rules that a rejection rests on: those a person named, else those that reject."""
    outcome = decision.judgement.outcome
    named = [each["rule"] for each in outcome.get("reviewed", {}).get("reasons", ()) if each["rule"]]
    if "reviewed" in outcome:
        return named
    return [str(result["rule"]) for result in outcome.get("results", ()) if result["effect"] == "reject"]


def _check_reasons(reasons: Sequence[Reason], decision: Decision) -> None:
    if not reasons:
        raise refusal("reason_missing")
    found = set(in_the_way(decision))
    for reason in reasons:
        known = reason.code in REJECTIONS if not reason.rule else (reason.rule, reason.code) in found
        if not known:
            raise refusal("reason_unknown", f"{reason.rule} {reason.code}".strip())


def _check_ask(ask: Ask) -> None:
    _check_text(ask.text)
    if ask.code not in QUESTIONS:
        raise refusal("question_unknown", ask.code)
    if ask.code.startswith("FIELD_"):
        known = ask.about.startswith("/") and len(ask.about) <= 200
    elif ask.code == "DOCUMENT_NEEDED":
        known = ask.about in DOCUMENTS
    else:
        known = not ask.about or (ask.about.startswith("/") and len(ask.about) <= 200)
    if not known:
        raise refusal("question_unknown", ask.about)


def _check_ahead(day: date, now: datetime) -> None:
    if day <= day_of(now):
        raise refusal("date_past", day.isoformat())
    if day > day_of(now) + FURTHEST:
        raise refusal("date_far", day.isoformat())


def _check_text(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise refusal("text_long")
