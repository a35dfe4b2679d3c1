"""What the rows of one number add up to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.register import Entry, History, Kind, history_of

KINDS = {"daily": Kind.DIFFERENTIAL, "full": Kind.FULL, "other": Kind.DIFFERENTIAL}


def entry(
    day: int, process: str, *, file: str = "daily", place: int = 1, happened: int = 0, rank: int = 0
) -> Entry:
    """A row of a day of May 2024 on what happened on another, by default the same."""
    changed = "" if process == "99" else f"2024-05-{happened or day:02}"
    line = f"1,1000000000000,{process},0,2024-05-{day:02},{changed}"
    return Entry("1000000000000", f"2024-05-{day:02}", f"{file}.csv", file, rank, place, line)


def processes(history: History | None) -> list[str]:
    return [] if history is None else [each.process for each in history.entries]


def test_no_rows_are_no_history() -> None:
    assert history_of([], {}) is None


def test_events_are_appended() -> None:
    history = history_of(
        [entry(1, "01"), entry(2, "11"), entry(3, "21"), entry(4, "22"), entry(5, "21")], KINDS
    )
    assert processes(history) == ["01", "11", "21", "22", "21"]
    assert history is not None
    assert history.complete


def test_a_group_that_begins_with_an_assignment_replaces_all_before_it() -> None:
    sent_again = [entry(4, "01", place=1), entry(4, "12", place=2)]
    history = history_of([entry(1, "01"), entry(2, "11"), entry(3, "12"), *sent_again, entry(6, "21")], KINDS)
    assert processes(history) == ["01", "12", "21"]


def test_rows_of_a_day_stay_in_the_order_of_the_file_even_where_dates_tie() -> None:
    rows = [entry(2, "22", place=7, happened=1), entry(2, "21", place=8, happened=1)]
    assert processes(history_of(reversed(rows), KINDS)) == ["22", "21"]


def test_a_history_that_does_not_begin_with_an_assignment_is_incomplete() -> None:
    history = history_of([entry(1, "12"), entry(2, "11")], KINDS)
    assert history is not None
    assert not history.complete
    assert processes(history) == ["12", "11"]


def test_of_files_that_speak_of_the_same_day_the_fuller_stands_then_the_preferred() -> None:
    group = [entry(2, "11", place=1), entry(2, "12", place=2)]
    history = history_of([entry(1, "01"), entry(2, "12", file="full", place=900, rank=1), *group], KINDS)
    assert processes(history) == ["01", "11", "12"]
    assert history is not None
    assert history.complete
    preferred = history_of([entry(1, "01"), entry(1, "01", file="other", rank=1)], KINDS)
    assert preferred is not None
    assert [each.file for each in preferred.entries] == ["other.csv"]


def test_a_withdrawal_comes_last_and_has_the_day_of_its_publication() -> None:
    history = history_of([entry(1, "01"), entry(5, "99")], KINDS)
    assert history is not None
    before, after = history.until("2024-05-04"), history.until("2024-05-05")
    assert (processes(before), processes(after)) == (["01"], ["01", "99"])


def test_events_count_from_their_own_dates() -> None:
    history = history_of([entry(3, "01", happened=1), entry(9, "21", happened=5)], KINDS)
    assert history is not None
    assert history.until("2024-04-30") is None
    assert processes(history.until("2024-05-01")) == ["01"]
    assert processes(history.until("2024-05-05")) == ["01", "21"]


_GROUPS = st.lists(
    st.tuples(
        st.integers(1, 28),
        st.sampled_from(["daily", "full", "other"]),
        st.lists(st.sampled_from(["01", "11", "12", "21", "22", "99"]), min_size=1, max_size=4),
    ),
    max_size=8,
    unique_by=lambda group: group[:2],
)


@given(_GROUPS, st.randoms(use_true_random=False))
def test_the_order_in_which_rows_were_read_does_not_matter(groups, chance) -> None:  # type: ignore[no-untyped-def]
    rows = [
        entry(day, process, file=file, place=place)
        for day, file, group in groups
        for place, process in enumerate(group, start=1)
    ]
    shuffled = chance.sample(rows, len(rows))
    assert history_of(rows, KINDS) == history_of(shuffled, KINDS)


@given(_GROUPS)
def test_nothing_stands_before_the_last_assignment_that_begins_a_group(groups) -> None:  # type: ignore[no-untyped-def]
    rows = [
        entry(day, process, file=file, place=place)
        for day, file, group in groups
        for place, process in enumerate(group, start=1)
    ]
    history = history_of(rows, KINDS)
    assert (history is None) == (not rows)
    if history is not None:
        days = [each.updated for each in history.entries]
        assert days == sorted(days)
        assert max(days) == max(each.updated for each in rows)
