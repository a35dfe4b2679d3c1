from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from cli.demo import Shown, summary, verdict
from cli.output import Exit
from cli.samples import samples
from pipeline.lifecycle import State


def as_expected() -> list[Shown]:
    return [
        Shown(sample, f"SK-{number:09}", str(sample.outcome), "", 0.5)
        for number, sample in enumerate(samples())
    ]


def feed(shown: list[Shown]) -> Counter[str]:
    return Counter(case.case for case in shown if case.actual == State.LISTED)


def test_all_as_expected_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    shown = as_expected()
    assert verdict(shown, feed(shown)) == Exit.DONE
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("actual", ["rejected", ""])
def test_another_decision_than_the_expected_one_is_told(
    actual: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = as_expected()
    listed = next(number for number, case in enumerate(shown) if case.actual == State.LISTED)
    other = shown[listed]
    shown[listed] = Shown(other.sample, other.case, actual, "", 0.5)
    assert verdict(shown, feed(shown)) == Exit.FINDINGS
    told = capsys.readouterr().err
    assert f"{other.sample.name}: expected listed, is {actual or 'undecided'}" in told
    assert "feed" not in told


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.subtract(list(found)[:1]),
        lambda found: found.update(list(found)[:1]),
        lambda found: found.update(["SK-ELSEWHERE"]),
    ],
    ids=["missing", "twice", "unknown"],
)
def test_the_feed_holds_exactly_what_was_listed(
    spoil: Callable[[Counter[str]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = as_expected()
    found = feed(shown)
    spoil(found)
    assert verdict(shown, found) == Exit.FINDINGS
    assert "the feed and the decisions differ" in capsys.readouterr().err


def test_the_summary_counts_what_came_out() -> None:
    shown = as_expected()
    told = summary(shown, 7.12345)
    assert told["applications"] == len(shown) == told["listed"] + told["rejected"] + told["referred"]
    assert told["seconds"] == 7.123
    assert set(told["cases"][0]) == {
        "case", "sample", "vendor", "product", "expected", "actual", "reason", "seconds",
    }  # fmt: skip
