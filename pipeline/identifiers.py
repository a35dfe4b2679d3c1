"""Identifiers: UUIDv7 inside, short case references for people, scheme and id for organisations."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

import uuid_utils.compat

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Douglas Crockford's base 32: no I, L, O or U, so that a reference survives being read out."""

_FOLDED = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_REFERENCE_LENGTH = 8


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562, 5.7): sorts by the time of its making."""
    return uuid_utils.compat.uuid7()


def new_reference() -> str:
    """A fresh case reference such as ``SK-7Q4M2K9DX``: eight random characters and a check character.

    The check character is the number modulo 37. Crockford gives remainders above 31 the signs ``*~$=U``,
    which do not travel well through addresses and telephones, so numbers that would need one are not issued.
    """
    while True:
        number = secrets.randbits(5 * _REFERENCE_LENGTH)
        if number % 37 < len(CROCKFORD):
            return f"SK-{_base32(number)}{CROCKFORD[number % 37]}"


def parse_reference(text: str) -> str:
    """The canonical form of a case reference as a person wrote it.

    Lower case, spaces, a missing ``SK-`` and the letters Crockford folds (O, I, L) are accepted.

    :raises ValueError: when it is no reference, or its check character does not fit.
    """
    body = text.upper().translate(_FOLDED)
    if len(body) == len("SK") + _REFERENCE_LENGTH + 1:
        body = body.removeprefix("SK")
    if len(body) != _REFERENCE_LENGTH + 1 or any(sign not in CROCKFORD for sign in body):
        raise ValueError(f"{text!r} is not a case reference (SK- and nine letters or digits)")
    number = 0
    for sign in body[:-1]:
        number = number * 32 + CROCKFORD.index(sign)
    if number % 37 != CROCKFORD.index(body[-1]):
        raise ValueError(f"{text!r} has a wrong check character; one of its letters is mistyped")
    return f"SK-{body}"


def _base32(number: int) -> str:
    signs = []
    for _ in range(_REFERENCE_LENGTH):
        number, digit = divmod(number, 32)
        signs.append(CROCKFORD[digit])
    return "".join(reversed(signs))


@dataclass(frozen=True, slots=True, order=True)
class OrganisationId:
    """An organisation's identifier: scheme and id, as in OCDS ``identifier`` and org-id.guide.

    ``JP-JCN`` corporate number (13 digits), ``XI-LEI`` legal entity identifier (ISO 17442), ``GB-COH``
    Companies House, ``IE-CRO`` Irish Companies Registration Office, ``NO-BRC`` Brønnøysund Register Centre,
    ``FR-INSEE`` SIREN.
    """

    scheme: str
    id: str

    def __str__(self) -> str:
        """As people write it: ``JP-JCN:7000012050002``."""
        return f"{self.scheme}:{self.id}"
