"""What of an application is about a person, and how its digest is made so that this can go.

The digest by which the journal and receipts name a document is not that of its bytes: whoever has the rest
of it could try names until the digest fits. It is the digest of the *sealed* document, in which each personal
part is replaced by a commitment, an HMAC-SHA256 under a salt of the application's own. With the salt a
document is shown to be the one that was judged. Once salt and part are erased, the sealed document is what
remains: it still has that digest, and the commitment says nothing to anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any, Final

import orjson

from pipeline.documents import Json, canonical, digest

PERSONAL: Final = ("contact",)
"""The members of an application document that are about a person."""

SEALED: Final = "sealed"


def new_salt() -> bytes:
    """A fresh salt."""
    return secrets.token_bytes(32)


def is_sealed(part: object) -> bool:
    """Whether this stands in place of a personal part. No schema lets a sender write such a thing."""
    return isinstance(part, dict) and set(part) == {SEALED}


def sealed(document: Json, salt: bytes) -> Json:
    """A document with each personal part replaced by its commitment."""
    return {
        name: {SEALED: _commitment(part, salt)} if name in PERSONAL and not is_sealed(part) else part
        for name, part in document.items()
    }


def sealed_digest(document: Json, salt: bytes) -> str:
    """The digest that names a document, before and after its personal parts are erased."""
    return digest(sealed(document, salt))


def sealed_body(body: bytes, salt: bytes) -> bytes:
    """A signed body without the personal parts of the application in it."""
    submission = orjson.loads(body)
    return canonical({**submission, "data": sealed(submission["data"], salt)})


def _commitment(part: Any, salt: bytes) -> str:
    return "hmac-sha256:" + hmac.digest(salt, canonical(part), hashlib.sha256).hex()
