"""What nobody in good faith sends: a clear 4xx, nothing kept, never 500."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

Door = Any

DEPTH = 100_000

NOT_JSON = {
    "nothing": (b"", "json.syntax"),
    "cut short": (b'{"type":', "json.syntax"),
    "two texts": (b"{}{}", "json.syntax"),
    "a repeated name": (b'{"type":1,"type":2}', "json.repeated_name"),
    "a repeated name behind an escape": (b'{"type":1,"t\\u0079pe":2}', "json.repeated_name"),
    "a repeated name further down": (b'{"data":[{"a":1,"a":1}]}', "json.repeated_name"),
    "NaN": (b'{"data":NaN}', "json.syntax"),
    "infinity": (b'{"data":-Infinity}', "json.syntax"),
    "a number beyond a double": (b'{"data":1e400}', "json.syntax"),
    "a number of thousands of digits": (b'{"data":' + b"9" * 5000 + b"}", "json.syntax"),
    "a lone surrogate": (b'{"data":"\\ud800"}', "json.syntax"),
    "a lone surrogate as bytes": (b'{"data":"\xed\xa0\x80"}', "json.encoding"),
    "U+0000": (b'{"data":"a\\u0000b"}', "json.null_character"),
    "U+0000 in a name": (b'{"a\\u0000":1}', "json.null_character"),
    "U+0000 as a byte": (b'{"data":"\x00"}', "json.syntax"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "json.syntax"),
    "UTF-16": ('{"data":1}'.encode("utf-16"), "json.encoding"),
    "Shift_JIS": ('{"data":"表"}'.encode("cp932"), "json.encoding"),
    "overlong UTF-8": (b'{"data":"\xc0\xaf"}', "json.encoding"),
    "brackets": (b"[" * 60_000, "json.syntax"),
    "nested objects": (b'{"a":' * 10_000, "json.syntax"),
    "as deep as the stack": (b"[" * 1010 + b"]" * 1010, "json.syntax"),
    "random bytes": (bytes(range(256)), "json.encoding"),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_one_json_text_is_400(door: Door, name: str) -> None:
    body, code = NOT_JSON[name]
    answer = door.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert_nothing_kept(door)


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b'"text"', b"0", b"-1.5e3", b"{}", b'{"data":[]}', b'{"": {}}']
)
def test_json_that_is_no_submission_is_422(door: Door, body: bytes) -> None:
    answer = door.post(body)
    assert (answer.status_code, answer.json()["code"]) == (422, "submission.invalid")
    assert_nothing_kept(door)


@pytest.mark.parametrize("depth", [200, 300])
def test_a_document_deeper_than_any_schema_is_422(door: Door, depth: int) -> None:
    body = door.submission(None).replace(b"null", b"[" * depth + b"]" * depth)
    assert door.post(body).status_code == 422
    assert_nothing_kept(door)


def test_100000_brackets_are_too_large(door: Door) -> None:
    answer = door.post(b"[" * DEPTH)
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


def test_a_body_of_exactly_the_limit_is_read(narrow_door: Door) -> None:
    body = narrow_door.submission(narrow_door.application())
    assert narrow_door.post(body + b" " * (8192 - len(body))).status_code == 202
    assert narrow_door.post(body + b" " * (8193 - len(body))).status_code == 413


def test_a_large_body_in_pieces_without_a_length_is_413(narrow_door: Door) -> None:
    body = narrow_door.submission(narrow_door.application()) + b" " * 8192
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for at in range(0, len(body), 1024):
            sent += 1024
            yield body[at : at + 1024]

    answer = narrow_door.request(
        "POST", "/v1/applications", content=pieces(), headers=narrow_door.signed(body)
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
    assert sent <= 8192 + 2048
    assert_nothing_kept(narrow_door)


def test_a_body_in_pieces_is_put_together(door: Door) -> None:
    body = door.submission(door.application())

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 100):
            yield body[at : at + 100]
            yield b""

    answer = door.request("POST", "/v1/applications", content=pieces(), headers=door.signed(body))
    assert answer.status_code == 202


@pytest.mark.parametrize("length", ["65537", "9" * 30, "9" * 5000])
def test_a_length_beyond_the_limit_is_413_before_anything_is_read(door: Door, length: str) -> None:
    assert _called(door, {"content-length": length}, [])["status"] == 413


@pytest.mark.parametrize("length", ["-1", "abc", "1.5", "", "٣", "0x10"])
def test_a_length_that_is_none_is_400(door: Door, length: str) -> None:
    assert _called(door, {"content-length": length}, [])["status"] == 400


def test_a_body_that_never_ends_is_408(narrow_door: Door) -> None:
    told = _called(narrow_door, {}, [{"type": "http.request", "body": b"{", "more_body": True}])
    assert told["status"] == 408
    assert_nothing_kept(narrow_door)


def test_a_caller_that_goes_away_leaves_nothing_behind(door: Door) -> None:
    messages = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert _called(door, {}, messages)["status"] == 408
    assert_nothing_kept(door)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "identity, gzip", "unknown"])
def test_a_compressed_body_is_415_and_never_unpacked(door: Door, coding: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    answer = door.post(bomb, {"content-encoding": coding})
    assert (answer.status_code, answer.json()["code"]) == (415, "request.content_encoding")
    assert_nothing_kept(door)


def test_identity_is_no_compression(door: Door) -> None:
    answer = door.post(door.submission(door.application()), {"content-encoding": "identity"})
    assert answer.status_code == 202


def test_a_compressed_body_that_does_not_say_so_is_not_json(door: Door) -> None:
    assert door.post(gzip.compress(b"{}")).status_code == 400


@pytest.mark.parametrize(
    "number",
    ["1" + "1" * 300, "-0.0", "1e-400", "0.1" + "0" * 50_000, "1E308"],
)
def test_odd_numbers_are_no_fault(door: Door, number: str) -> None:
    document = door.application()
    document["vendor"]["capital_jpy"] = "NUMBER"
    body = door.submission(document).replace(b'"NUMBER"', number.encode())
    assert door.post(body).status_code in {202, 422}


def test_names_that_a_caller_made_up_are_not_repeated_at_length(door: Door) -> None:
    document = door.application()
    document["vendor"]["x" * 5000] = 1
    document["contact"]["email"] = "y" * 5000
    answer = door.submit(document)
    assert answer.status_code == 422
    assert "xxxxx" not in answer.text
    assert "yyyyy" not in answer.text
    told = {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    assert ("/data/vendor", "additional_property") in told


def test_ten_thousand_wrong_items_are_told_once_for_the_list(door: Door) -> None:
    document = door.application()
    document["support_access"] = list(range(10_000))
    errors = door.submit(document).json()["errors"]
    assert len(errors) == 52
    assert ("/data/support_access", "too_many") in {(error["pointer"], error["code"]) for error in errors}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "request.not_found"),
        ("GET", "/v1/applications", 405, "request.method_not_allowed"),
        ("DELETE", "/v1/listings", 405, "request.method_not_allowed"),
        ("POST", "/v1/listings/changes", 405, "request.method_not_allowed"),
        ("GET", "/v1/applications/", 404, "request.not_found"),
        ("GET", "/v1/listings/x", 404, "request.not_found"),
        ("GET", "/v1/listings/%00", 404, "request.not_found"),
        ("GET", "/v1/listings/%ff", 404, "request.not_found"),
        ("GET", "/v1/schemas/..%2f..%2fetc", 404, "request.not_found"),
        ("GET", "/v1/schemas/application/99", 404, "request.not_found"),
        ("GET", "/v1/schemas/application/1.0", 404, "request.not_found"),
        ("BREW", "/v1/applications", 405, "request.method_not_allowed"),
    ],
)
def test_the_frameworks_own_errors_are_problems_too(
    door: Door, method: str, path: str, status: int, code: str
) -> None:
    answer = door.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=1.5",
        "after=",
        "after=1&after=2",
        "after=%EF%BC%91",
        "after=9999999999999999999",
        "after=1_0",
        "after=%2B1",
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=-5",
    ],
)
def test_a_parameter_that_is_none_is_400(door: Door, query: str) -> None:
    answer = door.get(f"/v1/listings/changes?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.parameter_invalid")


@pytest.mark.parametrize(
    "token", ["", "x", "AAAA", "%", "é", "A" * 22 + "=", "A" * 23, "../" * 8, "A" * 5000]
)
def test_a_page_token_that_was_never_given_out_is_400(door: Door, token: str) -> None:
    answer = door.request("GET", "/v1/listings", params={"page_token": token})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.parameter_invalid")


def test_a_fault_of_ours_is_a_problem_and_its_message_stays_out_of_the_log(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    from structlog.testing import capture_logs

    def broken(*_: object) -> None:
        raise KeyError("例示株式会社")

    monkeypatch.setattr("web.intake._receipt_answer", broken)
    with capture_logs() as logs:
        answer = door.submit(door.application())
    assert (answer.status_code, answer.json()["code"]) == (500, "service.fault")
    [fault] = [entry for entry in logs if entry["event"] == "request.failed"]
    assert fault["error"] == "KeyError"
    assert "例示" not in str(logs) + answer.text


@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=400))
@example(
    b'{"type":"application.submitted","timestamp":"2026-01-01T00:00:00Z","data":{"schema":"application/1"}}'
)
def test_no_signed_bytes_make_a_fault(lasting_door: Door, body: bytes) -> None:
    before = lasting_door.counts()
    answer = lasting_door.post(body)
    assert answer.status_code in {400, 422}, answer.text
    assert lasting_door.counts() == before


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_change_of_a_valid_document_is_taken_or_told_where_it_is_wrong(
    lasting_door: Door, data: st.DataObject
) -> None:
    document = lasting_door.application()
    for _ in range(data.draw(st.integers(1, 3))):
        _change(document, data)
    body = _dumps({"type": "application.submitted", "timestamp": "2026-11-02T09:00:00Z", "data": document})
    answer = lasting_door.post(body)
    assert answer.status_code in {202, 400, 422}, answer.text
    if answer.status_code == 422:
        whole = json.loads(body)
        for error in answer.json()["errors"]:
            assert _resolves(whole, error["pointer"], missing=error["code"] == "required"), error
            assert error["ja"]
            assert error["en"]


def _change(document: Any, data: st.DataObject) -> None:
    """Replace, remove or add one member or item somewhere."""
    node = document
    while True:
        places = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not places:
            break
        place = data.draw(st.sampled_from(places))
        if isinstance(node[place], (dict, list)) and data.draw(st.booleans()):
            node = node[place]
            continue
        if data.draw(st.booleans()):
            node[place] = data.draw(JSON_VALUES)
        else:
            del node[place]
        return
    if isinstance(node, dict):
        node[data.draw(st.text(max_size=12))] = data.draw(JSON_VALUES)
    else:
        node.append(data.draw(JSON_VALUES))


def _dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _resolves(document: Any, pointer: str, *, missing: bool) -> bool:
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    node = document
    for number, token in enumerate(tokens):
        if isinstance(node, list):
            node = node[int(token)]
        elif missing and number == len(tokens) - 1:
            return token not in node
        else:
            node = node[token]
    return not missing


def _called(door: Door, headers: dict[str, str], messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Call the application with these messages of a body; when they are used up, nothing more ever comes."""
    import asyncio

    pending = copy.copy(messages)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if pending:
            return pending.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/applications",
        "raw_path": b"/v1/applications",
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("door.test", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    door.run(door.app(scope, receive, send))
    assert orjson.loads(sent[1]["body"])["status"] == sent[0]["status"]
    return sent[0]


def assert_nothing_kept(door: Door) -> None:
    assert door.notified == []
    assert door.counts() == {"steps": 0}
