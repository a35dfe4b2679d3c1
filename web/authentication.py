"""Who is asking: a message signed as Standard Webhooks say, or a bearer token.

Whatever does not fit, there is one answer: a caller that guesses is not told what was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from starlette.requests import Request

from pipeline import webhook
from pipeline.problems import HEADER_INVALID, NOT_AUTHENTICATED, Problem
from web.directory import Snapshot

SENDER = "sekisho-sender"
"""The header with the sender's name or id. Without it every key in force is tried, while there are few."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Claim:
    """What the headers of a signed request say."""

    message_id: str
    timestamp: str
    signature: str
    sender: str | None


def read_claim(request: Request) -> Claim:
    """The claim in a request's headers.

    :raises Problem: when a header is missing, comes twice or cannot be one.
    """
    message_id = _single(request, "webhook-id")
    if not webhook.is_message_id(message_id):
        raise Problem(HEADER_INVALID, "webhook-id has 1 to 255 letters, digits and signs of _ ~ : @ + / = -")
    return Claim(
        message_id,
        _single(request, "webhook-timestamp"),
        _single(request, "webhook-signature"),
        _single(request, SENDER) if SENDER in request.headers else None,
    )


def _single(request: Request, name: str) -> str:
    values = request.headers.getlist(name)
    if len(values) != 1:
        raise Problem(HEADER_INVALID, f"{name} is missing" if not values else f"{name} comes more than once")
    return values[0]


def verified_sender(claim: Claim, body: bytes, known: Snapshot, now: datetime) -> UUID:
    """The sender whose key signed this body under this claim.

    :raises Problem: when there is none.
    """
    keys = known.keys_of(claim.sender)
    try:
        return webhook.verify(claim.message_id, claim.timestamp, claim.signature, body, keys, now)
    except webhook.NotVerified as error:
        log.warning("sender.not_verified", reason=error.reason, keys=len(keys))
        raise Problem(NOT_AUTHENTICATED) from None


def reading_sender(request: Request, known: Snapshot, now: datetime) -> UUID:
    """The sender that reads: by its bearer token, or by signing ``GET`` and the path as if it were a body.

    :raises Problem: when it is neither.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        sender_id = known.bearer(token.strip())
        if sender_id is None:
            log.warning("sender.not_verified", reason="token", keys=0)
            raise Problem(NOT_AUTHENTICATED)
        return sender_id
    if "webhook-signature" not in request.headers:
        raise Problem(NOT_AUTHENTICATED)
    target = f"GET {request.url.path}".encode()
    return verified_sender(read_claim(request), target, known, now)
