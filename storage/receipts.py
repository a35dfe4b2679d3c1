"""Signed receipts of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select

from pipeline.correspondence import settles_an_appeal
from pipeline.journal import DECIDED, Kept
from pipeline.receipts import Decided, SignedReceipt
from pipeline.signing import PublicKey
from storage import tables as t
from storage.cases import FILE_COLUMNS, new_file_of
from storage.decisions import DECISION_COLUMNS, decision_of
from storage.dialect import upsert
from storage.journal import KEEP_KEY, SqlJournal, key_row
from storage.reviews import SqlReviews
from storage.writes import Write, write


class SqlReceipts:
    """Implements :class:`pipeline.ports.Receipts`, and what the doors read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def missing(self, limit: int) -> list[Decided]:
        """Decisions beyond the newest receipt, in the journal's order."""
        newest = self._connection.execute(_NEWEST).scalar_one() or 0
        kept = SqlJournal(self._connection).named(DECIDED, newest, limit)
        return [decided for each in kept if (decided := self._decided(each)) is not None]

    def add(self, receipts: Sequence[SignedReceipt], key: PublicKey, at: datetime) -> None:
        """Keep receipts and the key that verifies them. Of two of one decision the first stays."""
        rows = [
            {
                "position": receipt.position,
                "decision_id": receipt.decided.decision.id,
                "sha256": receipt.sha256,
                "token": receipt.token,
            }
            for receipt in receipts
        ]
        write(self._connection, (_KEEP, rows), (KEEP_KEY, [key_row(key, at)]))

    def of_case(self, case_id: UUID, number: int) -> str | None:
        """The receipt of a decision of a case, by the decision's number."""
        row = self._connection.execute(_OF_CASE, {"of_case": case_id, "wanted": number})
        return row.scalar_one_or_none()

    def of_decision(self, decision_id: UUID) -> str | None:
        """The receipt of a decision, by its id."""
        return self._connection.execute(_OF_DECISION, {"wanted": decision_id}).scalar_one_or_none()

    def named(self, sha256: str) -> str | None:
        """The receipt with this digest."""
        return self._connection.execute(_NAMED, {"wanted": sha256}).scalar_one_or_none()

    def _decided(self, kept: Kept) -> Decided | None:
        event = kept.entry.event
        row = self._connection.execute(
            _DECIDED, {"of_case": event.case_id, "wanted": event.data.get("number")}
        ).one_or_none()
        if row is None:
            return None
        file = new_file_of(row, self._connection)
        decision, appeals = decision_of(row), SqlReviews(self._connection).appeals(event.case_id)
        settled = settles_an_appeal(decision, appeals)
        return Decided(kept, file.case.reference, file.application, decision, settled)


_NEWEST = select(func.max(t.receipts.c.position))
_KEEP = Write(lambda dialect: upsert(dialect, t.receipts).on_conflict_do_nothing())
_OF_CASE = (
    select(t.receipts.c.token)
    .join(t.decisions, t.decisions.c.id == t.receipts.c.decision_id)
    .where(t.decisions.c.case_id == bindparam("of_case"), t.decisions.c.number == bindparam("wanted"))
)
_OF_DECISION = select(t.receipts.c.token).where(t.receipts.c.decision_id == bindparam("wanted"))
_NAMED = select(t.receipts.c.token).where(t.receipts.c.sha256 == bindparam("wanted"))
_DECIDED = (
    # A decision's case is that of the file.
    select(*(column for column in DECISION_COLUMNS if column.name != "case_id"), *FILE_COLUMNS)
    .join(t.dossiers, t.dossiers.c.sha256 == t.decisions.c.dossier_sha256)
    .join(t.cases, t.cases.c.id == t.decisions.c.case_id)
    .join(t.applications, t.applications.c.id == t.cases.c.application_id)
    .where(t.decisions.c.case_id == bindparam("of_case"), t.decisions.c.number == bindparam("wanted"))
)
