"""Signatures that anyone can check: JSON Web Signatures (RFC 7515) with Ed25519 (RFC 9864).

A signature is in the compact form. Its header names the key by thumbprint (RFC 7638) and says by ``typ`` what
was signed, so that a signature of one thing is never taken for that of another. The public keys are a JSON
Web Key Set (RFC 7517). The same key and the same payload give the same signature, byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from pipeline.documents import Json, NotJson, canonical, read_json

ALGORITHM = "Ed25519"

_PREFIX = "sksk_"
_SEED_BYTES = 32


class NotSigned(ValueError):
    """The text is not what a known key signed.

    ``reason`` is ``malformed``, ``unknown_key``, ``other_kind`` or ``signature``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies. ``material`` is its 32 bytes."""

    material: bytes

    @cached_property
    def id(self) -> str:
        """The key's name: its JWK thumbprint (RFC 7638)."""
        return str(self.jose.thumbprint())

    @cached_property
    def jose(self) -> OKPKey:
        """The key as the library takes it."""
        return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _encode(self.material)})

    def as_jwk(self) -> dict[str, str]:
        """The key as it is published (RFC 8037, 2)."""
        x = _encode(self.material)
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "use": "sig", "alg": ALGORITHM}

    @classmethod
    def from_jwk(cls, document: object) -> PublicKey | None:
        """The key that a member of a key set is; None for one of another kind.

        :raises ValueError: when it is of this kind and cannot be read.
        """
        if not isinstance(document, dict) or (document.get("kty"), document.get("crv")) != ("OKP", "Ed25519"):
            return None
        material = _decode(document.get("x"))
        if len(material) != _SEED_BYTES:
            raise ValueError("a key of another length")
        return cls(material)


@dataclass(frozen=True)
class SigningKey:
    """A key that signs. As text: ``sksk_`` and its 32 bytes in base64url."""

    seed: bytes = field(repr=False)

    @classmethod
    def new(cls) -> SigningKey:
        """A fresh key."""
        return cls(secrets.token_bytes(_SEED_BYTES))

    @classmethod
    def read(cls, text: str) -> SigningKey:
        """The key of a text.

        :raises ValueError: when it is none. The message does not repeat it.
        """
        try:
            seed = _decode(text.removeprefix(_PREFIX))
        except ValueError:
            seed = b""
        if not text.startswith(_PREFIX) or len(seed) != _SEED_BYTES:
            raise ValueError("not a signing key; `sekisho keys new --signing` makes one")
        return cls(seed)

    @property
    def text(self) -> str:
        """The key as it is set."""
        return _PREFIX + _encode(self.seed)

    @cached_property
    def public(self) -> PublicKey:
        """The half that verifies."""
        return PublicKey(Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    @cached_property
    def _jose(self) -> OKPKey:
        x, d = _encode(self.public.material), _encode(self.seed)
        return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x, "d": d})

    def sign(self, kind: str, payload: Json) -> str:
        """A payload in its canonical form, signed, in the compact serialization."""
        header = {"alg": ALGORITHM, "kid": self.public.id, "typ": kind}
        return str(jws.serialize_compact(header, canonical(payload), self._jose, algorithms=[ALGORITHM]))


class KeySet:
    """The keys that verify, by name."""

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    @classmethod
    def from_json(cls, document: object) -> KeySet:
        """The Ed25519 keys of a JSON Web Key Set, or of a single key.

        :raises ValueError: when it is neither.
        """
        if isinstance(document, dict) and "kty" in document:
            document = {"keys": [document]}
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            raise ValueError("not a JSON Web Key Set")
        return cls(key for member in document["keys"] if (key := PublicKey.from_jwk(member)) is not None)

    def as_json(self) -> dict[str, Any]:
        """The JSON Web Key Set."""
        return {"keys": [key.as_jwk() for key in self._keys.values()]}

    def verify(self, token: str, kind: str) -> Json:
        """The payload that a key of ours signed as this kind of thing.

        :raises NotSigned: when none did.
        """
        header, payload = _parts(token)
        if header.get("typ") != kind or header.get("alg") != ALGORITHM:
            raise NotSigned("other_kind")
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            raise NotSigned("unknown_key")
        try:
            jws.deserialize_compact(token, key.jose, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            raise NotSigned("signature") from None
        return payload


def key_of(token: str) -> str:
    """The name of the key that a signature says it was made with.

    :raises NotSigned: when it is no signature.
    """
    return str(_parts(token)[0].get("kid"))


def payload_of(token: str) -> Json:
    """What a signature is of, unverified.

    :raises NotSigned: when it is no signature.
    """
    return _parts(token)[1]


def _parts(token: str) -> tuple[Json, Json]:
    try:
        header, payload, signature = (_decode(part) for part in token.split("."))
        read = read_json(header), read_json(payload)
    except (ValueError, NotJson):
        raise NotSigned("malformed") from None
    if not (isinstance(read[0], dict) and isinstance(read[1], dict)) or len(signature) != 64:
        raise NotSigned("malformed")
    return read[0], read[1]


def _encode(material: bytes) -> str:
    return base64.urlsafe_b64encode(material).rstrip(b"=").decode("ascii")


def _decode(text: object) -> bytes:
    """Bytes of base64url without padding, of which there is one spelling only."""
    if not isinstance(text, str):
        raise ValueError("not a text")
    try:
        material = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    if _encode(material) != text:
        raise ValueError("not the one spelling of these bytes")
    return material
