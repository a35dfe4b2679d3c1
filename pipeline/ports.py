"""What the core needs from the world, as protocols. The layers above implement them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID

from pipeline.delivery import Attempt, DisabledBecause, Due, Errand, Outcome, Subscriber
from pipeline.documents import Json
from pipeline.fit import Fit, Use
from pipeline.journal import Head, Kept, SignedHead
from pipeline.lifecycle import State
from pipeline.model import (
    Answer,
    Application,
    Capture,
    Case,
    CaseFile,
    ChangeKind,
    Check,
    Decision,
    Dossier,
    Event,
    Evidence,
    Gap,
    Inquiry,
    Judgement,
    ListingVersion,
    Pace,
    Standing,
    Step,
    Text,
    Waiver,
)
from pipeline.receipts import Decided, SignedReceipt
from pipeline.review.model import (
    Appeal,
    AppealState,
    Conflicts,
    Counts,
    Listed,
    Note,
    Proposal,
    ProposalState,
    Question,
    QueueFilter,
    QueuePage,
    ReviewRecord,
    Similar,
    Stop,
    VendorMessage,
    WaitsFor,
)
from pipeline.signing import PublicKey


class Clock(Protocol):
    """The time, so that tests and replays choose it."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


class Connector(Protocol):
    """One registry or list. Third parties implement this and announce it by an entry point.

    Three attributes are optional: ``rates`` (how often it may be asked), ``asked_by`` (what of an inquiry its
    answer depends on, of ``role``, ``subject`` and ``name``: without it all three; None where no answer may
    stand for another), and a method ``close()``.
    """

    source: str
    """The source's name, such as ``jp.nta``: also the name of its lane."""

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """What this application gives cause to ask. Nothing, where the source has nothing to say."""

    def fetch(self, inquiry: Inquiry) -> Capture:
        """Ask the source: network, no interpretation.

        :raises SourceUnavailable: when no usable answer came this time.
        """

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read an answer: interpretation, no network. "Not in the register" is an answer.

        :raises SourceChanged: when the answer is not in the shape this connector understands.
        """


@runtime_checkable
class BatchConnector(Connector, Protocol):
    """A connector whose source answers several inquiries in one request."""

    batch_size: int
    """How many inquiries one request takes at most."""

    def fetch_many(self, inquiries: Sequence[Inquiry]) -> Capture:
        """Ask about all of them at once, each a different subject or the same one in another role.

        :meth:`parse` reads the one capture for each of the inquiries by itself.

        :raises SourceUnavailable: when no usable answer came this time; none of them is answered then.
        """


class Sources(Protocol):
    """All the connectors in use, asked together."""

    def plan(self, application: Json) -> tuple[Inquiry, ...]:
        """Every inquiry that this application gives cause to, with its question."""

    def pace(self, source: str) -> Pace:
        """How this source can be asked."""

    def ask(self, inquiries: Sequence[Inquiry], *, patience: timedelta | None = None) -> list[Answer]:
        """Ask all at once and answer in the same order; never raises.

        Inquiries of a source that takes several in one request go together. Whoever has not answered within
        ``patience``, or is already asked as often as it can bear, is :class:`~pipeline.model.Unanswered` with
        reason ``deferred``: it was not asked, and may be after ``retry_after``. Without ``patience`` each
        inquiry has its connector's own time limits.
        """

    def read(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read a capture with the connector of its source.

        :raises SourceChanged: as :meth:`Connector.parse`; also for whatever else goes wrong in reading.
        """


class Policy(Protocol):
    """The rules in force."""

    def assemble(
        self, application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
    ) -> Dossier:
        """The facts that application and evidence give, each with where it comes from."""

    def judge(self, dossier: Dossier) -> Judgement:
        """What the policy says. Pure: the same dossier gives the same judgement, byte for byte."""


class Endpoint(Protocol):
    """A connection to an endpoint."""

    def post(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send a message; never raises for whatever the endpoint does."""


class Courier(Protocol):
    """The way to endpoints. Every connection is made to an address that was checked."""

    def check(self, url: str) -> None:
        """Pass if this can be an endpoint's address, now and from here.

        :raises UnusableAddress: else.
        """

    def open(self, url: str) -> AbstractContextManager[Endpoint]:
        """The endpoint, for the length of a block. Whatever is wrong with it is told by its outcomes."""


class Fitting(Protocol):
    """Whether listed products fit a use."""

    def buyers(self) -> Mapping[str, Text]:
        """The buyers whose own rules are in force today, by code, with their names."""

    def fit(self, dossier: Dossier, offices: Sequence[Json] | None, use: Use) -> Fit:
        """What the policy in force today says of a dossier for a use. ``offices`` are the vendor's."""


class Ledger(Protocol):
    """The due steps."""

    def add(self, steps: Sequence[Step]) -> None:
        """Write steps; they become due with the commit."""

    def finish(self, step: Step, then: Step | None = None) -> bool:
        """Take the step off the ledger and write the one that follows, if any, in its place.

        False, and nothing is written, if the step is not there any more: somebody has done it.
        """

    def load(self, step_id: UUID) -> tuple[Step, CaseFile] | None:
        """A step with the file it needs; None if it is done."""

    def claim_due(self, now: datetime, lease: timedelta, limit: int) -> list[Step]:
        """The steps that are due, each put off by its lease (doubled for each time it was sent before)."""

    def claim_lane(self, step: Step, now: datetime, lease: timedelta, limit: int) -> list[Step]:
        """Other steps of the step's source that could be done now, each put off by two leases, as it is.

        Those are the due ones and those that were sent once and wait in their queue. Whoever claims them does
        them, or dies and leaves them to the sweeper.
        """

    def waiting(self, source: str) -> int:
        """How many steps the lane of a source has."""

    def drop(self, case_id: UUID) -> None:
        """Take every step of a case off the ledger: the case ends otherwise."""

    def drop_timers(self, case_id: UUID, roles: Sequence[str]) -> None:
        """Take the steps off the ledger by which these things would become due in a case's review."""


class Applications(Protocol):
    """What was submitted."""

    def add(self, applications: Sequence[Application]) -> frozenset[UUID]:
        """Keep applications; return the ids of those that were kept.

        One whose message id is known already of its sender is not, nor is the second of two in here.
        """

    def by_message(self, sender_id: UUID, message_id: str) -> Application | None:
        """The application that came under this message id."""


class Cases(Protocol):
    """The cases and their checks."""

    def open(self, cases: Sequence[tuple[Case, Application]]) -> None:
        """New cases, each with its application."""

    def file(self, case_id: UUID) -> CaseFile:
        """The case with its application, its checks, their captures and its latest decision."""

    def of_sender(self, sender_id: UUID, application_id: UUID) -> CaseFile | None:
        """A sender's own application with its case; None also where it is another sender's."""

    def by_reference(self, reference: str) -> CaseFile | None:
        """The case that people know by this reference."""

    def touch(self, case: Case, at: datetime) -> Case:
        """Count a change that leaves the state as it is: pages that showed the case before are stale.

        :raises StaleCase: as :meth:`move`.
        """

    def move(
        self, case: Case, target: State, at: datetime, *, outstanding: int = 0, reason: str = ""
    ) -> Case:
        """Make one transition and return the case as it now stands.

        :raises LifecycleError: if the life cycle does not allow it.
        :raises StaleCase: if the case is no longer in the version given; the transaction must not commit.
        """

    def settle_one(self, case: Case, at: datetime) -> int:
        """Count one outstanding check as settled and return how many remain. Locks the case's row."""

    def record(self, case: Case, checks: Sequence[Check]) -> None:
        """Write or renew checks together with the captures they hold."""

    def fresh_answers(
        self, inquiries: Sequence[Inquiry], not_before: Mapping[str, datetime]
    ) -> dict[str, Capture]:
        """The latest answer to each inquiry's question, whoever asked it, by question.

        :param not_before: by source, since when it must have been captured; a source that is not in it has
            none. Neither has an inquiry without a question.
        """


class Decisions(Protocol):
    """The decisions and what they rest on."""

    def add(self, decision: Decision) -> None:
        """Keep a decision with its dossier. A second one with the same number is refused by the database."""

    def all_of(self, case_id: UUID) -> tuple[Decision, ...]:
        """Every decision of a case, the first one first."""


class Reviews(Protocol):
    """What people have to do with cases: the queue and all that is said and proposed in it."""

    def refer(self, record: ReviewRecord, reasons: Sequence[tuple[str, str]]) -> None:
        """A case comes to people, for these rules and reason codes; it may have been with them before."""

    def of(self, case_id: UUID) -> ReviewRecord | None:
        """A case's place with people; None where it never was with them."""

    def save(self, record: ReviewRecord) -> None:
        """Write a record, new or changed; a claim stays unless the case leaves people's hands."""

    def stop(self, case_id: UUID, waits_for: WaitsFor, at: datetime) -> None:
        """Begin a span in which the clock stands still."""

    def resume(self, case_id: UUID, at: datetime) -> None:
        """End the span that runs."""

    def stops(self, case_id: UUID) -> tuple[Stop, ...]:
        """The spans in which the clock stood still."""

    def claim(self, case_id: UUID, by: str, until: datetime, now: datetime, *, take_over: bool) -> bool:
        """Claim a case; False where somebody else's claim has not lapsed."""

    def release(self, case_id: UUID, by: str) -> bool:
        """Give up a claim; False where ``by`` has none."""

    def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; False where one is pending already: the database sees to that."""

    def pending(self, case_id: UUID) -> Proposal | None:
        """The proposal that waits for a second person."""

    def proposals(self, case_id: UUID) -> tuple[Proposal, ...]:
        """Every proposal, the first one first."""

    def settle(
        self, proposal: Proposal, state: ProposalState, by: str, at: datetime, *, evidence: str
    ) -> bool:
        """End a pending proposal; False where it is not pending or rests on another dossier than
        ``evidence``, or where ``by`` made it and would confirm it.
        """

    def end(self, case_id: UUID, by: str, at: datetime) -> None:
        """The vendor ended the case: what is pending in its review is dropped, and it leaves the queue."""

    def ask(self, questions: Sequence[Question]) -> None:
        """Keep questions to the vendor."""

    def questions(self, case_id: UUID) -> tuple[Question, ...]:
        """Every question, the first one first."""

    def close_questions(
        self,
        case_id: UUID,
        outcome: str,
        at: datetime,
        *,
        only: UUID | None = None,
        message: UUID | None = None,
    ) -> int:
        """Close the open questions of a case, or one of them, and return how many were open still."""

    def note(self, note: Note) -> None:
        """Keep what a person wrote."""

    def notes(self, case_id: UUID) -> tuple[Note, ...]:
        """Every note, the first one first."""

    def appeal(self, appeal: Appeal, message: UUID) -> bool:
        """Keep an appeal; False where this decision was appealed before."""

    def appeals(self, case_id: UUID) -> tuple[Appeal, ...]:
        """Every appeal, the first one first."""

    def settle_appeal(self, appeal: Appeal, state: AppealState, by: str, at: datetime) -> bool:
        """Decide an open appeal; False where ``by`` took part in any decision or proposal on the case."""

    def waive(self, file: CaseFile, waiver: Waiver, at: datetime) -> None:
        """Keep a waiver for the product of a case."""

    def is_first_listing(self, application: Application) -> bool:
        """Whether the vendor has nothing in the catalog yet."""

    def listing_of(self, case_id: UUID) -> Listed | None:
        """The listing that this case brought, unless another case's has taken its place."""

    def queue(self, wanted: QueueFilter, after: str | None, limit: int, now: datetime) -> QueuePage:
        """Open reviews, the earliest due first."""

    def counts(self, now: datetime) -> Counts:
        """How much waits for whom."""

    def conflicts(self, file: CaseFile) -> Conflicts:
        """What else is known of this vendor and product, but for similar names."""

    def keep_message(self, message: VendorMessage) -> VendorMessage | None:
        """Keep a vendor's message; the one that came before under its id, if one did."""


class SimilarNames(Protocol):
    """Finds companies of similar names."""

    def __call__(self, file: CaseFile) -> Iterable[Similar]:
        """Other vendors whose names are like this one's, the most similar first."""


class Listings(Protocol):
    """The catalog: listings, their versions and the feed of changes."""

    def next_version(self, application: Application) -> tuple[UUID, int]:
        """The listing of this vendor and product code, and the version it may be published as now."""

    def publish(self, version: ListingVersion) -> int:
        """Keep a version and put its change at the next position of the feed, which is returned.

        Positions are given in commit order without gaps. A case has one version at most: a second one is
        refused by the database. Whatever stood before, the listing is in the catalog afterwards.
        """

    def take_out(self, listing_id: UUID, kind: ChangeKind, at: datetime, reason: str) -> int:
        """Take a listing out of the catalog and return the position of its tombstone in the feed.

        ``kind`` is one of those that are out, ``reason`` a reason code. Out for one cause it may be taken
        out for another. Once more for the same changes nothing and gives the position where it was done.
        One transaction takes one listing out: the feed's lock comes after the listing's.

        :raises LifecycleError: if there is no such listing, or the kind does not take it out.
        """

    def put_back(self, listing_id: UUID, at: datetime) -> int:
        """Put a listing back as it was and return the feed's position: ``restored``.

        One whose validity has ended meanwhile is ``expired`` instead. One that is in the catalog stays as it
        is; the position is that of its latest change.

        :raises LifecycleError: if there is no such listing.
        """

    def expiring(self, now: datetime, limit: int) -> list[UUID]:
        """Listings in the catalog whose validity has ended, the longest ended first."""

    def expire(self, listing_id: UUID, now: datetime) -> Standing | None:
        """Take a listing out whose validity has ended; its standing then, None if it has not (any more)."""

    def forget_changes(self, before: datetime) -> int:
        """Drop from the feed what comes before the first change that is not older; return how many."""


class Journal(Protocol):
    """The append-only record, a chain in the order of the commits (:mod:`pipeline.journal`)."""

    def write(self, events: Sequence[Event]) -> None:
        """Append events: they become entries when the transaction commits."""

    def head(self) -> Head:
        """Where the journal ends."""

    def entries(self, after: int, limit: int, case_id: UUID | None = None) -> list[Kept]:
        """Entries beyond a position, of one case or of all, the oldest first, as they are kept."""

    def digests(self, after: int, last: int) -> list[str]:
        """The digests of the entries beyond a position and up to another."""

    def newest_signed(self) -> SignedHead | None:
        """The newest head that was signed."""

    def signed_heads(self) -> list[SignedHead]:
        """Every head that was signed, the oldest first."""

    def add_signed(self, signed: SignedHead, key: PublicKey) -> None:
        """Keep a signed head and the key that verifies it. Of two at one position the first stays."""

    def signing_keys(self) -> list[PublicKey]:
        """Every key that ever signed, the newest first."""

    def of_case(self, case_id: UUID) -> Sequence[Event]:
        """What happened to a case, oldest first."""


class Deliveries(Protocol):
    """What is to be told to subscribers."""

    def claim(self, now: datetime, lease: timedelta, limit: int) -> list[Errand]:
        """Lease endpoints that something is due to, at most so many at a time in all, the longest idle first.

        A lease is doubled for each time it ran out before.
        """

    def begin(self, errand: Errand, lease: UUID, now: datetime, until: datetime) -> Due | None:
        """Take an endpoint over under a lease of one's own: what is due to it; None if it is not ours."""

    def settle(
        self,
        subscriber: Subscriber,
        lease: UUID,
        attempts: Sequence[Attempt],
        now: datetime,
        until: datetime | None,
    ) -> Due | None:
        """Keep what came of tries, and the endpoint's health.

        With ``until`` the lease is prolonged and what is due next is returned; when there is nothing, or
        without it, the endpoint is let go.

        :raises LeaseLost: when it is somebody else's by now; the transaction must not commit.
        """

    def disable(self, subscriber_id: UUID, because: DisabledBecause, at: datetime) -> None:
        """Send nothing any more."""


class Receipts(Protocol):
    """The signed receipts of decisions (:mod:`pipeline.receipts`)."""

    def missing(self, limit: int) -> list[Decided]:
        """Decisions beyond the newest receipt, in the journal's order."""

    def add(self, receipts: Sequence[SignedReceipt], key: PublicKey, at: datetime) -> None:
        """Keep receipts and the key that verifies them. Of two of one decision the first stays."""


class Transaction(Protocol):
    """One database transaction: all that is done through it commits together, or nothing does."""

    @property
    def applications(self) -> Applications: ...
    @property
    def cases(self) -> Cases: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def reviews(self) -> Reviews: ...
    @property
    def listings(self) -> Listings: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def receipts(self) -> Receipts: ...
    @property
    def journal(self) -> Journal: ...


class Memory(Protocol):
    """The database."""

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that commits when the block ends and rolls back when it raises."""

    def read(self) -> AbstractContextManager[Transaction]:
        """A consistent view for reading; nothing done through it lasts."""
