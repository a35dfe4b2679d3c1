"""People sign in here: with a name and a password, or as whom an identity provider says they are.

Whoever guesses learns nothing: an unknown name, a wrong password, a locked and a disabled account get the
same answer after the same work. Five wrong passwords in a row lock an account for a quarter of an hour; each
attempt is counted in the database before the password is looked at: guesses at the same time are as many.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pipeline.documents import sha256
from pipeline.errors import SekishoError
from pipeline.model import Event, Text
from pipeline.people import Role, normal_name
from pipeline.ports import Clock
from storage.accounts import SEEN_EVERY, Account, AccountError
from storage.memory import SqlMemory, SqlTransaction

MOST_ATTEMPTS = 5
LOCKED_FOR = timedelta(minutes=15)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
"""Signs. Longer ones would only cost; NIST SP 800-63B asks for 64 at least to be allowed."""

BY_COMMAND = "operator"
"""Who acts at the command line: whoever has the machine."""

BY_PROVIDER = "oidc"
"""Who acts where the identity provider's claim gives the role."""

_HASHES_AT_ONCE = threading.BoundedSemaphore(2)
"""A hash takes 64 MiB and some 100 ms of a core: a flood of attempts must not take all of them."""


class SignInRefused(SekishoError):
    """Nobody is let in; why is not told."""


class PasswordRefused(SekishoError):
    """A password that may not be chosen; says why."""

    def __init__(self, code: str, said: Text) -> None:
        super().__init__(said.en)
        self.code = code
        self.said = said


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has just signed in. ``token`` goes into the cookie and nowhere else."""

    account: Account
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, as an identity provider says: issuer and subject never change, the name may.

    ``role`` is what the provider's claim gives; None where the local account says.
    """

    issuer: str
    subject: str
    name: str
    role: Role | None = None

    @property
    def digest(self) -> str:
        """What is kept of it."""
        return sha256(f"{self.issuer}\n{self.subject}".encode())


class Accounts:
    """The people of one installation."""

    def __init__(
        self,
        memory: SqlMemory,
        clock: Clock,
        lifetime: timedelta = timedelta(hours=12),
        idle: timedelta = timedelta(hours=1),
        hasher: PasswordHasher | None = None,
    ) -> None:
        """``lifetime`` is how long a session lasts at most, ``idle`` how long without use."""
        self._memory = memory
        self._clock = clock
        self._lifetime = lifetime
        self._idle = idle
        # By default as RFC 9106 recommends where memory is scarce.
        self._hasher = hasher or PasswordHasher()

    # -- signing in and out

    def sign_in(self, name: str, password: str) -> Session:
        """Let somebody in who knows the password.

        :raises SignInRefused: else, whatever the cause.
        """
        now = self._clock.now()
        account = None
        plain = _name_or_none(name)
        if plain is not None:
            with self._memory.write() as tx:
                account = tx.accounts.attempt(plain, now, MOST_ATTEMPTS, LOCKED_FOR)
                if account is not None and account.locked_until is not None:
                    tx.journal.write([_event(account, "account.locked", account.name, now)])
        right = self._is_right(account.password_hash if account else self._nobodys, password)
        if account is None or not right:
            raise SignInRefused("name or password")
        with self._memory.write() as tx:
            tx.accounts.succeed(account)
            if self._hasher.check_needs_rehash(account.password_hash):
                tx.accounts.rehash(account, self._hasher.hash(_normal(password)))
        return self._open(account)

    def sign_in_as(self, identity: Identity) -> Session:
        """Let somebody in whom the identity provider knows.

        An account is found by issuer and subject; the first time by its name, if it has no password and is
        bound to nobody yet. Where the provider gives the role, an account is made, and follows it.

        :raises SignInRefused: when there is no such account, or it is disabled.
        """
        now = self._clock.now()
        with self._memory.write() as tx:
            account = tx.accounts.of_identity(identity.digest)
            if account is None:
                account = self._bind(identity, tx)
            if account.disabled_at is not None:
                raise SignInRefused("disabled")
            if identity.role is not None and identity.role is not account.role:
                tx.accounts.set_role(account, identity.role)
                tx.journal.write([_event(account, "account.role", BY_PROVIDER, now, role=identity.role)])
        return self._open(account)

    def _bind(self, identity: Identity, tx: SqlTransaction) -> Account:
        now = self._clock.now()
        name = _name_or_none(identity.name)
        if name is None:
            raise SignInRefused("the provider gives no name that can be one")
        try:
            account = tx.accounts.named(name)
        except AccountError:
            if identity.role is None:
                raise SignInRefused("no account") from None
            account = tx.accounts.add(name, identity.role, "", now, must_change=False)
            tx.journal.write([_event(account, "account.added", BY_PROVIDER, now, role=identity.role)])
        if account.password_hash or not tx.accounts.bind(account, identity.digest):
            raise SignInRefused("the name is somebody else's")
        return account

    def _open(self, account: Account) -> Session:
        now = self._clock.now()
        token = secrets.token_urlsafe(32)
        with self._memory.write() as tx:
            tx.accounts.open_session(account, token, now, now + self._lifetime)
            tx.journal.write([_event(account, "account.signed_in", account.name, now)])
        return Session(account, token)

    def of_token(self, token: str) -> Account | None:
        """Whose session this is; None where it is over, or the account disabled."""
        now = self._clock.now()
        with self._memory.read() as tx:
            found = tx.accounts.of_session(token, now, self._idle)
        if found is None:
            return None
        account, seen_at = found
        if now - seen_at >= SEEN_EVERY:
            with self._memory.write() as tx:
                tx.accounts.see(token, now)
        return account

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._memory.write() as tx:
            tx.accounts.end_session(token)

    def change_password(self, session: Session, old: str, new: str) -> None:
        """Choose another password; every other session of the account ends.

        :raises SignInRefused: when the old one is wrong; that counts as an attempt.
        :raises PasswordRefused: when the new one may not be chosen.
        """
        account = session.account
        check_password(account.name, new, old)
        now = self._clock.now()
        with self._memory.write() as tx:
            counted = tx.accounts.attempt(account.name, now, MOST_ATTEMPTS, LOCKED_FOR)
        if not self._is_right(counted.password_hash if counted else self._nobodys, old) or counted is None:
            raise SignInRefused("password")
        hashed = self._hashed(new)
        with self._memory.write() as tx:
            tx.accounts.set_password(account, hashed, must_change=False)
            tx.accounts.end_sessions(account.id, but=session.token)
            tx.journal.write([_event(account, "account.password_changed", account.name, now)])

    # -- what an operator does

    def add(self, name: str, role: Role, password: str, *, must_change: bool = True) -> Account:
        """A new account; without a password for somebody who signs in at the identity provider.

        :raises ValueError: when the name can be none.
        :raises AccountError: when it is taken.
        :raises PasswordRefused: when the password may not be chosen.
        """
        plain = normal_name(name)
        if password:
            check_password(plain, password)
        hashed = self._hashed(password) if password else ""
        now = self._clock.now()
        with self._memory.write() as tx:
            account = tx.accounts.add(plain, role, hashed, now, must_change=must_change and bool(password))
            tx.journal.write([_event(account, "account.added", BY_COMMAND, now, role=role)])
        return account

    def roster(self) -> list[Account]:
        """Every account by name, the disabled ones too."""
        with self._memory.read() as tx:
            return tx.accounts.roster()

    def reset(self, name: str, password: str) -> Account:
        """Give a new password, to be changed at the next sign-in; lift a lock and end all sessions.

        :raises ValueError: when the name can be none.
        :raises AccountError: when there is no such account, or it is disabled.
        :raises PasswordRefused: when the password may not be chosen.
        """
        plain = normal_name(name)
        check_password(plain, password)
        hashed = self._hashed(password)
        now = self._clock.now()
        with self._memory.write() as tx:
            account = _active(tx.accounts.named(plain))
            tx.accounts.set_password(account, hashed, must_change=True)
            tx.accounts.end_sessions(account.id)
            tx.journal.write([_event(account, "account.password_reset", BY_COMMAND, now)])
        return account

    def set_role(self, name: str, role: Role) -> Account:
        """Give another role.

        :raises ValueError: when the name can be none.
        :raises AccountError: as :meth:`reset`.
        """
        now = self._clock.now()
        with self._memory.write() as tx:
            account = _active(tx.accounts.named(normal_name(name)))
            tx.accounts.set_role(account, role)
            tx.journal.write([_event(account, "account.role", BY_COMMAND, now, role=role)])
        return account

    def disable(self, name: str) -> Account:
        """Let an account sign in no more and end its sessions.

        :raises ValueError: when the name can be none.
        :raises AccountError: as :meth:`reset`.
        """
        now = self._clock.now()
        with self._memory.write() as tx:
            account = _active(tx.accounts.named(normal_name(name)))
            tx.accounts.disable(account, now)
            tx.journal.write([_event(account, "account.disabled", BY_COMMAND, now)])
        return account

    # -- passwords

    def _hashed(self, password: str) -> str:
        with _HASHES_AT_ONCE:
            return self._hasher.hash(_normal(password))

    @cached_property
    def _nobodys(self) -> str:
        """Compared with where there is nothing to compare with."""
        return self._hasher.hash(secrets.token_urlsafe(16))

    def _is_right(self, hashed: str, password: str) -> bool:
        with _HASHES_AT_ONCE:
            try:
                return self._hasher.verify(hashed, _normal(password[:LONGEST_PASSWORD]))
            except (VerificationError, InvalidHashError):
                return False


def new_password() -> str:
    """A password to hand over: 96 random bits."""
    return secrets.token_urlsafe(12)


def check_password(name: str, password: str, old: str = "") -> None:
    """Pass if this may be a password.

    Length is what counts (NIST SP 800-63B, 3.1.1.2): no rules of composition.

    :raises PasswordRefused: with the reason.
    """
    plain = _normal(password)
    if len(plain) < SHORTEST_PASSWORD:
        raise PasswordRefused(
            "too_short",
            Text(
                f"パスワードは{SHORTEST_PASSWORD}文字以上にしてください。",
                f"A password has at least {SHORTEST_PASSWORD} characters.",
            ),
        )
    if len(password) > LONGEST_PASSWORD:
        raise PasswordRefused(
            "too_long",
            Text(
                f"パスワードは{LONGEST_PASSWORD}文字以内にしてください。",
                f"A password has at most {LONGEST_PASSWORD} characters.",
            ),
        )
    if name in plain.casefold() or len(set(plain)) < 5:
        raise PasswordRefused(
            "too_plain",
            Text(
                "名前を含むもの、同じ文字の繰返しは使えません。",
                "A password holds neither the account's name nor a few characters again and again.",
            ),
        )
    if password == old:
        raise PasswordRefused(
            "not_new",
            Text("今までと異なるパスワードにしてください。", "Choose another password than the old one."),
        )


def _normal(password: str) -> str:
    """The same password from every keyboard (NIST SP 800-63B: NFKC before hashing)."""
    return unicodedata.normalize("NFKC", password)


def _name_or_none(text: str) -> str | None:
    try:
        return normal_name(text)
    except ValueError:
        return None


def _active(account: Account) -> Account:
    if account.disabled_at is not None:
        raise AccountError("disabled", f"the account {account.name} is disabled")
    return account


def _event(account: Account, name: str, by: str, at: datetime, role: Role | None = None) -> Event:
    """The journal names things by case; an account is a thing of its own, with its own id."""
    return Event(account.id, name, by, at, {} if role is None else {"role": str(role)})
