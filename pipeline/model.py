"""The words of Sekisho as frozen values. ``docs/words.md`` explains them to newcomers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from pipeline.documents import Json, canonical, sha256
from pipeline.identifiers import OrganisationId
from pipeline.lifecycle import State
from pipeline.personal import new_salt, sealed_digest


@dataclass(frozen=True, slots=True)
class Text:
    """One thing said to people, in both languages."""

    ja: str
    en: str

    def as_json(self) -> dict[str, str]:
        """The two texts by language tag (BCP 47)."""
        return {"ja": self.ja, "en": self.en}


class Stage(StrEnum):
    """The stages that the ledger knows steps of. Intake has none: it happens while the sender waits."""

    COLLECTION = "collection"
    ADJUDICATION = "adjudication"
    PUBLICATION = "publication"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Step:
    """A due piece of work: one row of the ledger. It is done when its row is gone.

    ``source`` and ``role`` are set in a source lane, where one check of a case is tried again by itself.
    ``due_at`` is when the sweeper sends it, unless it is done by then; whoever means to do a step at once
    writes it with a ``due_at`` one lease ahead. ``sends`` counts how often the sweeper had to. Of a review's
    step ``role`` says what becomes due (:class:`pipeline.review.clock.Timer`).
    """

    id: UUID
    case_id: UUID
    reference: str
    stage: Stage
    due_at: datetime
    source: str | None = None
    role: str | None = None
    sends: int = 0


@dataclass(frozen=True, slots=True)
class Application:
    """One submitted document, immutable. A correction is a new application that supersedes it.

    ``body`` is what the sender signed, byte for byte, until its personal parts are erased; ``document`` is
    the application in it. ``salt`` is what its personal parts are sealed with (:mod:`pipeline.personal`);
    empty once they are erased.
    """

    id: UUID
    sender_id: UUID
    message_id: str
    received_at: datetime
    body: bytes
    document: Json
    supersedes: UUID | None = None
    salt: bytes = field(default_factory=new_salt, repr=False)

    @property
    def erased(self) -> bool:
        """Whether the personal parts are gone."""
        return not self.salt

    @property
    def digest(self) -> str:
        """What the journal and receipts name the document by; erasing changes nothing in it."""
        return sealed_digest(self.document, self.salt)

    @property
    def vendor_name(self) -> str:
        """The vendor's registered name as declared."""
        return str(self.document["vendor"]["name"])

    @property
    def product_name(self) -> str:
        """The product's name, in Japanese where it has one."""
        name = self.document["product"]["name"]
        return str(name.get("ja") or name["en"])

    @property
    def vendor_id(self) -> OrganisationId:
        """The first identifier the vendor declares: what its listings are filed under."""
        identifier = self.document["vendor"]["identifiers"][0]
        return OrganisationId(identifier["scheme"], identifier["id"])

    @property
    def product_code(self) -> str:
        """The vendor's own code for the product: with the vendor's identifier, the name of a listing."""
        return str(self.document["product"]["code"])


@dataclass(frozen=True, slots=True)
class Case:
    """The verification of one application.

    ``version`` counts its transitions; every change names the version it was based on. ``outstanding`` is
    the number of checks that have not settled.
    """

    id: UUID
    reference: str
    application_id: UUID
    state: State
    version: int
    outstanding: int
    opened_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked of one source for one case.

    ``role`` says for whom in the application (``vendor``, ``maker``) or, at a source of several lists, which
    of them (``ismap-liu``); with the source it names the check.
    ``name`` is the declared name, for sources that are searched by name.
    ``question`` names what the source is asked, whoever asks it: answers to the same question can stand for
    each other while they are fresh. Blank where none can.
    """

    source: str
    role: str
    subject: OrganisationId
    name: str = ""
    question: str = field(default="", compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """What tells this check from the others of its case."""
        return (self.source, self.role)


@dataclass(frozen=True)
class Capture:
    """A raw answer as it came, kept before it is read and stored once by digest.

    ``url`` is the address asked, secrets masked. ``status`` is the HTTP status.
    """

    source: str
    url: str
    fetched_at: datetime
    status: int
    media_type: str
    body: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """The digest of the bytes: the capture's name."""
        return sha256(self.body)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A source gave no usable answer this time. Never evidence for or against a vendor.

    ``reason`` is one of the closed codes in ``docs/reasons.md``: ``timeout``, ``rate_limited``, …
    """

    reason: str
    retry_after: timedelta | None = None


Answer = Capture | Unanswered


class CheckState(StrEnum):
    """Where one check of a case stands."""

    ANSWERED = "answered"
    WAITING = "waiting"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Check:
    """One inquiry of a case and what became of it.

    ``tries`` counts the times the source was asked. ``next_try_at`` is set while it waits for another;
    ``reason`` says why it waits or was given up. The capture is set once it is answered; ``reused`` says that
    it was captured for another case and still fresh (:mod:`pipeline.freshness`).
    """

    inquiry: Inquiry
    state: CheckState
    tries: int
    reason: str = ""
    next_try_at: datetime | None = None
    capture: Capture | None = None
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How a source can be asked: ``batch`` inquiries in one request, and requests ``spacing`` apart."""

    batch: int = 1
    spacing: timedelta = timedelta(0)


class Presence(StrEnum):
    """What an answer says about the subject asked for."""

    FOUND = "found"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a connector read in a capture: the subject's record, or that the source has none.

    ``record`` has the connector's documented keys; a key that the answer does not settle is left out.
    """

    source: str
    role: str
    subject: OrganisationId
    presence: Presence
    record: Json
    observed_at: datetime
    capture: str

    def as_json(self) -> dict[str, Any]:
        """For outcome documents, the command line and the store."""
        return {
            "source": self.source,
            "role": self.role,
            "subject": {"scheme": self.subject.scheme, "id": self.subject.id},
            "presence": str(self.presence),
            "record": dict(self.record),
            "observed_at": isoformat(self.observed_at),
            "capture": self.capture,
        }


@dataclass(frozen=True, slots=True)
class Gap:
    """A check that was given up: the dossier lacks what this source would have said, and says why."""

    source: str
    role: str
    subject: OrganisationId
    reason: str

    def as_json(self) -> dict[str, Any]:
        """For outcome documents, the command line and the store."""
        return {
            "source": self.source,
            "role": self.role,
            "subject": {"scheme": self.subject.scheme, "id": self.subject.id},
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, document: Json) -> Gap:
        """What :meth:`as_json` wrote."""
        subject = OrganisationId(document["subject"]["scheme"], document["subject"]["id"])
        return cls(document["source"], document["role"], subject, document["reason"])


@dataclass(frozen=True, slots=True)
class Answered:
    """That a source answered, and whether it has the subject: what a decision rests on, by capture."""

    source: str
    role: str
    presence: Presence
    observed_at: datetime
    capture: str

    @classmethod
    def of(cls, evidence: Evidence) -> Answered:
        """What is kept of evidence; the record itself can be read again from the capture."""
        return cls(evidence.source, evidence.role, evidence.presence, evidence.observed_at, evidence.capture)

    @classmethod
    def from_json(cls, document: Json) -> Answered:
        """What :meth:`as_json` wrote."""
        return cls(
            document["source"],
            document["role"],
            Presence(document["presence"]),
            datetime.fromisoformat(document["observed_at"]),
            document["capture"],
        )

    def as_json(self) -> dict[str, Any]:
        """For outcome documents, the command line and the store."""
        return {
            "source": self.source,
            "role": self.role,
            "presence": str(self.presence),
            "observed_at": isoformat(self.observed_at),
            "capture": self.capture,
        }


class WaiverKind(StrEnum):
    """Why a rule does not count on certain facts: two people overrode it, or an appeal was granted."""

    OVERRIDE = "override"
    APPEAL = "appeal"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A rule that does not count for one product while it fires on the same facts.

    ``grounds`` is the digest of what the rule had read (``rules.waivers``), ``reason`` a code. An override
    holds through ``until``, a day in Japan; a granted appeal holds for good.
    """

    id: UUID
    rule: str
    grounds: str
    kind: WaiverKind
    reason: str
    until: date | None = None

    def as_json(self) -> dict[str, Any]:
        """For dossiers and outcome documents."""
        return {
            "id": str(self.id),
            "rule": self.rule,
            "grounds": self.grounds,
            "kind": str(self.kind),
            "reason": self.reason,
            "until": None if self.until is None else self.until.isoformat(),
        }

    @classmethod
    def from_json(cls, document: Json) -> Waiver:
        """What :meth:`as_json` wrote."""
        until = document["until"]
        return cls(
            UUID(document["id"]),
            document["rule"],
            document["grounds"],
            WaiverKind(document["kind"]),
            document["reason"],
            None if until is None else date.fromisoformat(until),
        )


@dataclass(frozen=True)
class Dossier:
    """The frozen facts of a case at an as-of time: all that rules see.

    ``facts`` is a facts document (the shape of ``docs/facts.md``). ``provenance`` says of each path of it
    where the value comes from: ``{"source": "declaration" | <source>, "at": …, "capture": …}``.
    ``evidence`` is what sources answered, ``gaps`` are the checks that were given up. ``waivers`` are the
    rules that people set aside for this product.
    """

    as_of: datetime
    facts: Json
    provenance: Json
    gaps: tuple[Gap, ...] = ()
    evidence: tuple[Answered, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The whole dossier as one JSON object. It names waivers only where there are some."""
        document: dict[str, Any] = {
            "as_of": isoformat(self.as_of),
            "facts": self.facts,
            "provenance": self.provenance,
            "gaps": [gap.as_json() for gap in self.gaps],
            "evidence": [answered.as_json() for answered in self.evidence],
        }
        if self.waivers:
            document["waivers"] = [waiver.as_json() for waiver in self.waivers]
        return document

    @classmethod
    def from_json(cls, document: Json) -> Dossier:
        """What :meth:`as_json` wrote."""
        return cls(
            as_of=datetime.fromisoformat(document["as_of"]),
            facts=document["facts"],
            provenance=document["provenance"],
            gaps=tuple(map(Gap.from_json, document["gaps"])),
            evidence=tuple(map(Answered.from_json, document["evidence"])),
            waivers=tuple(map(Waiver.from_json, document.get("waivers", ()))),
        )

    @cached_property
    def document(self) -> bytes:
        """The dossier as canonical JSON: what is kept."""
        return canonical(self.as_json())

    @cached_property
    def digest(self) -> str:
        """The dossier's name: the SHA-256 of its document."""
        return sha256(self.document)


class Verdict(StrEnum):
    """What a decision says."""

    APPROVE = "approve"
    REJECT = "reject"
    REVIEW = "review"


@dataclass(frozen=True)
class Judgement:
    """What the policy says of a dossier.

    ``outcome`` is the whole outcome document: policy versions, and for each rule its outcome, effect,
    reason, messages, basis, evidence and trace. ``reason`` is the first reason code that moved the
    verdict, ``""`` for an approval without one.
    """

    verdict: Verdict
    reason: str
    outcome: Json

    @cached_property
    def document(self) -> bytes:
        """The outcome document as canonical JSON: what is kept, and what a listing names by digest."""
        return canonical(self.outcome)

    @property
    def asked_of_vendor(self) -> list[dict[str, Any]]:
        """What stands in the way: each rule that rejected or called for a person, and its remedy."""
        return [
            {
                "rule": result["rule"],
                "outcome": result["outcome"],
                "effect": result["effect"],
                "reason": result.get("reason"),
                "message": result.get("message"),
                "remedy": result.get("remedy"),
                "basis": [basis["id"] for basis in result.get("basis", ())],
            }
            for result in self.outcome.get("results", ())
            if result["effect"] in {"review", "reject"}
        ]


@dataclass(frozen=True, slots=True)
class Decision:
    """Approve, reject, or refer to a person: never edited, only followed by a later one.

    ``number`` counts the decisions of a case from 1. ``by`` is ``policy`` or, later, a person's account.
    """

    id: UUID
    case_id: UUID
    number: int
    by: str
    decided_at: datetime
    judgement: Judgement
    dossier: Dossier


class ChangeKind(StrEnum):
    """What a change in the feed says of a listing. It is in the catalog after ``published`` or ``restored``.

    After one of the others it is out, and the kinds mean different things: ``hidden``, an officer does not
    show it for now, which says nothing of the product; ``suspended``, what it rests on is in doubt or has
    fallen and is looked at; ``withdrawn``, the vendor took it back; ``expired``, what it rests on ran out.
    """

    PUBLISHED = "published"
    RESTORED = "restored"
    HIDDEN = "hidden"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def is_out(self) -> bool:
        """Whether the listing is out of the catalog after such a change: a tombstone."""
        return self not in {ChangeKind.PUBLISHED, ChangeKind.RESTORED}


@dataclass(frozen=True, slots=True)
class ListingVersion:
    """One version of what the catalog shows of a product. ``document`` obeys the ``listing`` schema.

    ``valid_until`` is the last day, in Japan, on which everything that it rests on is valid; None where
    nothing of it ends.
    """

    listing_id: UUID
    version: int
    case_id: UUID
    published_at: datetime
    document: Json
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of a listing: its version, its latest change, and the last day of its validity."""

    listing_id: UUID
    case_id: UUID
    version: int
    kind: ChangeKind
    reason: str
    since: datetime
    position: int
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for the journal. ``data`` holds codes, digests and ids: no personal data."""

    case_id: UUID
    name: str
    by: str
    at: datetime
    data: Json


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its application, checks and latest decision, as a stage reads them and hands them on.

    ``waivers`` are those that hold for its product.
    """

    case: Case
    application: Application
    checks: tuple[Check, ...] = ()
    decision: Decision | None = None
    waivers: tuple[Waiver, ...] = ()

    def presence(self, check: Check) -> Presence | None:
        """What the source says of the subject; known once the case was judged."""
        answered = () if self.decision is None else self.decision.dossier.evidence
        return next((one.presence for one in answered if (one.source, one.role) == check.inquiry.key), None)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a stage did: the file as it stands, the step that can follow at once, a word for people."""

    file: CaseFile
    next_step: Step | None
    word: str


def isoformat(moment: datetime) -> str:
    """An aware moment in UTC as RFC 3339, to the microsecond, always with ``Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
