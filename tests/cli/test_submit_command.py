from __future__ import annotations

import json
import os
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.client import message_id_of, wrap
from cli.output import Exit
from cli.samples import samples
from cli.state import StateFolder
from pipeline.documents import read_json
from pipeline.problems import ID_REUSED, NOT_AUTHENTICATED, SUBMISSION_INVALID, UNAVAILABLE, Problem
from pipeline.schemas import validate_submission
from pipeline.webhook import PrivateKey, SharedSecret, is_message_id, verify
from tests.cli.conftest import Sekisho

KEY = SharedSecret.new()
APPLICATION = "01a2073e-5ac9-714a-b5b6-e762efb5a790"
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Intake:
    """Answers as a Sekisho would, from a script; checks every signature."""

    url: str = ""
    key: Any = KEY
    replies: list[Reply] = field(default_factory=list)
    received: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)

    def answer(self, target: str, body: bytes, headers: dict[str, str]) -> Reply:
        signed = body if target.startswith("POST") else target.encode()
        verify(
            headers["webhook-id"],
            headers["webhook-timestamp"],
            headers["webhook-signature"],
            signed,
            [("me", self.key)],
            datetime.now(UTC),
        )
        self.received.append((target, body, headers))
        return self.replies.pop(0)


def taken(status: int = 202) -> Reply:
    location = f"/v1/applications/{APPLICATION}"
    body = {"id": APPLICATION, "reference": "SK-000000000", "status": "received", "links": {"self": location}}
    return status, {"Location": location}, json.dumps(body).encode()


def standing(state: str) -> Reply:
    asked = {
        "rule": "REG-01",
        "reason": "REG_CLOSED",
        "message": {"ja": "閉鎖", "en": "It is closed."},
        "remedy": {"ja": "確認", "en": "Check it."},
    }
    body = {
        "reference": "SK-000000000",
        "state": {"code": state},
        "received_at": "2026-11-23T00:00:00Z",
        "changed_at": "2026-11-23T00:00:01Z",
        "checks": [],
        "decision": None,
        "asked_of_vendor": [asked] if state == "rejected" else [],
    }
    return 200, {}, json.dumps(body).encode()


def problem(type_: Any, **members: Any) -> Reply:
    return type_.status, {}, json.dumps({**Problem(type_).as_json(), **members}).encode()


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    script = Intake()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, answer = script.answer(f"{self.command} {self.path}", body, headers)
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _serve  # noqa: N815 - the server looks for these names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("SEKISHO_URL", script.url)
        monkeypatch.setenv("SEKISHO_SENDER_SECRET", KEY.text)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield script
        server.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "application.json"
    path.write_text(json.dumps(dict(samples()[0].document)), encoding="utf-8")
    return str(path)


def test_an_application_is_wrapped_signed_and_posted(intake: Intake, file: str, sekisho: Sekisho) -> None:
    intake.replies = [taken()]
    answer = sekisho("submit", file, "--sender", "portal", "--json")
    assert answer.status == Exit.DONE
    [(target, body, headers)] = intake.received
    assert target == "POST /v1/applications"
    assert headers["content-type"] == "application/json"
    assert headers["sekisho-sender"] == "portal"
    document = read_json(body)
    assert validate_submission(document) == []
    assert document["data"] == samples()[0].document  # type: ignore[index]
    assert answer.value == {
        "file": file,
        "exit_status": 0,
        "application": APPLICATION,
        "case": "SK-000000000",
        "location": f"{intake.url}/v1/applications/{APPLICATION}",
        "repeated": False,
    }


def test_the_same_file_is_the_same_message(intake: Intake, file: str, sekisho: Sekisho) -> None:
    intake.replies = [taken(), taken(200), taken()]
    assert not sekisho("submit", file, "--json").value["repeated"]
    assert sekisho("submit", file, "--json").value["repeated"]
    sekisho("submit", file, "--again")
    sent = [(headers["webhook-id"], body) for _, body, headers in intake.received]
    assert sent[0] == sent[1]
    assert sent[2][0] != sent[0][0]


def test_the_id_may_be_chosen(intake: Intake, file: str, sekisho: Sekisho) -> None:
    intake.replies = [taken()]
    sekisho("submit", file, "--id", "mine-1")
    assert intake.received[0][2]["webhook-id"] == "mine-1"


def test_a_whole_submission_is_sent_byte_for_byte(intake: Intake, tmp_path: Path, sekisho: Sekisho) -> None:
    body = b' {"type": "application.submitted",\n "timestamp": "2026-11-23T00:00:00Z", "data": {}}\n'
    (tmp_path / "submission.json").write_bytes(body)
    intake.replies = [taken(), taken()]
    sekisho("submit", "submission.json")
    assert intake.received[0][1] == body
    sekisho("submit", "submission.json", "--again")
    assert intake.received[1][1] != body
    assert json.loads(intake.received[1][1])["data"] == {}


def test_a_key_pair_signs_as_well(intake: Intake, file: str, sekisho: Sekisho, tmp_path: Path) -> None:
    key = PrivateKey.new()
    intake.key = key.public
    (tmp_path / "secret").write_text(key.text + "\n")
    intake.replies = [taken()]
    assert sekisho("submit", file, "--secret-file", "secret").status == Exit.DONE


@pytest.mark.parametrize(
    ("state", "status"), [("listed", Exit.DONE), ("rejected", Exit.FINDINGS), ("referred", Exit.FINDINGS)]
)
def test_an_application_is_followed_until_the_pipeline_is_done_with_it(
    state: str, status: Exit, intake: Intake, file: str, sekisho: Sekisho
) -> None:
    intake.replies = [taken(), standing("received"), standing("collecting"), standing(state)]
    answer = sekisho("submit", file, "--wait", "--json")
    assert answer.status == status
    assert answer.value["standing"]["state"]["code"] == state
    assert [target for target, _, _ in intake.received[1:]] == [f"GET /v1/applications/{APPLICATION}"] * 3


def test_a_vendor_reads_what_is_asked(intake: Intake, file: str, sekisho: Sekisho) -> None:
    intake.replies = [taken(), standing("rejected")]
    out = sekisho("submit", file, "--wait").out
    assert "REG-01 REG_CLOSED: It is closed." in out
    assert "Check it." in out


def test_every_violation_is_told_in_the_readers_language(
    intake: Intake, file: str, sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [violation.as_json() for violation in validate_submission({"type": 1})]
    assert len(errors) > 2
    intake.replies = [problem(SUBMISSION_INVALID, errors=errors)] * 3
    answer = sekisho("submit", file)
    assert answer.status == Exit.INVALID
    for error in errors:
        assert f"{error['pointer'] or '/'}: {error['en']} [{error['code']}]" in answer.err
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    told_in_japanese = sekisho("submit", file).err
    assert errors[0]["ja"] in told_in_japanese
    assert SUBMISSION_INVALID.text.ja in told_in_japanese
    told = sekisho("submit", file, "--json").value["problem"]
    assert told["errors"] == errors
    assert told["type"] == "urn:sekisho:problem:submission.invalid"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (problem(ID_REUSED), Exit.CONFLICT),
        (problem(NOT_AUTHENTICATED), Exit.FAILED),
        (problem(UNAVAILABLE), Exit.TRY_AGAIN),
        ((429, {}, b""), Exit.TRY_AGAIN),
        ((413, {}, b"<html>"), Exit.INVALID),
        ((404, {}, b"{}"), Exit.NOT_FOUND),
        ((500, {}, b"[]"), Exit.FAILED),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), Exit.FAILED),
        ((202, {}, b"not json"), Exit.FAILED),
        ((202, {}, b"\xff\xfe"), Exit.FAILED),
        ((202, {}, b"[" * 100_000), Exit.FAILED),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_what_the_other_side_says_becomes_an_exit_status(
    reply: Reply, status: Exit, intake: Intake, file: str, sekisho: Sekisho
) -> None:
    intake.replies = [reply]
    assert sekisho("submit", file).status == status


def test_one_bad_file_does_not_keep_the_others_back(
    intake: Intake, file: str, sekisho: Sekisho, tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text("{")
    intake.replies = [taken()]
    answer = sekisho("submit", "bad.json", "none.json", file, "--json")
    assert [outcome["exit_status"] for outcome in answer.values] == [Exit.INVALID, Exit.NOT_FOUND, Exit.DONE]
    assert answer.status == Exit.INVALID


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_one_json_object_is_not_sent(
    content: bytes, intake: Intake, sekisho: Sekisho, tmp_path: Path
) -> None:
    (tmp_path / "file.json").write_bytes(content)
    assert sekisho("submit", "file.json").status == Exit.INVALID
    assert intake.received == []


@pytest.mark.parametrize("secret", ["whsec_", "whsec_###", "whpk_AAAA", "whsk_AAAA"])
def test_a_secret_that_is_none_is_not_repeated(
    secret: str, file: str, sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_SENDER_SECRET", secret)
    answer = sekisho("submit", file)
    assert answer.status == Exit.INVALID
    assert "whsec_###" not in answer.err


def test_without_a_secret_it_is_wrong_usage(file: str, sekisho: Sekisho) -> None:
    assert sekisho("submit", file).status == Exit.USAGE


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "ü", "a" * 256])
def test_an_id_that_cannot_be_signed_is_wrong_usage(
    message_id: str, intake: Intake, file: str, sekisho: Sekisho
) -> None:
    assert sekisho("submit", file, "--id", message_id).status == Exit.USAGE
    assert intake.received == []


@pytest.mark.parametrize(
    "url", ["nonsense", "http://", "ftp://127.0.0.1", "http://127.0.0.1:99999999", "http://[::"]
)
def test_an_address_that_is_none_is_invalid(url: str, intake: Intake, file: str, sekisho: Sekisho) -> None:
    assert sekisho("submit", file, "--url", url).status == Exit.INVALID


@pytest.mark.parametrize("sender", ["a\r\nX: y", "鳳鳴"])
def test_a_name_that_cannot_stand_in_a_header_is_not_sent(
    sender: str, intake: Intake, file: str, sekisho: Sekisho
) -> None:
    assert sekisho("submit", file, "--sender", sender).status == Exit.INVALID
    assert intake.received == []


def test_nobody_there_is_a_matter_of_time(intake: Intake, file: str, sekisho: Sekisho) -> None:
    answer = sekisho("submit", file, "--url", "http://127.0.0.1:1")
    assert answer.status == Exit.TRY_AGAIN
    assert "sekisho up" in answer.err


def test_a_dry_run_shows_a_request_that_anybody_can_send(intake: Intake, file: str, sekisho: Sekisho) -> None:
    words = shlex.split(sekisho("submit", file, "--dry-run").out)
    assert intake.received == []
    assert words[:3] == ["curl", "-sS", f"{intake.url}/v1/applications"]
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    intake.replies = [taken(), taken()]
    assert httpx.post(words[2], headers=headers, content=words[-1].encode()).status_code == 202
    shown = sekisho("submit", file, "--dry-run", "--json").value
    sent = httpx.request(
        shown["method"], shown["url"], headers=shown["headers"], content=shown["body"].encode()
    )
    assert sent.status_code == 202


@pytest.mark.parametrize(
    "answer", [b"{}", b"[]", b'{"reference": "x", "state": 1}', b'{"state": {}}', b"null"]
)
def test_a_status_that_is_none_is_not_understood(
    answer: bytes, intake: Intake, file: str, sekisho: Sekisho
) -> None:
    intake.replies = [taken(), (200, {}, answer)]
    outcome = sekisho("submit", file, "--wait", "--json")
    assert outcome.status == Exit.FAILED
    assert outcome.value["problem"]["code"] == "cli.not_understood"


def test_where_up_runs_address_and_secret_are_known(
    intake: Intake, file: str, sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SEKISHO_URL", "SEKISHO_SENDER_SECRET"):
        monkeypatch.delenv(name)
    (tmp_path / "secret").write_text(KEY.text)
    folder = StateFolder(tmp_path / "state")
    folder.make()
    folder.keep_settings(
        {
            "SEKISHO_URL": intake.url,
            "SEKISHO_SENDER": "example",
            "SEKISHO_SENDER_SECRET_FILE": str(tmp_path / "secret"),
        }
    )
    intake.replies = [taken()]
    assert sekisho("submit", file, "--state-dir", "state").status == Exit.DONE
    assert intake.received[0][2]["sekisho-sender"] == "example"


@given(st.datetimes(timezones=st.just(UTC)))
def test_the_same_document_and_time_give_the_same_message(at: datetime) -> None:
    document = dict(samples()[0].document)
    body = wrap(document, at)
    assert wrap(json.loads(json.dumps(document)), at) == body
    assert is_message_id(message_id_of(body))
    assert validate_submission(read_json(body)) == []


def test_a_proxy_of_the_environment_is_not_asked_about_this_machine(
    intake: Intake, file: str, sekisho: Sekisho
) -> None:
    os.environ |= {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    intake.replies = [taken()]
    assert sekisho("submit", file).status == Exit.DONE
