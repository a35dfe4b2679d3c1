from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.output import Exit
from rules.cases import CASES, changed
from rules.library import PACKS
from rules.strict_yaml import read_yaml
from tests.cli.conftest import Answer, Sekisho

CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
JUDGE = ("policy", "evaluate", "--policy", "jp-national", "--as-of", "2026-11-02")


@pytest.fixture
def facts(tmp_path: Path) -> str:
    """A facts document of the clean vendor, as JSON."""
    return written(tmp_path / "facts.json", CLEAN)


def written(file: Path, value: Any) -> str:
    file.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return str(file)


def codes(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.problem["code"]


class TestEvaluate:
    def test_every_shared_scenario_comes_out_as_its_page_says(
        self, reference: Path, sekisho: Sekisho, tmp_path: Path
    ) -> None:
        page = (reference / "policy" / "scenarios.md").read_text("utf-8")
        clean, patches = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
        rows = re.findall(r"^\| (P\d\d) \|.*?\| (\w+) \| (\w+) \| (\w+) \| [^|]*\|$", page, re.MULTILINE)
        changes = read_yaml(patches).value
        assert len(rows) == 12
        for name, *expected in rows:
            document = changed(read_yaml(clean).value, changes[name])
            file = written(tmp_path / f"{name}.json", document)
            for decision, overlay in zip(expected, (None, "tokyo-metropolitan", "kobe-city"), strict=True):
                over = ("--overlay", overlay) if overlay else ()
                outcome = sekisho(*JUDGE, *over, "--facts", file, "--json").value
                assert outcome["decision"] == decision, (name, overlay)

    def test_the_page_of_the_clean_vendor_is_taken_as_it_stands(
        self, reference: Path, sekisho: Sekisho, tmp_path: Path
    ) -> None:
        page = (reference / "policy" / "scenarios.md").read_text("utf-8")
        file = written(tmp_path / "clean.yaml", re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
        answer = sekisho(*JUDGE, "--facts", file, "--json")
        assert (answer.status, answer.value["decision"], answer.err) == (Exit.DONE, "approve", "")
        unquoted = re.sub(r'"(\d{4}-\d\d-\d\d)"', r"\1", Path(file).read_text("utf-8"))
        assert (
            sekisho(*JUDGE, "--facts", written(tmp_path / "u.yaml", unquoted), "--json").value == answer.value
        )

    def test_a_rejection_is_no_failure(self, sekisho: Sekisho, tmp_path: Path) -> None:
        file = written(tmp_path / "f.json", changed(CLEAN, {"registry.closed": True}))
        answer = sekisho(*JUDGE, "--facts", file, "--json")
        assert (answer.status, answer.value["decision"]) == (Exit.DONE, "reject")
        text = sekisho(*JUDGE, "--facts", file, "--lang", "ja").out
        assert "却下" in text
        assert "閉鎖されています" in text

    def test_facts_come_on_standard_input_too(
        self, sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Stdin:
            buffer = io.BytesIO(b"vendor: {country: NO}\n")

        monkeypatch.setattr(sys, "stdin", Stdin)
        answer = sekisho(*JUDGE, "--facts", "-", "--json")
        assert answer.value["decision"] == "review"
        assert answer.value["tracks"]["non-resident"] == "admitted"

    def test_facts_that_no_rule_can_name_are_told(self, sekisho: Sekisho, tmp_path: Path) -> None:
        document = {**CLEAN, "vendor": {**CLEAN["vendor"], "contry": "JP"}, "extra": {"a": 1}}
        answer = sekisho(*JUDGE, "--facts", written(tmp_path / "f.json", document), "--json")
        assert answer.status == Exit.DONE
        assert "extra, vendor.contry" in answer.err

    def test_the_policy_date_may_lie_ahead_and_only_a_simulation_before_the_evidence(
        self, sekisho: Sekisho, tmp_path: Path
    ) -> None:
        file = written(tmp_path / "f.json", changed(CLEAN, {"portability.retrieval_days": 45}))
        ahead = sekisho(*JUDGE, "--facts", file, "--policy-date", "2027-04-01", "--json").value
        assert (ahead["decision"], ahead["policy_date"]) == ("review", "2027-04-01")
        assert codes(sekisho(*JUDGE, "--facts", file, "--policy-date", "2026-03-01", "--json")) == (
            Exit.INVALID,
            "policy.date_refused",
        )
        back = sekisho(*JUDGE, "--facts", file, "--policy-date", "2026-03-01", "--simulate", "--json").value
        assert back["simulation"] is True
        text = sekisho(*JUDGE, "--facts", file, "--policy-date", "2026-03-01", "--simulate").out
        assert "SIMULATION" in text

    @pytest.mark.parametrize(
        ("content", "named"),
        [
            (b"", "empty"),
            (b"[]", "mapping"),
            (b"vendor", "mapping"),
            (b"a: 1\na: 2\n", "a second time"),
            (b'{"a": 1, "a": 2}', "json.repeated_name"),
            (b"a: &x [1]\nb: *x\n", "anchors"),
            (b"a: !!python/object:os.system x\n", "tags"),
            (b"a: \xff", "json.encoding"),
            (b"a: [1\n", "line 2"),
            (b"[" * 100_000, "nesting"),
            (b'{"a":' * 300 + b"1" + b"}" * 300, "nesting"),
            (b'{"a": "\\u0000"}', "json.null_character"),
            (b"a: " + b"x" * 5_000_001, "bytes"),
        ],
    )
    def test_a_document_that_is_none_is_named(
        self, content: bytes, named: str, sekisho: Sekisho, tmp_path: Path
    ) -> None:
        file = tmp_path / "facts.yaml"
        file.write_bytes(content)
        answer = sekisho(*JUDGE, "--facts", str(file), "--json")
        assert codes(answer) == (Exit.INVALID, "policy.facts_invalid")
        assert named in answer.problem["errors"][0]["detail"]
        assert answer.out == ""

    @pytest.mark.parametrize("name", ["absent.yaml", ".", "a\0b", "x" * 5000])
    def test_a_file_that_cannot_be_read_is_named(self, name: str, sekisho: Sekisho) -> None:
        assert codes(sekisho(*JUDGE, "--facts", name, "--json")) == (Exit.INVALID, "policy.facts_invalid")

    @pytest.mark.parametrize("day", ["2026-02-30", "tomorrow", "20261102", "２０２６-11-02", "2026-11-2", ""])
    def test_a_day_that_is_none_is_named(self, day: str, sekisho: Sekisho, facts: str) -> None:
        answer = sekisho(
            "policy", "evaluate", "--policy", "jp-national", "--as-of", day, "--facts", facts, "--json"
        )
        assert codes(answer) == (Exit.INVALID, "policy.date_invalid")

    @pytest.mark.parametrize(
        "policy",
        [
            ("--policy", "no-such-pack"),
            ("--policy", "kobe-city"),
            ("--policy", "absent.yaml"),
            ("--policy", "./absent.json"),
            ("--policy", "jp-national", "--overlay", "startup"),
            ("--policy", "jp-national", "--overlay", "jp-national-first"),
            ("--policy", "\ud800"),
        ],
    )
    def test_a_policy_that_does_not_load_is_named(
        self, policy: tuple[str, ...], sekisho: Sekisho, facts: str
    ) -> None:
        answer = sekisho("policy", "evaluate", *policy, "--as-of", "2026-11-02", "--facts", facts, "--json")
        assert codes(answer) == (Exit.INVALID, "policy.pack_invalid")
        assert answer.problem["errors"][0]["remedy"]

    def test_a_day_before_the_policy_is_refused(self, sekisho: Sekisho, facts: str) -> None:
        answer = sekisho(
            "policy",
            "evaluate",
            "--policy",
            "jp-national",
            "--as-of",
            "2020-01-01",
            "--facts",
            facts,
            "--json",
        )
        assert codes(answer) == (Exit.INVALID, "policy.date_refused")

    def test_a_pack_file_takes_the_place_of_the_one_of_its_name(
        self, sekisho: Sekisho, facts: str, tmp_path: Path
    ) -> None:
        text = (PACKS / "kobe-city.yaml").read_text("utf-8").replace("2026.1.0", "2026.9.9")
        file = written(tmp_path / "mine.yaml", text)
        outcome = sekisho(*JUDGE, "--overlay", file, "--facts", facts, "--json").value
        assert outcome["policy"][1].startswith("kobe-city@2026.9.9#")

    def test_a_declaration_is_judged_by_a_json_schema(self, sekisho: Sekisho, tmp_path: Path) -> None:
        schema = written(
            tmp_path / "uk.json",
            {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "allOf": [{"$ref": "#/definitions/baseline"}, {"properties": {"b": {"enum": [False]}}}],
                "definitions": {"baseline": {"properties": {"a": {"enum": [True]}}, "required": ["a"]}},
            },
        )
        decisions = []
        for declaration in ({"a": True}, {"a": True, "b": True}, {"b": False}):
            answer = sekisho(
                *("policy", "evaluate", "--policy", schema, "--as-of", "2026-11-02", "--json"),
                *("--facts", written(tmp_path / "declaration.json", declaration)),
            )
            assert (answer.status, answer.err) == (Exit.DONE, "")
            decisions.append(answer.value["decision"])
        assert decisions == ["approve", "review", "reject"]
        assert "/a must be given" in answer.value["results"][0]["message"]["en"]


class TestExplain:
    @pytest.mark.parametrize(("lang", "said"), [("ja", "登記の閉鎖＝はい"), ("en", "entry closed = yes")])
    def test_the_leaves_that_decided_are_said(
        self, lang: str, said: str, sekisho: Sekisho, tmp_path: Path
    ) -> None:
        file = written(tmp_path / "f.json", changed(CLEAN, {"registry.closed": True}))
        asked = ("policy", "explain", "--facts", file, "--policy", "jp-national", "--as-of", "2026-11-02")
        text = sekisho(*asked, "--lang", lang).out
        assert said in text
        assert "SEC-02" not in text
        assert "SEC-02" in sekisho(*asked, "--all").out
        results = {result["rule"]: result for result in sekisho(*asked, "--json").value["results"]}
        assert said in results["REG-01"]["words"][0][lang]

    def test_one_of_case_and_facts_is_needed(self, sekisho: Sekisho, facts: str) -> None:
        assert sekisho("policy", "explain").status == Exit.USAGE
        assert sekisho("policy", "explain", "--facts", facts).status == Exit.USAGE
        assert sekisho("policy", "explain", "--facts", facts, "--case", "SK-000000000").status == Exit.USAGE


class TestPacks:
    def test_the_packs_are_listed(self, sekisho: Sekisho) -> None:
        rows = sekisho("policy", "list", "--json").values
        assert {row["pack"] for row in rows} == {file.stem for file in PACKS.glob("*.yaml")}
        assert "jp-national" in sekisho("policy", "list").out

    @pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
    def test_a_pack_is_shown_as_a_table(self, form: str, sekisho: Sekisho) -> None:
        page = sekisho("policy", "show", "tokyo-metropolitan", "--format", form, "--lang", "ja").out
        for part in ("TMG-01", "RES-05", "却下", "東京都", "tokyo-metropolitan@2026"):
            assert part in page.replace("\\", "")

    def test_machines_get_the_same_table(self, sekisho: Sekisho) -> None:
        shown = sekisho("policy", "show", "kobe-city", "--json").value
        assert shown["pack"].startswith("kobe-city@2026")
        rules = shown["sheets"][0]
        assert [row[0] for row in rules["rows"]] == ["KOBE-01", "KOBE-02", "KOBE-03", "KOBE-04"]
        assert all(len(row) == len(rules["columns"]) for row in rules["rows"])

    def test_what_is_no_pack_is_not_shown(self, sekisho: Sekisho) -> None:
        assert sekisho("policy", "show", "nothing").status == Exit.INVALID

    def test_the_packs_that_come_with_sekisho_are_sound(self, sekisho: Sekisho) -> None:
        assert sekisho("policy", "lint").status == Exit.DONE
        assert sekisho("policy", "lint", "kobe-city", "startup").status == Exit.DONE
        answer = sekisho("policy", "test", "--json")
        assert answer.status == Exit.DONE
        assert len(answer.values) > 200

    def test_a_fault_is_a_finding_with_its_line(self, sekisho: Sekisho, tmp_path: Path) -> None:
        text = (PACKS / "tokyo-metropolitan.yaml").read_text("utf-8").replace("op: tighten", "op: relax", 1)
        answer = sekisho("policy", "lint", written(tmp_path / "tokyo.yaml", text), "--json")
        assert answer.status == Exit.FINDINGS
        assert {row["at"] for row in answer.values} == {"/changes/0", "/changes/0/set/on_fail"}
        assert all(row["line"] > 1 and row["file"] == "tokyo.yaml" for row in answer.values)
        told = sekisho("policy", "lint", str(tmp_path / "tokyo.yaml"))
        assert "tokyo.yaml:15: /changes/0" in told.out

    def test_a_changed_base_is_checked_under_its_layers(self, sekisho: Sekisho, tmp_path: Path) -> None:
        text = (PACKS / "jp-national.yaml").read_text("utf-8").replace("relaxable: [track]", "assumed: false")
        answer = sekisho("policy", "lint", written(tmp_path / "national.yaml", text), "--json")
        assert {row["file"] for row in answer.values} >= {"startup.yaml", "non-resident.yaml"}

    def test_a_case_that_comes_out_otherwise_is_a_finding(self, sekisho: Sekisho, tmp_path: Path) -> None:
        text = (PACKS / "jp-national.yaml").read_text("utf-8")
        milder = text.replace(
            "retrieval_days: {2024-04-01: {value: 30}", "retrieval_days: {2024-04-01: {value: 3}"
        )
        assert milder != text
        answer = sekisho("policy", "test", "--pack", written(tmp_path / "milder.yaml", milder), "--json")
        assert answer.status == Exit.FINDINGS
        failed = [row for row in answer.values if not row["ok"]]
        assert failed
        assert all("LCK-02" in mismatch for row in failed for mismatch in row["mismatches"])
        assert sekisho("policy", "test", "no-such-pack").status == Exit.INVALID


class TestDiff:
    @pytest.fixture
    def mine(self, tmp_path: Path) -> str:
        text = (PACKS / "jp-national.yaml").read_text("utf-8")
        for old, new in (
            ("version: 2026.2.0", "version: 2026.3.0"),
            ("2027-04-01: {value: 60}", "2027-04-01: {value: 90}"),
            ("{eq: [registry.closed, false]}", "{ne: [registry.closed, true]}"),
            ("effective: {from: 2024-04-01}", "effective: {from: 2027-04-01}"),
        ):
            assert old in text
            text = text.replace(old, new)
        head, _, tail = text.partition("  REG-05:")
        return written(
            tmp_path / "mine.yaml",
            head + tail.partition("\n  REG-06:")[1].lstrip("\n") + tail.partition("\n  REG-06:")[2],
        )

    def test_it_says_in_words_what_differs(self, mine: str, sekisho: Sekisho) -> None:
        rows = sekisho("policy", "diff", "jp-national", mine, "--json").values
        found = {(row["subject"], row["what"]): (row["before"], row["after"]) for row in rows}
        assert found == {
            ("", "version"): ("2026.2.0", "2026.3.0"),
            ("", "effective"): ("2024-04-01/..", "2027-04-01/.."),
            ("@retrieval_days (2027-04-01)", "parameter"): ("60", "90"),
            ("REG-05", "rule"): ("gBizID account", None),
            ("REG-01", "requires"): (
                found["REG-01", "requires"][0],
                found["REG-01", "requires"][0].replace("entry closed: no", "entry closed: not yes"),
            ),
        }
        page = sekisho("policy", "diff", "jp-national", mine, "--lang", "ja", "--format", "markdown").out
        assert "登記の閉鎖：はい以外" in page
        assert "REG-05" in sekisho("policy", "diff", "jp-national", mine).out

    @pytest.mark.parametrize("form", ["markdown", "html"])
    def test_in_other_forms(self, form: str, mine: str, sekisho: Sekisho) -> None:
        page = sekisho("policy", "diff", "jp-national", mine, "--format", form).out
        assert "entry closed: not yes" in page

    def test_folders_are_compared_pack_by_pack(self, mine: str, sekisho: Sekisho, tmp_path: Path) -> None:
        other = tmp_path / "packs"
        other.mkdir()
        written(other / "jp-national.yaml", Path(mine).read_text("utf-8"))
        rows = sekisho("policy", "diff", str(PACKS), str(other), "--json").values
        gone = {row["pack"] for row in rows if row["what"] == "pack" and row["after"] is None}
        assert gone == {file.stem for file in PACKS.glob("*.yaml")} - {"jp-national"}
        assert sekisho("policy", "diff", str(PACKS), "jp-national").status == Exit.USAGE

    def test_nothing_differs_from_itself(self, sekisho: Sekisho) -> None:
        answer = sekisho("policy", "diff", "jp-national", "jp-national")
        assert (answer.status, "Nothing differs" in answer.out) == (Exit.DONE, True)
        assert sekisho("policy", "diff", "jp-national", "jp-national", "--json").out == ""


class TestNames:
    @pytest.mark.parametrize(
        ("one", "other", "result"),
        [
            ("㈱みなと台帳", "株式会社みなと台帳", "same"),
            ("日本電気", "日本電産", "different"),
            ("Siemens AG", "Siemens Energy AG", "different"),
        ],
    )
    def test_names_are_compared_with_reasons(
        self, one: str, other: str, result: str, sekisho: Sekisho
    ) -> None:
        compared = sekisho("names", "compare", one, other, "--json").value
        assert compared["result"] == result
        assert all(reason["ja"] and reason["en"] for reason in compared["reasons"])
        assert result in sekisho("names", "compare", one, other, "--lang", "ja").out

    @pytest.mark.parametrize("name", ["", " ", "\ud800", "x" * 1001])
    def test_what_is_no_name_is_invalid(self, name: str, sekisho: Sekisho) -> None:
        assert codes(sekisho("names", "compare", "--json", "--", name, "A")) == (
            Exit.INVALID,
            "cli.name_invalid",
        )
