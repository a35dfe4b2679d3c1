"""``sekisho audit``: what an operator hands out, and what an auditor finds in it."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from cli.output import Exit
from pipeline.identifiers import new_id
from pipeline.model import Event
from pipeline.signing import KeySet, SigningKey
from storage.database import Database
from storage.memory import SqlMemory
from tests.cli.conftest import Sekisho

pytestmark = pytest.mark.usefixtures("installation")

KEY = SigningKey.new()


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """A signing key that is set, and a file with the public half."""
    os.environ["SEKISHO_SIGNING_KEYS"] = KEY.text
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(KeySet([KEY.public]).as_json()))
    return str(file)


@pytest.fixture
def happened() -> list[Event]:
    """Ten events on ten days, of two cases."""
    cases = [new_id(), new_id()]
    events = [
        Event(cases[day % 2], f"event.{day}", "intake", datetime(2026, 11, day, 15, tzinfo=UTC), {"day": day})
        for day in range(1, 11)
    ]
    database = Database(os.environ["SEKISHO_DATABASE_URL"])
    with SqlMemory(database).write() as tx:
        tx.journal.write(events)
    database.close()
    return events


def sql(statement: str) -> None:
    connection = sqlite3.connect(str(make_url(os.environ["SEKISHO_DATABASE_URL"]).database))
    with connection:
        connection.execute(statement)
    connection.close()


def findings(value: Any) -> list[tuple[str, int | None]]:
    return [(finding["code"], finding["position"]) for finding in value["findings"]]


def test_an_export_is_verified_with_the_published_keys(sekisho: Sekisho, keys: str, happened: Any) -> None:
    assert sekisho("audit", "export", "all.ndjson", "--json").value == {
        "file": "all.ndjson",
        "lines": 13,
        "signed": True,
    }
    os.environ["SEKISHO_DATABASE_URL"] = "sqlite:////nonexistent"  # the auditor has none
    checked = sekisho("audit", "verify", "all.ndjson", "--keys", keys, "--json")
    assert checked.status == Exit.DONE
    assert checked.value["sound"]
    assert checked.value["trusted_keys"]
    assert (checked.value["entries"], checked.value["signed_to"]) == (10, 10)
    told = sekisho("audit", "verify", "all.ndjson", "--lang", "en")
    assert "Nothing is wrong" in told.out
    assert "--keys" in told.err
    assert "異常ありません" in sekisho("audit", "verify", "all.ndjson", "--lang", "ja").out


def test_what_was_done_to_the_database_is_found(sekisho: Sekisho, keys: str, happened: Any) -> None:
    head = sekisho("audit", "head", "--sign").out
    Path("head.jws").write_text(head)
    assert sekisho("audit", "verify", "--keys", keys, "--head", "head.jws").status == Exit.DONE
    sql("UPDATE journal SET name = 'x' WHERE position = 4")
    checked = sekisho("audit", "verify", "--json")
    assert checked.status == Exit.FINDINGS
    assert findings(checked.value) == [("entry_changed", 4)]
    told = sekisho("audit", "verify", "--lang", "en")
    assert "position 4" in told.out
    assert "changed" in told.out
    sql("DELETE FROM journal WHERE position > 3")
    sql("UPDATE journal_head SET position = 3, sha256 = (SELECT sha256 FROM journal WHERE position = 3)")
    sql("DELETE FROM journal_signed_heads")
    assert sekisho("audit", "verify").status == Exit.DONE  # nothing in the database tells any more
    assert ("truncated", 10) in findings(
        sekisho("audit", "verify", "--keys", keys, "--head", "head.jws", "--json").value
    )


def test_parts_are_exported_by_position_day_and_moment(
    sekisho: Sekisho, keys: str, happened: list[Event]
) -> None:
    def positions(*options: str) -> list[int]:
        sekisho("audit", "export", "part.ndjson", *options)
        assert sekisho("audit", "verify", "part.ndjson", "--keys", keys).status == Exit.DONE
        lines = map(json.loads, Path("part.ndjson").read_text().splitlines())
        return [line["entry"]["position"] for line in lines if "entry" in line]

    assert positions("--from", "3", "--to", "5") == [3, 4, 5]
    # 15:00 UTC is midnight in Japan: the event of the third happened on the fourth there.
    assert positions("--from", "2026-11-04", "--to", "2026-11-05") == [3, 4]
    assert positions("--from", "2026-11-08T15:00:00Z") == [8, 9, 10]
    assert positions("--to", "2026-11-01") == []
    assert positions("--from", "50") == []


def test_standard_output_and_input_will_do(
    sekisho: Sekisho, keys: str, happened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = sekisho("audit", "export", "-").out
    Path("file").write_text(written)
    with Path("file").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert sekisho("audit", "verify", "-", "--keys", keys).status == Exit.DONE


def test_without_a_key_an_export_says_that_it_is_unsigned(
    sekisho: Sekisho, tmp_path: Path, happened: Any
) -> None:
    assert "unsigned" in sekisho("audit", "export", "all.ndjson").out
    checked = sekisho("audit", "verify", "all.ndjson", "--lang", "en")
    assert checked.status == Exit.DONE
    assert "No head in it is signed" in checked.out
    assert sekisho("audit", "head", "--json").problem["code"] == "cli.no_signed_head"
    assert sekisho("audit", "head", "--sign").status == Exit.CONFLICT


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("verify", "none.ndjson"), Exit.NOT_FOUND),
        (("verify", "bad.ndjson"), Exit.FINDINGS),
        (("verify", "bad.ndjson", "--keys", "none.json"), Exit.NOT_FOUND),
        (("verify", "bad.ndjson", "--keys", "bad.ndjson"), Exit.INVALID),
        (("verify", "bad.ndjson", "--keys", "no-keys.json"), Exit.INVALID),
        (("verify", "bad.ndjson", "--head", "bad.ndjson"), Exit.INVALID),
        (("verify", "bad.ndjson", "--head", "empty"), Exit.INVALID),
        (("verify", "bad.ndjson", "--keys", "http://127.0.0.1:1/keys"), Exit.TRY_AGAIN),
        (("export", "--from", "yesterday", "x"), Exit.USAGE),
        (("export", "--to", "2026-13-01", "x"), Exit.USAGE),
        (("export", "--case", "SK-000000000", "x"), Exit.NOT_FOUND),
        (("export", "--case", "nonsense", "x"), Exit.INVALID),
        (("export", "/nonexistent/x"), Exit.FAILED),
    ],
)
def test_what_cannot_be_done_is_told(sekisho: Sekisho, arguments: tuple[str, ...], status: Exit) -> None:
    Path("bad.ndjson").write_text("rubbish")
    Path("empty").write_text("")
    Path("no-keys.json").write_text('{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}')
    answer = sekisho("audit", *arguments)
    assert answer.status == status, answer
    assert answer.err or answer.out


def test_an_export_that_fails_leaves_no_half_file(
    sekisho: Sekisho, happened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").mkdir()
    assert sekisho("audit", "export", "taken").status == Exit.USAGE
    monkeypatch.setattr("pathlib.Path.replace", _full_disk)
    assert sekisho("audit", "export", "all.ndjson").status == Exit.FAILED
    assert [path.name for path in tmp_path.iterdir() if "ndjson" in path.name] == []


def _full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_doctor_tells_of_the_journal(sekisho: Sekisho, happened: Any, keys: str) -> None:
    def seen() -> dict[str, Any]:
        return {finding["name"]: finding for finding in sekisho("doctor", "--offline", "--json").values}

    before = seen()
    assert before["journal"]["health"] == "ok"
    assert before["signed head"]["health"] == "fail"
    sekisho("audit", "head", "--sign")
    assert seen()["signed head"]["health"] == "ok"
    sql("UPDATE journal SET data = '{}' WHERE position = 9")
    broken = seen()
    assert broken["journal"]["health"] == "fail"
    assert "9" in broken["journal"]["seen"]
    os.environ.pop("SEKISHO_SIGNING_KEYS")
    assert seen()["signed head"]["health"] == "warn"
