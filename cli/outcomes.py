"""Outcome documents for people: the decision and, rule by rule, what was found and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.output import console

MARKS = {"pass": "✓", "fail": "✗", "unknown": "?", "not_applicable": "–", "suppressed": "–"}
_VERDICTS = {"ja": "調達機関ごとの判定", "en": "Verdicts of buyers"}
_DECISION = {"ja": "判定", "en": "decision"}
_EFFECT_FROM = {"ja": "影響の由来", "en": "effect through"}
_BASIS = {"ja": "根拠", "en": "basis"}
_REMEDY = {"ja": "対応", "en": "remedy"}
_LEAVES = {"ja": "決め手", "en": "decided by"}
_SIMULATION = {
    "ja": "【シミュレーション】方針の日付より新しい証拠を用いています。",
    "en": "SIMULATION: evidence newer than the policy date was used.",
}


def cited(outcome: Mapping[str, Any]) -> str:
    """The packs of an outcome without their digests."""
    return ", ".join(citation.partition("#")[0] for citation in outcome.get("policy", ()))


def print_results(outcome: Mapping[str, Any], lang: str) -> None:
    """Each rule in a line, with message and remedy where it has an effect."""
    from rich.padding import Padding

    out = console()
    for result in outcome.get("results", ()):
        effect = "" if result["effect"] == "none" else f" → {result['effect']} ({result['reason']})"
        out.print(f"  {MARKS[result['outcome']]} {result['rule']} {result['title'][lang]}{effect}")
        for text in (result["message"], result.get("remedy")):
            if text and result["effect"] != "none":
                out.print(Padding(text[lang], (0, 0, 0, 6), expand=False))


def print_buyers(outcome: Mapping[str, Any], lang: str) -> None:
    """The base's decision and each buyer's verdict side by side, with the rules that differ and why."""
    from rich.padding import Padding
    from rich.table import Table

    from rules.prose import DECISIONS

    buyers = outcome.get("buyers") or ()
    if not buyers:
        return
    own = {buyer["buyer"]: {result["rule"]: result for result in buyer["differs"]} for buyer in buyers}
    national = {result["rule"]: result for result in outcome["results"]}
    out = console()
    out.print(f"\n{_VERDICTS[lang]}", style="bold")
    table = Table(box=None, pad_edge=False)
    for column in ("", cited(outcome).partition("@")[0], *(buyer["title"][lang] for buyer in buyers)):
        table.add_column(column, overflow="fold")
    decisions = (outcome["decision"], *(buyer["decision"] for buyer in buyers))
    table.add_row(_DECISION[lang], *(DECISIONS[decision].as_json()[lang] for decision in decisions))
    for rule in sorted({rule for results in own.values() for rule in results}):
        shared = _brief(national.get(rule))
        cells = (_brief(results[rule]) if rule in results else shared for results in own.values())
        table.add_row(rule, shared, *cells)
    out.print(table)
    for buyer in buyers:
        for result in buyer["differs"]:
            if result["effect"] == "none":
                continue
            out.print(
                Padding(f"{buyer['title'][lang]} {result['rule']}: {result['message'][lang]}", (0, 0, 0, 2))
            )
            for why in result.get("effect_why", ()):
                out.print(Padding(why[lang], (0, 0, 0, 6), expand=False))


def _brief(result: Mapping[str, Any] | None) -> str:
    """A result in a cell; the base may lack the rule."""
    if result is None:
        return ""
    effect = "" if result["effect"] == "none" else f" → {result['effect']}"
    return f"{MARKS[result['outcome']]}{effect}"


def print_decision(outcome: Mapping[str, Any], lang: str) -> None:
    """The head of an outcome: the decision, the dates, the packs, the tracks."""
    from rules.prose import DECISIONS

    out = console()
    if outcome.get("simulation"):
        out.print(_SIMULATION[lang], style="bold")
    out.print(DECISIONS[outcome["decision"]].as_json()[lang], style="bold", end="")
    out.print(f"  {outcome['as_of']}; {cited(outcome)}")
    tracks = ", ".join(f"{name}: {admitted}" for name, admitted in outcome.get("tracks", {}).items())
    if tracks:
        out.print(f"  {tracks}")


def explained(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """The outcome document with the leaves that settled each rule in words, as ``words``."""
    from rules.prose import leaf

    return {
        **outcome,
        "results": [
            {
                **result,
                "words": [leaf(result["trace"][index]).as_json() for index in result["trace_decisive"]],
            }
            for result in outcome["results"]
        ],
    }


def print_explanation(outcome: Mapping[str, Any], lang: str, *, every: bool = True) -> None:
    """Rule by rule in words, with the leaves that settled it; only rules with an effect unless ``every``."""
    from rich.padding import Padding

    from rules.prose import EFFECTS, OUTCOMES, leaf

    out = console()

    def line(text: str, indent: int) -> None:
        out.print(Padding(text, (0, 0, 0, indent), expand=False))

    for result in outcome["results"]:
        if result["effect"] == "none" and not every:
            continue
        word = OUTCOMES[result["outcome"]].as_json()[lang]
        effect = "" if result["effect"] == "none" else f" → {EFFECTS[result['effect']].as_json()[lang]}"
        out.print(
            f"\n{MARKS[result['outcome']]} {result['rule']} {result['title'][lang]}: {word}{effect}",
            style="bold",
        )
        line(result["message"][lang], 4)
        for index in result["trace_decisive"]:
            line(f"{_LEAVES[lang]}: {leaf(result['trace'][index]).as_json()[lang]}", 4)
        if result["effect"] == "none":
            continue
        line(f"{_REMEDY[lang]}: {result['remedy'][lang]}", 4)
        if len(result["effect_from"]) > 1:
            line(f"{_EFFECT_FROM[lang]}: {' → '.join(result['effect_from'])}", 4)
        for why in result.get("effect_why", ()):
            line(f"{why['pack']}: {why[lang]}", 4)
        named = (f"{basis['title'][lang]} [{basis['mark']}]" for basis in result["basis"])
        line(f"{_BASIS[lang]}: {'; '.join(named)}", 4)
