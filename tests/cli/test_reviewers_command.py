from __future__ import annotations

from pathlib import Path

import pytest

from cli.output import Exit
from tests.cli.conftest import Sekisho


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch, sqlite_database_url: str) -> None:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", sqlite_database_url)


def test_an_account_is_added_and_its_password_shown_once(sekisho: Sekisho) -> None:
    added = sekisho("reviewers", "add", " Ann@City.example ", "--role", "officer", "--json").value
    assert added["name"] == "ann@city.example"
    assert len(added["password"]) >= 12
    [listed] = sekisho("reviewers", "list", "--json").values
    assert (listed["name"], listed["role"], listed["password"]) == ("ann@city.example", "officer", True)
    assert added["password"] not in sekisho("reviewers", "list").out


def test_an_account_for_the_identity_provider_has_no_password(sekisho: Sekisho) -> None:
    assert "password" not in sekisho("reviewers", "add", "ann", "--no-password", "--json").value
    assert sekisho("reviewers", "list", "--json").value["password"] is False


def test_role_reset_and_disable(sekisho: Sekisho) -> None:
    first = sekisho("reviewers", "add", "ann", "--json").value["password"]
    assert sekisho("reviewers", "role", "ann", "viewer", "--json").value == {"name": "ann", "role": "viewer"}
    assert sekisho("reviewers", "reset", "ann", "--json").value["password"] != first
    assert sekisho("reviewers", "disable", "ann").status == Exit.DONE
    assert sekisho("reviewers", "list", "--json").value["disabled_at"]
    for command in (("reset", "ann"), ("role", "ann", "officer"), ("disable", "ann")):
        answer = sekisho("reviewers", *command, "--json")
        assert answer.status == Exit.CONFLICT
        assert answer.problem["code"] == "cli.account_disabled"


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        (("add", "ann"), Exit.CONFLICT, "cli.account_taken"),
        (("add", "ＡＮＮ"), Exit.CONFLICT, "cli.account_taken"),
        (("add", "a b"), Exit.INVALID, "cli.name_invalid"),
        (("add", "Policy"), Exit.INVALID, "cli.name_invalid"),
        (("add", "a" * 101), Exit.INVALID, "cli.name_invalid"),
        (("reset", "bob"), Exit.NOT_FOUND, "cli.account_unknown"),
        (("add", "bob", "--ask", "--no-password"), Exit.USAGE, "cli.usage"),
    ],
)
def test_what_cannot_be_done_is_told(
    sekisho: Sekisho, command: tuple[str, ...], status: Exit, code: str
) -> None:
    sekisho("reviewers", "add", "ann")
    answer = sekisho("reviewers", *command, "--json")
    assert answer.status == status
    assert answer.problem["code"] == code


def test_only_its_hash_is_kept_of_a_password(
    sekisho: Sekisho, tmp_path: Path, sqlite_database_url: str
) -> None:
    password = sekisho("reviewers", "add", "ann", "--json").value["password"]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("sekisho.db*"))
    assert b"$argon2id$" in kept
    assert password.encode() not in kept
