"""The accounts of people and their sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update

from pipeline.documents import sha256
from pipeline.errors import SekishoError
from pipeline.identifiers import new_id
from pipeline.people import Person, Role
from storage import tables as t
from storage.dialect import AnyRow, conflict_insert

SEEN_EVERY = timedelta(minutes=1)
"""How exactly a session remembers when it was last used: reading pages is not to write each time."""


class AccountError(SekishoError):
    """What was asked of an account cannot be done. ``code``: ``taken``, ``unknown`` or ``disabled``."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account. ``password_hash`` is empty for those who sign in at the identity provider only.

    ``must_change`` is set while the password is one that somebody else knows.
    """

    id: UUID
    name: str
    role: Role
    password_hash: str = field(repr=False)
    must_change: bool
    identity_sha256: str | None
    created_at: datetime
    disabled_at: datetime | None = None
    locked_until: datetime | None = None

    @property
    def person(self) -> Person:
        """Who acts with it."""
        return Person(self.name, self.role)


class SqlAccounts:
    """The accounts and sessions in the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, name: str, role: Role, password_hash: str, at: datetime, *, must_change: bool = True
    ) -> Account:
        """A new account under a name in its normal form.

        :raises AccountError: when the name is taken.
        """
        account = Account(new_id(), name, role, password_hash, must_change, None, at)
        added = self._connection.execute(
            _ADD(self._connection),
            {
                "id": account.id,
                "name": name,
                "role": role,
                "password_hash": password_hash or None,
                "must_change": must_change,
                "identity_sha256": None,
                "attempts": 0,
                "locked_until": None,
                "created_at": at,
                "disabled_at": None,
            },
        ).scalar_one_or_none()
        if added is None:
            raise AccountError("taken", f"there is an account {name} already")
        return account

    def roster(self) -> list[Account]:
        """Every account by name, the disabled ones too."""
        return [_account(row) for row in self._connection.execute(_ROSTER)]

    def named(self, name: str) -> Account:
        """The account of a name in its normal form.

        :raises AccountError: when there is none.
        """
        row = self._connection.execute(_NAMED, {"wanted": name}).one_or_none()
        if row is None:
            raise AccountError("unknown", f"there is no account {name}")
        return _account(row)

    def of_identity(self, identity_sha256: str) -> Account | None:
        """The account that is bound to somebody at the identity provider."""
        row = self._connection.execute(_OF_IDENTITY, {"wanted": identity_sha256}).one_or_none()
        return None if row is None else _account(row)

    def bind(self, account: Account, identity_sha256: str) -> bool:
        """Bind an account to somebody at the identity provider; False where it is bound to somebody."""
        changes = {"account": account.id, "identity": identity_sha256}
        return self._connection.execute(_BIND, changes).rowcount == 1

    def set_role(self, account: Account, role: Role) -> None:
        """Give another role, which counts from the next request on."""
        self._connection.execute(_SET_ROLE, {"account": account.id, "new_role": role})

    def set_password(self, account: Account, password_hash: str, *, must_change: bool) -> None:
        """Give another password, and let the account try again if it was locked."""
        self._connection.execute(
            _SET_PASSWORD, {"account": account.id, "new_hash": password_hash, "change": must_change}
        )

    def rehash(self, account: Account, password_hash: str) -> None:
        """Keep the same password by a newer hash, unless it was changed meanwhile."""
        self._connection.execute(
            _REHASH, {"account": account.id, "old_hash": account.password_hash, "new_hash": password_hash}
        )

    def disable(self, account: Account, at: datetime) -> None:
        """Let the account sign in no more and end its sessions. What it did stays under its name."""
        self._connection.execute(_DISABLE, {"account": account.id, "end": at})
        self.end_sessions(account.id)

    def attempt(self, name: str, at: datetime, limit: int, lock: timedelta) -> Account | None:
        """Count an attempt to sign in *before* the password is looked at, and return the account.

        None where there is none, or it is locked, disabled or has no password. The attempt that reaches the
        limit still counts, and locks the account for whoever comes next: any number of guesses at the same
        time are as many attempts.
        """
        row = self._connection.execute(
            _ATTEMPT, {"wanted": name, "now": at, "most": limit, "until": at + lock}
        ).one_or_none()
        return None if row is None else _account(row)

    def succeed(self, account: Account) -> None:
        """Forget the attempts: the password was right."""
        self._connection.execute(_SUCCEED, {"account": account.id})

    def open_session(self, account: Account, token: str, at: datetime, expires_at: datetime) -> None:
        """Keep a session by its token's digest, and forget those that are over."""
        self._connection.execute(_PURGE, {"now": at})
        self._connection.execute(
            _OPEN,
            {
                "token_sha256": _digest(token),
                "account_id": account.id,
                "opened_at": at,
                "seen_at": at,
                "expires_at": expires_at,
            },
        )

    def of_session(self, token: str, at: datetime, idle: timedelta) -> tuple[Account, datetime] | None:
        """The account of a session in force and when the session was last seen; else None."""
        row = self._connection.execute(
            _OF_SESSION, {"token": _digest(token), "now": at, "idle_since": at - idle}
        ).one_or_none()
        return None if row is None else (_account(row), row.seen_at)

    def see(self, token: str, at: datetime) -> None:
        """Note that a session was used."""
        self._connection.execute(_SEE, {"token": _digest(token), "now": at})

    def end_session(self, token: str) -> UUID | None:
        """End one session and return whose it was."""
        ended: UUID | None = self._connection.execute(_END, {"token": _digest(token)}).scalar_one_or_none()
        return ended

    def end_sessions(self, account_id: UUID, but: str = "") -> None:
        """End every session of an account but the one of this token."""
        self._connection.execute(_END_ALL, {"account": account_id, "token": _digest(but)})


def _digest(token: str) -> str:
    """What is kept of a token. It has 256 random bits: no salt and no slow hash would make it safer."""
    return sha256(token.encode("utf-8"))


def _account(row: AnyRow) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        password_hash=row.password_hash or "",
        must_change=row.must_change,
        identity_sha256=row.identity_sha256,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        locked_until=row.locked_until,
    )


_a, _s = t.accounts.c, t.sessions.c
_THIS = _a.id == bindparam("account")
_ADD = conflict_insert(
    t.accounts, lambda insert: insert.on_conflict_do_nothing(index_elements=["name"]).returning(_a.id)
)
_ROSTER = select(t.accounts).order_by(_a.name)
_NAMED = select(t.accounts).where(_a.name == bindparam("wanted"))
_OF_IDENTITY = select(t.accounts).where(_a.identity_sha256 == bindparam("wanted"))
_BIND = (
    update(t.accounts)
    .where(_THIS, _a.identity_sha256.is_(None))
    .values(identity_sha256=bindparam("identity"))
)
_SET_ROLE = update(t.accounts).where(_THIS).values(role=bindparam("new_role"))
_SET_PASSWORD = (
    update(t.accounts)
    .where(_THIS)
    .values(
        password_hash=bindparam("new_hash"), must_change=bindparam("change"), attempts=0, locked_until=None
    )
)
_REHASH = (
    update(t.accounts)
    .where(_THIS, _a.password_hash == bindparam("old_hash"))
    .values(password_hash=bindparam("new_hash"))
)
_DISABLE = update(t.accounts).where(_THIS, _a.disabled_at.is_(None)).values(disabled_at=bindparam("end"))
_ATTEMPT = (
    update(t.accounts)
    .where(
        _a.name == bindparam("wanted"),
        _a.disabled_at.is_(None),
        _a.password_hash.is_not(None),
        (_a.locked_until.is_(None)) | (_a.locked_until <= bindparam("now")),
    )
    .values(
        attempts=_a.attempts + 1,
        locked_until=case(
            (_a.attempts + 1 >= bindparam("most"), bindparam("until", type_=t.Moment())), else_=None
        ),
    )
    .returning(*t.accounts.c)
)
_SUCCEED = update(t.accounts).where(_THIS).values(attempts=0, locked_until=None)
_PURGE = delete(t.sessions).where(_s.expires_at <= bindparam("now"))
_OPEN = insert(t.sessions)
_OF_SESSION = (
    select(t.accounts, _s.seen_at)
    .join(t.sessions, _s.account_id == _a.id)
    .where(
        _s.token_sha256 == bindparam("token"),
        _s.expires_at > bindparam("now"),
        _s.seen_at > bindparam("idle_since"),
        _a.disabled_at.is_(None),
    )
)
_SEE = update(t.sessions).where(_s.token_sha256 == bindparam("token")).values(seen_at=bindparam("now"))
_END = delete(t.sessions).where(_s.token_sha256 == bindparam("token")).returning(_s.account_id)
_END_ALL = delete(t.sessions).where(
    _s.account_id == bindparam("account"), _s.token_sha256 != bindparam("token")
)
