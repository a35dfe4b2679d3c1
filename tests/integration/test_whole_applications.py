"""The shared scenarios as whole applications: what vendors submit, and what registers say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from connectors.sandbox.faults import Fault, Kind
from connectors.sandbox.registrations import Measure, Registrations, Service
from connectors.sandbox.world import World
from pipeline.documents import Json
from pipeline.schemas import find
from rules.library import Library
from tests.offices import LISTS, SAMPLES, WORLD, Office, changed, office

LIBRARY = Library.read()
OVERLAYS = {"N": [], "T": ["tokyo-metropolitan"], "K": ["kobe-city"]}
KOBE = {"country": "JP", "region": "JP-28", "city": "神戸市中央区"}
TOKYO = {"country": "JP", "region": "JP-13", "city": "千代田区"}

CLEAN = changed(
    SAMPLES["homei-rooms"],
    vendor__offices=[TOKYO, KOBE],
    subprocessors=[{"name": "HostA", "country": "JP"}],
    use__value_jpy=8_000_000,
)
"""A large vendor in good standing, listed and certified, with an office at either buyer."""

NOT_LISTED = {"list": "none"}
EXPOSED = {"exposed": True, "notice_promised": True, "customer_keys": False, "risk_statement": True}


def from_sample(name: str, **changes: Any) -> dict[str, Any]:
    """A sample's application, with an office at either buyer and one sub-processor."""
    sample = SAMPLES[name]
    offices = [TOKYO, KOBE] if sample["vendor"]["country"] == "JP" else []
    defaults = {"vendor__offices": offices, "use__value_jpy": 8_000_000}
    return changed(sample, **{**defaults, **changes})


def places(**by_class: list[str]) -> list[dict[str, Any]]:
    """The classes of data, in Japan unless said otherwise."""
    return [
        {"class": name, "at_rest": by_class.get(name, ["JP"])}
        for name in ("content", "account", "backup", "telemetry")
    ]


def with_services(*services: Service) -> Registrations:
    return replace(LISTS, services=LISTS.services + services)


@dataclass(frozen=True)
class Scenario:
    """An application, what registers say, and every rule with an effect: ``N``'s where no other is given."""

    application: Json
    effects: Mapping[str, Mapping[str, str]]
    decisions: str
    lists: Registrations = field(default=LISTS, repr=False)
    world: World = field(default=WORLD, repr=False)


LANTERNFISH = Service(
    "ismap", "C99-0321-1", "Lanternfish Software, Inc.", "ランタンフィッシュ課題管理",
    date(2024, 4, 1), date(2027, 3, 31), "Tokyo region",
)  # fmt: skip
SUZUME = Service(
    "ismap-liu",
    "L99-0400-1",
    "株式会社すずめ帳簿",
    "すずめ帳簿",
    date(2026, 2, 1),
    date(2029, 1, 31),
    "すずめ帳簿",
)
SUSPENDED_BY_KOBE = Measure(
    "鳳鳴電機株式会社", "6010001990001", "東京都千代田区", date(2026, 8, 1), "神戸市",
    date(2026, 8, 1), date(2027, 1, 31), "指名停止6か月", "虚偽記載",
)  # fmt: skip
WITHOUT_LIU = replace(LISTS, services=tuple(one for one in LISTS.services if one.list == "ismap"))

SCENARIOS = {
    "P01": Scenario(CLEAN, {"N": {}}, "approve approve approve"),
    "P02": Scenario(
        from_sample(
            "yashima-lanternfish",
            ismap={"list": "ismap", "number": "C99-0321-1", "valid_to": "2027-03-31"},
            support_access=["JP", "US"],
            subprocessors=[{"name": "HostA", "country": "JP"}],
            foreign_law=EXPOSED,
        ),
        {"N": {"RES-06": "fail→review"}},
        "review review review",
        with_services(LANTERNFISH),
    ),
    "P03": Scenario(
        from_sample(
            "kotonoha-minutes",
            certifications=[],
            isms_in_progress={"contract": True, "audit_on": "2027-04-15"},
            ai={"used": False},
            ismap=NOT_LISTED,
        ),
        {
            "N": {"SEC-01": "fail→review", "SEC-02": "fail→review", "SEC-04": "fail→note"},
            "K": {"SEC-01": "fail→note", "SEC-02": "fail→review", "SEC-04": "fail→note"},
        },
        "review review review",
        WITHOUT_LIU,
    ),
    "P04": Scenario(
        from_sample("suzume-books", ismap={"list": "ismap-liu", "number": "L99-0400-1"}),
        {"N": {"REG-01": "fail→reject"}},
        "reject reject reject",
        with_services(SUZUME),
    ),
    "P05": Scenario(
        CLEAN,
        {"N": {"REG-01": "unknown→review", "REG-02": "unknown→review"}},
        "review review review",
        world=replace(WORLD, faults=(Fault("jp.nta", Kind.UNAVAILABLE),)),
    ),
    "P06": Scenario(
        from_sample("shinonome-lake", ismap=NOT_LISTED),
        {
            "N": {"SEC-01": "fail→review", "SEC-02": "fail→reject"},
            "K": {"SEC-01": "fail→note", "SEC-02": "fail→reject"},
        },
        "reject reject reject",
        WITHOUT_LIU,
    ),
    "P07": Scenario(
        changed(CLEAN, ismap={"list": "ismap", "number": "C99-0001-2", "valid_to": "2026-10-13"}),
        {"N": {}},
        "approve approve approve",
        replace(
            LISTS,
            services=tuple(
                replace(service, until=date(2026, 10, 13), renewal=date(2026, 9, 30))
                if service.number == "C99-0001-2"
                else service
                for service in LISTS.services
            ),
        ),
    ),
    "P08": Scenario(
        changed(
            CLEAN,
            data=places(telemetry=["IE"]),
            subprocessors=[
                {"name": "HostA", "country": "JP"},
                {
                    "name": "MailB",
                    "country": "US",
                    "no_personal_data": False,
                    "appi28_equivalent_system": False,
                },
            ],
        ),
        {"N": {"RES-05": "fail→review"}, "T": {"RES-05": "fail→reject"}},
        "review reject review",
    ),
    "P09": Scenario(
        CLEAN,
        {"N": {"EXC-03L": "fail→review"}, "K": {"EXC-03L": "fail→review", "KOBE-01": "fail→reject"}},
        "review review reject",
        replace(LISTS, measures=(SUSPENDED_BY_KOBE,)),
    ),
    "P10": Scenario(
        from_sample("comeragh-analytics"),
        {
            "N": {
                "REG-05": "fail→review",
                "REG-06": "fail→review",
                "SEC-01": "fail→review",
                "RES-01": "fail→review",
                "RES-02": "fail→review",
            },
            "T": {
                "REG-05": "fail→review",
                "REG-06": "fail→review",
                "SEC-01": "fail→review",
                "RES-01": "fail→reject",
                "RES-02": "fail→review",
            },
            "K": {
                "REG-05": "fail→review",
                "REG-06": "fail→review",
                "SEC-01": "fail→note",
                "RES-01": "fail→review",
                "RES-02": "fail→review",
                "KOBE-04": "fail→review",
            },
        },
        "review reject review",
    ),
    "P11": Scenario(
        changed(CLEAN, use__my_number=True, data=places(backup=["JP", "SG"])),
        {
            "N": {"RES-01": "fail→review", "RES-04": "fail→reject"},
            "T": {"RES-01": "fail→reject", "RES-04": "fail→reject"},
        },
        "reject reject reject",
    ),
    "P12": Scenario(
        changed(
            CLEAN,
            portability={
                "formats": ["vendor-binary"],
                "retrieval_days": 10,
                "exit_fee_disclosed": False,
                "deletion_certificate": True,
                "deletion_days": 30,
            },
        ),
        {
            "N": {"LCK-01": "fail→review", "LCK-02": "fail→review", "LCK-03": "fail→review"},
            "T": {"LCK-01": "fail→reject", "LCK-02": "fail→review", "LCK-03": "fail→review"},
        },
        "review reject review",
    ),
}

BUYERS = {"N": [], "T": ["tokyo-metropolitan"], "K": ["kobe-city"]}


def judge(at: Office, application: Json, policy: str = "N") -> dict[str, Any]:
    """The outcome document of an application that is meant for one buyer."""
    document = changed(application, use__buyers=BUYERS[policy])
    application_schema = find("application")
    assert application_schema is not None
    assert application_schema.violations(document) == []
    ruleset = LIBRARY.ruleset("jp-national", OVERLAYS[policy])
    return ruleset.evaluate(at.dossier(document))


def effects(outcome: Json) -> dict[str, str]:
    """Every rule whose effect is not none."""
    return {
        result["rule"]: f"{result['outcome']}→{result['effect']}"
        for result in outcome["results"]
        if result["effect"] != "none"
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_as_a_whole_application(name: str) -> None:
    scenario = SCENARIOS[name]
    with office(scenario.world, scenario.lists) as at:
        for policy, decision in zip("NTK", scenario.decisions.split(), strict=True):
            outcome = judge(at, scenario.application, policy)
            assert effects(outcome) == scenario.effects.get(policy, scenario.effects["N"]), policy
            assert outcome["decision"] == decision, policy


# For each rule: an application that passes, one that fails, and one that leaves it open. A change is the
# members of the clean application that are otherwise; ``None`` leaves a member out.
UNSTATED = None
UNREACHABLE = {"unreachable": UNSTATED}
"""The schema of applications demands what the rule asks for: it is never open."""
FOREIGN = {"vendor__country": "IE", "vendor__jp_registered_representative": False}
"""A vendor with a Japanese number whose seat is abroad."""

TURNS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "REG-02": ({}, {"vendor__name": "北の果て水産株式会社"}, {"vendor__name": "合同会社鳳鳴電機"}),
    "REG-04": (
        {},
        {"qualification__valid_to": "2026-03-31"},
        {"qualification__categories": ["goods_purchase", "goods_sale", "services"]},
    ),
    "REG-05": ({}, {"gbizid": {"level": "entry"}}, {"gbizid": UNSTATED}),
    "REG-06": (
        {**FOREIGN, "vendor__sells_only_through_jp_seller": True},
        {**FOREIGN, "vendor__sells_only_through_jp_seller": False},
        FOREIGN,
    ),
    "REG-08": tuple(  # type: ignore[dict-item]
        {"vendor__role": "reseller", "maker": {"name": "Fjordlager AS", "country": "NO", **authorisation}}
        for authorisation in (
            {"authorisation": {"confirmed": True}},
            {"authorisation": {"confirmed": True, "valid_to": "2026-10-31"}},
            {},
        )
    ),
    "EXC-01": (
        {},
        {"declarations__mandatory_exclusion": True},
        {"declarations__mandatory_exclusion": UNSTATED},
    ),
    "EXC-02": (
        {},
        {"declarations__discretionary_exclusion": True},
        {"declarations__discretionary_exclusion": UNSTATED},
    ),
    "EXC-04": ({}, {"declarations__boryokudan_pledge": False}, {"declarations__boryokudan_pledge": UNSTATED}),
    "EXC-06": (
        {},
        {"declarations__insolvency_petition": True, "declarations__insolvency_plan_confirmed": False},
        {"declarations__insolvency_petition": UNSTATED},
    ),
    "EXC-07": ({}, {"declarations__tax_arrears": True}, {"declarations__tax_arrears": UNSTATED}),
    "SEC-01": (
        {},
        {"ismap": NOT_LISTED, "product__name": {"ja": "別の製品"}},
        {"ismap": {"list": "ismap-liu"}},
    ),
    "SEC-02": ({}, {"certifications": []}, {"certifications": UNSTATED}),
    "SEC-03": (
        {},
        {"hosting": {"ismap_listed": False, "iso27017": False}},
        {"hosting": {"ismap_listed": False}},
    ),
    "SEC-04": ({}, {"certifications": []}, {"certifications": UNSTATED}),
    "RES-01": ({}, {"data": places(backup=["SG"])}, UNREACHABLE),
    "RES-02": ({}, {"contract": {"governing_law": "US", "court": "US"}}, UNREACHABLE),
    "RES-03": ({}, {"foreign_law": {"exposed": True, "notice_promised": False}}, {"foreign_law": UNSTATED}),
    "RES-04": (
        {"use__my_number": True},
        {"use__my_number": True, "support_access": ["US"]},
        {"use__my_number": True, "support_access": UNSTATED},
    ),
    "RES-05": (
        {},
        {
            "subprocessors": [
                {"name": "B", "country": "US", "no_personal_data": False, "appi28_equivalent_system": False}
            ]
        },
        {"subprocessors": [{"name": "B", "country": "US"}]},
    ),
    "RES-06": ({}, {"support_access": ["US"]}, {"support_access": UNSTATED}),
    "RES-07": (
        {"ai": {"used": True, "trains_on_input": False, "stores_abroad": False}},
        {"ai": {"used": True, "trains_on_input": True}},
        {"ai": {"used": True}},
    ),
    "LCK-01": ({}, {"portability__formats": ["vendor-binary"]}, {"portability": UNSTATED}),
    "LCK-02": ({}, {"portability__retrieval_days": 3}, {"portability": UNSTATED}),
    "LCK-03": ({}, {"portability__exit_fee_disclosed": False}, {"portability": UNSTATED}),
    "LCK-04": ({}, {"portability__deletion_days": 90}, {"portability": UNSTATED}),
}


def turned(change: Mapping[str, Any]) -> dict[str, Any]:
    """The clean application with a change."""
    document = changed(CLEAN, **{path: value for path, value in change.items() if value is not None})
    for path in (path for path, value in change.items() if value is None):
        *above, name = path.split("__")
        place = document
        for step in above:
            place = place[step]
        del place[name]
    return document


@pytest.fixture(scope="module")
def at() -> Iterator[Office]:
    with office() as opened:
        yield opened


@pytest.mark.parametrize("rule", TURNS)
def test_a_rule_turns_with_the_application(rule: str, at: Office) -> None:
    for change, expected in zip(TURNS[rule], ("pass", "fail", "unknown"), strict=True):
        if change is UNREACHABLE:
            continue
        [result] = [one for one in judge(at, turned(change))["results"] if one["rule"] == rule]
        assert result["outcome"] == expected, change


def test_what_only_sources_can_tell_turns_with_them(at: Office) -> None:
    """The other rules: by what registers say, and by their silence."""

    def outcome(rule: str, application: Json, here: Office = at) -> str:
        [result] = [one for one in judge(here, application)["results"] if one["rule"] == rule]
        return str(result["outcome"])

    everywhere = ("jp.nta", "jp.suspension", "screening.yente")
    down = replace(WORLD, faults=tuple(Fault(source, Kind.UNAVAILABLE) for source in everywhere))
    with office(down) as in_vain:
        for rule in ("REG-01", "EXC-03", "EXC-03L", "EXC-05"):
            assert (outcome(rule, CLEAN), outcome(rule, CLEAN, in_vain)) == ("pass", "unknown"), rule
    assert outcome("REG-01", SAMPLES["suzume-books"]) == "fail"
    assert outcome("EXC-03", SAMPLES["kagerou-site"]) == "fail"
    with office(lists=replace(LISTS, measures=(SUSPENDED_BY_KOBE,))) as suspended:
        assert outcome("EXC-03L", CLEAN, suspended) == "fail"
    assert outcome("SEC-00", CLEAN) == "pass"
    assert outcome("SEC-00", SAMPLES["shiroyama-secure"]) == "fail"


def test_every_rule_is_turned_somewhere(at: Office) -> None:
    """But ends that no application can reach: its schema demands the class of the use (SEC-00 is never open),
    and that a sanctioned body is the vendor only a person can say (EXC-05 never fails by itself).
    """
    rules = {result["rule"] for result in judge(at, CLEAN)["results"]}
    assert rules - TURNS.keys() == {"REG-01", "EXC-03", "EXC-03L", "EXC-05", "SEC-00"}
