"""The documents agree with the code and with one another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.delivery import FAULTS
from connectors.reasons import Reason
from pipeline import problems
from pipeline.review.words import DOCUMENTS, OVERRIDES, QUESTIONS, REFUSALS, REJECTIONS, SUSPENSIONS
from rules.labels import CAUSES

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_every_code_is_explained() -> None:
    text = (CHECKOUT / "docs" / "reasons.md").read_text(encoding="utf-8")
    for problem in problems.CATALOGUE.values():
        assert f"| `{problem.code}` | {problem.status} | {problem.text.ja} | {problem.text.en} |" in text
    for reason in (*Reason, "gone", "challenge_missing"):
        assert f"| `{reason}` |" in text
    for code, _ in CAUSES.values():
        assert f"| `{code}` |" in text
    for code, fault in FAULTS.items():
        assert f"| `{code}` | {fault.ja} | {fault.en} |" in text
    for words in (QUESTIONS, DOCUMENTS, REJECTIONS, OVERRIDES, SUSPENSIONS, REFUSALS):
        for code, said in words.items():
            assert f"| `{code}` | {said.ja} | {said.en} |" in text
