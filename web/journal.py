"""What others need to check what was signed: the keys, and the journal's newest signed head."""

from __future__ import annotations

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

KEY_SET = "application/jwk-set+json"

_HEADERS = {"Cache-Control": "public, max-age=60"}


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

    def _keys(self) -> KeySet:
        with outages_told(), self._services.memory.read() as tx:
            return KeySet(tx.journal.keys())

    def _head(self) -> SignedHead | None:
        with outages_told(), self._services.memory.read() as tx:
            return tx.journal.newest_signed()
