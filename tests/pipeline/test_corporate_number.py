"""The check digit of the corporate number, against shared vectors and by its laws."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corporate_number import check_digit, is_well_formed

bodies = st.text("0123456789", min_size=12, max_size=12)


def test_shared_vectors(reference):
    cases = json.loads((reference / "registries-jp/samples/check-digit-vectors.json").read_bytes())["cases"]
    assert len(cases) > 100
    assert [check_digit(case["body"]) for case in cases] == [str(case["digit"]) for case in cases]


def test_published_numbers():
    # 国税庁, 株式会社フィルイン, 群馬県
    for number in ("7000012050002", "5070001032626", "7000020100005"):
        assert is_well_formed(number)


@settings(deadline=None)
@given(bodies)
def test_exactly_one_digit_fits_a_body_and_never_zero(body):
    fitting = [digit for digit in "0123456789" if is_well_formed(digit + body)]
    assert fitting == [check_digit(body)]
    assert fitting != ["0"]


@settings(deadline=None)
@given(bodies, st.integers(0, 11), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_noticed_unless_it_is_nine_for_zero(body, place, digit):
    mistyped = body[:place] + digit + body[place + 1 :]
    same = int(digit) % 9 == int(body[place]) % 9
    assert is_well_formed(check_digit(body) + mistyped) == same


@pytest.mark.parametrize(
    "number",
    [
        "",
        "7000012050003",
        "000012050002",
        "70000120500022",
        "７００００１２０５０００２",
        "7000012050002\n",
        " 7000012050002",
        "7-0000-1205-0002",
        "T7000012050002",
        "700001205000²",
    ],
)
def test_what_is_no_corporate_number(number):
    assert not is_well_formed(number)


@settings(deadline=None)
@given(st.text())
def test_any_text_has_an_answer(text):
    assert is_well_formed(text) in {True, False}


@pytest.mark.parametrize("body", ["", "00001205000", "0000120500022", "00001205000２"])
def test_only_twelve_digits_have_a_check_digit(body):
    with pytest.raises(ValueError, match="twelve digits"):
        check_digit(body)
