"""Which case a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from cli.output import Exit, Failure

if TYPE_CHECKING:
    from pipeline.model import CaseFile
    from storage.memory import SqlTransaction


def find(tx: SqlTransaction, name: str) -> CaseFile:
    """The case of a reference (SK-…) or of an application's id.

    :raises Failure: when the name is neither, or there is no such case.
    """
    from pipeline.identifiers import parse_reference

    unknown = Failure(
        Exit.NOT_FOUND, "cli.case_unknown", f"There is no case {name}", "`sekisho case list` lists them."
    )
    try:
        application_id = UUID(name)
    except ValueError:
        pass
    else:
        case_id = _case_of(tx, application_id)
        if case_id is None:
            raise unknown
        return tx.cases.file(case_id)
    try:
        reference = parse_reference(name)
    except ValueError as error:
        raise Failure(Exit.INVALID, "cli.reference_malformed", str(error)) from None
    file = tx.cases.by_reference(reference)
    if file is None:
        raise unknown
    return file


def _case_of(tx: SqlTransaction, application_id: UUID) -> UUID | None:
    from sqlalchemy import select

    from storage.tables import cases

    query = select(cases.c.id).where(cases.c.application_id == application_id)
    found: UUID | None = tx.connection.execute(query).scalar_one_or_none()
    return found
