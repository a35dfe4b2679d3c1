"""What differs between two packs, or two sets of packs, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipeline.model import Text
from rules import pages
from rules.pack import Change, Pack, Rule
from rules.prose import EFFECTS
from rules.sheets import Sheet

_NAMES: Final[dict[str, Text]] = {
    "pack": Text("方針ファイル", "pack"),
    "version": Text("版", "version"),
    "status": Text("状態", "status"),
    "effective": Text("有効期間", "period"),
    "owner": Text("所管", "owner"),
    "summary": Text("概要", "summary"),
    "extends": Text("基とする方針", "base"),
    "selects": Text("採用する要件", "rules selected"),
    "admits": Text("対象者", "admits"),
    "treaty_guard": Text("協定の対象", "treaty guard"),
    "adjustable": Text("変更を許すパラメーター", "adjustable parameters"),
    "parameter": Text("パラメーター", "parameter"),
    "rule": Text("要件", "rule"),
    "title": Text("名称", "title"),
    "applies": Text("対象", "applies"),
    "requires": Text("要求", "requires"),
    "on_fail": Text("不適合の効果", "effect where not met"),
    "on_unknown": Text("不明の効果", "effect where not known"),
    "relaxable": Text("緩和を許す層", "may be relaxed by"),
    "treaty_why": Text("協定についての説明", "why no treaty forbids it"),
    "reason": Text("理由コード", "reason codes"),
    "message": Text("通知文", "messages"),
    "remedy": Text("対応", "remedy"),
    "items": Text("項目の表記", "words for items"),
    "specials": Text("個別の通知文", "closer words"),
    "basis": Text("根拠", "basis"),
    "assumed": Text("仮定", "assumed"),
    "change": Text("基準の変更", "change to the base"),
    "when": Text("条件", "where"),
    "why": Text("理由", "why"),
    "schema": Text("JSON Schema", "JSON Schema"),
}
_ABSENT: Final = Text("（なし）", "(absent)")
_PRESENT: Final = Text("（あり）", "(present)")
_COLUMNS: Final = (
    Text("箇所", "where"),
    Text("項目", "what"),
    Text("変更前", "before"),
    Text("変更後", "after"),
)
_SAME: Final = Text("違いはありません。", "Nothing differs.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: in which pack, of which rule or parameter, and how it read before and after.

    ``what`` is a code; ``before`` and ``after`` are in one language. None: it was not there.
    """

    pack: str
    subject: str
    what: str
    before: str | None
    after: str | None

    def as_json(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "pack": self.pack,
            "subject": self.subject,
            "what": self.what,
            "before": self.before,
            "after": self.after,
        }


def between(before: Pack, after: Pack, language: str) -> list[Difference]:
    """What differs between two packs: rules, parameters, effects, dates, words."""
    found = [
        Difference(after.name, "", what, old, new)
        for what, old, new in _pairs(_head(before, language), _head(after, language))
    ]
    old_values, new_values = _values(before), _values(after)
    found += [
        Difference(after.name, f"@{name} ({since})", "parameter", old_values.get(key), new_values.get(key))
        for key in sorted({**old_values, **new_values})
        for name, since in [key]
        if old_values.get(key) != new_values.get(key)
    ]
    found += _of_each(after.name, "rule", _rules(before), _rules(after), language)
    found += _of_each(after.name, "change", _changes(before), _changes(after), language)
    return found


def between_sets(before: Mapping[str, Pack], after: Mapping[str, Pack], language: str) -> list[Difference]:
    """What differs between two sets of packs, pack by pack."""
    found: list[Difference] = []
    for name in sorted({**before, **after}):
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None:
            found += between(old, new, language)
        else:
            found.append(
                Difference(
                    name,
                    "",
                    "pack",
                    None if old is None else old.version,
                    None if new is None else new.version,
                )
            )
    return found


def sheet(title: str, found: Iterable[Difference], language: str) -> Sheet:
    """The differences as a table."""
    absent = _in(_ABSENT, language)
    return Sheet(
        title,
        tuple(_in(column, language) for column in _COLUMNS),
        tuple(
            (
                " ".join(filter(None, (one.pack, one.subject))),
                _in(_NAMES[one.what], language),
                absent if one.before is None else one.before,
                absent if one.after is None else one.after,
            )
            for one in found
        ),
    )


def nothing(language: str) -> str:
    """What is said where nothing differs."""
    return _in(_SAME, language)


def _of_each(
    pack: str,
    what: str,
    before: Mapping[str, Rule | Change],
    after: Mapping[str, Rule | Change],
    language: str,
) -> Iterable[Difference]:
    present = _in(_PRESENT, language)
    for subject in sorted({**before, **after}):
        old, new = before.get(subject), after.get(subject)
        if old is None or new is None:
            there = [None if one is None else _title(one, language) or present for one in (old, new)]
            yield Difference(pack, subject, what, there[0], there[1])
            continue
        for field, was, now in _pairs(_fields(old, language), _fields(new, language)):
            yield Difference(pack, subject, field, was, now)


def _pairs(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> Iterable[tuple[str, str | None, str | None]]:
    for what in {**before, **after}:
        if before.get(what) != after.get(what):
            yield what, before.get(what), after.get(what)


def _head(pack: Pack, language: str) -> dict[str, str | None]:
    return {
        "version": pack.version,
        "status": pack.status.value,
        "effective": pages.period(pack.period),
        "owner": _in(pack.owner, language),
        "summary": _in(pack.summary, language),
        "extends": pack.extends,
        "selects": ", ".join(pack.selects) or None,
        "admits": None if pack.admits is None else pages.words(pack.admits, language),
        "treaty_guard": None if pack.treaty_guard is None else pages.words(pack.treaty_guard, language),
        "adjustable": "; ".join(
            f"@{name}: {', '.join(sorted(kinds))}" for name, kinds in sorted(pack.adjustable.items())
        )
        or None,
    }


def _values(pack: Pack) -> dict[tuple[str, str], str]:
    return {(value.name, value.since.isoformat()): pages.shown(value.value) for value in pack.parameters}


def _rules(pack: Pack) -> dict[str, Rule | Change]:
    return {rule.id: rule for rule in pack.rules}


def _changes(pack: Pack) -> dict[str, Rule | Change]:
    """By rule; a second change of a rule, and so on, by its number too."""
    found: dict[str, Rule | Change] = {}
    for change in pack.changes:
        number = 1 + sum(1 for subject in found if subject.split(" ")[0] == change.rule)
        found[change.rule if number == 1 else f"{change.rule} ({number})"] = change
    return found


def _title(one: Rule | Change, language: str) -> str:
    return _in(one.title if isinstance(one, Rule) else one.why, language)


def _fields(one: Rule | Change, language: str) -> dict[str, str | None]:
    effects = {
        "on_fail": None if one.on_fail is None else _in(EFFECTS[one.on_fail.value], language),
        "on_unknown": None if one.on_unknown is None else _in(EFFECTS[one.on_unknown.value], language),
    }
    common = {**effects, "basis": ", ".join(one.basis), "assumed": str(one.assumed).lower()}
    if isinstance(one, Change):
        return {
            **common,
            "when": pages.words(one.when, language),
            "effective": None if one.period is None else pages.period(one.period),
            "why": _both(one.why),
        }
    return {
        "title": _both(one.title),
        "applies": pages.words(one.applies, language),
        "requires": pages.requires(one, language),
        "schema": None if one.schema is None else repr(sorted(one.schema.document.items(), key=str)),
        **common,
        "relaxable": ", ".join(sorted(one.relaxable)) or None,
        "treaty_why": None if one.treaty_why is None else _both(one.treaty_why),
        "reason": ", ".join(f"{outcome}: {code}" for outcome, code in sorted(one.reason.items())),
        "message": "\n".join(f"{outcome}: {_both(text)}" for outcome, text in sorted(one.message.items())),
        "remedy": _both(one.remedy),
        "items": "; ".join(f"{path}: {_both(text)}" for path, text in sorted(one.items.items())) or None,
        "specials": "\n".join(
            f"{said.outcome} {said.reason}: {pages.words(said.when, language)}: {_both(said.message)}"
            + (f" / {_both(said.remedy)}" if said.remedy else "")
            for said in one.specials
        )
        or None,
    }


def _both(text: Text) -> str:
    return f"{text.ja} / {text.en}"


def _in(text: Text, language: str) -> str:
    return text.as_json()[language]
