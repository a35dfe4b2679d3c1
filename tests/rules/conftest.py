"""What tests of the rules share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.documents import Json
from rules.cases import changed
from rules.facts import dossier_of
from rules.library import Library
from rules.ruleset import Ruleset
from rules.strict_yaml import read_yaml

POLICY_DATE = date(2026, 11, 2)

Judge = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def library() -> Library:
    """The packs that come with Sekisho."""
    return Library.read()


@pytest.fixture(scope="session")
def rulesets(library: Library) -> dict[str, Ruleset]:
    """The three policies of the scenarios."""
    return {
        "N": library.ruleset("jp-national"),
        "T": library.ruleset("jp-national", ["tokyo-metropolitan"]),
        "K": library.ruleset("jp-national", ["kobe-city"]),
    }


@pytest.fixture(scope="session")
def scenario_texts(reference: Path) -> str:
    """The page of the scenarios, read in place."""
    return (reference / "policy" / "scenarios.md").read_text("utf-8")


@pytest.fixture(scope="session")
def clean_vendor(scenario_texts: str) -> Json:
    """The clean vendor of the scenarios."""
    return dict(read_yaml(_blocks(scenario_texts)[0]).value)


@pytest.fixture(scope="session")
def scenarios(scenario_texts: str, clean_vendor: Json) -> dict[str, Json]:
    """The facts document of each scenario."""
    patches = read_yaml(_blocks(scenario_texts)[1]).value
    return {name: changed(clean_vendor, patch) for name, patch in patches.items()}


@pytest.fixture(scope="session")
def judge(rulesets: dict[str, Ruleset]) -> Judge:
    """Judge a facts document under N, T or K."""

    def judged(facts: Json, policy: str = "N", day: date = POLICY_DATE) -> dict[str, Any]:
        return rulesets[policy].evaluate(dossier_of(facts, day))

    return judged


def _blocks(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
