"""Conditions: what each operator says, above all of evidence that is missing."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import pytest

from rules.conditions import Compiler, ConditionError
from rules.leaves import Demand
from rules.parameters import DatedValue, Timeline
from rules.provenance import Provenance
from rules.truth import Run

TODAY = date(2026, 11, 2)

VALUES = Timeline(
    [
        DatedValue("adequate", date(2019, 1, 23), ["NO", "IE"]),
        DatedValue("retrieval_days", date(2024, 4, 1), 30),
        DatedValue("retrieval_days", date(2027, 4, 1), 60),
        DatedValue("residency.at_rest.content", date(2024, 4, 1), ["JP"]),
        DatedValue("residency.at_rest.telemetry", date(2024, 4, 1), ["JP", "$adequate"]),
    ]
)

DOCUMENT = {"": {"source": "document"}}
CAPTURE = "sha256:" + "0" * 64


def run(
    condition: dict[str, Any],
    facts: dict[str, Any],
    provenance: dict[str, Any] | None = None,
    demand: Demand | None = None,
    policy_date: date = TODAY,
) -> tuple[str, Run]:
    test = Compiler(VALUES.names, demand or Demand()).compile(condition)
    evaluation = Run(facts, Provenance(provenance or DOCUMENT), TODAY, VALUES.at(policy_date))
    return test(evaluation, None), evaluation


def truth(condition: dict[str, Any], facts: dict[str, Any], **options: Any) -> str:
    return run(condition, facts, **options)[0]


class TestMissingEvidence:
    """The probes u1 to u7: other engines pass, or stop at the first missing key."""

    FACTS: ClassVar[dict[str, Any]] = {"use": {"my_number": False}, "tax": {}}
    FALSE: ClassVar[dict[str, Any]] = {"eq": ["use.my_number", True]}
    TRUE: ClassVar[dict[str, Any]] = {"eq": ["use.my_number", False]}
    ABSENT: ClassVar[dict[str, Any]] = {"eq": ["tax.arrears", True]}

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            pytest.param({"eq": ["tax.arrears", True]}, "unknown", id="u1 absent == true"),
            pytest.param({"ne": ["tax.arrears", True]}, "unknown", id="u2 absent != true"),
            pytest.param({"le": ["portability.retrieval_days", 24]}, "unknown", id="u3 absent <= 24"),
            pytest.param({"all_of": [FALSE, ABSENT]}, "fail", id="u4 false && absent"),
            pytest.param({"all_of": [ABSENT, FALSE]}, "fail", id="u4 absent && false"),
            pytest.param({"any_of": [ABSENT, TRUE]}, "pass", id="u5 absent || true"),
            pytest.param(
                {"every": {"of": "certs", "is": {"eq": ["accredited", True]}}},
                "unknown",
                id="u6 every of absent",
            ),
            pytest.param({"not": ABSENT}, "unknown", id="u7 not absent"),
            pytest.param({"all_of": [TRUE, ABSENT]}, "unknown", id="true && absent"),
            pytest.param({"any_of": [FALSE, ABSENT]}, "unknown", id="false || absent"),
            pytest.param({"not_in": ["contract.court", ["US"]]}, "unknown", id="not_in, section absent"),
            pytest.param({"ne": ["contract.court", "US"]}, "unknown", id="ne, middle segment absent"),
            pytest.param(
                {"some": {"of": "certs", "is": {"eq": ["accredited", True]}}}, "unknown", id="some of absent"
            ),
            pytest.param({"has_each": ["data", "class", ["content"]]}, "unknown", id="has_each of absent"),
            pytest.param({"known": "tax.arrears"}, "unknown", id="known absent"),
            pytest.param(
                {"contains": ["portability.formats", "csv"]}, "unknown", id="contains in an absent list"
            ),
        ],
    )
    def test_is_unknown_unless_another_operand_settles_it(
        self, condition: dict[str, Any], expected: str
    ) -> None:
        assert truth(condition, self.FACTS) == expected

    @pytest.mark.parametrize("middle", [None, "text", 3, [], True])
    def test_a_middle_segment_that_is_no_object_is_missing_too(self, middle: Any) -> None:
        assert truth({"ne": ["contract.court", "US"]}, {"contract": middle}) == "unknown"


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"eq": ["use.confidentiality", 2]}, 2, "pass"),
        ({"eq": ["use.confidentiality", 2]}, 3, "fail"),
        ({"ne": ["use.confidentiality", 2]}, 3, "pass"),
        ({"ne": ["use.confidentiality", 2]}, 2, "fail"),
        ({"le": ["use.confidentiality", 2]}, 2, "pass"),
        ({"le": ["use.confidentiality", 2]}, 3, "fail"),
        ({"lt": ["use.confidentiality", 2]}, 2, "fail"),
        ({"lt": ["use.confidentiality", 2]}, 1, "pass"),
        ({"ge": ["use.confidentiality", 2]}, 2, "pass"),
        ({"ge": ["use.confidentiality", 2]}, 1, "fail"),
        ({"gt": ["use.confidentiality", 2]}, 2, "fail"),
        ({"gt": ["use.confidentiality", 2]}, 3, "pass"),
        ({"in": ["use.confidentiality", [1, 2]]}, 2, "pass"),
        ({"in": ["use.confidentiality", [1, 2]]}, 3, "fail"),
        ({"not_in": ["use.confidentiality", [1, 2]]}, 3, "pass"),
        ({"not_in": ["use.confidentiality", [1, 2]]}, 1, "fail"),
        ({"known": "use.confidentiality"}, 0, "pass"),
        # A value of another kind is not converted: 1 is not true, "2" is not 2, 2.0 is no integer.
        ({"eq": ["use.confidentiality", 1]}, True, "unknown"),
        ({"eq": ["use.confidentiality", 2]}, "2", "unknown"),
        ({"ne": ["use.confidentiality", 2]}, 2.0, "unknown"),
        ({"le": ["use.confidentiality", 2]}, [1], "unknown"),
        ({"le": ["use.confidentiality", 2]}, {}, "unknown"),
    ],
)
def test_numbers(condition: dict[str, Any], value: Any, expected: str) -> None:
    assert truth(condition, {"use": {"confidentiality": value}}) == expected


@pytest.mark.parametrize(
    ("condition", "day", "expected"),
    [
        ({"valid_on": ["ismap.valid_to", "$as_of"]}, "2026-11-02", "pass"),
        ({"valid_on": ["ismap.valid_to", "$as_of"]}, "2026-11-01", "fail"),
        ({"lt": ["ismap.valid_to", "$as_of"]}, "2026-11-01", "pass"),
        ({"lt": ["ismap.valid_to", "$as_of"]}, "2026-11-02", "fail"),
        ({"le": ["$as_of", "ismap.valid_to"]}, "2026-11-02", "pass"),
        ({"le": ["$as_of", "ismap.valid_to"]}, "2026-11-01", "fail"),
        ({"days_left_ge": ["ismap.valid_to", 30]}, "2026-12-02", "pass"),
        ({"days_left_ge": ["ismap.valid_to", 30]}, "2026-12-01", "fail"),
        ({"days_left_le": ["ismap.valid_to", 365]}, "2027-11-02", "pass"),
        ({"days_left_le": ["ismap.valid_to", 365]}, "2027-11-03", "fail"),
        ({"days_left_le": ["ismap.valid_to", 365]}, "2026-11-01", "fail"),
        ({"age_le": ["ismap.valid_to", 30]}, "2026-10-03", "pass"),
        ({"age_le": ["ismap.valid_to", 30]}, "2026-10-02", "fail"),
        ({"age_le": ["ismap.valid_to", 30]}, "2026-11-03", "unknown"),
        ({"age_le": ["ismap.valid_to", "@retrieval_days"]}, "2026-10-03", "pass"),
        ({"in": ["ismap.valid_to", ["2026-11-01", "2026-11-02"]]}, "2026-11-02", "pass"),
        ({"not_in": ["ismap.valid_to", ["2026-11-01"]]}, "2026-11-01", "fail"),
        ({"valid_on": ["ismap.valid_to", "2027-01-01"]}, "2026-12-31", "fail"),
        ({"le": ["$as_of", "2026-11-02"]}, "", "pass"),
        ({"valid_on": ["ismap.valid_to", "$as_of"]}, "2027-02-29", "unknown"),
        ({"valid_on": ["ismap.valid_to", "$as_of"]}, "20270101", "unknown"),
        ({"valid_on": ["ismap.valid_to", "$as_of"]}, "2027-W01-1", "unknown"),
        ({"valid_on": ["ismap.valid_to", "$as_of"]}, "２０２７-01-01", "unknown"),
        ({"valid_on": ["ismap.valid_to", "$as_of"]}, "9999", "unknown"),
    ],
)
def test_dates_count_through_their_last_day(condition: dict[str, Any], day: str, expected: str) -> None:
    assert truth(condition, {"ismap": {"valid_to": day}}) == expected


def test_two_facts_are_compared_and_the_unknown_one_is_blamed() -> None:
    condition = {"le": ["ismap.renewal_filed_on", "ismap.valid_to"]}
    assert truth(condition, {"ismap": {"renewal_filed_on": "2026-09-30", "valid_to": "2026-10-13"}}) == "pass"
    assert truth(condition, {"ismap": {"renewal_filed_on": "2026-10-14", "valid_to": "2026-10-13"}}) == "fail"
    result, evaluation = run(condition, {"ismap": {"renewal_filed_on": "2026-10-14"}})
    assert result == "unknown"
    assert evaluation.trace[0]["of"] == "ismap.valid_to"


class TestLists:
    EVERY: ClassVar[dict[str, Any]] = {"every": {"of": "support_access", "is": {"eq": [".", "JP"]}}}
    SOME: ClassVar[dict[str, Any]] = {"some": {"of": "support_access", "is": {"eq": [".", "JP"]}}}

    @pytest.mark.parametrize(
        ("condition", "items", "expected"),
        [
            (EVERY, ["JP", "JP"], "pass"),
            (EVERY, ["JP", "US"], "fail"),
            (EVERY, ["JP", None], "unknown"),
            (EVERY, ["US", None], "fail"),
            (EVERY, [], "unknown"),
            ({"every": {**EVERY["every"], "allow_empty": True}}, [], "pass"),
            (SOME, ["US", "JP"], "pass"),
            (SOME, [None, "JP"], "pass"),
            (SOME, ["US", "IE"], "fail"),
            (SOME, ["US", None], "unknown"),
            (SOME, [], "fail"),
            (SOME, "JP", "unknown"),
            (EVERY, {"0": "JP"}, "unknown"),
        ],
    )
    def test_every_and_some(self, condition: dict[str, Any], items: Any, expected: str) -> None:
        assert truth(condition, {"support_access": items}) == expected

    def test_has_each_names_what_is_lacking(self) -> None:
        condition = {"has_each": ["data", "class", ["content", "backup"]]}
        result, evaluation = run(condition, {"data": [{"class": "content"}]})
        assert result == "fail"
        assert evaluation.trace[0]["lacking"] == ["backup"]
        assert truth(condition, {"data": [{"class": "backup"}, {"class": "content"}]}) == "pass"

    def test_an_item_without_its_class_may_be_the_one_that_lacks(self) -> None:
        condition = {"has_each": ["data", "class", ["content", "backup"]]}
        assert truth(condition, {"data": [{"class": "content"}, {"at_rest": ["JP"]}]}) == "unknown"

    @pytest.mark.parametrize(
        ("formats", "expected"),
        [(["csv"], "pass"), (["json"], "fail"), ([], "fail"), (["json", 3], "unknown")],
    )
    def test_contains(self, formats: list[Any], expected: str) -> None:
        assert (
            truth({"contains": ["portability.formats", "csv"]}, {"portability": {"formats": formats}})
            == expected
        )

    def test_an_inner_item_calls_for_the_parameter_of_the_outer_one(self) -> None:
        condition = {
            "every": {
                "of": "data",
                "is": {"every": {"of": "at_rest", "is": {"in": [".", "@residency.at_rest.{class}"]}}},
            }
        }
        assert truth(condition, {"data": [{"class": "telemetry", "at_rest": ["NO"]}]}) == "pass"
        assert truth(condition, {"data": [{"class": "content", "at_rest": ["NO"]}]}) == "fail"
        assert truth(condition, {"data": [{"class": "support", "at_rest": ["JP"]}]}) == "unknown"
        assert truth(condition, {"data": [{"at_rest": ["JP"]}]}) == "unknown"

    def test_a_condition_on_an_item_may_name_a_fact_of_the_whole(self) -> None:
        condition = {
            "every": {
                "of": "subprocessors",
                "is": {"any_of": [{"eq": ["country", "JP"]}, {"eq": ["use.personal_data", False]}]},
            }
        }
        facts = {"subprocessors": [{"name": "A", "country": "US"}], "use": {"personal_data": False}}
        assert truth(condition, facts) == "pass"


class TestParameters:
    CONDITION: ClassVar[dict[str, Any]] = {"ge": ["portability.retrieval_days", "@retrieval_days"]}

    @pytest.mark.parametrize(
        ("policy_date", "days", "expected"),
        [
            (date(2027, 3, 31), 30, "pass"),
            (date(2027, 4, 1), 30, "fail"),
            (date(2027, 4, 1), 60, "pass"),
            (date(2024, 3, 31), 60, "unknown"),
        ],
    )
    def test_take_the_newest_value_not_after_the_policy_date(
        self, policy_date: date, days: int, expected: str
    ) -> None:
        facts = {"portability": {"retrieval_days": days}}
        assert truth(self.CONDITION, facts, policy_date=policy_date) == expected

    def test_the_trace_says_since_when_the_value_holds(self) -> None:
        _, evaluation = run(self.CONDITION, {"portability": {"retrieval_days": 30}})
        assert evaluation.trace[0]["test"] == "ge @retrieval_days (2024-04-01)"


class TestProvenance:
    CONDITION: ClassVar[dict[str, Any]] = {"eq": ["registry.found", True]}
    FACTS: ClassVar[dict[str, Any]] = {"registry": {"found": True}}

    @pytest.mark.parametrize(
        ("origin", "demand", "expected"),
        [
            ({"source": "declaration"}, Demand(), "pass"),
            ({"source": "declaration"}, Demand(verified=True), "unverified"),
            ({"source": "jp.nta", "at": "2026-10-01T00:00:00Z"}, Demand(verified=True), "pass"),
            ({"source": "jp.nta", "at": "2026-10-25T15:00:00Z"}, Demand(fresh=7), "pass"),
            ({"source": "jp.nta", "at": "2026-10-25T14:59:59Z"}, Demand(fresh=7), "stale"),
            ({"source": "jp.nta", "at": "yesterday"}, Demand(fresh=7), "stale"),
            ({"source": "jp.nta", "conflict": {"source": "int.gleif"}}, Demand(), "conflict"),
        ],
    )
    def test_verification_freshness_and_conflict(
        self, origin: dict[str, Any], demand: Demand, expected: str
    ) -> None:
        result, evaluation = run(self.CONDITION, self.FACTS, {"": {}, "registry.found": origin}, demand)
        if expected == "pass":
            assert result == "pass"
        else:
            assert (result, evaluation.trace[0]["cause"]) == ("unknown", expected)

    def test_without_provenance_nothing_is_verified(self) -> None:
        assert (
            truth(self.CONDITION, self.FACTS, provenance={"vendor": {}}, demand=Demand(verified=True))
            == "unknown"
        )

    def test_an_entry_holds_for_what_lies_below_and_the_longest_wins(self) -> None:
        provenance = {"": {"source": "declaration"}, "certs": {"source": "jp.isms-ac"}}
        condition = {"some": {"of": "certs", "is": {"eq": ["accredited", True]}}}
        demand = Demand(verified=True)
        assert (
            truth(condition, {"certs": [{"accredited": True}]}, provenance=provenance, demand=demand)
            == "pass"
        )
        provenance["certs[0]"] = {"source": "declaration"}
        assert (
            truth(condition, {"certs": [{"accredited": True}]}, provenance=provenance, demand=demand)
            == "unknown"
        )

    @pytest.mark.parametrize("name", ["every", "some"])
    def test_an_empty_list_that_is_only_declared_shows_nothing_to_a_rule_that_wants_proof(
        self, name: str
    ) -> None:
        body: dict[str, Any] = {"of": "suspensions", "is": {"eq": ["by", "kobe-city"]}}
        if name == "every":
            body["allow_empty"] = True
        declared = {"": {"source": "declaration"}}
        assert (
            truth({name: body}, {"suspensions": []}, provenance=declared, demand=Demand(verified=True))
            == "unknown"
        )

    def test_a_gap_names_the_source_that_gave_no_answer(self) -> None:
        provenance = {"": {"source": "declaration"}, "registry": {"source": "jp.nta", "gap": "timeout"}}
        _, evaluation = run(self.CONDITION, {}, provenance)
        entry = evaluation.trace[0]
        assert (entry["cause"], entry["source"], entry["detail"]) == ("no_answer", "jp.nta", "timeout")

    def test_a_bare_document_may_say_itself_that_sources_disagree(self) -> None:
        _, evaluation = run(self.CONDITION, {"registry": {"found": {"conflict": [True, False]}}})
        assert evaluation.trace[0]["cause"] == "conflict"


class TestDecisiveLeaves:
    """The leaves that settle the result, and no others."""

    @pytest.mark.parametrize(
        ("condition", "facts", "decisive"),
        [
            (
                {"all_of": [{"eq": ["contract.governing_law", "JP"]}, {"eq": ["contract.court", "JP"]}]},
                {"contract": {"governing_law": "JP", "court": "IE"}},
                ["contract.court"],
            ),
            (
                {"all_of": [{"eq": ["contract.governing_law", "JP"]}, {"eq": ["contract.court", "JP"]}]},
                {"contract": {"governing_law": "IE", "court": "IE"}},
                ["contract.governing_law", "contract.court"],
            ),
            (
                {"any_of": [{"eq": ["contract.governing_law", "JP"]}, {"eq": ["contract.court", "JP"]}]},
                {"contract": {"governing_law": "IE", "court": "JP"}},
                ["contract.court"],
            ),
            (
                {"any_of": [{"eq": ["contract.governing_law", "JP"]}, {"eq": ["contract.court", "JP"]}]},
                {"contract": {"governing_law": "IE"}},
                ["contract.court"],
            ),
            (
                {"every": {"of": "support_access", "is": {"eq": [".", "JP"]}}},
                {"support_access": ["JP", "US", "JP", "IE"]},
                ["support_access[1]", "support_access[3]"],
            ),
            (
                {"some": {"of": "support_access", "is": {"eq": [".", "JP"]}}},
                {"support_access": ["US", "JP", "IE"]},
                ["support_access[1]"],
            ),
            (
                {
                    "all_of": [
                        {
                            "not": {
                                "any_of": [{"eq": ["contract.court", "IE"]}, {"eq": ["contract.court", "US"]}]
                            }
                        },
                        {"eq": ["contract.governing_law", "JP"]},
                    ]
                },
                {"contract": {"governing_law": "IE", "court": "US"}},
                ["contract.court", "contract.governing_law"],
            ),
        ],
    )
    def test_are_marked(self, condition: dict[str, Any], facts: dict[str, Any], decisive: list[str]) -> None:
        _, evaluation = run(condition, facts)
        assert [evaluation.trace[index]["path"] for index in evaluation.decisive] == decisive


class TestPredicates:
    def test_the_check_digit(self) -> None:
        condition = {
            "matches_predicate": {"predicate": "corporate-number/1", "of": ["vendor.corporate_number"]}
        }
        assert truth(condition, {"vendor": {"corporate_number": "7999901000001"}}) == "pass"
        assert truth(condition, {"vendor": {"corporate_number": "1999901000001"}}) == "fail"
        assert truth(condition, {"vendor": {"corporate_number": 7999901000001}}) == "unknown"
        assert truth(condition, {"vendor": {}}) == "unknown"

    def test_the_same_name(self) -> None:
        condition = {
            "matches_predicate": {"predicate": "same-name/1", "of": ["vendor.name", "registry.name"]}
        }
        facts = {"vendor": {"name": "㈱みなと台帳"}, "registry": {"name": "株式会社みなと台帳"}}
        assert truth(condition, facts) == "pass"
        assert truth(condition, {**facts, "registry": {"name": "株式会社うみべ台帳"}}) == "fail"
        assert truth(condition, {**facts, "registry": {"name": "Minato Ledger K.K."}}) == "unknown"


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({"eq": ["vendor.colour", "red"]}, "no fact has the path 'vendor.colour'"),
        ({"eq": ["country", "JP"]}, "no fact has the path 'country'"),
        ({"eq": [".", "JP"]}, "no fact has the path '.'"),
        ({"eq": ["use.confidentiality", "2"]}, "'2' is no integer"),
        ({"eq": ["contract.court", False]}, "False is no country"),
        ({"eq": ["ismap.list", "ismapp"]}, "ismap.list is never 'ismapp'"),
        ({"in": ["ismap.list", ["ismap", "neither"]]}, "ismap.list is never 'neither'"),
        ({"lt": ["contract.court", "JP"]}, "has no order"),
        ({"valid_on": ["use.confidentiality", "$as_of"]}, "is not a date"),
        ({"eq": ["ismap.valid_to", "2026-02-30"]}, "is no date"),
        ({"in": ["contract.court", "JP"]}, "in wants another right side"),
        ({"eq": ["contract.court", ["JP"]]}, "eq wants another right side"),
        ({"eq": ["support_access", "JP"]}, "eq does not suit"),
        ({"contains": ["contract.court", "JP"]}, "contains does not suit"),
        ({"eq": ["certs", "ISO27001"]}, "eq does not suit"),
        ({"in": ["contract.court", "@nowhere"]}, "no parameter @nowhere"),
        ({"in": ["contract.court", "@nowhere.{class}"]}, "no parameter fits"),
        ({"le": ["ismap.valid_to", "use.confidentiality"]}, "is of another kind"),
        ({"age_le": ["ismap.valid_to", "30"]}, "age_le wants a number of days"),
        ({"every": {"of": "contract.court", "is": {"eq": [".", "JP"]}}}, "is not a list"),
        ({"has_each": ["support_access", "class", ["content"]]}, "is no list of objects"),
        ({"has_each": ["data", "class", ["contents"]]}, "data[].class is never 'contents'"),
        ({"matches_predicate": {"predicate": "luck/1", "of": ["vendor.name"]}}, "no predicate 'luck/1'"),
        ({"matches_predicate": {"predicate": "corporate-number/1", "of": ["tax.arrears"]}}, "takes: text"),
    ],
)
def test_a_condition_that_cannot_mean_anything_does_not_compile(
    condition: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConditionError) as caught:
        Compiler(VALUES.names, Demand()).compile(condition, "/rules/X-01/require")
    assert problem in caught.value.problem
    assert caught.value.at.startswith("/rules/X-01/require/")
    assert caught.value.remedy
