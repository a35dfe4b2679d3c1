"""Signatures and the keys that verify them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.documents import canonical
from pipeline.signing import KeySet, NotSigned, PublicKey, SigningKey, key_of, payload_of

KEY = SigningKey.read("sksk_" + base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode())
KEYS = KeySet([KEY.public])
TOKEN = KEY.sign("a-kind", {"position": 7, "名": "é"})


def reason(token: str, kind: str = "a-kind", keys: KeySet = KEYS) -> str:
    with pytest.raises(NotSigned) as refused:
        keys.verify(token, kind)
    return refused.value.reason


def test_the_known_answer_of_rfc_8037() -> None:
    # RFC 8037, A.1 to A.3: the key, and its thumbprint.
    seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    key = SigningKey.read(f"sksk_{seed}")
    assert key.public.as_jwk()["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.public.id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_what_was_signed_is_read_back_and_is_the_same_each_time() -> None:
    assert KEYS.verify(TOKEN, "a-kind") == {"position": 7, "名": "é"} == payload_of(TOKEN)
    assert key_of(TOKEN) == KEY.public.id
    assert KEY.sign("a-kind", {"名": "é", "position": 7}) == TOKEN


def test_a_signature_of_one_thing_is_none_of_another() -> None:
    assert reason(TOKEN, "another-kind") == "other_kind"
    assert reason(TOKEN, keys=KeySet([SigningKey.new().public])) == "unknown_key"
    assert reason(TOKEN, keys=KeySet()) == "unknown_key"


def forged(header: Any) -> str:
    parts = TOKEN.split(".")
    parts[0] = base64.urlsafe_b64encode(canonical(header)).rstrip(b"=").decode()
    return ".".join(parts)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "EdDSA", None, 1])
def test_the_signature_does_not_choose_how_it_is_checked(algorithm: Any) -> None:
    assert reason(forged({"alg": algorithm, "kid": KEY.public.id, "typ": "a-kind"})) == "other_kind"


@given(place=st.integers(0, len(TOKEN) - 1), sign=st.sampled_from("ABab01-_.=+/ \n"))
def test_no_other_spelling_of_a_signature_is_taken(place: int, sign: str) -> None:
    changed = TOKEN[:place] + sign + TOKEN[place + 1 :]
    if changed != TOKEN:
        assert reason(changed) in {"malformed", "signature", "other_kind", "unknown_key"}


@given(token=st.text(st.characters(codec="utf-8"), max_size=60))
def test_what_is_no_signature_is_refused(token: str) -> None:
    assert reason(token) == "malformed"


def test_keys_are_published_and_read_as_a_key_set() -> None:
    other = SigningKey.new()
    document = KeySet([KEY.public, other.public]).as_json()
    assert all("d" not in key for key in document["keys"])
    foreign = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
    read = KeySet.from_json({"keys": [foreign, *document["keys"]]})
    assert len(read) == 2
    assert read.verify(TOKEN, "a-kind")
    assert KEY.public.id in KeySet.from_json(KEY.public.as_jwk())


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"keys": {}},
        {"keys": [{"kty": "OKP", "crv": "Ed25519"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "!"}]},
    ],
)
def test_what_is_no_key_set_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"(?i)key|base64url|text"):
        KeySet.from_json(document)


@pytest.mark.parametrize("text", ["", "sksk_", "sksk_AAAA", KEY.text[5:], KEY.text + "A", KEY.text + "="])
def test_what_is_no_signing_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="sekisho keys new") as refused:
        SigningKey.read(text)
    assert "AAAA" not in str(refused.value)


def test_a_secret_key_does_not_show_itself() -> None:
    assert KEY.text not in repr(KEY)
    assert "seed" not in repr(KEY)
    assert PublicKey(KEY.public.material) == KEY.public
