"""Signing and verifying against the vectors of Standard Webhooks, and against whatever a stranger writes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.webhook import (
    MOST_SIGNATURES,
    MalformedKey,
    NotVerified,
    PrivateKey,
    PublicKey,
    SharedSecret,
    SigningKey,
    is_message_id,
    parse_signing_key,
    parse_verifying_key,
    sign,
    verify,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
WRONG = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="

Message = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(reference: Path) -> Message:
    content: Message = json.loads((reference / "peers/webhooks/standard-webhooks-v1.json").read_text())
    return content


def accepts(message: Message, *, secret: str = SECRET, seconds_later: int = 0, **changed: str) -> bool:
    """Whether the vector's message, changed so, is accepted. A header left out is an empty one here."""
    told = {"id": message["id"], "timestamp": str(message["timestamp"]), "signature": message["signature"]}
    told |= changed
    now = datetime.fromtimestamp(message["timestamp"] + seconds_later, UTC)
    if not is_message_id(told["id"]):
        return False
    try:
        verify(
            told["id"],
            told["timestamp"],
            told["signature"],
            message["body"].encode(),
            [("sender", parse_verifying_key(secret))],
            now,
        )
    except NotVerified:
        return False
    return True


def signs_with(secret: str) -> bool:
    """Whether what is signed with this secret is accepted with it, with its prefix and without."""
    headers = sign([parse_signing_key(secret)], "msg", NOW, b"{}")
    for form in (secret.removeprefix("whsec_"), "whsec_" + secret.removeprefix("whsec_")):
        keys = [("sender", parse_verifying_key(form))]
        verify("msg", headers["webhook-timestamp"], headers["webhook-signature"], b"{}", keys, NOW)
    return True


def starts_with(secret: str) -> bool:
    try:
        parse_verifying_key(secret)
    except MalformedKey:
        return False
    return True


CASES: dict[str, Callable[[Message], bool]] = {
    "as signed, clock within 300 s": lambda m: (
        accepts(m, seconds_later=300) and accepts(m, seconds_later=-300)
    ),
    "no webhook-id": lambda m: accepts(m, id=""),
    "no webhook-timestamp": lambda m: accepts(m, timestamp=""),
    "no webhook-signature": lambda m: accepts(m, signature=""),
    "webhook-timestamp: hello": lambda m: accepts(m, timestamp="hello"),
    f"signature {WRONG}": lambda m: accepts(m, signature=WRONG),
    "signature v1,dawfeoifkpqwoekfpqoekf": lambda m: accepts(m, signature="v1,dawfeoifkpqwoekfpqoekf"),
    "signature v1, (nothing after the comma)": lambda m: accepts(m, signature="v1,"),
    "timestamp 301 s old": lambda m: accepts(m, seconds_later=301),
    "timestamp 301 s ahead": lambda m: accepts(m, seconds_later=-301),
    "four entries, v1 wrong, v2 of the same value, v1 right, v1 wrong": lambda m: accepts(
        m, signature=" ".join([WRONG, m["signature"].replace("v1,", "v2,"), m["signature"], WRONG])
    ),
    "secret with and without whsec_": lambda m: (
        accepts(m) and accepts(m, secret=SECRET.removeprefix("whsec_"))
    ),
    "secret without base64 padding: MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS and MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr": (
        lambda _: (
            signs_with("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS") and signs_with("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr")
        )
    ),
    "empty secret or bare whsec_": lambda _: starts_with("") or starts_with("whsec_"),
}


def test_every_vector_has_its_case(vectors: Message) -> None:
    assert {vector["case"] for vector in vectors["verify"]} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_vector(vectors: Message, case: str) -> None:
    [expected] = [vector["expect"] for vector in vectors["verify"] if vector["case"] == case]
    assert CASES[case](vectors["sign"]) is (expected == "accept")


def test_we_sign_as_the_vector_does(vectors: Message) -> None:
    message = vectors["sign"]
    at = datetime.fromtimestamp(message["timestamp"], UTC)
    headers = sign([parse_signing_key(message["secret"])], message["id"], at, message["body"].encode())
    assert headers == {
        "webhook-id": message["id"],
        "webhook-timestamp": str(message["timestamp"]),
        "webhook-signature": message["signature"],
    }


@pytest.fixture(params=[SharedSecret, PrivateKey], ids=["v1", "v1a"])
def key(request: pytest.FixtureRequest) -> SigningKey:
    made: SigningKey = request.param.new()
    return made


def public(key: SigningKey) -> SharedSecret | PublicKey:
    return key.public if isinstance(key, PrivateKey) else key


def check(headers: dict[str, str], body: bytes, *keys: Any, now: datetime = NOW) -> int:
    """The place of the key that signed."""
    return verify(
        headers["webhook-id"],
        headers["webhook-timestamp"],
        headers["webhook-signature"],
        body,
        enumerate(keys),
        now,
    )


def test_among_many_keys_the_one_that_signed_is_found(key: SigningKey) -> None:
    others = [SharedSecret.new(), PrivateKey.new().public, SharedSecret.new()]
    assert check(sign([key], "m", NOW, b"x"), b"x", *others, public(key)) == 3


def test_any_of_several_signatures_is_enough(key: SigningKey) -> None:
    headers = sign([SharedSecret.new(), PrivateKey.new(), key], "m", NOW, b"x")
    assert check(headers, b"x", public(key)) == 0


@pytest.mark.parametrize("part", ["webhook-id", "webhook-timestamp", "body"])
def test_everything_that_is_signed_counts(key: SigningKey, part: str) -> None:
    headers = sign([key], "m", NOW, b"x")
    body = b"x"
    if part == "body":
        body = b"y"
    else:
        headers[part] = {"webhook-id": "n", "webhook-timestamp": str(int(NOW.timestamp()) + 1)}[part]
    with pytest.raises(NotVerified, match="no_match"):
        check(headers, body, public(key))


def test_entries_that_cannot_be_read_hide_no_good_one(key: SigningKey) -> None:
    headers = sign([key], "m", NOW, b"x")
    headers["webhook-signature"] = "v1 v1,, v1a,AA= v1a,!  v9,x " + headers["webhook-signature"]
    assert check(headers, b"x", public(key)) == 0


def test_only_so_many_signatures_are_looked_at(key: SigningKey) -> None:
    headers = sign([key], "m", NOW, b"x")
    good = headers["webhook-signature"]
    headers["webhook-signature"] = " ".join(["v1,AAAA"] * (MOST_SIGNATURES - 1) + [good])
    assert check(headers, b"x", public(key)) == 0
    headers["webhook-signature"] = " ".join(["v1,AAAA"] * MOST_SIGNATURES + [good])
    with pytest.raises(NotVerified):
        check(headers, b"x", public(key))


def test_a_public_key_is_no_shared_secret() -> None:
    """Whoever knows the public key could otherwise sign with it."""
    key = PrivateKey.new()
    forged = sign([SharedSecret(key.public.material)], "m", NOW, b"x")
    forged["webhook-signature"] += " " + forged["webhook-signature"].replace("v1,", "v1a,")
    with pytest.raises(NotVerified):
        check(forged, b"x", key.public)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_times_within_five_minutes_are_good(key: SigningKey, seconds: int) -> None:
    assert check(sign([key], "m", NOW + timedelta(seconds=seconds), b""), b"", public(key)) == 0


@pytest.mark.parametrize("seconds", [-301, 301, 10**8])
def test_other_times_are_not(key: SigningKey, seconds: int) -> None:
    with pytest.raises(NotVerified, match="timestamp_out_of_range"):
        check(sign([key], "m", NOW + timedelta(seconds=seconds), b""), b"", public(key))


@pytest.mark.parametrize("timestamp", ["", "1.5", " 1", "+1", "-1", "1e3", "0x1", "١", "9" * 13, "1\n"])
def test_a_timestamp_is_whole_seconds_in_ascii(timestamp: str) -> None:
    with pytest.raises(NotVerified, match="timestamp_malformed"):
        verify("m", timestamp, "v1,x", b"", [], NOW)


@given(st.text(), st.text(), st.text(), st.binary())
def test_whatever_a_stranger_writes_is_refused_and_nothing_else(
    timestamp: str, signature: str, version: str, body: bytes
) -> None:
    keys = [(0, SharedSecret(b"k")), (1, PrivateKey(bytes(32)).public)]
    now = str(int(NOW.timestamp()))
    for when, what in (
        (timestamp, signature),
        (now, signature),
        (now, f"{version},{signature} v1a,{signature}"),
    ):
        with pytest.raises(NotVerified):
            verify("m", when, what, body, keys, NOW)


@given(st.binary(), st.from_regex(r"[A-Za-z0-9_~:@+/=-]{1,255}", fullmatch=True), st.binary(min_size=1))
def test_what_is_signed_is_verified(body: bytes, message_id: str, secret: bytes) -> None:
    for signing in (SharedSecret(secret), PrivateKey(secret.ljust(32, b"\0")[:32])):
        assert check(sign([signing], message_id, NOW, body), body, public(signing)) == 0


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\n", "ä", "a,b", "a" * 256, "a\x00"])
def test_a_message_id_holds_no_delimiter(message_id: str) -> None:
    assert not is_message_id(message_id)
    with pytest.raises(ValueError, match="message id"):
        sign([SharedSecret.new()], message_id, NOW, b"")


def test_keys_survive_being_written_down(key: SigningKey) -> None:
    assert parse_signing_key(key.text) == key
    assert parse_verifying_key(public(key).text) == public(key)


def test_a_secret_key_has_two_shapes_in_the_wild() -> None:
    key = PrivateKey.new()
    seed_alone = "whsk_" + base64.b64encode(key.seed).decode()
    with_public_half = "whsk_" + base64.b64encode(key.seed + key.public.material).decode()
    assert parse_signing_key(seed_alone) == parse_signing_key(with_public_half) == key


@pytest.mark.parametrize(
    "text",
    [
        "whsk_" + base64.b64encode(bytes(31)).decode(),
        "whsk_" + base64.b64encode(bytes(64)).decode(),
        "whsk_",
        "whpk_" + base64.b64encode(bytes(32)).decode(),
        "whsec_",
        "whsec_!",
        "whsec_é",
        "whsec_A",
    ],
)
def test_what_does_not_sign(text: str) -> None:
    with pytest.raises(MalformedKey) as refused:
        parse_signing_key(text)
    assert text.partition("_")[2] not in str(refused.value) or text.endswith("_")


@pytest.mark.parametrize(
    "text", ["whpk_", "whpk_AAAA", "whsk_" + "A" * 43 + "=", "", "whsec_", "hello world"]
)
def test_what_does_not_verify(text: str) -> None:
    with pytest.raises(MalformedKey):
        parse_verifying_key(text)


def test_secrets_do_not_show_when_printed() -> None:
    shared, private = SharedSecret(b"shared material"), PrivateKey.new()
    assert "material" not in repr(shared)
    assert repr(private.seed) not in repr(private)
