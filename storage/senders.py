"""Who may sign webhooks, and with which keys.

A sender has a name, keys (several at a time, so that they can be renewed without a gap) and a token for
reading. Keys are encrypted at rest, public ones too: whoever can write to the database still cannot put a key
of his own there. Of the token only the digest is kept.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy import insert as plain_insert

from pipeline.delivery import DisabledBecause, SubscriberState
from pipeline.documents import sha256
from pipeline.errors import ConfigurationError, SekishoError
from pipeline.identifiers import new_id
from pipeline.webhook import PublicKey, SharedSecret, VerifyingKey, verifying_key
from storage import tables as t
from storage.dialect import conflict_insert

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


class SenderError(SekishoError):
    """What was asked of a sender cannot be done; the message says why."""


class Cipher:
    """Encrypts senders' keys (Fernet: AES-128-CBC with HMAC-SHA256).

    The first key encrypts, every key decrypts: a new one is put in front and the old one stays until what it
    encrypted is gone.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Take Fernet keys, the newest first.

        :raises ConfigurationError: when there is none, or one is not a Fernet key.
        """
        if not keys:
            raise ConfigurationError(["no key to encrypt the senders' secrets with"])
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ConfigurationError(["a key for the senders' secrets is not a Fernet key"]) from None

    def encrypt(self, secret: bytes) -> bytes:
        """The secret, unreadable and unchangeable without the key."""
        return self._fernet.encrypt(secret)

    def decrypt(self, token: bytes) -> bytes:
        """The secret.

        :raises ConfigurationError: when none of the keys encrypted it.
        """
        try:
            return self._fernet.decrypt(token)
        except InvalidToken:
            raise ConfigurationError(["a sender's key was encrypted with a key that is not set"]) from None


@dataclass(frozen=True, slots=True)
class SenderKey:
    """A key as it is kept. ``retires_at`` is when it stops to count, None while no end is set."""

    id: UUID
    scheme: str
    sealed: bytes = field(repr=False)
    created_at: datetime
    retires_at: datetime | None

    def open(self, cipher: Cipher) -> VerifyingKey:
        """The key itself.

        :raises ConfigurationError: when none of the cipher's keys encrypted it.
        """
        return verifying_key(self.scheme, cipher.decrypt(self.sealed))


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender with the keys that count."""

    id: UUID
    name: str
    token_sha256: str | None
    created_at: datetime
    disabled_at: datetime | None
    keys: tuple[SenderKey, ...]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is handed to a sender, once. ``secret`` is empty where it signs with a key pair of its own."""

    sender_id: UUID
    secret: str = field(repr=False)
    token: str = field(repr=False)


class SqlSenders:
    """The senders in the database."""

    def __init__(self, connection: Connection, cipher: Cipher) -> None:
        self._connection = connection
        self._cipher = cipher

    def add(self, name: str, at: datetime, public_key: PublicKey | None = None) -> Credentials:
        """A new sender with a token and a key: the public one given, else a fresh shared secret.

        :raises SenderError: when the name is taken, or is none.
        """
        if _NAME.fullmatch(name) is None or _is_uuid(name):
            raise SenderError("a sender's name has 1 to 100 lower-case letters, digits and signs of . _ -")
        token = _new_token()
        sender_id = self._connection.execute(
            _ADD(self._connection),
            {"id": new_id(), "name": name, "token_sha256": token_digest(token), "created_at": at},
        ).scalar_one_or_none()
        if sender_id is None:
            raise SenderError(f"there is a sender {name} already")
        return Credentials(sender_id, self._add_key(sender_id, public_key, at), token)

    def rotate(
        self, name: str, at: datetime, retires_at: datetime, public_key: PublicKey | None = None
    ) -> Credentials:
        """A new key beside the old ones, which retire at the time given. The token stays as it is.

        :raises SenderError: when there is no such sender, or it is disabled.
        """
        sender_id = self._find(name)
        self._connection.execute(_RETIRE, {"of_sender": sender_id, "end": retires_at, "before": retires_at})
        return Credentials(sender_id, self._add_key(sender_id, public_key, at), token="")

    def renew_token(self, name: str) -> Credentials:
        """A new token in place of the old one, which counts no more.

        :raises SenderError: as :meth:`rotate`.
        """
        sender_id = self._find(name)
        token = _new_token()
        self._connection.execute(_SET_TOKEN, {"wanted": sender_id, "digest": token_digest(token)})
        return Credentials(sender_id, secret="", token=token)

    def disable(self, name: str, at: datetime) -> None:
        """Let the sender sign and read no more, and be told no more. What it sent stays.

        :raises SenderError: as :meth:`rotate`.
        """
        sender = {"wanted": self._find(name), "end": at}
        self._connection.execute(_DISABLE, sender)
        self._connection.execute(_DISABLE_ENDPOINT, sender)

    def roster(self, at: datetime) -> list[Sender]:
        """Every sender by name, the disabled ones too, with the keys that count at this time."""
        keys: dict[UUID, list[SenderKey]] = defaultdict(list)
        for row in self._connection.execute(_KEYS, {"now": at}):
            key = SenderKey(row.id, row.scheme, row.key_material, row.created_at, row.retires_at)
            keys[row.sender_id].append(key)
        return [
            Sender(row.id, row.name, row.token_sha256, row.created_at, row.disabled_at, tuple(keys[row.id]))
            for row in self._connection.execute(_SENDERS)
        ]

    def _find(self, name: str) -> UUID:
        row = self._connection.execute(_FIND, {"wanted": name}).one_or_none()
        if row is None:
            raise SenderError(f"there is no sender {name}")
        if row.disabled_at is not None:
            raise SenderError(f"the sender {name} is disabled")
        sender_id: UUID = row.id
        return sender_id

    def _add_key(self, sender_id: UUID, public_key: PublicKey | None, at: datetime) -> str:
        key = public_key or SharedSecret.new()
        self._connection.execute(
            _ADD_KEY,
            {
                "id": new_id(),
                "sender_id": sender_id,
                "scheme": key.scheme,
                "key_material": self._cipher.encrypt(key.material),
                "created_at": at,
            },
        )
        return key.text if public_key is None else ""


def token_digest(token: str) -> str:
    """What is kept of a token. It has 256 random bits: no salt and no slow hash would make it safer."""
    return sha256(token.encode("utf-8"))


def _new_token() -> str:
    return "skt_" + secrets.token_urlsafe(32)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


_ADD = conflict_insert(
    t.senders,
    lambda insert: insert.on_conflict_do_nothing(index_elements=["name"]).returning(t.senders.c.id),
)
_ADD_KEY = plain_insert(t.sender_keys)
_FIND = select(t.senders.c.id, t.senders.c.disabled_at).where(t.senders.c.name == bindparam("wanted"))
_SET_TOKEN = (
    update(t.senders).where(t.senders.c.id == bindparam("wanted")).values(token_sha256=bindparam("digest"))
)
_DISABLE = update(t.senders).where(t.senders.c.id == bindparam("wanted")).values(disabled_at=bindparam("end"))
_DISABLE_ENDPOINT = (
    update(t.subscribers)
    .where(t.subscribers.c.sender_id == bindparam("wanted"))
    .values(state=SubscriberState.DISABLED, reason=DisabledBecause.OPERATOR, changed_at=bindparam("end"))
)
_RETIRE = (
    update(t.sender_keys)
    .where(
        t.sender_keys.c.sender_id == bindparam("of_sender"),
        # A key that was to end earlier still does.
        or_(t.sender_keys.c.retires_at.is_(None), t.sender_keys.c.retires_at > bindparam("before")),
    )
    .values(retires_at=bindparam("end"))
)
_KEYS = (
    select(t.sender_keys)
    .where(or_(t.sender_keys.c.retires_at.is_(None), t.sender_keys.c.retires_at > bindparam("now")))
    .order_by(t.sender_keys.c.id)
)
_SENDERS = select(t.senders).order_by(t.senders.c.name)
