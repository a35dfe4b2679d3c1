"""Foreign assessments: the UK's shared cases, schemas of several drafts, and what must not load."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rules.facts import dossier_of
from rules.library import Library
from rules.loader import parse_pack, read_pack
from rules.pack import PackError
from rules.ruleset import Ruleset
from rules.selection import read_policy_file, select

DAY = date(2026, 11, 2)
DECISION = {"PASS": "approve", "DISCRETIONARY": "review", "FAIL": "reject"}

PACK = """\
pack: an-assessment
kind: assessment
version: 2026.1.0
status: test
effective: {from: 2020-01-01}
owner: {ja: 担当, en: an officer}
summary: {ja: 検査用, en: for tests}
rules:
"""
RULE = """\
  %s:
    title: {ja: 題, en: title}
    schema: %s
    on_fail: %s
    reason: {fail: NOT_MET, unknown: NOT_KNOWN}
    message:
      pass: {ja: 適合, en: Met.}
      fail: {ja: 不適合, en: Not met.}
      unknown: {ja: 不明, en: Not known.}
    remedy: {ja: 訂正してください。, en: Correct it.}
    basis: [FOREIGN-SCHEMA]
"""


def pack(*rules: tuple[str, Any, str]) -> str:
    return PACK + "".join(RULE % (name, json.dumps(schema), effect) for name, schema, effect in rules)


def compiled(*rules: tuple[str, Any, str]) -> Ruleset:
    return Library([parse_pack(pack(*rules), "pack.yaml")]).ruleset("an-assessment")


def judged(ruleset: Ruleset, facts: Any) -> dict[str, Any]:
    return ruleset.evaluate(dossier_of(facts, DAY))


def one(schema: Any, facts: Any, **more: str) -> dict[str, Any]:
    [result] = judged(compiled(("AB-01", {"inline": schema, **more}, "reject")), facts)["results"]
    return dict(result)


def test_every_shared_g_cloud_case_comes_out_as_it_should(reference: Path) -> None:
    folder = reference / "peers" / "uk-dmp"
    cases = json.loads((folder / "assessment-cases.g-cloud-11.json").read_text("utf-8"))
    ruleset = select(str(folder / "policies" / "g-cloud-11-assessment-schema.json"))
    assert len(cases["cases"]) == 8
    for case in cases["cases"]:
        declaration = {
            name: answer
            for name, answer in cases["base_declaration"].items()
            if name not in case.get("remove", ())
        } | case["change"]
        assert judged(ruleset, declaration)["decision"] == DECISION[case["expected_outcome"]], case["id"]


@pytest.mark.parametrize("with_baseline", [True, False])
def test_every_shared_h_cloud_case_comes_out_as_it_should(reference: Path, *, with_baseline: bool) -> None:
    shared = json.loads((reference / "peers" / "uk-dmp" / "h-cloud-99.json").read_text("utf-8"))
    status = {"required": ["status"], "properties": {"status": {"const": "complete"}}}
    submitted = {"contains": {"required": ["status"], "properties": {"status": {"const": "submitted"}}}}
    whole = {"inline": shared["policy"], "of": "/declaration"}
    rules = [
        ("HC-01", {"inline": status, "of": "/declaration"}, "reject"),
        ("HC-02", {"inline": submitted, "of": "/draft_services"}, "reject"),
        ("HC-04", whole, "review"),
    ]
    if with_baseline:
        rules.append(("HC-03", {**whole, "part": "/definitions/baseline"}, "reject"))
    ruleset = compiled(*rules)
    for supplier in shared["suppliers"]:
        expected = supplier["expected_with_baseline" if with_baseline else "expected_without_baseline"]
        assert judged(ruleset, supplier)["decision"] == DECISION[expected], supplier["supplier_id"]


def test_every_shared_policy_loads_and_the_rule_table_agrees_with_the_schema(reference: Path) -> None:
    folder = reference / "peers" / "uk-dmp"
    for file in sorted((folder / "policies").glob("*.json")):
        assert select(str(file)).rules
    ruleset = select(str(folder / "policies" / "g-cloud-11-assessment-schema.json"))
    base = json.loads((folder / "assessment-cases.g-cloud-11.json").read_text("utf-8"))["base_declaration"]
    table = json.loads((folder / "declaration-rules.g-cloud-11.json").read_text("utf-8"))["rules"]
    checked = 0
    for rule in table:
        accepted = rule["assessment"]["passIfIn"]
        if rule["type"] != "boolean" or rule["id"] not in base or len(accepted) != 1:
            continue
        outcome = judged(ruleset, {**base, rule["id"]: not accepted[0]})
        discretionary = rule["assessment"].get("discretionary", False)
        assert outcome["decision"] == ("review" if discretionary else "reject"), rule["id"]
        assert f"/{rule['id']}" in outcome["results"][-1]["message"]["en"]
        checked += 1
    assert checked > 30


def test_reasons_point_at_what_is_not_as_it_should_be() -> None:
    schema = {
        "type": "object",
        "required": ["b"],
        "properties": {"a": {"enum": [True]}, "list": {"items": {"type": "string", "maxLength": 2}}},
    }
    result = one(schema, {"a": False, "list": ["ok", "long"]})
    assert [(entry["path"], entry["test"], entry["value"]) for entry in result["trace"]] == [
        ("/a", "enum true", False),
        ("/b", "required", None),
        ("/list/1", "maxLength 2", "long"),
    ]
    assert result["trace_decisive"] == [0, 1, 2]
    assert result["message"]["en"] == (
        "Not met. /a must be one of: true; /b must be given; /list/1 must have at most 2 characters."
    )
    assert "/bは" not in result["message"]["ja"]
    assert "/b：記載すること" in result["message"]["ja"]


def test_many_faults_are_counted_not_listed() -> None:
    result = one({"additionalProperties": {"const": 1}}, {f"f{number}": 2 for number in range(500)})
    assert "and 90 more" in result["message"]["en"]
    assert len(result["trace"]) == 100


@pytest.mark.parametrize(
    "draft",
    [
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2020-12/schema",
    ],
)
@pytest.mark.parametrize("identified", [True, False])
def test_drafts_and_identified_schemas(draft: str, *, identified: bool) -> None:
    schema: dict[str, Any] = {
        "$schema": draft,
        "definitions": {"yes": {"enum": [True]}},
        "properties": {"a": {"$ref": "#/definitions/yes"}},
    }
    if identified:
        schema["id" if "04" in draft else "$id"] = "https://policy.example/schema.json"
    assert one(schema, {"a": True})["outcome"] == "pass"
    assert one(schema, {"a": 1})["outcome"] == "fail"
    assert one(schema, {"a": False}, part="/definitions/yes")["outcome"] == "fail"


def test_what_is_not_there_is_unknown_and_goes_to_a_person() -> None:
    result = one({}, {"x": {"y": 1}}, of="/x/z")
    assert (result["outcome"], result["effect"], result["reason"]) == ("unknown", "review", "NOT_KNOWN")
    assert one({"const": 1}, {"a/b": {"~": 1}}, of="/a~1b/~0")["outcome"] == "pass"


def test_a_declaration_too_deep_for_its_schema_goes_to_a_person() -> None:
    deep: Any = 1
    for _ in range(240):
        deep = [deep]
    result = one({"properties": {"a": {"items": {"$ref": "#/properties/a"}}}}, {"a": deep})
    assert (result["outcome"], result["reason"]) == ("unknown", "EVIDENCE_UNREADABLE")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"inline": {"type": "thing"}}, "no JSON Schema at /type"),
        ({"inline": {"$ref": "#/definitions/none"}}, "refers to what is not in it"),
        ({"inline": {"$ref": "http://elsewhere.example/x.json"}}, "refers to what is not in it"),
        ({"inline": {}, "part": "/definitions/baseline"}, "refers to what is not in it"),
        ({"inline": {"pattern": "("}}, "no JSON Schema"),
        ({"file": "absent.json"}, "a pack without a folder cannot name files"),
        ({}, "/rules/AB-01/schema"),
        ({"file": "a.json", "inline": {}}, "/rules/AB-01/schema"),
        ({"file": "a.yaml"}, "/rules/AB-01/schema/file"),
        ({"inline": {}, "of": "x"}, "/rules/AB-01/schema/of"),
    ],
)
def test_a_schema_that_cannot_judge_does_not_load(schema: Any, expected: str) -> None:
    with pytest.raises(PackError, match=expected):
        compiled(("AB-01", schema, "review"))


def test_a_rejection_in_force_needs_a_documented_basis() -> None:
    text = pack(("AB-01", {"inline": {}}, "reject")).replace("status: test", "status: in-force")
    with pytest.raises(PackError, match="rejects without a documented basis"):
        Library([parse_pack(text, "pack.yaml")]).ruleset("an-assessment")
    text = text.replace("FOREIGN-SCHEMA", "NO-SUCH-BASIS")
    with pytest.raises(PackError, match="the register has no basis"):
        Library([parse_pack(text, "pack.yaml")]).check()


@pytest.mark.parametrize("key", ["applies", "require", "fail_only_if"])
def test_an_assessment_has_no_conditions(key: str) -> None:
    text = pack(("AB-01", {"inline": {}}, "review")) + f"    {key}: {{eq: [use.my_number, true]}}\n"
    with pytest.raises(PackError, match=f"/rules/AB-01/{key}: does not belong here"):
        parse_pack(text, "pack.yaml")


def test_a_base_has_no_schema() -> None:
    text = pack(("AB-01", {"inline": {}}, "review")).replace("kind: assessment", "kind: base")
    with pytest.raises(PackError, match="'require' is missing"):
        parse_pack(text, "pack.yaml")


class TestFiles:
    def test_the_digest_covers_the_schema(self, tmp_path: Path) -> None:
        (tmp_path / "pack.yaml").write_text(pack(("AB-01", {"file": "policy.json"}, "review")), "utf-8")
        digests = set()
        for schema in ("{}", '{"type": "object"}'):
            (tmp_path / "policy.json").write_text(schema, "utf-8")
            digests.add(read_pack(tmp_path / "pack.yaml").digest)
        assert len(digests) == 2

    def test_a_name_that_stands_twice_with_one_value_is_taken(self, tmp_path: Path) -> None:
        file = tmp_path / "schema.json"
        file.write_text('{"type": "object", "type": "object"}', "utf-8")
        assert read_policy_file(file).kind == "assessment"

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b'{"type": "object", "type": "array"}', "stands twice with two values"),
            (b"{", "is not JSON"),
            (b"[]", "holds no object"),
            (b"\xff", "is not JSON"),
            (b'{"a": "' + b"x" * 1_000_001 + b'"}', "more than 1,000,000 bytes"),
        ],
    )
    def test_a_file_that_is_no_schema_is_told(self, content: bytes, expected: str, tmp_path: Path) -> None:
        file = tmp_path / "schema.json"
        file.write_bytes(content)
        with pytest.raises(PackError, match=expected):
            read_policy_file(file)

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(PackError, match="cannot be read"):
            read_policy_file(tmp_path / "absent.json")
        (tmp_path / "pack.yaml").write_text(pack(("AB-01", {"file": "absent.json"}, "review")), "utf-8")
        with pytest.raises(
            PackError, match=r"pack\.yaml:11: /rules/AB-01/schema/file: 'absent\.json' cannot be"
        ):
            read_pack(tmp_path / "pack.yaml")

    @pytest.mark.parametrize("name", ["G Cloud 11!.json", "11.json", "鳳.json", "x" * 100 + ".json"])
    def test_any_file_name_makes_a_pack_name(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_text("{}", "utf-8")
        assert judged(select(str(tmp_path / name)), {})["decision"] == "approve"


def test_an_assessment_takes_no_overlays(library: Library) -> None:
    with pytest.raises(PackError, match="an assessment has no overlays"):
        library.including([parse_pack(pack(("AB-01", {"inline": {}}, "review")), "p")]).ruleset(
            "an-assessment", ["kobe-city"]
        )


def test_the_pack_on_the_officers_page_judges_as_it_says(reference: Path, tmp_path: Path) -> None:
    folder = reference / "peers" / "uk-dmp"
    page = (Path(__file__).parents[2] / "docs" / "policies.md").read_text("utf-8")
    text = page.partition("```yaml\n")[2].partition("```")[0]
    schema = folder / "policies" / "g-cloud-11-assessment-schema.json"
    (tmp_path / "g-cloud-11.yaml").write_text(text.replace(schema.name, str(schema)), "utf-8")
    ruleset = select(str(tmp_path / "g-cloud-11.yaml"))
    cases = json.loads((folder / "assessment-cases.g-cloud-11.json").read_text("utf-8"))
    for case in cases["cases"]:
        outcome = judged(ruleset, {**cases["base_declaration"], **case["change"]})
        assert (outcome["decision"] == "reject") is (case["expected_outcome"] == "FAIL")
