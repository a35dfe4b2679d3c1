"""JSON read strictly and written canonically."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.documents import NotJson, canonical, digest, pointer, read_json, sha256

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
LARGEST = 2**53 - 1
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json.syntax"),
        (b"{", "json.syntax"),
        (b"[1,]", "json.syntax"),
        (b"{'a':1}", "json.syntax"),
        (b"01", "json.syntax"),
        (b"NaN", "json.syntax"),
        (b"[Infinity]", "json.syntax"),
        (b"1e400", "json.syntax"),
        (b"-1e400", "json.syntax"),
        (b'"\\ud800"', "json.syntax"),
        (b'"\\udc00\\ud800"', "json.syntax"),
        (b"\xef\xbb\xbf1", "json.syntax"),
        (b'"\x00"', "json.syntax"),
        (b"[" * 1000 + b"]" * 1000, "json.syntax"),
        (b"[" * 1024 + b"]" * 1024, "json.syntax"),
        (b"[" * 100_000, "json.syntax"),
        (b"[" * 100_000 + b"]" * 100_000, "json.syntax"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "json.syntax"),
        (b'"\\u0000"', "json.null_character"),
        (b'["a\\u0000"]', "json.null_character"),
        (b'{"\\u0000":1}', "json.null_character"),
        (b'{"a":1,"a":1}', "json.repeated_name"),
        (b'{"a":1,"\\u0061":2}', "json.repeated_name"),
        (b'[{"b":{"a":1,"b":2,"a":3}}]', "json.repeated_name"),
        (b"\xff", "json.encoding"),
        (b'"\xed\xa0\x80"', "json.encoding"),
        (b'"\xc0\xaf"', "json.encoding"),
        ("{}".encode("utf-16"), "json.encoding"),
        ("{}".encode("utf-32"), "json.encoding"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(NotJson) as refused:
        read_json(body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b' {"a": [1, -0.5e-3, true, null, "x"]}\n', {"a": [1, -0.0005, True, None, "x"]}),
        (b'"\\ud83d\\ude00 \\\\u0000 \\n"', "😀 \\u0000 \n"),
        ('"𠮷野家 髙﨑"'.encode(), "𠮷野家 髙﨑"),
        (b'{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]}),
        (b"[" * 900 + b"]" * 900, None),
    ],
)
def test_what_can_be_read_in_one_way_is_read(body: bytes, value: object) -> None:
    read = read_json(body)
    assert value is None or read == value


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert read_json(orjson.dumps(value)) == value


@given(st.binary())
@example(b'{"":1,"":2}')
def test_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    try:
        value = read_json(body)
    except NotJson:
        return
    assert json.loads(body) == value


@given(VALUES)
@example({"€": 1, "\r": 2, "דּ": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7})
@example([333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001, -0.0, LARGEST])
@example({"a": [1.0, {"b": -3.0, "c": 0.87, "d": 1e-4, "e": 1.1e-4}], "f": 9007199254740991.0, "g": 2.0**53})
def test_the_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_the_digest_does_not_depend_on_how_it_was_written(value: Any) -> None:
    spaced = json.dumps(value, ensure_ascii=True, indent=2)
    assert digest(json.loads(spaced)) == digest(value) == sha256(rfc8785.dumps(value))


def test_an_infinite_number_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match="inf"):
        canonical({"a": math.inf})


@pytest.mark.parametrize(
    ("parts", "text"),
    [((), ""), (("",), "/"), (("a/b", 0, "m~n"), "/a~1b/0/m~0n"), (("~1",), "/~01"), (("商号",), "/商号")],
)
def test_a_pointer_escapes_as_rfc_6901_says(parts: tuple[str | int, ...], text: str) -> None:
    assert pointer(*parts) == text
