from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.output import Exit
from rules.cases import CASES, changed
from rules.facts import dossier_of
from rules.library import PACKS
from rules.policy import PackPolicy
from rules.selection import select
from rules.strict_yaml import read_yaml
from storage.database import Database
from tests.cli.conftest import Answer, Sekisho
from tests.storage.history import decide

pytestmark = pytest.mark.usefixtures("installation")

CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
LATER = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


@pytest.fixture
def pack(tmp_path: Path) -> str:
    file = tmp_path / "kobe.yaml"
    text = (PACKS / "kobe-city.yaml").read_text("utf-8").replace("2026.1.0", "2026.2.0")
    file.write_text(text, "utf-8")
    return str(file)


def proposed(sekisho: Sekisho, pack: str, by: str = "alice") -> Answer:
    return sekisho("policy", "propose", pack, "--by", by, "--effective", LATER, "--json")


def standing(sekisho: Sekisho, *more: str) -> dict[str, str]:
    rows = sekisho("policy", "packs", *more, "--json").values
    return {f"{row['pack']}@{row['version']}": row["standing"] for row in rows}


def test_two_officers_and_a_date(sekisho: Sekisho, pack: str) -> None:
    proposal = proposed(sekisho, pack).value
    assert standing(sekisho)["kobe-city@2026.2.0"] == "proposed"
    own = sekisho("policy", "approve", proposal["id"], "--by", "Alice", "--json")
    assert (own.status, own.problem["code"]) == (Exit.CONFLICT, "policy.same_officer")
    answer = sekisho("policy", "approve", proposal["id"], "--by", "bob", "--json")
    assert (answer.status, answer.value["approved_by"], answer.value["digest"]) == (
        Exit.DONE,
        "bob",
        proposal["digest"],
    )
    assert standing(sekisho)["kobe-city@2026.2.0"] == "approved"
    then = standing(sekisho, "--on", LATER)
    assert (then["kobe-city@2026.2.0"], then["kobe-city@2026.1.0"]) == ("in force", "replaced")
    again = sekisho("policy", "approve", proposal["id"], "--by", "carol", "--json")
    assert again.problem["code"] == "policy.approved_already"
    assert "bob" in sekisho("policy", "packs").out


def test_the_file_of_a_proposal_can_be_had_and_shown(sekisho: Sekisho, pack: str, tmp_path: Path) -> None:
    proposal = proposed(sekisho, pack).value
    text = sekisho("policy", "packs", proposal["id"]).out
    assert text == Path(pack).read_text("utf-8")
    assert "2026.2.0" in sekisho("policy", "diff", "kobe-city", pack).out


def test_people_are_told_what_comes_next(sekisho: Sekisho, pack: str) -> None:
    answer = sekisho("policy", "propose", pack, "--by", "alice", "--effective", LATER)
    assert "sekisho policy approve" in answer.out
    assert LATER in sekisho("policy", "approve", answer.out.split()[0], "--by", "bob").out


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("approve", "x", "--by", "bob"), Exit.INVALID),
        (("approve", "01a2077e-d4eb-719b-9454-5f1de7f23dff", "--by", "bob"), Exit.NOT_FOUND),
        (("packs", "01a2077e-d4eb-719b-9454-5f1de7f23dff"), Exit.NOT_FOUND),
        (("propose", "absent.yaml", "--by", "a", "--effective", LATER), Exit.INVALID),
        (("propose", "a\0b", "--by", "a", "--effective", LATER), Exit.INVALID),
        (("propose", str(PACKS / "kobe-city.yaml"), "--by", "a", "--effective", LATER), Exit.INVALID),
        (("propose", str(PACKS / "kobe-city.yaml"), "--by", "", "--effective", LATER), Exit.INVALID),
        (("propose", str(PACKS / "kobe-city.yaml"), "--by", "a", "--effective", "soon"), Exit.INVALID),
    ],
)
def test_what_cannot_be_done_is_named(arguments: tuple[str, ...], status: Exit, sekisho: Sekisho) -> None:
    answer = sekisho("policy", *arguments, "--json")
    assert (answer.status, answer.out) == (status, "")
    assert answer.problem["title"]


def test_a_proposal_that_is_wrong_names_every_fault(sekisho: Sekisho, pack: str) -> None:
    text = (
        Path(pack).read_text("utf-8").replace("op: relax", "op: tighten").replace("  KOBE-02:", "  RES-01:")
    )
    Path(pack).write_text(text, "utf-8")
    answer = proposed(sekisho, pack)
    assert answer.status == Exit.INVALID
    assert len(answer.problem["errors"]) >= 2
    assert "kobe-city@2026.2.0" not in standing(sekisho)


def test_a_candidate_is_listed(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_POLICY_CANDIDATE", "jp-national")
    rows = sekisho("policy", "packs", "--json").values
    assert rows[-1]["pack"] == "jp-national"
    assert rows[-1]["standing"] == "candidate"


class TestShadow:
    def test_agreements_are_counted_and_disagreements_named(self, sekisho: Sekisho) -> None:
        candidate = select("jp-national", ["tokyo-metropolitan"])
        policy = PackPolicy.load("jp-national", candidate=candidate)
        closed = changed(CLEAN, {"portability.formats": ["vendor-binary"]})
        database = Database(os.environ["SEKISHO_DATABASE_URL"])
        references = []
        for facts in (CLEAN, closed, CLEAN):
            dossier = dossier_of(facts, date(2026, 11, 2))
            references += decide(database, [dossier], outcome=policy.judge(dossier).outcome)
        decide(database, [dossier_of(CLEAN, date(2026, 11, 3))])
        database.close()
        report = sekisho("policy", "shadow", "--json").value
        assert report["candidates"] == [
            {"policy": candidate.citations, "agreed": 2, "disagreed": 1, "faults": 0}
        ]
        [row] = report["disagreements"]
        assert (row["case"], row["decision"], row["candidate"]) == (references[1], "review", "reject")
        assert row["causes"][0]["rule"] == "LCK-01"
        text = sekisho("policy", "shadow", "--lang", "ja").out
        assert references[1] in text
        assert "LCK-01" in text

    def test_without_a_candidate_there_is_nothing_to_say(self, sekisho: Sekisho) -> None:
        assert sekisho("policy", "shadow", "--json").value == {"candidates": [], "disagreements": []}
        assert "SEKISHO_POLICY_CANDIDATE" in sekisho("policy", "shadow").out
