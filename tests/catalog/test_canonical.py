"""The client writes JSON as digests need it, without a library."""

from __future__ import annotations

from typing import Any

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from catalog.client import canonical, origin_of, state_digest

NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES)
def test_it_is_what_rfc_8785_says(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_the_name_of_a_state_can_be_worked_out_with_sort_and_sha256sum() -> None:
    lines = [("b", 2, "sha256:2"), ("a", 1, "sha256:1")]
    # printf 'a 1 sha256:1\nb 2 sha256:2\n' | sha256sum
    told = "sha256:4c0c222d7d0bf218b4cd9fcafada81d79d16597458378eb139ea1cd0649a56cc"
    assert state_digest(lines) == state_digest(reversed(lines)) == told


def test_the_longest_pointer_says_where_a_member_comes_from() -> None:
    declared, isms = {"status": "declared"}, {"status": "verified", "source": "jp.isms"}
    data = {"origins": {"": declared, "/certifications/0": isms, "/certifications/0/scope": declared}}
    assert origin_of(data, "/certifications/0/valid_to") == isms
    assert origin_of(data, "/certifications/0/scope") == declared
    assert origin_of(data, "/certifications/1/valid_to") == declared
