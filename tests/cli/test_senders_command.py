from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from cli.output import Exit
from pipeline.webhook import PrivateKey, SharedSecret, parse_signing_key, sign, verify
from storage.database import Database
from storage.senders import Cipher, Sender, SqlSenders, token_digest
from tests.cli.conftest import Sekisho

pytestmark = pytest.mark.usefixtures("installation")


def roster(at: datetime | None = None) -> list[Sender]:
    database = Database(os.environ["SEKISHO_DATABASE_URL"])
    with database.read() as connection:
        found = SqlSenders(connection, cipher()).roster(at or datetime.now(UTC))
    database.close()
    return found


def cipher() -> Cipher:
    return Cipher([os.environ["SEKISHO_SECRET_KEYS"]])


def counts(secret: str, senders: Sequence[Sender]) -> bool:
    """Whether a message signed with this secret is verified by one of the senders' keys."""
    now = datetime.now(UTC)
    signed = sign([parse_signing_key(secret)], "msg_1", now, b"{}")
    keys = [(sender.name, key.open(cipher())) for sender in senders for key in sender.keys]
    try:
        verify("msg_1", signed["webhook-timestamp"], signed["webhook-signature"], b"{}", keys, now)
    except Exception:  # noqa: BLE001 - whatever it is, it is not verified
        return False
    return True


def test_what_add_hands_over_signs_and_reads(sekisho: Sekisho) -> None:
    handed = sekisho("senders", "add", "my-portal", "--json").value
    [sender] = roster()
    assert sender.name == handed["name"] == "my-portal"
    assert str(sender.id) == handed["id"]
    assert counts(handed["secret"], [sender])
    assert sender.token_sha256 == token_digest(handed["token"])


def test_people_are_told_to_keep_it(sekisho: Sekisho) -> None:
    answer = sekisho("senders", "add", "my-portal")
    assert answer.status == Exit.DONE
    assert "whsec_" in answer.out
    assert "not shown again" in answer.err


def test_a_sender_may_bring_its_own_public_key(sekisho: Sekisho) -> None:
    key = PrivateKey.new()
    handed = sekisho("senders", "add", "portal", "--public-key", key.public.text, "--json").value
    assert "secret" not in handed
    assert counts(key.text, roster())


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "ü", "a" * 101, "../x", "a\nb", "5d1f4d3e-0000-4000-8000-000000000000"]
)
def test_a_name_that_cannot_stand_in_a_header_is_refused(name: str, sekisho: Sekisho) -> None:
    answer = sekisho("senders", "add", "--json", "--", name)
    assert answer.status == Exit.INVALID
    assert answer.problem["code"] == "cli.sender_invalid"
    assert roster() == []


@pytest.mark.parametrize(
    "key", ["", "whpk_", "whpk_###", SharedSecret.new().text, PrivateKey.new().text, "whpk_" + "A" * 5000]
)
def test_a_public_key_that_is_none_is_refused_and_not_repeated(key: str, sekisho: Sekisho) -> None:
    answer = sekisho("senders", "add", "portal", "--public-key", key, "--json")
    assert answer.status == Exit.INVALID
    assert answer.problem["code"] == "cli.key_malformed"
    assert len(key) < 6 or key not in answer.err
    assert roster() == []


def test_a_name_is_given_once(sekisho: Sekisho) -> None:
    sekisho("senders", "add", "portal")
    assert sekisho("senders", "add", "portal").status == Exit.CONFLICT


def test_after_a_rotation_both_keys_count_until_the_overlap_ends(sekisho: Sekisho) -> None:
    old = sekisho("senders", "add", "portal", "--json").value["secret"]
    new = sekisho("senders", "rotate", "portal", "--overlap", "2h", "--json").value["secret"]
    for when, valid in ((timedelta(hours=1), {old, new}), (timedelta(hours=3), {new})):
        senders = roster(datetime.now(UTC) + when)
        assert {secret for secret in (old, new) if counts(secret, senders)} == valid


def test_a_key_that_leaked_can_end_at_once(sekisho: Sekisho) -> None:
    old = sekisho("senders", "add", "portal", "--json").value["secret"]
    sekisho("senders", "rotate", "portal", "--overlap", "0m")
    assert not counts(old, roster())


def test_the_token_is_renewed_by_itself(sekisho: Sekisho) -> None:
    first = sekisho("senders", "add", "portal", "--json").value
    second = sekisho("senders", "rotate", "portal", "--token", "--json").value
    assert "secret" not in second
    assert counts(first["secret"], roster())
    assert roster()[0].token_sha256 == token_digest(second["token"]) != token_digest(first["token"])


@pytest.mark.parametrize("overlap", ["", "1", "-1h", "1w", "91d", "99999d", "１h", "1h "])
def test_an_overlap_that_is_none_is_wrong_usage(overlap: str, sekisho: Sekisho) -> None:
    sekisho("senders", "add", "portal")
    assert sekisho("senders", "rotate", "portal", "--overlap", overlap).status == Exit.USAGE


def test_the_list_shows_no_secret(sekisho: Sekisho) -> None:
    handed = sekisho("senders", "add", "portal", "--json").value
    sekisho("senders", "rotate", "portal")
    for answer in (sekisho("senders", "list"), sekisho("senders", "list", "--json")):
        assert answer.status == Exit.DONE
        assert "portal" in answer.out
        assert handed["secret"] not in answer.out
        assert handed["token"] not in answer.out
    [listed] = sekisho("senders", "list", "--json").values
    assert [key["scheme"] for key in listed["keys"]] == ["v1", "v1"]
    assert [key["retires_at"] is None for key in listed["keys"]] == [False, True]


def test_a_disabled_sender_is_only_listed(sekisho: Sekisho) -> None:
    sekisho("senders", "add", "portal")
    assert sekisho("senders", "disable", "portal").status == Exit.DONE
    assert sekisho("senders", "list", "--json").values[0]["disabled_at"]
    for again in (["disable", "portal"], ["rotate", "portal"], ["add", "portal"]):
        assert sekisho("senders", *again).status == Exit.CONFLICT


@pytest.mark.parametrize("verb", ["rotate", "disable"])
def test_who_is_not_there_is_not_found(verb: str, sekisho: Sekisho) -> None:
    answer = sekisho("senders", verb, "nobody", "--json")
    assert answer.status == Exit.NOT_FOUND
    assert answer.problem["code"] == "cli.sender_unknown"


def test_without_a_key_to_encrypt_with_nothing_is_kept(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEKISHO_SECRET_KEYS")
    answer = sekisho("senders", "add", "portal", "--json")
    assert answer.status == Exit.INVALID
    assert "sekisho keys new" in answer.err


def test_a_new_key_in_front_of_the_old_one_reads_what_the_old_one_encrypted(sekisho: Sekisho) -> None:
    handed = sekisho("senders", "add", "portal", "--json").value
    old = os.environ["SEKISHO_SECRET_KEYS"]
    os.environ["SEKISHO_SECRET_KEYS"] = f"{Fernet.generate_key().decode()},{old}"
    assert sekisho("senders", "rotate", "portal").status == Exit.DONE
    os.environ["SEKISHO_SECRET_KEYS"] = old
    [first, _second] = roster()[0].keys
    assert first.open(cipher()) == parse_signing_key(handed["secret"])
