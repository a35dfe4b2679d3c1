"""Conditions, trace entries and outcomes in words, in both languages, for officers and vendors.

The words are made from the packs and the vocabulary each time; nothing here decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from pipeline.documents import Json
from pipeline.model import Text
from rules.conditions import Raw
from rules.labels import CAUSES, SOURCES
from rules.leaves import AS_OF
from rules.strict_yaml import read_yaml
from rules.vocabulary import BY_PATH, Fact, Kind
from rules.wording import joined, said

OUTCOMES: Final[dict[str, Text]] = {
    "pass": Text("適合", "met"),
    "fail": Text("不適合", "not met"),
    "unknown": Text("不明", "not known"),
    "not_applicable": Text("対象外", "not asked"),
    "suppressed": Text("不適用", "not applied"),
}
EFFECTS: Final[dict[str, Text]] = {
    "none": Text("影響なし", "no effect"),
    "note": Text("記録のみ", "a note only"),
    "review": Text("担当者が判断", "a person decides"),
    "reject": Text("却下", "rejection"),
    "waived": Text("適用除外", "set aside by people"),
}
DECISIONS: Final[dict[str, Text]] = {
    "approve": Text("承認", "approve"),
    "review": Text("担当者が判断", "review"),
    "reject": Text("却下", "reject"),
}

_AS_OF_TERM: Final = Text("基準日", "the as-of date")
_ITEM: Final = Text("その値", "it")
_NEGATION: Final = Text("次に当たらないこと", "not")
_JOINS: Final[dict[str, Text]] = {
    "all_of": Text("次の全て", "all of these"),
    "any_of": Text("次のいずれか", "one of these"),
}
_QUANTIFIERS: Final[dict[str, Text]] = {
    "every": Text("「{}」の全てについて", "for each of the {}"),
    "some": Text("「{}」のいずれかについて", "for one of the {}"),
}
# What follows "term: ", by operator; dates are compared in other words than numbers.
_COMPARED: Final[dict[str, Text]] = {
    "eq": Text("{}", "{}"),
    "ne": Text("{}以外", "not {}"),
    "in": Text("{}のいずれか", "one of {}"),
    "not_in": Text("{}のいずれでもない", "none of {}"),
    "contains": Text("{}を含む", "includes {}"),
    "lt": Text("{}未満", "below {}"),
    "le": Text("{}以下", "at most {}"),
    "gt": Text("{}超", "above {}"),
    "ge": Text("{}以上", "at least {}"),
    "days_left_ge": Text("{}日以上先", "{} days ahead or more"),
    "days_left_le": Text("先{}日以内", "within the next {} days"),
    "age_le": Text("過去{}日以内", "within the last {} days"),
}
_DATES: Final[dict[str, Text]] = {
    "lt": Text("{}より前", "before {}"),
    "le": Text("{}以前", "on or before {}"),
    "gt": Text("{}より後", "after {}"),
    "ge": Text("{}以後", "on or after {}"),
    "valid_on": Text("{}に有効", "in force on {}"),
}
_NONE: Final = Text("一件もないこと", "none there")
_KNOWN: Final = Text("判明していること", "known")
_EACH: Final = Text("次をそれぞれ含む：{}", "has each of {}")
_PARAMETER: Final = Text("「{}」", "“{}”")
_PREDICATES: Final[dict[str, Text]] = {
    "corporate-number/1": Text("検査用数字が正しい", "the check digit fits"),
    "same-name/1": Text("同じ商号である", "the same company name"),
}
_MISSING: Final = Text("記載がない", "nothing is stated")
_UNSURE: Final = Text("判定できない", "it cannot be said")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A condition in words: a text, and the conditions that it joins."""

    text: Text
    parts: tuple[Phrase, ...] = ()

    def inline(self, language: str) -> str:
        """The whole in one line."""
        own = str(getattr(self.text, language))
        if not self.parts:
            return own
        opening, between, closing = ("（", "；", "）") if language == "ja" else (" (", "; ", ")")
        return own + opening + between.join(part.inline(language) for part in self.parts) + closing


def term(path: str) -> Text:
    """What officers call a fact; indexes of items are named by their number."""
    if path == AS_OF:
        return _AS_OF_TERM
    plain = re.sub(r"\[[0-9]+\]", "[]", path)
    words = _terms().get(plain) or _terms().get(plain + "[]")
    if words is None:
        return Text(path, path)
    numbers = [int(number) + 1 for number in re.findall(r"\[([0-9]+)\]", path)]
    if not numbers:
        return words
    return Text(
        f"{words.ja}（{'の'.join(map(str, numbers))}件目）",
        f"{words.en} (no. {'.'.join(map(str, numbers))})",
    )


def condition(raw: Raw) -> Phrase:
    """A condition of a pack in words."""
    return _condition(raw, ())


def leaf(entry: Json) -> Text:
    """One entry of a trace in words: what was found, what was asked, what came of it."""
    fact = _fact(re.sub(r"\[[0-9]+\]", "[]", entry["path"]))
    value = _said(entry["value"], fact)
    asked = _asked(entry["test"], fact)
    result = OUTCOMES[entry["result"]]
    why = _why(entry)
    return Text(
        f"{term(entry['path']).ja}＝{value.ja}、求められるのは{asked.ja}：{result.ja}"
        + (f"（{why.ja}）" if why else ""),
        f"{term(entry['path']).en} = {value.en}; asked: {asked.en} → {result.en}"
        + (f" ({why.en})" if why else ""),
    )


def effect(name: str) -> Text:
    """An effect in words."""
    return EFFECTS[name]


@cache
def _terms() -> dict[str, Text]:
    table = read_yaml(resources.files("rules").joinpath("terms.yaml").read_text("utf-8")).value
    return {path: Text(words["ja"], words["en"]) for path, words in table.items()}


def _condition(raw: Raw, scopes: tuple[str, ...]) -> Phrase:
    ((name, body),) = raw.items()
    match name:
        case "all_of" | "any_of":
            parts = tuple(_condition(part, scopes) for part in body)
            return parts[0] if len(parts) == 1 else Phrase(_JOINS[name], parts)
        case "not":
            return Phrase(_NEGATION, (_condition(body, scopes),))
        case "every" | "some":
            path = _resolved(body["of"], scopes)
            listed = path + "[]" if path + "[]" in BY_PATH else path
            return Phrase(
                _filled(_QUANTIFIERS[name], term(listed)), (_condition(body["is"], (*scopes, listed)),)
            )
        case "has_each":
            path, field, wanted = body
            path = _resolved(path, scopes)
            values = _said(wanted, _fact(f"{path}[].{field}"))
            return _leaf(term(path), _filled(_EACH, values))
        case "known":
            return _leaf(term(_resolved(body, scopes)), _KNOWN)
        case "matches_predicate":
            paths = [term(_resolved(path, scopes)) for path in body["of"]]
            names = Text("、".join(path.ja for path in paths), ", ".join(path.en for path in paths))
            return _leaf(
                names, _PREDICATES.get(body["predicate"], Text(body["predicate"], body["predicate"]))
            )
        case _:
            left = _resolved(body[0], scopes)
            fact = _fact(left)
            right = _right(body[1], fact, scopes)
            return _leaf(_ITEM if body[0] == "." else term(left), _filled(_template(name, fact), right))


def _leaf(subject: Text, predicate: Text) -> Phrase:
    return Phrase(Text(f"{subject.ja}：{predicate.ja}", f"{subject.en}: {predicate.en}"))


def _template(name: str, fact: Fact | None) -> Text:
    if fact is not None and fact.kind is Kind.DATE and name in _DATES:
        return _DATES[name]
    return _COMPARED.get(name) or _DATES[name]


def _right(right: Any, fact: Fact | None, scopes: tuple[str, ...]) -> Text:
    if isinstance(right, str):
        if right.startswith("@"):
            return _filled(_PARAMETER, Text(right[1:], right[1:]))
        if right == AS_OF:
            return _AS_OF_TERM
        if "." in right and (fact is None or right not in fact.codes):
            path = _resolved(right, scopes)
            if _fact(path) is not None:
                return term(path)
    return _said(right, fact)


def _resolved(text: str, scopes: tuple[str, ...]) -> str:
    """The path in the vocabulary that a text in a condition means, as the compiler finds it."""
    if text == AS_OF:
        return text
    if text == "." and scopes:
        return scopes[-1]
    for items in reversed(scopes):
        if _fact(f"{items}.{text}") is not None:
            return f"{items}.{text}"
    return text


def _fact(path: str) -> Fact | None:
    if path == AS_OF:
        return Fact(AS_OF, Kind.DATE, "", "")
    return BY_PATH.get(path) or BY_PATH.get(path + "[]")


def _asked(test: str, fact: Fact | None) -> Text:
    """The label of a leaf's test in words."""
    name, _, rest = test.partition(" ")
    if rest == "(none)":
        return _NONE
    if name == "has_each":
        values = rest.partition(": ")[2]
        return _filled(_EACH, Text(values, values))
    if test == "known":
        return _KNOWN
    if name not in _COMPARED and name not in _DATES:
        return Text(test, test)
    shown = rest.replace(AS_OF, _AS_OF_TERM.ja), rest.replace(AS_OF, _AS_OF_TERM.en)
    literal = _literal(rest, fact)
    return _filled(_template(name, fact), literal or Text(*shown))


def _literal(rest: str, fact: Fact | None) -> Text | None:
    """A literal of a test's label as people say it; None where it is a parameter or a path."""
    if rest.startswith(("@", AS_OF)) or (fact is not None and _fact(rest) is not None and "." in rest):
        return None
    words: list[dict[str, str]] = []
    for part in rest.split(", "):
        boolean = {"true": True, "false": False}.get(part) if fact and fact.kind is Kind.BOOLEAN else None
        words.append(said(part if boolean is None else boolean, fact))
    both = joined(words)
    return Text(both["ja"], both["en"])


def _why(entry: Json) -> Text | None:
    """Why an entry is not known, or how the value it was compared with reads."""
    if "against" in entry:
        path, value = entry["against"]["path"], entry["against"]["value"]
        other = _said(value, _fact(re.sub(r"\[[0-9]+\]", "[]", path)))
        return Text(f"{term(path).ja}＝{other.ja}", f"{term(path).en} = {other.en}")
    if "cause" not in entry:
        return None
    if entry["cause"] == "missing":
        return _MISSING
    if entry["cause"] not in CAUSES:
        return _UNSURE
    named = term(entry.get("of", entry["path"])).as_json()
    source = str(entry.get("source", ""))
    detail = str(entry.get("detail", ""))
    parts = {
        "ja": {"path": named["ja"], "source": SOURCES.get(source, {}).get("ja", source), "detail": detail},
        "en": {"path": named["en"], "source": SOURCES.get(source, {}).get("en", source), "detail": detail},
    }
    text = CAUSES[entry["cause"]][1]
    return Text(_put(text.ja, parts["ja"]).rstrip("。"), _put(text.en, parts["en"]).rstrip("."))


def _put(text: str, parts: dict[str, str]) -> str:
    return re.sub(r"\{(path|source|detail)\}", lambda found: parts[found[1]], text)


def _said(value: Any, fact: Fact | None) -> Text:
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        count = len(value)
        return Text(f"{count}件", f"{count} of them") if isinstance(value, list) else Text("…", "…")
    if isinstance(value, Sequence) and not isinstance(value, str):
        both = joined([said(item, fact) for item in value]) if value else {"ja": "なし", "en": "none"}
    else:
        both = said(value, fact)
    return Text(both["ja"], both["en"])


def _filled(template: Text, value: Text) -> Text:
    return Text(template.ja.replace("{}", value.ja), template.en.replace("{}", value.en))
