"""A policy pack as the tables that an officer reads: rules, changes to the base, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pipeline.model import Text
from rules.bases import register
from rules.conditions import Raw
from rules.pack import Change, Kind, Pack, Period, Rule
from rules.prose import EFFECTS, OUTCOMES, condition
from rules.sheets import Sheet

_RULES: Final = Text("要件", "Rules")
_CHANGES: Final = Text("基準の変更", "Changes to the base")
_PARAMETERS: Final = Text("パラメーター", "Parameters")
_RULE_COLUMNS: Final = (
    Text("番号", "rule"),
    Text("名称", "title"),
    Text("対象", "applies"),
    Text("要求", "requires"),
    Text("効果", "effect"),
    Text("根拠", "basis"),
    Text("通知文（日本語）", "messages (ja)"),
    Text("通知文（英語）", "messages (en)"),
)
_CHANGE_COLUMNS: Final = (
    Text("番号", "rule"),
    Text("種類", "kind"),
    Text("効果", "effect"),
    Text("条件", "where"),
    Text("期間", "period"),
    Text("理由", "why"),
    Text("根拠", "basis"),
)
_PARAMETER_COLUMNS: Final = (
    Text("名称", "name"),
    Text("適用日", "from"),
    Text("値", "value"),
    Text("根拠", "basis"),
)
_OPS: Final = {"tighten": Text("強化", "tightens"), "relax": Text("緩和", "relaxes")}
KINDS: Final = {
    Kind.BASE: Text("基本方針", "base"),
    Kind.BUYER_NATIONAL: Text("国の調達機関の上乗せ", "overlay of a national buyer"),
    Kind.BUYER_LOCAL: Text("地方公共団体の上乗せ", "overlay of a local buyer"),
    Kind.TRACK: Text("区分", "track"),
    Kind.ASSESSMENT: Text("外部の審査基準", "foreign assessment"),
}
_ALWAYS: Final = Text("常に", "always")
_ASSUMED: Final = Text("【仮定】", "(assumed) ")
_VERIFIED: Final = Text("第三者の情報による裏付けを要する", "must be verified by a source")
_FRESH: Final = Text("{}日以内の情報に限る", "evidence at most {} days old")
_FAIL_ONLY_IF: Final = Text("不適合とするのは次の場合に限る：", "not met only if: ")
_TREATY: Final = Text("協定の対象となる調達では適用しない", "not applied where a treaty covers the purchase")
_SCHEMA: Final = Text("JSON Schema「{}」に適合すること", "satisfies the JSON Schema {}")
_ADMITS: Final = Text("対象者：", "Admits: ")
_GUARD: Final = Text("協定の対象：", "A treaty covers the purchase where: ")
_SELECTS: Final = Text("「{}」の要件のうち：", "Of the rules of {}: ")


def lead(pack: Pack, language: str) -> list[str]:
    """What stands above the tables: kind, version, period, owner, and what the pack is about."""
    lines = [
        f"{_in(KINDS[pack.kind], language)} · {pack.citation}",
        f"{pack.status} · {period(pack.period)} · {_in(pack.owner, language)}",
        _in(pack.summary, language),
    ]
    if pack.admits is not None:
        lines.append(_in(_ADMITS, language) + condition(pack.admits).inline(language))
    if pack.treaty_guard is not None:
        lines.append(_in(_GUARD, language) + condition(pack.treaty_guard).inline(language))
    if pack.selects_from is not None:
        lines.append(_in(_SELECTS, language).replace("{}", pack.selects_from) + ", ".join(pack.selects))
    return lines


def sheets(pack: Pack, language: str) -> list[Sheet]:
    """The tables of a pack, those that have rows."""

    def sheet(title: Text, columns: Iterable[Text], rows: Iterable[tuple[str, ...]]) -> Sheet:
        return Sheet(_in(title, language), tuple(_in(column, language) for column in columns), tuple(rows))

    tables = [
        sheet(_RULES, _RULE_COLUMNS, (_rule(rule, language) for rule in pack.rules)),
        sheet(_CHANGES, _CHANGE_COLUMNS, (_change(change, language) for change in pack.changes)),
        sheet(
            _PARAMETERS,
            _PARAMETER_COLUMNS,
            (
                (value.name, value.since.isoformat(), shown(value.value), _bases(value.basis, language))
                for value in pack.parameters
            ),
        ),
    ]
    return [table for table in tables if table.rows]


def requires(rule: Rule, language: str) -> str:
    """What a rule asks, in words, a line for each of its conditions."""
    if rule.schema is not None:
        named = f"{rule.schema.name}#{rule.schema.part}".rstrip("#")
        return _in(_SCHEMA, language).replace("{}", named)
    lines = [words(rule.require, language)]
    if rule.fail_only_if is not None:
        lines.append(_in(_FAIL_ONLY_IF, language) + words(rule.fail_only_if, language))
    if rule.verified:
        lines.append(_in(_VERIFIED, language))
    if rule.fresh is not None:
        lines.append(_in(_FRESH, language).replace("{}", str(rule.fresh)))
    if rule.discriminates:
        lines.append(_in(_TREATY, language))
    return "\n".join(lines)


def words(raw: Raw | None, language: str) -> str:
    """A condition in words; without one: always."""
    return _in(_ALWAYS, language) if raw is None else condition(raw).inline(language)


def period(of: Period) -> str:
    """First and last day."""
    return f"{of.since.isoformat()}/{of.until.isoformat() if of.until else '..'}"


def shown(value: Any) -> str:
    """A parameter's value on one line."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _rule(rule: Rule, language: str) -> tuple[str, ...]:
    return (
        rule.id,
        (_in(_ASSUMED, language) if rule.assumed else "") + _in(rule.title, language),
        words(rule.applies, language),
        requires(rule, language),
        _effects({"fail": rule.on_fail.value, "unknown": rule.on_unknown.value}, language),
        _bases(rule.basis, language),
        _messages(rule, "ja"),
        _messages(rule, "en"),
    )


def _change(change: Change, language: str) -> tuple[str, ...]:
    effects = {
        outcome: effect.value
        for outcome, effect in (("fail", change.on_fail), ("unknown", change.on_unknown))
        if effect is not None
    }
    return (
        change.rule,
        _in(_OPS[change.op], language),
        _effects(effects, language),
        words(change.when, language),
        "" if change.period is None else period(change.period),
        (_in(_ASSUMED, language) if change.assumed else "") + _in(change.why, language),
        _bases(change.basis, language),
    )


def _effects(effects: dict[str, str], language: str) -> str:
    return "\n".join(
        f"{_in(OUTCOMES[outcome], language)} → {_in(EFFECTS[effect], language)}"
        for outcome, effect in effects.items()
    )


def _messages(rule: Rule, language: str) -> str:
    return "\n".join(
        f"{_in(OUTCOMES[outcome], language)}: {_in(rule.message[outcome], language)}"
        for outcome in ("fail", "unknown")
    )


def _bases(names: Iterable[str], language: str) -> str:
    known = register()
    return "\n".join(
        f"{_in(known[name].title, language)} [{known[name].mark}]" if name in known else name
        for name in names
    )


def _in(text: Text, language: str) -> str:
    return text.as_json()[language]
