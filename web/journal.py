"""What others need to check what was signed: keys, receipts, and the journal's newest signed head."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.documents import sha256
from pipeline.journal import SignedHead
from pipeline.model import isoformat
from pipeline.problems import NOT_FOUND, Problem
from pipeline.signing import KeySet
from web.answers import entity, outages_told
from web.services import Services

JWS = "application/jose"
KEY_SET = "application/jwk-set+json"

_HEADERS = {"Cache-Control": "public, max-age=60"}


def receipt_answer(request: Request, token: str, headers: Mapping[str, str]) -> Response:
    """A receipt, byte for byte as it was signed; its digest is its name."""
    body = token.encode("ascii")
    described = {"Link": '</v1/schemas/receipt/1>; rel="describedby"', **headers}
    return entity(request, body, sha256(body), described, media_type=JWS)


class Journal:
    """The routes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def keys(self, request: Request) -> Response:
        """The public keys, those that do not sign any more too: what they signed is still to be verified."""
        body = orjson.dumps((await run_in_threadpool(self._keys)).as_json())
        return entity(request, body, sha256(body), _HEADERS, media_type=KEY_SET)

    async def head(self, request: Request) -> Response:
        """The newest signed head. Whoever keeps one can tell a journal that does not continue it."""
        signed = await run_in_threadpool(self._head)
        if signed is None:
            raise Problem(NOT_FOUND)
        body = orjson.dumps(
            {
                "position": signed.head.position,
                "sha256": signed.head.sha256,
                "root": f"sha256:{signed.growth.root.hex()}",
                "at": isoformat(signed.at),
                "head": signed.token,
            }
        )
        return entity(request, body, sha256(body), _HEADERS)

    async def receipt(self, request: Request) -> Response:
        """The receipt of a decision, by its digest. Whoever has the digest was given it."""
        token = await run_in_threadpool(self._receipt, request.path_params["digest"])
        return receipt_answer(request, token, {"Cache-Control": "public, max-age=31536000, immutable"})

    async def receipt_of_decision(self, request: Request) -> Response:
        """The receipt of a decision, by the id that its listing tells."""
        token = await run_in_threadpool(self._receipt_of_decision, request.path_params["id"])
        return receipt_answer(request, token, {"Cache-Control": "public, max-age=31536000, immutable"})

    def _receipt_of_decision(self, decision_id: str) -> str:
        try:
            wanted = UUID(decision_id)
        except ValueError:
            raise Problem(NOT_FOUND) from None
        with outages_told(), self._services.memory.read() as tx:
            token = tx.receipts.of_decision(wanted)
        if token is None:
            raise Problem(NOT_FOUND)
        return token

    def _receipt(self, digest: str) -> str:
        with outages_told(), self._services.memory.read() as tx:
            token = tx.receipts.named(digest)
        if token is None:
            raise Problem(NOT_FOUND)
        return token

    def _keys(self) -> KeySet:
        with outages_told(), self._services.memory.read() as tx:
            return KeySet(tx.journal.signing_keys())

    def _head(self) -> SignedHead | None:
        with outages_told(), self._services.memory.read() as tx:
            return tx.journal.newest_signed()
