"""Keys and signed heads in public."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import Any

from jsonschema import Draft202012Validator

from pipeline.identifiers import new_id
from pipeline.model import Event, Verdict
from pipeline.notary import HEAD_KIND, Notary, Receipts
from pipeline.personal import sealed_digest
from pipeline.receipts import RECEIPT_KIND
from pipeline.review.policy import ReviewTimes
from pipeline.signing import KeySet, SigningKey, payload_of
from tests.web.test_openapi import answer_schema, validator

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


def decide(door: Door, application_id: Any, verdict: Verdict) -> None:
    """A decision with its entry in the journal, as adjudication writes them."""
    decision = door.decide(application_id, verdict, results=[], decision=str(verdict))
    data = {"number": 1, "verdict": str(verdict), "reason": "", "dossier": decision.dossier.digest}
    with door.memory.write() as tx:
        tx.journal.write([Event(decision.case_id, "case.decided", "policy", decision.decided_at, data)])


def test_a_sender_reads_the_receipt_and_others_by_its_digest_only(any_door: Door) -> None:
    document = any_door.application()
    application_id = any_door.accepted(document)
    path = f"/v1/applications/{application_id}/receipt"
    own = {"authorization": f"Bearer {any_door.credentials.token}"}
    assert any_door.get(path).status_code == 401
    assert any_door.get(path, **own).status_code == 404
    decide(any_door, application_id, Verdict.REJECT)
    waiting = any_door.get(path, **own)
    assert (waiting.status_code, waiting.json()["code"]) == (503, "receipt.not_signed")
    assert int(waiting.headers["Retry-After"]) > 0
    key = SigningKey.new()
    assert Receipts(any_door.memory, any_door.clock, (key,), ReviewTimes()).sign_due() == 1
    answer = any_door.get(path, **own)
    assert answer.headers["Content-Type"] == "application/jose"
    keys = KeySet.from_json(any_door.get("/.well-known/jwks.json").json())
    said = keys.verify(answer.text, RECEIPT_KIND)
    assert validator("Receipt").is_valid(said)
    status = any_door.status(application_id).json()
    assert said["document"] == status["document"]["digest"]
    link = status["links"]["receipt"]
    public = any_door.get(link)
    assert public.text == answer.text
    assert "immutable" in public.headers["Cache-Control"]
    assert any_door.get(link, **{"If-None-Match": public.headers["ETag"]}).status_code == 304
    assert any_door.get(link[:-1] + ("0" if link[-1] != "0" else "1")).status_code == 404
    # The sender can show that the document is the one it sent.
    salt = base64.urlsafe_b64decode(status["document"]["salt"] + "=")
    assert sealed_digest(document, salt) == said["document"]
    assert document["contact"]["name"] not in str(said)
    assert document["contact"]["email"] not in str(said)


def test_a_listing_links_the_receipt_of_its_decision(door: Door) -> None:
    application_id = door.accepted()
    version = door.list(application_id)
    with door.memory.write() as tx:
        data = {"number": 1, "verdict": "approve", "reason": "", "dossier": ""}
        tx.journal.write([Event(version.case_id, "case.decided", "policy", door.clock.now(), data)])
    path = f"/v1/listings/{version.listing_id}"
    [link] = re.findall(r'<([^>]*)>; rel="urn:sekisho:rel:receipt"', door.get(path).headers["Link"])
    assert link == door.get(path).json()["links"]["receipt"]
    assert door.get(link).status_code == 404, "it is signed a moment later"
    Receipts(door.memory, door.clock, (SigningKey.new(),), ReviewTimes()).sign_due()
    said = payload_of(door.get(link).text)
    assert said["outcome"] == door.get(path).json()["decision"]["outcome"]
