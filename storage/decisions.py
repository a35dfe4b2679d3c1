"""The decisions and the dossiers they rest on, kept as their canonical bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Select, bindparam, func, insert, select

from pipeline.documents import Json
from pipeline.model import Decision, Dossier, Judgement, Verdict
from storage import tables as t
from storage.database import Database
from storage.dialect import AnyRow, upsert
from storage.writes import Write, write

BY_POLICY = "policy"
"""Who decides where no person does."""

PAGE = 500
"""Decisions that are read at a time when all are gone through."""


@dataclass(frozen=True, slots=True)
class StoredDossier:
    """A dossier that the policy judged once, and the case that it is of."""

    reference: str
    decided_at: datetime
    verdict: Verdict
    dossier: Dossier


class SqlDecisions:
    """Implements :class:`pipeline.ports.Decisions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, decision: Decision) -> None:
        """Keep a decision with its dossier. A second one with the same number is refused by the database."""
        dossier = decision.dossier
        row = {
            "id": decision.id,
            "case_id": decision.case_id,
            "number": decision.number,
            "verdict": decision.judgement.verdict,
            "reason": decision.judgement.reason,
            "decided_by": decision.by,
            "decided_at": decision.decided_at,
            "dossier_sha256": dossier.digest,
            "outcome": decision.judgement.document,
        }
        kept = {"sha256": dossier.digest, "document": dossier.document}
        write(self._connection, (_KEEP_DOSSIER, [kept]), (_ADD, [row]))

    def dossiers(self, digests: Iterable[str]) -> dict[str, Dossier]:
        """The dossiers of these names that are kept, by name."""
        rows = self._connection.execute(
            select(t.dossiers).where(t.dossiers.c.sha256.in_(sorted(set(digests))))
        )
        return {row.sha256: Dossier.from_json(orjson.loads(row.document)) for row in rows}

    def latest(self, case_id: UUID) -> Decision | None:
        """The decision in force."""
        row = self._connection.execute(_LATEST, {"of_case": case_id}).one_or_none()
        return None if row is None else decision_of(row)

    def all_of(self, case_id: UUID) -> tuple[Decision, ...]:
        """Every decision of a case, the first one first."""
        return tuple(map(decision_of, self._connection.execute(_ALL_OF, {"of_case": case_id})))


class SqlHistory:
    """Every decision that the policy made, from the first to the last that was there at the beginning.

    Read page by page by the order of their ids (UUIDv7: that of their making), each page in a transaction of
    its own: what is read does not grow with the number of decisions, and nobody waits for it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.read() as connection:
            self.count: int = connection.execute(_COUNT).scalar_one()
            self._last: UUID | None = connection.execute(_LAST).scalar_one_or_none()

    def dossiers(self) -> Iterator[StoredDossier]:
        """The dossiers that were judged."""
        for row in self._rows(_DOSSIERS):
            dossier = Dossier.from_json(orjson.loads(row.document))
            yield StoredDossier(row.reference, row.decided_at, Verdict(row.verdict), dossier)

    def latest(self, most: int) -> Iterator[StoredDossier]:
        """The dossiers that were judged last, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(_LATEST_DOSSIERS.limit(most)).all()
        for row in rows:
            dossier = Dossier.from_json(orjson.loads(row.document))
            yield StoredDossier(row.reference, row.decided_at, Verdict(row.verdict), dossier)

    def outcomes(self) -> Iterator[tuple[str, datetime, Json]]:
        """The outcome documents, each with the reference of its case and the time of the decision."""
        for row in self._rows(_OUTCOMES):
            yield row.reference, row.decided_at, orjson.loads(row.outcome)

    def _rows(self, query: Select[Any]) -> Iterator[AnyRow]:
        after = UUID(int=0)
        while self._last is not None:
            with self._database.read() as connection:
                rows = connection.execute(query, {"after": after, "last": self._last}).all()
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].id


DECISION_COLUMNS = (*t.decisions.c, t.dossiers.c.document)
"""What :func:`decision_of` needs, of decisions joined with their dossiers."""


def decision_of(row: AnyRow) -> Decision:
    """A decision as a row with :data:`DECISION_COLUMNS` holds it."""
    return Decision(
        id=row.id,
        case_id=row.case_id,
        number=row.number,
        by=row.decided_by,
        decided_at=row.decided_at,
        judgement=Judgement(Verdict(row.verdict), row.reason, orjson.loads(row.outcome)),
        dossier=Dossier.from_json(orjson.loads(row.document)),
    )


_KEEP_DOSSIER = Write(lambda dialect: upsert(dialect, t.dossiers).on_conflict_do_nothing())
_ADD = Write(lambda _: insert(t.decisions))
_OF_CASE = (
    select(*DECISION_COLUMNS)
    .join(t.dossiers, t.dossiers.c.sha256 == t.decisions.c.dossier_sha256)
    .where(t.decisions.c.case_id == bindparam("of_case"))
)
_LATEST = _OF_CASE.order_by(t.decisions.c.number.desc()).limit(1)
_ALL_OF = _OF_CASE.order_by(t.decisions.c.number)
_COUNT = select(func.count()).select_from(t.decisions).where(t.decisions.c.decided_by == BY_POLICY)
_LAST = (
    select(t.decisions.c.id)
    .where(t.decisions.c.decided_by == BY_POLICY)
    .order_by(t.decisions.c.id.desc())
    .limit(1)
)
_ALL = (
    select(t.decisions.c.id, t.decisions.c.decided_at, t.decisions.c.verdict, t.cases.c.reference)
    .join(t.cases, t.cases.c.id == t.decisions.c.case_id)
    .where(
        t.decisions.c.decided_by == BY_POLICY,
        t.decisions.c.id > bindparam("after"),
        t.decisions.c.id <= bindparam("last"),
    )
    .order_by(t.decisions.c.id)
    .limit(PAGE)
)
_DOSSIERS = _ALL.add_columns(t.dossiers.c.document).join(
    t.dossiers, t.dossiers.c.sha256 == t.decisions.c.dossier_sha256
)
_LATEST_DOSSIERS = (
    select(
        t.decisions.c.id,
        t.decisions.c.decided_at,
        t.decisions.c.verdict,
        t.cases.c.reference,
        t.dossiers.c.document,
    )
    .join(t.cases, t.cases.c.id == t.decisions.c.case_id)
    .join(t.dossiers, t.dossiers.c.sha256 == t.decisions.c.dossier_sha256)
    .where(t.decisions.c.decided_by == BY_POLICY)
    .order_by(t.decisions.c.id.desc())
)
_OUTCOMES = _ALL.add_columns(t.decisions.c.outcome)
