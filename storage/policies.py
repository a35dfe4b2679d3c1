"""Policy packs that officers published: proposed by one, approved by another, in force from a day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from pipeline.errors import SekishoError
from storage import tables as t
from storage.dialect import AnyRow


class PublicationError(SekishoError):
    """A pack cannot be proposed or approved so. ``code`` says why: ``version_taken``, ``same_officer``,
    ``approved_already`` or ``unknown``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Publication:
    """A version of a pack that somebody proposed. ``text`` is the file; ``digest`` names the pack in it.

    ``effective`` is the first day on which it is in force, once somebody else has approved it.
    """

    id: UUID
    pack: str
    version: str
    digest: str
    text: str
    effective: date
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None


class SqlPolicies:
    """The publications."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def propose(self, publication: Publication) -> None:
        """Keep a proposal.

        :raises PublicationError: where this version of the pack was proposed before; the transaction must not
            commit.
        """
        try:
            self._connection.execute(
                _PROPOSE,
                {
                    "id": publication.id,
                    "pack": publication.pack,
                    "version": publication.version,
                    "digest": publication.digest,
                    "document": publication.text.encode(),
                    "effective": publication.effective,
                    "proposed_by": publication.proposed_by,
                    "proposed_at": publication.proposed_at,
                },
            )
        except IntegrityError:
            raise PublicationError(
                "version_taken", f"{publication.pack} {publication.version} was proposed before"
            ) from None

    def approve(self, publication_id: UUID, by: str, at: datetime) -> Publication:
        """Approve a proposal, as another officer than the one who made it: the database sees to that.

        :raises PublicationError: where there is none, it is approved, or ``by`` proposed it; in the last case
            the transaction must not commit.
        """
        publication = self.get(publication_id)
        try:
            changed = self._connection.execute(
                _APPROVE, {"publication": publication_id, "by": by, "at": at}
            ).rowcount
        except IntegrityError:
            raise PublicationError(
                "same_officer", f"{by} proposed it; another officer has to approve"
            ) from None
        if changed != 1:
            raise PublicationError("approved_already", f"{publication.approved_by} has approved it")
        return self.get(publication_id)

    def get(self, publication_id: UUID) -> Publication:
        """One publication.

        :raises PublicationError: where there is none.
        """
        row = self._connection.execute(_ONE, {"publication": publication_id}).one_or_none()
        if row is None:
            raise PublicationError("unknown", f"there is no proposal {publication_id}")
        return _publication(row)

    def all(self) -> list[Publication]:
        """Every publication, the oldest first."""
        return [_publication(row) for row in self._connection.execute(_ALL)]

    def approved(self) -> list[Publication]:
        """Those that are approved, in the order in which they come into force."""
        return [_publication(row) for row in self._connection.execute(_APPROVED)]


def _publication(row: AnyRow) -> Publication:
    return Publication(
        id=row.id,
        pack=row.pack,
        version=row.version,
        digest=row.digest,
        text=row.document.decode(),
        effective=row.effective,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )


_PROPOSE = insert(t.policy_publications)
_APPROVE = (
    update(t.policy_publications)
    .where(
        t.policy_publications.c.id == bindparam("publication"), t.policy_publications.c.approved_by.is_(None)
    )
    .values(approved_by=bindparam("by"), approved_at=bindparam("at"))
)
_ALL: Select[tuple[object, ...]] = select(t.policy_publications).order_by(t.policy_publications.c.id)
_ONE = select(t.policy_publications).where(t.policy_publications.c.id == bindparam("publication"))
_APPROVED = (
    select(t.policy_publications)
    .where(t.policy_publications.c.approved_by.is_not(None))
    .order_by(t.policy_publications.c.effective, t.policy_publications.c.approved_at)
)
