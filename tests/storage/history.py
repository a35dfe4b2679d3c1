"""Decided cases for tests of what is done with them afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from pipeline.documents import sha256
from pipeline.identifiers import new_id, new_reference
from pipeline.model import Decision, Dossier, Judgement, Verdict
from storage import tables as t
from storage.database import Database
from storage.decisions import SqlDecisions


def decide(
    database: Database,
    dossiers: Iterable[Dossier],
    *,
    by: str = "policy",
    outcome: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write a decided case for each dossier; the references, in order."""
    now = datetime.now(UTC)
    references = []
    with database.write() as connection:
        sender = new_id()
        connection.execute(insert(t.senders), {"id": sender, "name": str(sender), "created_at": now})
        store = SqlDecisions(connection)
        for dossier in dossiers:
            case_id, application_id, reference = new_id(), new_id(), new_reference()
            connection.execute(insert(t.applications), _application(application_id, sender, now))
            connection.execute(insert(t.cases), _case(case_id, application_id, reference, now))
            judgement = Judgement(Verdict.REVIEW, "X", outcome or {"decision": "review", "results": []})
            store.add(Decision(new_id(), case_id, 1, by, now, judgement, dossier))
            references.append(reference)
    return references


def _application(application_id: UUID, sender: UUID, now: datetime) -> dict[str, Any]:
    return {
        "id": application_id,
        "sender_id": sender,
        "message_id": str(application_id),
        "body": b"{}",
        "body_sha256": sha256(b"{}"),
        "received_at": now,
    }


def _case(case_id: UUID, application_id: UUID, reference: str, now: datetime) -> dict[str, Any]:
    return {
        "id": case_id,
        "reference": reference,
        "application_id": application_id,
        "state": "referred",
        "version": 1,
        "outstanding": 0,
        "reason": "X",
        "vendor_name": "例示株式会社",
        "vendor_scheme": "JP-JCN",
        "vendor_id": "7999901000001",
        "product_name": "例示",
        "opened_at": now,
        "changed_at": now,
    }
