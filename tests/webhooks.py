"""Standard Webhooks as a receiver would check it, after the specification and apart from our own code.

It shares nothing with ``pipeline/webhook.py``, so that a mistake there cannot hide here; the published
vectors hold it to the specification (``tests/pipeline/test_receiver.py``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verified(key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a receiver with this key takes the message at this time."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        message_id = lower["webhook-id"]
        stamp = lower["webhook-timestamp"]
        signatures = lower["webhook-signature"].split(" ")
        age = now.timestamp() - int(stamp)
    except (KeyError, ValueError):
        return False
    if abs(age) > 300:
        return False
    content = message_id.encode() + b"." + stamp.encode() + b"." + body
    return any(_matches(key, entry, content) for entry in signatures)


def _matches(key: str, entry: str, content: bytes) -> bool:
    version, _, encoded = entry.partition(",")
    if key.startswith("whpk_"):
        if version != "v1a":
            return False
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key[5:]))
            public.verify(base64.b64decode(encoded, validate=True), content)
        except (InvalidSignature, binascii.Error):
            return False
        return True
    secret = key.removeprefix("whsec_").rstrip("=")
    raw = base64.b64decode(secret + "=" * (-len(secret) % 4))
    expected = base64.b64encode(hmac.new(raw, content, hashlib.sha256).digest()).decode()
    return version == "v1" and hmac.compare_digest(expected, encoded)
