"""Case references survive being read out, typed and mistyped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identifiers import CROCKFORD, new_id, new_reference, parse_reference

references = st.builds(new_reference)


@given(references)
def test_a_reference_reads_back_however_it_was_written(reference: str) -> None:
    body = reference.removeprefix("SK-")
    for written in (reference, reference.lower(), body, f" sk-{body[:4]}-{body[4:]} "):
        assert parse_reference(written) == reference
    assert parse_reference(reference.replace("0", "o").replace("1", "l")) == reference


@given(references, st.integers(3, 11), st.sampled_from(CROCKFORD))
def test_one_mistyped_character_is_noticed(reference: str, at: int, sign: str) -> None:
    mistyped = reference[:at] + sign + reference[at + 1 :]
    if mistyped != reference:
        with pytest.raises(ValueError, match="check character"):
            parse_reference(mistyped)


@given(references, st.integers(3, 10))
def test_two_swapped_neighbours_are_noticed(reference: str, at: int) -> None:
    swapped = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
    if swapped != reference:
        with pytest.raises(ValueError, match="check character"):
            parse_reference(swapped)


@pytest.mark.parametrize(
    "text", ["", "SK-", "SK-123", "SK-UUUUUUUUU", "SK-１２３４５６７８９", "../etc/passwd"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a case reference"):
        parse_reference(text)


def test_ids_sort_by_the_time_of_their_making() -> None:
    made = [new_id() for _ in range(1000)]
    assert sorted(made) == made
    assert {made_id.version for made_id in made} == {7}
