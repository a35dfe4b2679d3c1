"""``sekisho erase``: what it says, and that not even the database's files hold the contact any more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from cli.output import Exit
from pipeline.lifecycle import State
from tests.cli.conftest import Sekisho
from tests.cli.test_case_command import DOCUMENT, Office

pytestmark = pytest.mark.usefixtures("installation")

CONTACT = DOCUMENT["contact"]


@pytest.fixture
def office(installation: None) -> Iterator[Office]:
    opened = Office()
    yield opened
    opened.system.close()


def withdraw(office: Office, reference: str) -> None:
    with office.system.memory.write() as tx:
        file = tx.cases.by_reference(reference)
        assert file is not None
        tx.cases.move(file.case, State.WITHDRAWN, office.system.clock.now())
        tx.ledger.drop(file.case.id)


def files() -> bytes:
    """The database as it lies on the disk."""
    database = Path(str(make_url(os.environ["SEKISHO_DATABASE_URL"]).database))
    return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))


def test_a_contact_is_erased_from_the_files_too_and_the_journal_verifies(
    office: Office, sekisho: Sekisho
) -> None:
    reference, _ = office.submit()
    withdraw(office, reference)
    assert CONTACT["email"].encode() in files()
    dry = sekisho("erase", "--application", reference, "--dry-run", "--json")
    assert dry.status == Exit.DONE
    assert dry.value["cases"][0]["places"] == {"applications.body": 1}
    assert CONTACT["email"].encode() in files()
    done = sekisho("erase", "--application", reference, "--yes", "--json")
    assert done.status == Exit.DONE
    assert done.value["journal"]["sound"]
    assert done.value["files_scrubbed"]
    assert CONTACT["email"].encode() not in files()
    assert CONTACT["name"].encode() not in files()
    assert sekisho("case", "show", reference).status == Exit.DONE
    assert sekisho("audit", "verify").status == Exit.DONE
    again = sekisho("erase", "--sender", "portal", "--yes", "--lang", "en")
    assert "nothing left" in again.out
    assert "still verifies" in again.out


def test_a_case_under_way_is_named_and_kept(office: Office, sekisho: Sekisho) -> None:
    reference, _ = office.submit()
    vendor = DOCUMENT["vendor"]["identifiers"][0]
    kept = sekisho("erase", "--vendor", f"{vendor['scheme']}:{vendor['id']}", "--yes", "--lang", "en")
    assert kept.status == Exit.FINDINGS
    assert reference in kept.out
    assert "under way" in kept.out
    assert CONTACT["email"].encode() in files()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), Exit.USAGE),
        (("--sender", "a", "--vendor", "JP-JCN:1"), Exit.USAGE),
        (("--vendor", "7000012050002", "--yes"), Exit.USAGE),
        (("--sender", "nobody", "--yes"), Exit.NOT_FOUND),
        (("--application", "SK-000000000", "--yes"), Exit.NOT_FOUND),
    ],
)
def test_what_cannot_be_done_is_told(sekisho: Sekisho, arguments: tuple[str, ...], status: Exit) -> None:
    assert sekisho("erase", *arguments).status == status


def test_nothing_is_erased_unasked(office: Office, sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, _ = office.submit()
    withdraw(office, reference)
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        assert sekisho("erase", "--application", reference).status == Exit.USAGE
    assert CONTACT["email"].encode() in files()
