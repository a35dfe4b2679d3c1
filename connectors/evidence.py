"""Evidence as connectors give it: the outcome of one inquiry, with the capture it was read in."""

from __future__ import annotations

from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry, Presence


def evidence(inquiry: Inquiry, capture: Capture, record: Json, *, found: bool) -> Evidence:
    """What the capture says about the subject asked for."""
    return Evidence(
        source=inquiry.source,
        role=inquiry.role,
        subject=inquiry.subject,
        presence=Presence.FOUND if found else Presence.ABSENT,
        record=record,
        observed_at=capture.fetched_at,
        capture=capture.sha256,
    )


def unasked(source: str, scheme: str, number: str, capture: Capture, record: Json) -> Evidence:
    """A record that an answer holds, read without an inquiry: its role is blank."""
    inquiry = Inquiry(source, "", OrganisationId(scheme, number))
    return evidence(inquiry, capture, record, found=True)
