"""The receiver that tests of deliveries verify signatures with is itself held to the published vectors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.webhook import PrivateKey, parse_signing_key, sign
from tests.webhooks import verified


@pytest.fixture(scope="session")
def vector(reference: Path) -> dict[str, object]:
    document = json.loads(
        (reference / "peers/webhooks/standard-webhooks-v1.json").read_text(encoding="utf-8")
    )
    signed: dict[str, object] = document["sign"]
    return signed


def test_it_takes_the_published_message_and_what_we_sign_is_that_message(vector) -> None:
    at = datetime.fromtimestamp(vector["timestamp"], UTC)
    body = vector["body"].encode()
    headers = {
        "webhook-id": vector["id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": vector["signature"],
    }
    assert verified(vector["secret"], headers, body, at)
    assert sign([parse_signing_key(vector["secret"])], vector["id"], at, body) == headers


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": "hello"},
        {"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    ],
)
def test_it_refuses_whatever_was_changed(vector, change) -> None:
    at = datetime.fromtimestamp(vector["timestamp"], UTC)
    headers = {
        "webhook-id": vector["id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": vector["signature"],
    }
    assert not verified(vector["secret"], headers | change, vector["body"].encode(), at)
    assert not verified(vector["secret"], headers, vector["body"].encode() + b" ", at)


def test_it_takes_a_signature_of_a_key_pair() -> None:
    key, at = PrivateKey.new(), datetime(2026, 11, 2, tzinfo=UTC)
    headers = sign([key], "msg_1", at, b"{}")
    assert verified(key.public.text, headers, b"{}", at)
    assert not verified(key.public.text, headers, b"{ }", at)
    assert not verified(PrivateKey.new().public.text, headers, b"{}", at)
