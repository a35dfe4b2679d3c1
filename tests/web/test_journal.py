"""Keys and signed heads in public."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jsonschema import Draft202012Validator

from pipeline.identifiers import new_id
from pipeline.model import Event
from pipeline.notary import HEAD_KIND, Notary
from pipeline.signing import KeySet, SigningKey
from tests.web.test_openapi import answer_schema

Door = Any


def test_before_anything_is_signed_there_are_no_keys_and_no_head(any_door: Door) -> None:
    assert any_door.get("/.well-known/jwks.json").json() == {"keys": []}
    assert any_door.get("/v1/journal/head").status_code == 404


def test_heads_are_verified_with_the_published_keys_renewed_ones_too(any_door: Door) -> None:
    old, renewed = SigningKey.new(), SigningKey.new()
    tokens = []
    for key in (old, renewed):
        with any_door.memory.write() as tx:
            tx.journal.write([Event(new_id(), "x", "intake", any_door.clock.now(), {})])
        Notary(any_door.memory, any_door.clock, (key,), 10, timedelta(minutes=1)).sign_as_it_is()
        tokens.append(any_door.get("/v1/journal/head"))
    assert [answer.json()["position"] for answer in tokens] == [1, 2]
    published = any_door.get("/.well-known/jwks.json")
    assert published.headers["Content-Type"] == "application/jwk-set+json"
    keys = KeySet.from_json(published.json())
    for answer in tokens:
        document = answer.json()
        signed = keys.verify(document.pop("head"), HEAD_KIND)
        assert signed == document
    assert old.text not in published.text
    assert any(member == "d" for key in published.json()["keys"] for member in key) is False
    for path, answer in (("/.well-known/jwks.json", published), ("/v1/journal/head", tokens[1])):
        Draft202012Validator(answer_schema(path, "get", 200)).validate(answer.json())
        again = any_door.get(path, **{"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
