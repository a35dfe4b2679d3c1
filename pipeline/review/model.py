"""The words of reviewing as frozen values: the queue, proposals, questions, notes, appeals, waivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pipeline.documents import Json, pointer
from pipeline.errors import SekishoError
from pipeline.lifecycle import State
from pipeline.model import Case, CaseFile, Decision, Event, Step, Text, Waiver


class WaitsFor(StrEnum):
    """Whose turn it is in a review. Its clock runs only while a reviewer, or a second one, is waited for."""

    REVIEWER = "reviewer"
    SECOND = "second"
    VENDOR = "vendor"
    SOURCE = "source"
    DATE = "date"

    @property
    def clock_runs(self) -> bool:
        """Whether the time until the due date passes."""
        return self in {WaitsFor.REVIEWER, WaitsFor.SECOND}


WAITS_FOR: Mapping[WaitsFor, Text] = {
    WaitsFor.REVIEWER: Text("担当者が確認しています。", "A reviewer has it."),
    WaitsFor.SECOND: Text("別の担当者が確認しています。", "A second reviewer has it."),
    WaitsFor.VENDOR: Text(
        "申請者の回答を待っています（期限の計算は停止中）。",
        "The vendor's answer is awaited; the clock is stopped.",
    ),
    WaitsFor.SOURCE: Text(
        "情報源の回答を待っています（期限の計算は停止中）。",
        "A source's answer is awaited; the clock is stopped.",
    ),
    WaitsFor.DATE: Text(
        "指定日まで保留しています（期限の計算は停止中）。", "It is deferred to a date; the clock is stopped."
    ),
}


class Act(StrEnum):
    """What people may do to a case that changes how it ends: what a proposal can be about."""

    APPROVE = "approve"
    REJECT = "reject"
    OVERRIDE = "override"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was on the page that somebody acts from: the case's version, and the dossier's digest.

    ``evidence`` is ``""`` where no decision has been made yet.
    """

    version: int
    evidence: str

    @classmethod
    def of(cls, file: CaseFile) -> Seen:
        """What a page shows that is made from this file."""
        return cls(file.case.version, "" if file.decision is None else file.decision.dossier.digest)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody rejects: a rule's own reason code, or with ``rule`` ``""`` one of ours."""

    rule: str
    code: str

    def as_json(self) -> dict[str, str]:
        """For outcome documents."""
        return {"rule": self.rule, "code": self.code}


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to ask of a vendor: ``code`` says what, ``about`` is a JSON Pointer into the application or
    the name of a document, ``text`` what the reviewer adds.
    """

    code: str
    about: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a vendor was asked. ``due_on`` is the last day, in Japan, on which an answer is in time.

    ``outcome`` is ``open``, ``answered``, ``corrected``, ``lapsed`` or ``taken_back``.
    """

    id: UUID
    case_id: UUID
    code: str
    about: str
    text: str
    asked_by: str
    asked_at: datetime
    due_on: date
    outcome: str = "open"
    closed_at: datetime | None = None
    answer: str = ""


class Audience(StrEnum):
    """Whom a note is for."""

    INTERNAL = "internal"
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote about a case. It is free text: it stays outside the journal and can be erased."""

    id: UUID
    case_id: UUID
    audience: Audience
    by: str
    at: datetime
    text: str


class ProposalState(StrEnum):
    """What became of a proposal. ``dropped``: the vendor withdrew, corrected or appealed first."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act that takes a second person. ``evidence`` is the digest of the dossier that both must have seen.

    ``because`` is the row of the four-eyes table that asks for it; ``data`` holds codes and dates, ``text``
    what the vendor is to be told.
    """

    id: UUID
    case_id: UUID
    act: Act
    because: str
    data: Json
    text: str
    evidence: str
    proposed_by: str
    proposed_at: datetime
    state: ProposalState = ProposalState.PENDING
    closed_by: str | None = None
    closed_at: datetime | None = None


class AppealState(StrEnum):
    """Where an appeal stands. ``ended``: the vendor withdrew."""

    OPEN = "open"
    GRANTED = "granted"
    DISMISSED = "dismissed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Appeal:
    """A vendor's appeal against one decision, with the policy versions that the decision names.

    ``against`` is the state that is appealed, ``rejected`` or ``suspended``, ``since`` when that stood.
    """

    id: UUID
    case_id: UUID
    decision: int
    against: State
    since: datetime
    policy: tuple[str, ...]
    grounds: str
    submitted_at: datetime
    state: AppealState = AppealState.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """A case's place with people. ``waits_for`` is None once it has left their hands.

    The clock: ``due_at`` is the end of the due day; while it is stopped, ``stopped_at`` says since when, and
    ``remaining`` how many business days were left.
    """

    case_id: UUID
    referred_at: datetime
    due_at: datetime
    target_days: int
    track: str
    buyers: tuple[str, ...]
    waits_for: WaitsFor | None = None
    stopped_at: datetime | None = None
    remaining: int | None = None
    assignee: str | None = None
    claimed_until: datetime | None = None
    resumes_on: date | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A span in which a review's clock stood still; ``until`` is None while it does."""

    waits_for: WaitsFor
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which open reviews to list. Everything given must hold.

    ``search`` is a case reference, an organisation's number, a reason code or a part of the vendor's name.
    ``assignee`` is a person's name, ``""`` for those that nobody has claimed.
    """

    waits_for: tuple[WaitsFor, ...] = ()
    search: str = ""
    reason: str = ""
    buyer: str = ""
    track: str = ""
    assignee: str | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One line of the queue. ``reason`` is the first reason of the decision that referred the case."""

    reference: str
    case_id: UUID
    state: State
    version: int
    reason: str
    vendor_name: str
    vendor_number: str
    product_name: str
    referred_at: datetime
    due_at: datetime
    waits_for: WaitsFor
    stopped_at: datetime | None
    remaining: int | None
    assignee: str | None
    track: str
    buyers: tuple[str, ...]
    resumes_on: date | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue, the earliest due first. ``next`` continues it; None on the last page."""

    entries: tuple[QueueEntry, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is: open reviews by whose turn it is, those overdue, and all cases by state."""

    waiting: Mapping[WaitsFor, int]
    overdue: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Other:
    """Another case that a reviewer should know of."""

    reference: str
    state: State
    vendor_name: str
    vendor_number: str
    product_name: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Similar:
    """A company of a similar name under another number: how similar (0 to 1), and in which case."""

    name: str
    number: str
    score: float
    reference: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A product that came to the catalog, and the case that brought the version that is in force."""

    listing_id: UUID
    version: int
    vendor_name: str
    product_name: str
    reference: str
    case_state: State


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which an application differs from an earlier one, by JSON Pointer; None: not there."""

    pointer: str
    before: Any
    after: Any


def differences(before: Any, after: Any, at: str = "") -> tuple[Difference, ...]:
    """The smallest places in which two documents differ. Lists of different lengths differ as a whole.

    The contact person is left out: it says nothing of the product and is personal data.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted({*before, *after} - ({"contact"} if not at else set()))
        parts = [(pointer(name), before.get(name), after.get(name)) for name in names]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        parts = [(pointer(n), old, new) for n, (old, new) in enumerate(zip(before, after, strict=True))]
    else:
        return () if before == after else (Difference(at, before, after),)
    return tuple(found for token, old, new in parts for found in differences(old, new, at + token))


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier application for the same product, and in what this one differs."""

    other: Other
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """What else is known of this vendor and product."""

    same_number: tuple[Other, ...] = ()
    similar_names: tuple[Similar, ...] = ()
    listings_of_vendor: tuple[Listed, ...] = ()
    listings_of_maker: tuple[Listed, ...] = ()
    earlier: tuple[Earlier, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case whole, as its page needs it. ``file`` has application, checks and the decision in force.

    ``application`` is the document as this viewer may see it: the contact person only for those who decide.
    """

    file: CaseFile
    seen: Seen
    application: Json
    review: ReviewRecord | None
    stops: tuple[Stop, ...]
    decisions: tuple[Decision, ...]
    proposals: tuple[Proposal, ...]
    questions: tuple[Question, ...]
    notes: tuple[Note, ...]
    appeals: tuple[Appeal, ...]
    waivers: tuple[Waiver, ...]
    journal: tuple[Event, ...]
    conflicts: Conflicts
    possible: frozenset[str] = frozenset()

    @property
    def pending(self) -> Proposal | None:
        """The proposal that waits for a second person."""
        return next((one for one in self.proposals if one.state is ProposalState.PENDING), None)


@dataclass(frozen=True, slots=True)
class VendorMessage:
    """A signed message of a vendor about an application it sent before, byte for byte."""

    id: UUID
    sender_id: UUID
    message_id: str
    case_id: UUID
    kind: str
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did: the case as it now stands; the proposal, where a second person has to confirm; the
    step that may be sent at once.
    """

    case: Case
    proposal: Proposal | None = None
    step: Step | None = None


class Refused(SekishoError):
    """A person cannot do this. ``code`` is one of ``pipeline.review.words.REFUSALS``; ``text`` says it."""

    def __init__(self, code: str, text: Text, detail: str = "") -> None:
        super().__init__(code + (f": {detail}" if detail else ""))
        self.code = code
        self.text = text
        self.detail = detail
