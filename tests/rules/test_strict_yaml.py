"""YAML's traps: what other readers turn into something else, or let pass in silence."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.strict_yaml import NotYaml, read_yaml


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("On", "On"),
        ("True", "True"),
        ("013", "013"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-01", "2026-11-01"),
        ("2026.2.0", "2026.2.0"),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("+1", "+1"),
        (".inf", ".inf"),
        ("~", "~"),
        ("１２", "１２"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("36000000", 36_000_000),
        ("0.9", 0.9),
        ("1.0", 1.0),
        ('"true"', "true"),
        ("'2022'", "2022"),
        ('"036"', "036"),
    ],
)
def test_a_plain_scalar_is_json_or_text(plain: str, value: Any) -> None:
    read = read_yaml(f"key: {plain}\n").value["key"]
    assert read == value
    assert type(read) is type(value)


def test_keys_are_always_text() -> None:
    assert read_yaml("2019-01-23: [NO]\n1: x\ntrue: y\n").value == {
        "2019-01-23": ["NO"],
        "1": "x",
        "true": "y",
    }


def test_a_number_that_canonical_json_could_not_hold_stays_text() -> None:
    assert read_yaml("n: 9007199254740993\n").value == {"n": "9007199254740993"}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands here a second time"),
        ("rules:\n  A-01: {x: 1}\n  A-01: {x: 2}\n", 3, "second time"),
        ("a: {b: 1, b: 1}\n", 1, "second time"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases"),
        ("<<: *x\n", 1, "anchors and aliases"),
        ("a: !!python/object:os.system x\n", 1, "tags"),
        ("a: !local 1\n", 1, "tags"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("{[1, 2]: x}\n", 1, "a key must be plain text"),
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("a: [1\n", 2, ""),
        ("a: 'x\n", 1, ""),
        ("a: \x07\n", 1, "a character that YAML does not allow"),
        ("[" * 41 + "]" * 41, 1, "levels of nesting"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str, line: int, problem: str) -> None:
    with pytest.raises(NotYaml) as caught:
        read_yaml(text)
    assert problem in caught.value.problem
    assert caught.value.remedy
    if problem:
        assert caught.value.line == line


def test_each_value_knows_its_line() -> None:
    lines = read_yaml("a:\n  - x: 1\n  - {y/z: 2,\n     w: 3}\n").lines
    assert (lines["/a"], lines["/a/0/x"], lines["/a/1/y~1z"], lines["/a/1/w"]) == (1, 2, 3, 4)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(NotYaml):
        assert read_yaml(text).lines[""] >= 1
