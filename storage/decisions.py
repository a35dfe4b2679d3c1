"""The decisions and the dossiers they rest on, kept as their canonical bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, bindparam, insert, select

from pipeline.documents import Json, canonical
from pipeline.identifiers import OrganisationId
from pipeline.model import Answered, Decision, Dossier, Gap, Judgement, Presence, Verdict
from storage import tables as t
from storage.dialect import conflict_insert


class SqlDecisions:
    """Implements :class:`pipeline.ports.Decisions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, decision: Decision) -> None:
        """Keep a decision with its dossier. A second one with the same number is refused by the database."""
        dossier = decision.dossier
        self._connection.execute(
            _KEEP_DOSSIER(self._connection),
            {"sha256": dossier.digest, "document": dossier.document},
        )
        self._connection.execute(
            _ADD,
            {
                "id": decision.id,
                "case_id": decision.case_id,
                "number": decision.number,
                "verdict": decision.judgement.verdict,
                "reason": decision.judgement.reason,
                "decided_by": decision.by,
                "decided_at": decision.decided_at,
                "dossier_sha256": dossier.digest,
                "outcome": canonical(decision.judgement.outcome),
            },
        )

    def latest(self, case_id: UUID) -> Decision | None:
        """The decision in force."""
        row = self._connection.execute(_LATEST, {"of_case": case_id}).one_or_none()
        if row is None:
            return None
        return Decision(
            id=row.id,
            case_id=row.case_id,
            number=row.number,
            by=row.decided_by,
            decided_at=row.decided_at,
            judgement=Judgement(Verdict(row.verdict), row.reason, orjson.loads(row.outcome)),
            dossier=_dossier(orjson.loads(row.document)),
        )


def _dossier(document: Json) -> Dossier:
    return Dossier(
        as_of=datetime.fromisoformat(document["as_of"]),
        facts=document["facts"],
        provenance=document["provenance"],
        gaps=tuple(_gap(gap) for gap in document["gaps"]),
        evidence=tuple(_answered(answered) for answered in document["evidence"]),
    )


def _gap(document: Any) -> Gap:
    subject = document["subject"]
    return Gap(
        document["source"],
        document["role"],
        OrganisationId(subject["scheme"], subject["id"]),
        document["reason"],
    )


def _answered(document: Any) -> Answered:
    return Answered(
        document["source"],
        document["role"],
        Presence(document["presence"]),
        datetime.fromisoformat(document["observed_at"]),
        document["capture"],
    )


_KEEP_DOSSIER = conflict_insert(t.dossiers, lambda keep: keep.on_conflict_do_nothing())
_ADD = insert(t.decisions)
_LATEST = (
    select(t.decisions, t.dossiers.c.document)
    .join(t.dossiers, t.dossiers.c.sha256 == t.decisions.c.dossier_sha256)
    .where(t.decisions.c.case_id == bindparam("of_case"))
    .order_by(t.decisions.c.number.desc())
    .limit(1)
)
