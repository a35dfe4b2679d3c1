"""Packs that must not load, and what their authors are told: file, line, place, problem, remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.layers import join
from rules.library import Library
from rules.loader import parse_pack, read_pack
from rules.pack import PackError
from rules.ruleset import Ruleset

BASE = """\
pack: a-base
kind: base
version: 2026.1.0
status: in-force
effective: {from: 2024-04-01}
owner: {ja: 担当, en: an officer}
summary: {ja: 検査用, en: for tests}
params:
  limit: {2024-04-01: {value: 2}}
rules:
  AB-01:
    title: {ja: 題, en: title}
    applies: {eq: [use.my_number, false]}
    require: {le: [use.confidentiality, "@limit"]}
    on_fail: reject
    relaxable: [track]
    reason: {fail: TOO_HIGH, unknown: NOT_KNOWN}
    message:
      pass: {ja: 適合, en: met}
      fail: {ja: "{use.confidentiality}は不適合", en: "{use.confidentiality} is not met"}
      unknown: {ja: 不明, en: not known}
      not_applicable: {ja: 対象外, en: not asked}
    remedy: {ja: 訂正してください。, en: Correct it.}
    basis: [COMMON-STANDARDS]
"""

LAYER = """\
pack: a-layer
kind: buyer-local
extends: a-base
version: 2026.1.0
status: in-force
effective: {from: 2024-04-01}
owner: {ja: 担当, en: an officer}
summary: {ja: 検査用, en: for tests}
"""


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def faults(text: str, *layers: str) -> list[str]:
    with pytest.raises(PackError) as caught:
        loaded(text, *layers)
    for fault in caught.value.faults:
        assert fault.remedy
        assert str(fault).startswith(f"{fault.file}:{fault.line}: ")
    return [str(fault) for fault in caught.value.faults]


def loaded(text: str, *layers: str) -> Ruleset:
    packs = [parse_pack(layer, f"layer-{number}.yaml") for number, layer in enumerate(layers)]
    return join(parse_pack(text, "base.yaml"), packs)


def test_the_base_of_these_tests_loads() -> None:
    assert [rule.rule.id for rule in loaded(BASE, LAYER).rules] == ["AB-01"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind: base", "kind: basis", r"base\.yaml:2: /kind: 'basis' is not known here; take one of: base,"),
        ("on_fail: reject", "on_fial: reject", r"unknown key 'on_fial'; take one of: title, "),
        ("    on_fail: reject\n", "", r"base\.yaml:11: /rules/AB-01: the key 'on_fail' is missing; add it"),
        ("on_fail: reject", "on_fail: refuse", r":15: /rules/AB-01/on_fail: 'refuse' is not known here"),
        (
            "on_fail: reject",
            "on_fail: reject\n    on_fail: note",
            r":16: /: the key 'on_fail' stands here a second",
        ),
        (
            "version: 2026.1.0",
            "version: 2026.1",
            r"/version: 2026\.1 is no string; quote it where text is meant",
        ),
        (
            "version: 2026.1.0",
            "version: first",
            r"/version: 'first' does not have the form wanted; year\.minor\.patch",
        ),
        (
            "from: 2024-04-01}\nowner",
            "from: 2024-02-30}\nowner",
            r"/effective/from: '2024-02-30' does not have",
        ),
        ("en: title}", "fr: titre}", r"/rules/AB-01/title/fr: unknown key 'fr'"),
        ("en: title}", "fr: titre}", r"/rules/AB-01/title: the key 'en' is missing"),
        ("      pass: {ja: 適合, en: met}\n", "", r"/rules/AB-01/message: the key 'pass' is missing"),
        (
            "      not_applicable: {ja: 対象外, en: not asked}\n",
            "",
            r"/rules/AB-01/message: the key 'not_applicable' is missing",
        ),
        (
            "on_fail: reject",
            "on_fail: reject\n    on_unknown: reject",
            r"on_unknown: 'reject' is not known here",
        ),
        ("{le: [", "{about: [", r"unknown key 'about'; take one of: all_of, any_of, not"),
        (
            '{le: [use.confidentiality, "@limit"]}',
            "{le: [use.confidentiality, 2], ge: [use.confidentiality, 1]}",
            r"a condition has exactly one operator; join several with all_of or any_of",
        ),
        (
            "le: [use.confidentiality,",
            "le: [use.secrecy,",
            r":14: /rules/AB-01/require/le/0: no fact has the path",
        ),
        ('"@limit"', '"@limits"', r"/rules/AB-01/require/le/1: no parameter @limits"),
        ("2024-04-01: {value: 2}", "2024-04-02: {value: 2}", r"@limit has no value on 2024-04-01"),
        ("basis: [COMMON-STANDARDS]", "basis: [COMMON-SENSE]", r"the register has no basis COMMON-SENSE"),
        ("basis: [COMMON-STANDARDS]", "basis: [KOBE-AI-ORDINANCE]", r"is in force from 2024-09-27 only"),
        (
            "basis: [COMMON-STANDARDS]",
            "basis: [FEFA]",
            r"/rules/AB-01/basis: rejects without a documented basis",
        ),
        ("basis: [COMMON-STANDARDS]", "basis: [TMG-ASSUMED]", r"rejects without a documented basis"),
        (
            "{use.confidentiality} is not met",
            "{use.secrecy} is not met",
            r"/message/fail: \{use\.secrecy\} is no fact",
        ),
        ("{use.confidentiality} is not met", "{items} is not met", r"/message/fail: \{items\} is no fact"),
        ("en: met}", 'en: "{as_of} met"}', r"/message/pass: \{as_of\} stands in a text that is fixed"),
        (
            "applies: {eq: [use.my_number, false]}",
            "applies: {ne: [vendor.country, JP]}",
            r"names the seller's nat",
        ),
        (
            "relaxable: [track]",
            "treaty: discriminates",
            r"/rules/AB-01/message: the key 'suppressed' is missing",
        ),
        (
            "kind: base",
            "kind: base\nextends: other",
            r"/extends: does not belong here; remove it",
        ),
        ("kind: base", "kind: track", r"the key 'extends' is missing"),
    ],
)
def test_a_faulty_base_does_not_load(old: str, new: str, expected: str) -> None:
    assert any(re.search(expected, fault) for fault in faults(changed(BASE, old, new))), expected


def test_every_fault_is_told_at_once() -> None:
    text = changed(BASE, "basis: [COMMON-STANDARDS]", "basis: [FEFA, NOWHERE]")
    text = changed(text, '"@limit"', '"@limits"')
    assert len(faults(text)) == 3


def test_a_test_pack_may_reject_on_an_undocumented_basis() -> None:
    text = changed(BASE, "status: in-force", "status: test")
    assert loaded(changed(text, "basis: [COMMON-STANDARDS]", "basis: [FEFA]")).rules


def test_a_rule_may_name_the_nationality_with_a_reason() -> None:
    text = changed(BASE, "applies: {eq: [use.my_number, false]}", "applies: {ne: [vendor.country, JP]}")
    text = changed(
        text, "    relaxable", "    treaty_why: {ja: 法律による。, en: A statute asks it.}\n    relaxable"
    )
    assert loaded(text).rules


def test_a_rule_that_discriminates_needs_a_guard() -> None:
    text = changed(BASE, "    relaxable", "    treaty: discriminates\n    relaxable")
    text = changed(text, "    remedy", "      suppressed: {ja: 適用なし, en: not applied}\n    remedy")
    assert any("nothing says when a treaty forbids it" in fault for fault in faults(text))
    guarded = changed(text, "params:", "treaty_guard: {eq: [vendor.country, NO]}\nparams:")
    assert loaded(guarded).rules


def relaxing(effect: str, op: str = "relax") -> str:
    return (
        "changes:\n"
        f"  - {{op: {op}, rule: AB-01, set: {{on_fail: {effect}}}, why: {{ja: 理由, en: why}}, "
        "basis: [LOCAL-SPEC-PRACTICE]}\n"
    )


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (LAYER + relaxing("review"), r"a buyer-local pack may not relax AB-01; track may"),
        (LAYER + relaxing("reject"), r"reject does not relax reject; name a milder effect"),
        (LAYER + relaxing("review", "tighten"), r"review does not tighten reject; name a stronger effect"),
        (LAYER + relaxing("review").replace("AB-01", "AB-02"), r"there is no rule AB-02"),
        (
            LAYER + relaxing("review").replace("LOCAL-SPEC-PRACTICE", "NOWHERE"),
            r"the register has no basis NOWHERE",
        ),
        (
            LAYER + "params: {limit: {2026-01-01: {value: 3}}}\n",
            r"a-base does not let a buyer-local pack set @limit",
        ),
        (LAYER + BASE[BASE.index("rules:") :].replace('"@limit"', "1"), r"a-base has a rule AB-01 already"),
        (LAYER.replace("extends: a-base", "extends: b-base"), r"/extends: does not extend a-base"),
        (
            LAYER + "selects: {from: a-base, rules: [AB-01]}\n",
            r"/selects: does not belong here",
        ),
    ],
)
def test_an_unlawful_layer_does_not_load(layer: str, expected: str) -> None:
    assert any(re.search(expected, fault) for fault in faults(BASE, layer)), expected


def test_a_layer_may_set_a_parameter_that_the_base_makes_adjustable() -> None:
    base = changed(BASE, "params:", "adjustable: {limit: [buyer-local]}\nparams:")
    assert loaded(base, LAYER + "params: {limit: {2026-01-01: {value: 3}}}\n").rules


def test_a_layer_in_force_may_not_reject_on_an_undocumented_basis() -> None:
    base = changed(BASE, "on_fail: reject", "on_fail: review")
    layer = LAYER + relaxing("reject", "tighten")
    assert loaded(base, layer).rules
    assert any(
        "rejects without" in fault for fault in faults(base, layer.replace("LOCAL-SPEC-PRACTICE", "FEFA"))
    )


def test_a_list_of_values_may_take_in_another_one_that_has_a_value() -> None:
    base = changed(BASE, "params:", "params:\n  wide: {2024-04-01: {value: [JP, $narrow]}}")
    assert any("takes in @narrow" in fault for fault in faults(base))
    loaded(changed(base, "params:", "params:\n  narrow: {2024-04-01: {value: [NO]}}"))


class TestFiles:
    def test_a_file_that_is_no_pack(self, tmp_path: Path) -> None:
        for content, problem in (
            (b"\xff\xfe", "is not UTF-8"),
            (b"just text", "is no object"),
            (b"- a\n- b\n", "is no object"),
            (b"x" * 1_000_001, "has more than 1,000,000 bytes"),
        ):
            file = tmp_path / "odd.yaml"
            file.write_bytes(content)
            with pytest.raises(PackError) as caught:
                read_pack(file)
            assert problem in str(caught.value)
        with pytest.raises(PackError, match="cannot be read: No such file"):
            read_pack(tmp_path / "none.yaml")

    def test_a_folder_tells_the_faults_of_all_its_files(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text(changed(BASE, "kind: base", "kind: basis"), "utf-8")
        (tmp_path / "b.yaml").write_text(changed(LAYER, "status: in-force", "status: open"), "utf-8")
        with pytest.raises(PackError) as caught:
            Library.read(tmp_path)
        assert {fault.file for fault in caught.value.faults} == {"a.yaml", "b.yaml"}

    def test_two_packs_may_not_share_a_name(self, tmp_path: Path) -> None:
        for name in ("a.yaml", "b.yaml"):
            (tmp_path / name).write_text(BASE, "utf-8")
        with pytest.raises(PackError, match=r"a\.yaml is named a-base too"):
            Library.read(tmp_path)

    def test_a_layer_needs_its_base_in_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text(LAYER, "utf-8")
        with pytest.raises(PackError, match="a-base is no base here"):
            Library.read(tmp_path).check()


class TestLibrary:
    def test_the_packs_that_come_with_it_are_without_fault(self, library: Library) -> None:
        library.check()
        assert set(library.packs) == {
            *("jp-national", "jp-national-first", "tokyo-metropolitan", "kobe-city", "meti", "maff"),
            *("startup", "sme", "non-resident", "reseller"),
        }

    @pytest.mark.parametrize(
        ("base", "overlays", "problem"),
        [
            ("jp-nowhere", [], "there is no such pack"),
            ("startup", [], "is not a base"),
            ("jp-national", ["startup"], "is not a buyer's overlay"),
            ("jp-national", ["osaka-city"], "there is no such pack"),
        ],
    )
    def test_a_policy_is_made_of_a_base_and_buyers(
        self, library: Library, base: str, overlays: list[str], problem: str
    ) -> None:
        with pytest.raises(PackError, match=problem):
            library.ruleset(base, overlays)

    def test_an_overlay_fits_a_base_that_selects_from_its_own(self, library: Library) -> None:
        over = library.ruleset("jp-national-first", ["tokyo-metropolitan"])
        assert [rule.rule.id for rule in over.rules if rule.amendments] == ["RES-01"]
        assert {"TMG-01", "TMG-02"} <= {rule.rule.id for rule in over.rules}
        assert library.buyers("jp-national-first") == library.buyers("jp-national")

    def test_the_first_policy_takes_its_rules_word_for_word(self, library: Library) -> None:
        first, whole = library.ruleset("jp-national-first"), library.ruleset("jp-national")
        assert [rule.rule.id for rule in first.rules] == [
            "REG-01",
            "REG-02",
            "RES-01",
            "RES-02",
            "SEC-00",
            "SEC-02",
        ]
        assert {rule.rule.id: rule.rule for rule in first.rules}.items() <= {
            rule.rule.id: rule.rule for rule in whole.rules
        }.items()
        assert [citation.partition("@")[0] for citation in first.citations] == [
            "jp-national-first",
            "jp-national",
        ]

    def test_a_pack_is_named_by_its_content_alone(self) -> None:
        pack = parse_pack(BASE, "a.yaml")
        assert parse_pack("# a comment\n" + BASE, "b.yaml").digest == pack.digest
        assert parse_pack(changed(BASE, "Correct it.", "Mend it."), "a.yaml").digest != pack.digest
        assert re.fullmatch(r"a-base@2026\.1\.0#sha256:[0-9a-f]{64}", pack.citation)
