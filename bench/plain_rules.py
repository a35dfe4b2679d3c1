"""The rules of the national policy as one would write them by hand: plain functions, true or false.

They know no missing evidence, no provenance, no trace, no reasons and no law: what the difference buys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, Any]

AS_OF = "2026-11-02"
# fmt: off
ADEQUATE = frozenset({
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT",
    "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO", "GB",
})
# fmt: on
OPEN_FORMATS = frozenset({"csv", "json", "xml", "parquet", "odf", "sql-dump"})
CLASSES = ("content", "account", "backup", "telemetry")


def _sells(f: Facts) -> bool:
    kinds = f["qualification"]["categories"]
    return (f["vendor"]["is_manufacturer"] and bool(kinds)) or ("goods_sale" in kinds and "services" in kinds)


def _listed(f: Facts) -> bool:
    ismap = f["ismap"]
    on_list = ismap["list"] == "ismap" or (ismap["list"] == "ismap-liu" and f["use"]["low_impact"])
    renewed = ismap.get("renewal_filed_on", "9") <= ismap["valid_to"]
    return bool(on_list and (ismap["valid_to"] >= AS_OF or renewed))


def _certified(f: Facts) -> bool:
    return any(
        c["type"] == "ISO27001"
        and c["edition"] == "2022"
        and c["accredited"]
        and c["covers_service"]
        and c["valid_to"] >= AS_OF
        for c in f["certs"]
    )


def _kept(f: Facts) -> bool:
    if any(wanted not in [d["class"] for d in f["data"]] for wanted in CLASSES):
        return False
    return all(
        country == "JP" or (d["class"] == "telemetry" and country in ADEQUATE)
        for d in f["data"]
        if d["class"] in CLASSES
        for country in d["at_rest"]
    )


def _in_japan(f: Facts) -> bool:
    return (
        all(country == "JP" for d in f["data"] for country in d["at_rest"])
        and all(s["country"] == "JP" for s in f["subprocessors"])
        and all(country == "JP" for country in f["support_access"])
    )


def _subprocessors(f: Facts) -> bool:
    return all(
        s["country"] == "JP"
        or s["country"] in ADEQUATE
        or s.get("no_personal_data")
        or s.get("appi28_equivalent_system")
        for s in f["subprocessors"]
    )


def _foreign_law(f: Facts) -> bool:
    law = f["foreign_law"]
    if not law["exposed"]:
        return True
    return bool(law["notice_promised"] and (law["customer_keys"] or law["risk_statement"]))


REJECTING: tuple[Callable[[Facts], bool], ...] = (
    lambda f: f["registry"]["found"] and not f["registry"]["closed"],
    lambda f: f["registry"]["name_match"] >= 0.9 or f["registry"].get("former_name_match", 0) >= 0.6,
    lambda f: f["qualification"]["valid_to"] >= AS_OF and _sells(f),
    lambda f: f["gbizid"]["level"] in {"prime", "member"},
    lambda f: f["vendor"]["role"] != "reseller" or f["reseller"]["authorised"],
    lambda f: not f["exclusion"]["mandatory"],
    lambda f: not f["exclusion"]["discretionary"],
    lambda f: all(s["by_level"] != "national" or s["until"] < AS_OF for s in f["suspensions"]),
    lambda f: f["boryokudan"]["pledge"] and not f["boryokudan"]["excluded"],
    lambda f: f["sanctions"]["result"] != "confirmed",
    lambda f: not f["insolvency"]["petition"] or f["insolvency"]["plan_confirmed"],
    lambda f: not f["tax"]["arrears"],
    lambda f: f["use"]["confidentiality"] <= 2,
    _certified,
    lambda f: not f["use"]["my_number"] or _in_japan(f),
)
REFERRING: tuple[Callable[[Facts], bool], ...] = (
    lambda f: f["vendor"]["country"] == "JP" or f["vendor"]["jp_registered_representative"],
    lambda f: all(s["by_level"] != "local" or s["until"] < AS_OF for s in f["suspensions"]),
    lambda f: f["sanctions"]["result"] == "clear" and f["sanctions"]["checked_on"] >= "2026-10-03",
    lambda f: f["use"]["confidentiality"] != 2 or _listed(f),
    lambda f: f["hosting"]["ismap_listed"] or f["hosting"].get("iso27017", False),
    lambda f: any(c["type"] == "ISO27001" and c["valid_to"] >= "2026-12-02" for c in f["certs"]),
    lambda f: f["use"]["confidentiality"] != 2 or _kept(f),
    lambda f: f["contract"]["governing_law"] == "JP" and f["contract"]["court"] == "JP",
    _foreign_law,
    lambda f: not f["use"]["personal_data"] or _subprocessors(f),
    lambda f: all(country == "JP" or country in ADEQUATE for country in f["support_access"]),
    lambda f: not f["ai"]["used"] or (not f["ai"]["trains_on_input"] and not f["ai"]["stores_abroad"]),
    lambda f: any(name in OPEN_FORMATS for name in f["portability"]["formats"]),
    lambda f: f["portability"]["retrieval_days"] >= 30,
    lambda f: f["portability"]["exit_fee_disclosed"],
    lambda f: f["portability"]["deletion_certificate"] and f["portability"]["deletion_days"] <= 60,
)


def decide(facts: Facts) -> str:
    """The decision, by every rule as the pack has them all."""
    rejected = [rule(facts) for rule in REJECTING]
    referred = [rule(facts) for rule in REFERRING]
    if not all(rejected):
        return "reject"
    return "approve" if all(referred) else "review"
