"""Senders: secrets are shown once and kept encrypted, keys overlap while they are renewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from pipeline.errors import ConfigurationError
from pipeline.webhook import PrivateKey, parse_verifying_key
from storage import tables as t
from storage.database import Database
from storage.senders import Cipher, Sender, SenderError, SqlSenders, token_digest

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = Fernet.generate_key().decode()


@pytest.fixture
def cipher() -> Cipher:
    return Cipher([KEY])


@pytest.fixture
def ask(database: Database, cipher: Cipher) -> Callable[..., Any]:
    """Calls a method of the senders in a transaction of its own."""

    def call(method: str, *arguments: Any, **options: Any) -> Any:
        with database.write() as connection:
            return getattr(SqlSenders(connection, cipher), method)(*arguments, **options)

    return call


def only(roster: list[Sender]) -> Sender:
    [sender] = roster
    return sender


def test_what_a_sender_was_given_is_what_counts(ask: Any, cipher: Cipher) -> None:
    given = ask("add", "portal", NOW)
    sender = only(ask("roster", NOW))
    [key] = sender.keys
    assert (sender.id, sender.name, sender.created_at) == (given.sender_id, "portal", NOW)
    assert (key.scheme, key.created_at, key.retires_at) == ("v1", NOW, None)
    assert key.open(cipher) == parse_verifying_key(given.secret)
    assert sender.token_sha256 == token_digest(given.token)


def test_neither_secret_nor_token_stands_in_the_database_or_in_what_is_printed(
    ask: Any, database: Database, cipher: Cipher
) -> None:
    given = ask("add", "portal", NOW)
    material = parse_verifying_key(given.secret).material
    with database.read() as connection:
        rows = [*connection.execute(select(t.senders)), *connection.execute(select(t.sender_keys))]
    kept = b"".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for row in rows
        for value in row
    )
    for secret in (material, given.secret.encode(), given.secret[6:].encode(), given.token.encode()):
        assert secret not in kept
    shown = repr(given) + repr(only(ask("roster", NOW)))
    assert given.secret not in shown
    assert given.token not in shown


def test_a_sender_may_bring_a_public_key(ask: Any, cipher: Cipher) -> None:
    public = PrivateKey.new().public
    given = ask("add", "maker", NOW, public)
    assert given.secret == ""
    [key] = only(ask("roster", NOW)).keys
    assert key.scheme == "v1a"
    assert key.open(cipher) == public
    assert key.sealed != public.material


def test_while_a_key_is_renewed_the_old_one_counts_until_its_end(ask: Any, cipher: Cipher) -> None:
    old = ask("add", "portal", NOW)
    new = ask("rotate", "portal", NOW, NOW + DAY)
    assert (new.sender_id, new.token) == (old.sender_id, "")
    both = {parse_verifying_key(given.secret) for given in (old, new)}
    assert {key.open(cipher) for key in only(ask("roster", NOW + DAY - timedelta(seconds=1))).keys} == both
    [last] = only(ask("roster", NOW + DAY)).keys
    assert last.open(cipher) == parse_verifying_key(new.secret)


def test_renewing_again_puts_no_earlier_end_off(ask: Any) -> None:
    ask("add", "portal", NOW)
    ask("rotate", "portal", NOW, NOW + DAY)
    ask("rotate", "portal", NOW, NOW + 7 * DAY)
    ends = sorted(str(key.retires_at) for key in only(ask("roster", NOW)).keys)
    assert ends == [str(NOW + DAY), str(NOW + 7 * DAY), "None"]


def test_a_key_may_end_at_once(ask: Any) -> None:
    ask("add", "portal", NOW)
    ask("rotate", "portal", NOW, NOW)
    assert len(only(ask("roster", NOW)).keys) == 1


def test_a_renewed_token_takes_the_place_of_the_old_one(ask: Any) -> None:
    old = ask("add", "portal", NOW)
    new = ask("renew_token", "portal")
    assert new.token != old.token
    assert only(ask("roster", NOW)).token_sha256 == token_digest(new.token)
    assert new.secret == ""


def test_a_disabled_sender_stays_known_and_gets_nothing_new(ask: Any) -> None:
    ask("add", "portal", NOW)
    ask("disable", "portal", NOW + DAY)
    assert only(ask("roster", NOW + DAY)).disabled_at == NOW + DAY
    for call in (
        ("rotate", "portal", NOW, NOW),
        ("renew_token", "portal"),
        ("disable", "portal", NOW),
    ):
        with pytest.raises(SenderError, match="disabled"):
            ask(*call)
    with pytest.raises(SenderError, match="already"):
        ask("add", "portal", NOW)


def test_who_is_not_there_is_told_so(ask: Any) -> None:
    for call in (("rotate", "nobody", NOW, NOW), ("renew_token", "nobody"), ("disable", "nobody", NOW)):
        with pytest.raises(SenderError, match="no sender nobody"):
            ask(*call)


def test_a_name_is_taken_once(ask: Any) -> None:
    ask("add", "portal", NOW)
    with pytest.raises(SenderError, match="already"):
        ask("add", "portal", NOW)
    assert len(only(ask("roster", NOW)).keys) == 1


@pytest.mark.parametrize(
    "name", ["", "Portal", "a b", "-a", "a\n", "ä", "a" * 101, "01890000-0000-7000-8000-000000000000", "a,b"]
)
def test_a_name_can_stand_in_a_header_and_is_no_id(ask: Any, name: str) -> None:
    with pytest.raises(SenderError, match="name has"):
        ask("add", name, NOW)


def test_senders_are_listed_by_name(ask: Any) -> None:
    for name in ("c", "a", "b"):
        ask("add", name, NOW)
    assert [sender.name for sender in ask("roster", NOW)] == ["a", "b", "c"]


def test_a_new_cipher_key_in_front_still_reads_what_the_old_one_wrote(cipher: Cipher) -> None:
    newer = Cipher([Fernet.generate_key().decode(), KEY])
    assert newer.decrypt(cipher.encrypt(b"secret")) == b"secret"
    with pytest.raises(ConfigurationError):
        cipher.decrypt(newer.encrypt(b"secret"))


def test_a_changed_ciphertext_is_refused(cipher: Cipher) -> None:
    sealed = bytearray(cipher.encrypt(b"secret"))
    sealed[20] ^= 1
    for wrong in (bytes(sealed), b"", b"\xff" * 40):
        with pytest.raises(ConfigurationError):
            cipher.decrypt(wrong)


@pytest.mark.parametrize("keys", [[], [""], ["short"], [KEY, "x"]])
def test_a_cipher_needs_fernet_keys(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Cipher(keys)
    assert KEY not in str(refused.value)
