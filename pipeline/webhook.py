"""Standard Webhooks 1.0.0: sign a message, and find the key that signed one.

What is signed is ``{id}.{timestamp}.{body}``, the body byte for byte ("Signature scheme"). ``v1`` is
HMAC-SHA256 with a shared secret, ``v1a`` is Ed25519. Several signatures may come with one message and several
keys may be in force, so that either side can renew its keys without a gap ("Webhook headers").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar, TypeAlias, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TOLERANCE = timedelta(seconds=300)
"""How far a message's time may lie from ours, both ways: the value that the specification's libraries fix."""

MOST_SIGNATURES = 8
"""Signatures of one message that are looked at: each is compared with every key, which must have an end."""

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_~:@+/=-]{1,255}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)

Owner = TypeVar("Owner")


class MalformedKey(ValueError):
    """The text is no key of this specification. It is a secret: the message does not repeat it."""


class NotVerified(Exception):
    """No key in force signed this message for now.

    ``reason`` is for logs: ``timestamp_malformed``, ``timestamp_out_of_range``, ``signature_malformed`` or
    ``no_match``. The caller is not told which.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """A ``v1`` key, which signs and verifies. As text: ``whsec_`` and base64."""

    scheme: ClassVar[str] = "v1"
    material: bytes = field(repr=False)

    @classmethod
    def new(cls) -> SharedSecret:
        """A fresh secret of 32 random bytes (24 to 64 are allowed)."""
        return cls(secrets.token_bytes(32))

    @property
    def text(self) -> str:
        """The secret as it is handed over."""
        return "whsec_" + _encode(self.material)

    def sign(self, content: bytes) -> str:
        """The signature of the signed content, in base64."""
        return _encode(hmac.digest(self.material, content, hashlib.sha256))

    def signed(self, content: bytes, signatures: Sequence[str]) -> bool:
        """Whether one of these signatures is ours; compared in constant time."""
        expected = self.sign(content)
        found = False
        for signature in signatures:
            found |= hmac.compare_digest(expected, signature)
        return found


@dataclass(frozen=True)
class PublicKey:
    """A ``v1a`` key that verifies. As text: ``whpk_`` and base64."""

    scheme: ClassVar[str] = "v1a"
    material: bytes

    @property
    def text(self) -> str:
        """The key as it is handed over."""
        return "whpk_" + _encode(self.material)

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.material)

    def signed(self, content: bytes, signatures: Sequence[str]) -> bool:
        """Whether one of these signatures was made with this key's secret half."""
        for signature in signatures:
            try:
                self._key.verify(_decode(signature), content)
            except (InvalidSignature, binascii.Error):
                continue
            return True
        return False


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A ``v1a`` key that signs. As text: ``whsk_`` and base64."""

    scheme: ClassVar[str] = "v1a"
    seed: bytes = field(repr=False)

    @classmethod
    def new(cls) -> PrivateKey:
        """A fresh key."""
        return cls(secrets.token_bytes(32))

    @property
    def text(self) -> str:
        """The key as it is handed over: seed and public half, the shape that is older in the wild."""
        return "whsk_" + _encode(self.seed + self.public.material)

    @property
    def public(self) -> PublicKey:
        """The half that verifies."""
        return PublicKey(Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, content: bytes) -> str:
        """The signature of the signed content, in base64."""
        return _encode(Ed25519PrivateKey.from_private_bytes(self.seed).sign(content))


VerifyingKey: TypeAlias = SharedSecret | PublicKey
SigningKey: TypeAlias = SharedSecret | PrivateKey


def parse_verifying_key(text: str) -> VerifyingKey:
    """The key that a receiver was given: ``whpk_…``, or ``whsec_…`` with or without the prefix.

    :raises MalformedKey: when it is neither.
    """
    if text.startswith("whpk_"):
        return verifying_key(PublicKey.scheme, _key_bytes(text, "whpk_"))
    if text.startswith("whsk_"):
        raise MalformedKey("a secret key (whsk_): the receiver is given the public one (whpk_)")
    return verifying_key(SharedSecret.scheme, _key_bytes(text, "whsec_"))


def parse_signing_key(text: str) -> SigningKey:
    """The key that a sender signs with: ``whsk_…``, or ``whsec_…`` with or without the prefix.

    ``whsk_`` has two shapes in the wild, the seed alone and the seed with the public half.

    :raises MalformedKey: when it is neither.
    """
    if text.startswith("whpk_"):
        raise MalformedKey("a public key (whpk_) does not sign")
    if not text.startswith("whsk_"):
        return SharedSecret(_key_bytes(text, "whsec_"))
    material = _key_bytes(text, "whsk_")
    if len(material) not in {32, 64}:
        raise MalformedKey("a secret key has 32 or 64 bytes")
    key = PrivateKey(material[:32])
    if material[32:] not in {b"", key.public.material}:
        raise MalformedKey("the halves of the secret key do not belong together")
    return key


def verifying_key(scheme: str, material: bytes) -> VerifyingKey:
    """The key of this scheme (``v1``, ``v1a``) made of these bytes.

    :raises MalformedKey: when they do not make one.
    """
    if scheme == SharedSecret.scheme and material:
        return SharedSecret(material)
    if scheme == PublicKey.scheme and len(material) == 32:
        return PublicKey(material)
    raise MalformedKey(f"{len(material)} bytes do not make a key of the scheme {scheme}")


def signing_key(scheme: str, material: bytes) -> SigningKey:
    """The key of this scheme that signs, made of its secret bytes: for ``v1a`` the seed.

    :raises MalformedKey: when they do not make one.
    """
    if scheme == SharedSecret.scheme and material:
        return SharedSecret(material)
    if scheme == PrivateKey.scheme and len(material) == 32:
        return PrivateKey(material)
    raise MalformedKey(f"{len(material)} bytes do not make a signing key of the scheme {scheme}")


def sign(keys: Sequence[SigningKey], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message, signed with every key given.

    :raises ValueError: when the message id has a sign that receivers may take for a delimiter.
    """
    if not is_message_id(message_id):
        raise ValueError("a message id has 1 to 255 letters, digits or signs of _ ~ : @ + / = -")
    timestamp = str(int(at.timestamp()))
    content = _content(message_id, timestamp, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"{key.scheme},{key.sign(content)}" for key in keys),
    }


def is_message_id(text: str) -> bool:
    """Whether this can be a ``webhook-id``: 1 to 255 signs, none of them the ``.`` that delimits."""
    return _MESSAGE_ID.fullmatch(text) is not None


def verify(
    message_id: str,
    timestamp: str,
    signature: str,
    body: bytes,
    keys: Iterable[tuple[Owner, VerifyingKey]],
    now: datetime,
) -> Owner:
    """The owner of the key that signed this message at about this time.

    ``timestamp`` and ``signature`` are the headers as they came. Entries of the list that cannot be read, or
    are of a version that nobody knows, are passed over.

    :raises NotVerified: when there is no such key, or the time is not within :data:`TOLERANCE`.
    """
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise NotVerified("timestamp_malformed")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise NotVerified("timestamp_out_of_range")
    signatures = _signatures(signature)
    if not any(signatures.values()):
        raise NotVerified("signature_malformed")
    content = _content(message_id, timestamp, body)
    for owner, key in keys:
        if key.signed(content, signatures[key.scheme]):
            return owner
    raise NotVerified("no_match")


def _signatures(header: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {SharedSecret.scheme: [], PublicKey.scheme: []}
    for entry in header.split()[:MOST_SIGNATURES] if header.isascii() else ():
        version, _, value = entry.partition(",")
        if value and version in found:
            found[version].append(value)
    return found


def _content(message_id: str, timestamp: str, body: bytes) -> bytes:
    return b"%b.%b.%b" % (message_id.encode("ascii"), timestamp.encode("ascii"), body)


def _key_bytes(text: str, prefix: str) -> bytes:
    encoded = text.removeprefix(prefix)
    try:
        # Padding is often lost on the way through forms and environment files.
        material = _decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        raise MalformedKey(f"not base64 after {prefix}") from None
    if not material:
        raise MalformedKey(f"nothing after {prefix}")
    return material


def _encode(material: bytes) -> str:
    return base64.b64encode(material).decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
