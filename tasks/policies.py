"""The policy in force on a day: packs that officers published, over those that come with Sekisho.

Publishing takes two officers and a date. A proposal is checked with all packs that will be in force on its
day; another officer approves it, by that day at the latest; from that day on it takes the place of the pack
of its name. What was in force on an earlier day stays so: a replay finds the packs of its own day.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from pipeline.documents import Json
from pipeline.errors import ConfigurationError, SekishoError
from pipeline.identifiers import new_id
from pipeline.model import Dossier, Event, Evidence, Gap, Judgement
from pipeline.people import normal_name
from pipeline.ports import Clock
from rules import facts
from rules.library import Library
from rules.loader import parse_pack
from rules.pack import Kind, Pack, PackError, Status
from rules.policy import PackPolicy
from rules.provenance import JAPAN
from rules.ruleset import Ruleset
from rules.selection import is_file, read_policy_file, select
from storage.memory import SqlMemory
from storage.policies import Publication

REFRESH = timedelta(seconds=10)
"""How old a process's knowledge of approvals may be; they come before the day from which they count."""


class ProposalError(SekishoError):
    """A pack cannot be published so; says why, in one sentence."""


class PublishedPolicy:
    """Implements :class:`pipeline.ports.Policy`: each dossier is judged by the packs of its day.

    ``candidate`` is a pack that is tried beside them: a name, a file, or the id of a proposal.
    """

    def __init__(self, memory: SqlMemory, clock: Clock, base: str, candidate: str = "") -> None:
        """:raises ConfigurationError: when the base or the candidate does not load."""
        self._memory = memory
        self._clock = clock
        self._base = base
        self._candidate = candidate
        self._shipped = Library.read()
        self._lock = threading.Lock()
        self._approved: list[Publication] = []
        self._read_at: datetime | None = None
        self._compiled: dict[tuple[UUID, ...], PackPolicy] = {}
        try:
            # What can be told without the database is told at the start.
            if _proposal_id(candidate) is None:
                self._policy_of([])
        except PackError as error:
            raise ConfigurationError([str(fault) for fault in error.faults]) from None

    def assemble(
        self, application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
    ) -> Dossier:
        """The facts that application and evidence give, each with where it comes from."""
        return facts.assemble(application, evidence, gaps, as_of)

    def judge(self, dossier: Dossier) -> Judgement:
        """What the packs of the dossier's day say of it.

        :raises PackError: when a published pack does not load any more; nothing milder is put in its place.
        """
        return self.on(dossier.as_of.astimezone(JAPAN).date()).judge(dossier)

    def on(self, day: date) -> PackPolicy:
        """The policy in force on a day."""
        with self._lock:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at >= REFRESH:
                with self._memory.read() as tx:
                    self._approved = tx.policies.approved()
                self._read_at = now
            return self._policy_of(in_force(self._approved, day))

    def _policy_of(self, publications: Sequence[Publication]) -> PackPolicy:
        key = tuple(publication.id for publication in publications)
        if key not in self._compiled:
            library = library_of(self._shipped, publications)
            candidate = self._ruleset_of_candidate(library)
            self._compiled[key] = PackPolicy.load(self._base, library=library, candidate=candidate)
        return self._compiled[key]

    def _ruleset_of_candidate(self, library: Library) -> Ruleset | None:
        if not self._candidate:
            return None
        pack = None
        if (proposal := _proposal_id(self._candidate)) is not None:
            with self._memory.read() as tx:
                pack = pack_of(tx.policies.get(proposal))
        elif is_file(self._candidate):
            pack = read_policy_file(Path(self._candidate))
        if pack is None:
            return select(self._candidate, library=library)
        library = library.including([pack])
        # A track, or the pack that the base selects from, is tried under the base in force.
        own = pack.kind is Kind.BASE and library.pack(self._base).selects_from != pack.name
        return library.ruleset(pack.name if own else self._base)


def _proposal_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def in_force(approved: Iterable[Publication], day: date) -> list[Publication]:
    """Of the approved publications those in force on a day: of each pack the latest."""
    latest: dict[str, Publication] = {}
    for publication in approved:
        assert publication.approved_at is not None
        approved_on = publication.approved_at.astimezone(JAPAN).date()
        if publication.effective <= day and approved_on <= day:
            latest[publication.pack] = publication
    return [latest[name] for name in sorted(latest)]


class Standing(StrEnum):
    """How a version of a pack stands on a day."""

    IN_FORCE = "in force"
    REPLACED = "replaced"
    APPROVED = "approved"
    PROPOSED = "proposed"
    LAPSED = "lapsed"


def standings(publications: Sequence[Publication], day: date) -> dict[UUID, Standing]:
    """How each publication stands on a day. A proposal that nobody approved by its day has lapsed."""
    approved = sorted(
        (one for one in publications if one.approved_at is not None),
        key=lambda one: (one.effective, one.approved_at),
    )
    current = {one.id for one in in_force(approved, day)}

    def standing(one: Publication) -> Standing:
        if one.approved_by is None:
            return Standing.PROPOSED if one.effective >= day else Standing.LAPSED
        if one.id in current:
            return Standing.IN_FORCE
        return Standing.APPROVED if one.effective > day else Standing.REPLACED

    return {one.id: standing(one) for one in publications}


def library_of(shipped: Library, publications: Iterable[Publication]) -> Library:
    """The packs that come with Sekisho, with these in the place of those of their names.

    :raises PackError: when one does not load.
    """
    return shipped.including([pack_of(publication) for publication in publications])


def pack_of(publication: Publication) -> Pack:
    """The pack of a publication.

    :raises PackError: when it does not load, or is not the one that was approved.
    """
    pack = parse_pack(publication.text, f"{publication.pack}@{publication.version}")
    if pack.digest != publication.digest:
        fault = pack.source.fault("", "is not the pack that was proposed", "propose it again")
        raise PackError([fault])
    # Where its own period would begin later or earlier, the day that the officers set counts.
    return replace(pack, period=replace(pack.period, since=max(pack.period.since, publication.effective)))


def propose(memory: SqlMemory, clock: Clock, text: str, by: str, effective: date) -> Publication:
    """Propose the pack in a text, to be in force from a day on.

    :raises PackError: when it does not load, alone or with the packs of that day.
    :raises ProposalError: when its version, period, status or the day does not allow it.
    :raises PublicationError: when this version was proposed before.
    """
    now = clock.now()
    pack = parse_pack(text, "proposal")
    shipped = Library.read()
    if pack.status is Status.DRAFT:
        raise ProposalError("a draft cannot be published; set its status")
    if effective < now.astimezone(JAPAN).date():
        raise ProposalError(f"{effective} is past; what is in force on a day is not changed afterwards")
    if not pack.period.covers(effective):
        raise ProposalError(f"the pack itself does not hold on {effective}")
    known = shipped.packs.get(pack.name)
    if known is not None and known.version == pack.version:
        raise ProposalError(
            f"{pack.name} {pack.version} comes with Sekisho; give the new one another version"
        )
    publication = Publication(
        new_id(), pack.name, pack.version, pack.digest, text, effective, officer(by), now
    )
    with memory.write() as tx:
        _check(shipped, tx.policies.approved(), publication)
        tx.policies.propose(publication)
        tx.journal.write([_event(publication, "policy.proposed", publication.proposed_by, now)])
    return publication


def approve(memory: SqlMemory, clock: Clock, publication_id: UUID, by: str) -> Publication:
    """Approve a proposal as a second officer.

    :raises PackError: when it does not go with the packs that have been approved since.
    :raises ProposalError: when its day is past.
    :raises PublicationError: when there is none, it is approved, or the same officer proposed it.
    """
    now = clock.now()
    name = officer(by)
    with memory.write() as tx:
        publication = tx.policies.get(publication_id)
        if publication.approved_by is None:
            if publication.effective < now.astimezone(JAPAN).date():
                raise ProposalError(f"{publication.effective} is past; propose the pack for a later day")
            _check(Library.read(), tx.policies.approved(), publication)
        approved = tx.policies.approve(publication_id, name, now)
        tx.journal.write([_event(approved, "policy.approved", name, now)])
    return approved


def officer(name: str) -> str:
    """An officer's name in the form in which names compare.

    :raises ProposalError: when it is none.
    """
    try:
        return normal_name(name)
    except ValueError:
        raise ProposalError("an officer is named by an account or a mail address, without spaces") from None


def _check(shipped: Library, approved: Sequence[Publication], publication: Publication) -> None:
    others = [one for one in in_force(approved, publication.effective) if one.pack != publication.pack]
    library_of(shipped, [*others, publication]).check([publication.pack])


def _event(publication: Publication, name: str, by: str, at: datetime) -> Event:
    """The journal names things by case; a publication is a thing of its own, with its own id."""
    return Event(
        publication.id,
        name,
        by,
        at,
        {
            "pack": publication.pack,
            "version": publication.version,
            "digest": publication.digest,
            "effective": publication.effective.isoformat(),
        },
    )
