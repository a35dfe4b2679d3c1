"""The table of transitions, and the page that is made from it."""

from itertools import product
from pathlib import Path

import pytest

from pipeline import lifecycle
from pipeline.errors import LifecycleError
from pipeline.lifecycle import FINAL, MEANING, OPEN, TRANSITIONS, State

PAGE = Path(__file__).resolve().parents[2] / "docs" / "life-cycle.md"


def test_the_page_in_the_documents_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == lifecycle.page(), "run `make docs`"


def test_exactly_the_listed_moves_are_allowed() -> None:
    listed = {(move.source, move.target) for move in TRANSITIONS}
    for source, target in product(State, State):
        if (source, target) in listed:
            lifecycle.check(source, target)
        else:
            with pytest.raises(LifecycleError):
                lifecycle.check(source, target)


def test_every_state_is_reached_and_explained_and_none_is_a_trap() -> None:
    reached = {State.RECEIVED} | {move.target for move in TRANSITIONS}
    assert reached == set(State) == set(MEANING)
    assert {State.LISTED, State.REJECTED, State.WITHDRAWN, State.SUPERSEDED} == FINAL
    assert not OPEN & FINAL
    assert State.REFERRED not in OPEN | FINAL


def test_no_move_is_listed_twice() -> None:
    moves = [(move.source, move.target) for move in TRANSITIONS]
    assert len(moves) == len(set(moves))
