"""How a policy judges: effects through the layers, two dates, the treaty guard, reasons for unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipeline.model import Dossier
from rules.cases import CASES, changed
from rules.facts import dossier_of
from rules.layers import join
from rules.library import Library
from rules.loader import parse_pack
from rules.pack import Pack
from rules.ruleset import PolicyDateError, Ruleset
from rules.strict_yaml import read_yaml

CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
DAY = date(2026, 11, 2)
LAYER = """\
pack: a-layer
kind: {kind}
extends: jp-national
version: 2026.1.0
status: test
effective: {{from: 2024-04-01}}
owner: {{ja: 担当, en: an officer}}
summary: {{ja: 検査用, en: for tests}}
{rest}
"""


def layer(rest: str, kind: str = "buyer-local") -> Pack:
    return parse_pack(LAYER.format(kind=kind, rest=rest), "a-layer.yaml")


def result(outcome: dict[str, Any], rule: str) -> dict[str, Any]:
    return next(result for result in outcome["results"] if result["rule"] == rule)


def judged(ruleset: Ruleset, changes: dict[str, Any], day: date = DAY) -> dict[str, Any]:
    return ruleset.evaluate(dossier_of(changed(CLEAN, changes), day))


CHANGE = """\
changes:
  - op: {op}
    rule: {rule}
    set: {{on_fail: {effect}}}
    why: {{ja: 理由, en: why}}
    basis: [TMG-ASSUMED]
    {more}
"""
ABROAD = {"contract.court": "IE"}


class TestLayers:
    def test_a_tightening_whose_condition_is_unknown_goes_to_a_person_at_most(self, library: Library) -> None:
        base = library.packs["jp-national"]
        tight = CHANGE.format(
            op="tighten", rule="RES-02", effect="reject", more="when: {eq: [use.personal_data, true]}"
        )
        ruleset = join(base, [layer(tight)])
        assert result(judged(ruleset, ABROAD), "RES-02")["effect"] == "reject"
        unknown = result(judged(ruleset, {**ABROAD, "use.personal_data": None}), "RES-02")
        assert (unknown["effect"], unknown["effect_from"]) == ("review", ["jp-national:review"])
        never = result(judged(ruleset, {**ABROAD, "use.personal_data": False}), "RES-02")
        assert never["effect"] == "review"

    def test_tightening_fail_leaves_unknown_to_a_person(self, rulesets: dict[str, Ruleset]) -> None:
        outcome = judged(rulesets["T"], {"data": None})
        assert (result(outcome, "RES-01")["outcome"], result(outcome, "RES-01")["effect"]) == (
            "unknown",
            "review",
        )
        conflict = judged(rulesets["T"], {"portability.formats": {"conflict": [["csv"], []]}})
        assert result(conflict, "LCK-01")["reason"] == "EVIDENCE_CONFLICT"
        assert conflict["decision"] == "review"

    def test_a_relaxing_track_does_not_undo_what_is_milder_already(self, library: Library) -> None:
        base, kobe = library.packs["jp-national"], library.packs["kobe-city"]
        track = layer(
            "admits: {eq: [vendor.country, JP]}\n"
            + CHANGE.format(op="relax", rule="SEC-02", effect="note", more=""),
            "track",
        )
        ruleset = join(base, [kobe, track])
        relaxed = result(judged(ruleset, {"certs": []}), "SEC-02")
        assert relaxed["effect_from"] == ["jp-national:reject", "a-layer:note"]

    def test_a_change_holds_within_its_dates_only(self, library: Library) -> None:
        dated = CHANGE.format(
            op="tighten",
            rule="RES-02",
            effect="reject",
            more="effective: {from: 2026-11-01, to: 2026-11-30}",
        )
        ruleset = join(library.packs["jp-national"], [layer(dated)])
        effects = [
            result(judged(ruleset, ABROAD, day), "RES-02")["effect"]
            for day in (date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 1))
        ]
        assert effects == ["review", "reject", "reject", "review"]

    def test_notes_never_block(self, rulesets: dict[str, Ruleset]) -> None:
        outcome = judged(rulesets["K"], {"ismap": {"list": "none"}, "vendor.office_in_buyer_area": None})
        assert [result(outcome, rule)["effect"] for rule in ("SEC-01", "KOBE-04")] == ["note", "note"]
        assert outcome["decision"] == "approve"

    def test_each_change_says_why_and_on_what_basis(self, rulesets: dict[str, Ruleset]) -> None:
        relaxed = result(judged(rulesets["K"], {"ismap": {"list": "none"}}), "SEC-01")
        (why,) = relaxed["effect_why"]
        assert why["pack"] == "kobe-city"
        assert why["ja"]
        assert why["en"]
        assert [basis["id"] for basis in why["basis"]] == ["LOCAL-SPEC-PRACTICE"]


def test_a_suppressed_rule_stays_visible(rulesets: dict[str, Ruleset]) -> None:
    changes = {
        "vendor.country": "IE",
        "vendor.jp_registered_representative": True,
        "vendor.office_in_buyer_area": False,
        "use.value_jpy": 40_000_000,
    }
    outcome = judged(rulesets["K"], changes)
    suppressed = result(outcome, "KOBE-04")
    assert (suppressed["outcome"], suppressed["effect"]) == ("suppressed", "none")
    assert outcome["counts"]["suppressed"] == 1
    assert {entry["path"] for entry in suppressed["trace"]} == {"use.value_jpy", "vendor.country"}
    assert "協定" in suppressed["message"]["ja"]


class TestTwoDates:
    def test_the_policy_date_chooses_parameters_and_not_the_age_of_evidence(
        self, rulesets: dict[str, Ruleset]
    ) -> None:
        dossier = dossier_of(changed(CLEAN, {"portability.retrieval_days": 59}), DAY)
        today = rulesets["N"].evaluate(dossier)
        later = rulesets["N"].evaluate(dossier, policy_date=date(2027, 4, 1))
        assert result(today, "LCK-02")["outcome"] == "pass"
        assert result(later, "LCK-02")["outcome"] == "fail"
        assert result(later, "EXC-05")["outcome"] == "pass"
        assert (later["as_of"], later["policy_date"]) == ("2026-11-02", "2027-04-01")

    def test_evidence_newer_than_the_policy_date_is_for_simulations_only(
        self, rulesets: dict[str, Ruleset]
    ) -> None:
        dossier = dossier_of(CLEAN, DAY)
        with pytest.raises(PolicyDateError, match="only a simulation may look ahead"):
            rulesets["N"].evaluate(dossier, policy_date=date(2026, 11, 1))
        simulated = rulesets["N"].evaluate(dossier, policy_date=date(2026, 11, 1), simulation=True)
        assert simulated["simulation"] is True

    def test_an_answer_from_after_the_dossiers_own_day_is_refused_too(
        self, rulesets: dict[str, Ruleset]
    ) -> None:
        bare = dossier_of(CLEAN, DAY)
        late = {"source": "jp.nta", "at": "2026-11-02T15:00:00.000000Z", "capture": "sha256:" + "0" * 64}
        dossier = Dossier(bare.as_of, bare.facts, {**bare.provenance, "registry": late})
        with pytest.raises(PolicyDateError):
            rulesets["N"].evaluate(dossier)

    def test_a_policy_does_not_judge_before_it_holds(self, rulesets: dict[str, Ruleset]) -> None:
        with pytest.raises(PolicyDateError, match=r"jp-national@2026\.2\.0 does not hold on 2024-03-31"):
            rulesets["N"].evaluate(dossier_of(CLEAN, date(2024, 3, 31)))

    def test_days_count_in_japan(self, rulesets: dict[str, Ruleset]) -> None:
        facts = changed(CLEAN, {"certs": [{**CLEAN["certs"][0], "valid_to": "2026-11-02"}]})
        root = {"": {"source": "document"}}
        last = Dossier(datetime(2026, 11, 2, 14, 59, 59, tzinfo=UTC), facts, root)
        over = Dossier(datetime(2026, 11, 2, 15, 0, 0, tzinfo=UTC), facts, root)
        assert result(rulesets["N"].evaluate(last), "SEC-02")["outcome"] == "pass"
        assert result(rulesets["N"].evaluate(over), "SEC-02")["outcome"] == "fail"


class TestReasonsForUnknown:
    """Each way of not knowing has its own code, and names what is to blame."""

    def outcome(self, ruleset: Ruleset, provenance: dict[str, Any], **changes: Any) -> dict[str, Any]:
        bare = dossier_of(
            changed(CLEAN, {key.replace("__", "."): value for key, value in changes.items()}), DAY
        )
        return ruleset.evaluate(Dossier(bare.as_of, bare.facts, {**bare.provenance, **provenance}))

    def test_a_source_that_gave_no_answer(self, rulesets: dict[str, Ruleset]) -> None:
        gap = {"registry": {"source": "jp.nta", "gap": "timeout"}}
        found = result(self.outcome(rulesets["N"], gap, registry=None), "REG-01")
        assert (found["outcome"], found["effect"], found["reason"]) == (
            "unknown",
            "review",
            "SOURCE_NO_ANSWER",
        )
        assert "国税庁法人番号公表サイト" in found["message"]["ja"]
        assert "corporate number register" in found["message"]["en"]
        assert "timeout" in found["message"]["en"]

    def test_a_source_that_has_no_label_is_named_as_it_is(self, rulesets: dict[str, Ruleset]) -> None:
        gap = {"registry": {"source": "xx.register", "gap": "timeout"}}
        found = result(self.outcome(rulesets["N"], gap, registry=None), "REG-01")
        assert "xx.register" in found["message"]["ja"]

    @pytest.mark.parametrize(
        ("origin", "reason"),
        [
            ({"source": "declaration"}, "EVIDENCE_UNVERIFIED"),
            ({"source": "jp.ismap", "at": "2026-10-25T00:00:00Z"}, "EVIDENCE_STALE"),
            (
                {"source": "jp.ismap", "conflict": {"source": "declaration", "value": "none"}},
                "EVIDENCE_CONFLICT",
            ),
        ],
    )
    def test_a_listing_that_must_not_be_relied_on(
        self, rulesets: dict[str, Ruleset], origin: dict[str, Any], reason: str
    ) -> None:
        found = result(self.outcome(rulesets["N"], {"ismap": origin}), "SEC-01")
        assert (found["outcome"], found["reason"]) == ("unknown", reason)
        assert "ismap.list" in found["message"]["ja"]

    def test_a_verified_listing_that_is_recent(self, rulesets: dict[str, Ruleset]) -> None:
        origin = {"source": "jp.ismap", "at": "2026-10-26T03:00:00Z", "capture": "sha256:" + "0" * 64}
        found = result(self.outcome(rulesets["N"], {"ismap": origin}), "SEC-01")
        assert found["outcome"] == "pass"
        assert found["evidence"][0] == {"path": "ismap.list", **origin}

    def test_whether_a_rule_applies_may_rest_on_a_declaration(self, rulesets: dict[str, Ruleset]) -> None:
        provenance = {"": {"source": "declaration"}, "ismap": {"source": "jp.ismap"}}
        assert result(self.outcome(rulesets["N"], provenance), "SEC-01")["outcome"] == "pass"
        class_one = self.outcome(rulesets["N"], provenance, use__confidentiality=1)
        assert result(class_one, "SEC-01")["outcome"] == "not_applicable"

    def test_the_gravest_cause_is_the_reason(self, rulesets: dict[str, Ruleset]) -> None:
        provenance = {
            "registry.found": {"source": "jp.nta", "conflict": {"source": "int.gleif"}},
            "registry.closed": {"source": "declaration"},
        }
        assert result(self.outcome(rulesets["N"], provenance), "REG-01")["reason"] == "EVIDENCE_CONFLICT"


class TestWords:
    def test_what_is_filled_in_is_never_read_as_a_template(self, rulesets: dict[str, Ruleset]) -> None:
        changes = {"vendor.name": "{registry.name}{as_of}", "registry.name_match": 0.1}
        found = result(judged(rulesets["N"], changes), "REG-02")
        assert "「{registry.name}{as_of}」" in found["message"]["ja"]

    def test_codes_are_named_but_names_are_not(self, rulesets: dict[str, Ruleset]) -> None:
        changes = {
            "ismap": {"list": "ismap-liu", "valid_to": "2026-10-13", "renewal_filed_on": "2026-10-14"},
            "vendor.name": "none",
            "registry.name_match": 0.1,
        }
        outcome = judged(rulesets["N"], changes)
        listing, name = result(outcome, "SEC-01"), result(outcome, "REG-02")
        assert "ISMAP-LIUクラウドサービスリスト" in listing["message"]["ja"]
        assert "2026年10月13日" in listing["message"]["ja"]
        assert "13 October 2026" in listing["message"]["en"]
        assert '"none"' in name["message"]["en"]

    def test_what_is_missing_is_said_to_be_missing(self, rulesets: dict[str, Ruleset]) -> None:
        changes = {"qualification": {"categories": []}}
        found = result(judged(rulesets["N"], changes), "REG-04")
        assert found["outcome"] == "fail"
        assert "記載なし" in found["message"]["ja"]
        assert "not stated" in found["message"]["en"]

    def test_several_items_are_all_named(self, rulesets: dict[str, Ruleset]) -> None:
        found = result(judged(rulesets["N"], {"support_access": ["US", "JP", "SG"]}), "RES-06")
        assert "US、SG" in found["message"]["ja"]
        assert "US, SG" in found["message"]["en"]


def test_the_document_has_the_keys_that_readers_rely_on(rulesets: dict[str, Ruleset]) -> None:
    outcome = judged(rulesets["T"], {"use.confidentiality": 3})
    assert set(outcome) == {
        *("decision", "as_of", "policy_date", "evidence_snapshot", "policy", "tracks", "counts", "results"),
    }
    assert outcome["evidence_snapshot"] == dossier_of(changed(CLEAN, {"use.confidentiality": 3}), DAY).digest
    assert [citation.partition("@")[0] for citation in outcome["policy"]] == [
        *("jp-national", "tokyo-metropolitan", "non-resident", "reseller", "sme", "startup"),
    ]
    common = {
        *("rule", "title", "outcome", "effect", "effect_from", "reason", "message"),
        *("basis", "evidence", "trace", "trace_decisive"),
    }
    for each in outcome["results"]:
        assert set(each) - {"remedy", "effect_why"} == common
        assert ("remedy" in each) == (each["outcome"] in {"fail", "unknown"})
