"""Two policies over the same dossiers: which decisions flip, by which rules, on which dates."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.documents import Json, canonical
from rules.backtest import Backtest, causes
from rules.dossiers import NotADossier, read_dossiers
from rules.facts import dossier_of
from rules.library import PACKS, Library
from rules.loader import parse_pack
from rules.pack import PackError
from rules.ruleset import PolicyDateError, Ruleset
from rules.selection import select_packs

DAY = date(2026, 11, 2)

Judge = Callable[..., dict[str, Any]]


def changed_pack(name: str, *changes: tuple[str, str]) -> Ruleset:
    text = (PACKS / f"{name}.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Library.read().including([parse_pack(text, "changed.yaml")]).ruleset(name)


def test_each_shared_scenario_that_an_overlay_flips_is_named_with_its_rule(
    rulesets: dict[str, Ruleset], scenarios: dict[str, Json]
) -> None:
    run = Backtest(rulesets["N"], rulesets["T"])
    flips = {name: run.compare(dossier_of(facts, DAY)) for name, facts in scenarios.items()}
    assert {
        name: (flip.before, flip.after, [cause.rule for cause in flip.causes])
        for name, flip in flips.items()
        if flip is not None
    } == {
        "P08": ("review", "reject", ["RES-05"]),
        "P10": ("review", "reject", ["RES-01"]),
        "P12": ("review", "reject", ["LCK-01"]),
    }
    report = run.report()
    assert (report["dossiers"], report["flipped"]) == (12, 3)
    assert sum(one["count"] for one in report["transitions"]) == 12
    assert report["evidence"] == {"from": "2026-11-02", "to": "2026-11-02"}
    assert "simulation" not in report


def test_the_other_way_round_the_same_rules_are_named(
    rulesets: dict[str, Ruleset], scenarios: dict[str, Json]
) -> None:
    for facts in scenarios.values():
        dossier = dossier_of(facts, DAY)
        there, back = Backtest(rulesets["N"], rulesets["K"]), Backtest(rulesets["K"], rulesets["N"])
        one, other = there.compare(dossier), back.compare(dossier)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert [(c.rule, c.before, c.after) for c in one.causes] == [
                (c.rule, c.after, c.before) for c in other.causes
            ]


def test_every_flip_has_a_cause(judge: Judge, scenarios: dict[str, Json]) -> None:
    outcomes = [judge(facts, policy) for facts in scenarios.values() for policy in "NTK"]
    for before in outcomes:
        for after in outcomes:
            if before["decision"] != after["decision"]:
                assert causes(before, after)


def test_nothing_is_changed(rulesets: dict[str, Ruleset], clean_vendor: Json) -> None:
    dossier = dossier_of(clean_vendor, DAY)
    before = canonical(dossier.as_json())
    Backtest(rulesets["N"], rulesets["T"]).compare(dossier)
    assert canonical(dossier.as_json()) == before


class TestDates:
    def test_evidence_stays_of_its_day_under_a_later_policy_date(
        self, rulesets: dict[str, Ruleset], clean_vendor: Json
    ) -> None:
        facts = {**clean_vendor, "portability": {**clean_vendor["portability"], "retrieval_days": 45}}
        run = Backtest(rulesets["N"], rulesets["N"], date(2027, 4, 1))
        assert run.compare(dossier_of(facts, DAY)) is None
        # Both sides judge by the values of 2027, yet the certificate and the screening count from 2026.
        assert dict(run.transitions) == {("review", "review"): 1}

    def test_a_policy_that_holds_later_is_tried_as_of_its_first_day(
        self, library: Library, clean_vendor: Json
    ) -> None:
        after = changed_pack(
            "jp-national",
            ("effective: {from: 2024-04-01}", "effective: {from: 2027-04-01}"),
            ("2027-04-01: {value: 60}", "2027-04-01: {value: 95}"),
        )
        flip = Backtest(library.ruleset("jp-national"), after).compare(dossier_of(clean_vendor, DAY))
        assert flip is not None
        assert [(cause.rule, cause.before, cause.after) for cause in flip.causes] == [
            ("LCK-02", "none", "review")
        ]
        with pytest.raises(PolicyDateError, match="does not hold on 2026-12-01"):
            Backtest(library.ruleset("jp-national"), after, date(2026, 12, 1)).compare(
                dossier_of(clean_vendor, DAY)
            )

    def test_newer_evidence_than_the_policy_date_needs_a_simulation(
        self, rulesets: dict[str, Ruleset], clean_vendor: Json
    ) -> None:
        dossier = dossier_of(clean_vendor, DAY)
        with pytest.raises(PolicyDateError, match="only a simulation may look ahead"):
            Backtest(rulesets["N"], rulesets["T"], date(2026, 5, 1)).compare(dossier)
        run = Backtest(rulesets["N"], rulesets["T"], date(2026, 5, 1), simulation=True)
        assert run.compare(dossier) is None
        assert run.report()["simulation"] is True


class TestSelection:
    def test_names_overlays_files_and_folders(self, tmp_path: Path) -> None:
        for name in ("jp-national", "kobe-city"):
            (tmp_path / f"{name}.yaml").write_bytes((PACKS / f"{name}.yaml").read_bytes())

        def names(text: str) -> list[str]:
            return [pack.name for pack in select_packs(text).packs]

        assert names("jp-national+kobe-city+meti")[:3] == ["jp-national", "kobe-city", "meti"]
        assert names(str(tmp_path)) == ["jp-national"]
        assert names(f"{tmp_path}:jp-national+kobe-city") == ["jp-national", "kobe-city"]
        assert names(str(tmp_path / "jp-national.yaml") + "+kobe-city")[:2] == ["jp-national", "kobe-city"]

    @pytest.mark.parametrize("text", ["", "+", "jp-national+", "jp-national+nothing", "nothing", "a:b", ":"])
    def test_what_names_no_policy_is_refused(self, text: str) -> None:
        with pytest.raises(PackError):
            select_packs(text)

    def test_a_folder_with_several_bases_asks_which(self, tmp_path: Path) -> None:
        with pytest.raises(PackError, match="has no base"):
            select_packs(str(tmp_path))
        with pytest.raises(PackError, match="has several bases"):
            select_packs(str(PACKS))


class TestDossiers:
    def test_what_was_written_is_read_again(self, clean_vendor: Json) -> None:
        dossier = dossier_of(clean_vendor, DAY)
        lines = b"\n".join(
            [json.dumps({"case": "SK-1", **dossier.as_json()}).encode(), b"", canonical(dossier.as_json())]
        )
        assert list(read_dossiers(io.BytesIO(lines))) == [("SK-1", dossier), ("line 3", dossier)]

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"as_of": None}, "/as_of"),
            ({"as_of": "2026-11-02"}, "/as_of"),
            ({"as_of": "2026-11-02T00:00:00"}, "/as_of"),
            ({"facts": []}, "/facts"),
            ({"provenance": {"": "document"}}, "/provenance"),
            ({"provenance": {"": {"source": "x", "at": "yesterday"}}}, "/provenance//?at"),
            ({"gaps": [{}]}, "/gaps/0"),
            ({"evidence": [{"source": 1}]}, "/evidence/0"),
            ({"extra": 1}, "line 1: /"),
        ],
    )
    def test_what_is_no_dossier_is_named(self, change: Any, expected: str, clean_vendor: Json) -> None:
        line = json.dumps({**dossier_of(clean_vendor, DAY).as_json(), **change}).encode()
        with pytest.raises(NotADossier, match=expected):
            list(read_dossiers(io.BytesIO(line)))

    @pytest.mark.parametrize("line", [b"{", b"[]", b"\xff", b'{"as_of": 1, "as_of": 2}', b" " * 1_000_001])
    def test_a_line_that_is_none_is_named(self, line: bytes) -> None:
        with pytest.raises(NotADossier, match="line 1: "):
            list(read_dossiers(io.BytesIO(line)))
