"""Sealed documents: one digest before and after, and nothing of the person in it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.documents import canonical, digest
from pipeline.personal import is_sealed, new_salt, sealed, sealed_body, sealed_digest
from pipeline.schemas import validate_submission

contacts = st.fixed_dictionaries({"name": st.text(min_size=1), "email": st.emails()})
documents = st.fixed_dictionaries(
    {"vendor": st.fixed_dictionaries({"name": st.text()})}, optional={"contact": contacts, "note": st.text()}
)


@given(document=documents, salt=st.binary(min_size=32, max_size=32))
def test_a_document_keeps_its_digest_when_its_personal_part_is_erased(document: Any, salt: bytes) -> None:
    name = sealed_digest(document, salt)
    erased = orjson.loads(sealed_body(orjson.dumps({"type": "x", "data": document}), salt))
    assert erased["type"] == "x"
    assert sealed_digest(erased["data"], b"") == name == digest(sealed(document, salt))
    assert {**erased["data"], "contact": 0} == {**document, "contact": 0} or "contact" not in document
    if "contact" in document:
        assert is_sealed(erased["data"]["contact"])
        assert document["contact"]["email"] not in str(erased)
        assert sealed_digest(document, new_salt()) != name


def test_the_commitment_is_one_that_others_can_compute() -> None:
    contact = {"name": "見本 太郎", "email": "taro@vendor.example"}
    expected = hmac.new(b"s" * 32, canonical(contact), hashlib.sha256).hexdigest()
    assert sealed({"contact": contact}, b"s" * 32) == {"contact": {"sealed": f"hmac-sha256:{expected}"}}


def test_no_sender_can_write_something_that_is_sealed() -> None:
    submission = {"type": "application.submitted", "data": {"contact": {"sealed": "hmac-sha256:0"}}}
    assert any(each.pointer.startswith("/data/contact") for each in validate_submission(submission))
