"""``sekisho receipt``: what a vendor gets, and what anybody can find out about it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.output import Exit
from pipeline.receipts import RECEIPT_KIND
from pipeline.signing import KeySet, SigningKey
from tests.cli.conftest import Sekisho
from tests.cli.test_case_command import DOCUMENT, Office

pytestmark = pytest.mark.usefixtures("installation")

KEY = SigningKey.new()


@pytest.fixture
def office(installation: None) -> Iterator[Office]:
    os.environ["SEKISHO_SIGNING_KEYS"] = KEY.text
    opened = Office()
    yield opened
    opened.system.close()


@pytest.fixture
def keys(tmp_path: Path) -> str:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(KeySet([KEY.public]).as_json()))
    return str(file)


def test_a_receipt_is_shown_and_verified_against_the_document(
    office: Office, sekisho: Sekisho, keys: str
) -> None:
    reference, application = office.submit()
    assert sekisho("receipt", "show", reference).status == Exit.NOT_FOUND
    assert office.system.receipts.sign_due() == 1
    Path("receipt.jws").write_text(sekisho("receipt", "show", application, "--raw").out)
    checked = sekisho("receipt", "verify", "receipt.jws", "--keys", keys, "--json")
    assert checked.status == Exit.DONE
    assert checked.value["genuine"]
    assert checked.value["payload"]["case"] == reference
    assert checked.value["payload"] == sekisho("receipt", "show", reference, "--json").value["payload"]
    with office.system.memory.read() as tx:
        file = tx.cases.by_reference(reference)
        assert file is not None
    salt = base64.urlsafe_b64encode(file.application.salt).decode().rstrip("=")
    Path("application.json").write_text(json.dumps(DOCUMENT))
    Path("body.json").write_bytes(file.application.body)
    Path("other.json").write_text(json.dumps({**DOCUMENT, "contact": {"name": "x", "email": "x@y.example"}}))

    def against(document: str) -> Any:
        options = ("--document", document, "--salt", salt, "--json")
        return sekisho("receipt", "verify", "receipt.jws", "--keys", keys, *options).value["findings"]

    assert against("application.json") == against("body.json") == []
    assert against("other.json") == ["other_document"]
    told = sekisho("receipt", "verify", "receipt.jws", "--keys", keys, "--lang", "en")
    assert "Genuine" in told.out
    assert "referred to a person" in told.out
    assert "真正" in sekisho("receipt", "verify", "receipt.jws", "--keys", keys, "--lang", "ja").out


@pytest.mark.parametrize(
    ("token", "finding"),
    [
        ("rubbish", "malformed"),
        (SigningKey.new().sign(RECEIPT_KIND, {}), "unknown_key"),
        (KEY.sign("sekisho-journal-head", {}), "other_kind"),
        (KEY.sign(RECEIPT_KIND, {}), "other_kind"),
        (KEY.sign(RECEIPT_KIND, {})[:-10] + "A" * 9 + "A", "signature"),
    ],
)
def test_what_is_no_receipt_of_ours_is_found(sekisho: Sekisho, keys: str, token: str, finding: str) -> None:
    Path("file").write_text(token)
    checked = sekisho("receipt", "verify", "file", "--keys", keys, "--json")
    assert checked.status == Exit.FINDINGS
    assert checked.value["findings"] == [finding]
    assert finding in sekisho("receipt", "verify", "file", "--keys", keys).out


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("verify", "none", "--keys", "keys.json"), Exit.NOT_FOUND),
        (("verify", "keys.json"), Exit.USAGE),
        (("verify", "keys.json", "--keys", "keys.json", "--salt", "AAAA"), Exit.USAGE),
        (("show", "SK-000000000"), Exit.NOT_FOUND),
    ],
)
def test_what_cannot_be_done_is_told(
    sekisho: Sekisho, keys: str, arguments: tuple[str, ...], status: Exit
) -> None:
    assert sekisho("receipt", *arguments).status == status
