"""The case on one screen: who applies, what is offered, what was checked and found, what the decision
rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from pipeline.calendar import business_days_between, day_of
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import CaseFile, Check, CheckState, Decision, Presence, Text
from pipeline.review.model import WAITS_FOR, AppealState, ReviewRecord
from pipeline.review.words import REJECTIONS
from rules.labels import SOURCES
from rules.prose import DECISIONS, EFFECTS, OUTCOMES, leaf
from web.desk.pages.history import actor

APPEALS: Final = {
    AppealState.OPEN: Text("審査中", "open"),
    AppealState.GRANTED: Text("認容", "granted"),
    AppealState.DISMISSED: Text("棄却", "dismissed"),
    AppealState.ENDED: Text("終了", "ended"),
}
OUTCOMES_OF_QUESTIONS: Final = {
    "open": Text("回答待ち", "open"),
    "answered": Text("回答済み", "answered"),
    "corrected": Text("訂正申請あり", "corrected"),
    "lapsed": Text("期限切れ", "lapsed"),
    "taken_back": Text("取下げ", "taken back"),
}
_ORDER: Final = {"reject": 0, "review": 1, "waived": 2, "note": 3, "none": 4}
_PRESENCE: Final = {Presence.FOUND: Text("該当あり", "found"), Presence.ABSENT: Text("該当なし", "not there")}
_STATES: Final = {
    CheckState.ANSWERED: Text("回答あり", "answered"),
    CheckState.WAITING: Text("回答待ち", "waiting"),
    CheckState.GIVEN_UP: Text("確認できず", "could not be checked"),
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: what was asked of whom, what became of it, and the capture to look at."""

    source: Text
    check: Check
    code: str
    role: str
    subject: OrganisationId
    outcome: Text
    asked: bool
    at: datetime | None
    tries: int
    reason: str
    next_try_at: datetime | None
    capture: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule's finding in words: what settled it, and what it means."""

    rule: str
    title: Text
    outcome: str
    outcome_said: Text
    effect: str
    effect_said: Text
    reason: str
    message: Text
    remedy: Text | None
    words: tuple[Text, ...]
    basis: tuple[Text, ...]
    why: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision of a case: by whom, what, why, and the dossier that it rests on."""

    number: int
    by: Text
    at: datetime
    verdict: Text
    reasons: tuple[Text, ...]
    dossier: str


@dataclass(frozen=True, slots=True)
class Place:
    """A case's place with people: due when, whose turn it is, who has it."""

    record: ReviewRecord
    waits: Text
    days: int

    @property
    def stopped(self) -> bool:
        """Whether the clock stands still."""
        return self.record.stopped_at is not None


@dataclass(frozen=True, slots=True)
class BuyersTable:
    """The base's decision beside each buyer's: a row a rule in which one of them differs."""

    buyers: tuple[Text, ...]
    decisions: tuple[Text, ...]
    rows: tuple[tuple[str, Text, tuple[Text | None, ...]], ...]


def checks(file: CaseFile) -> list[CheckRow]:
    """The checks: those that lack an answer first."""
    rows = [_check(file, check) for check in file.checks]
    return sorted(rows, key=lambda row: (row.asked, row.code, row.role))


def _check(file: CaseFile, check: Check) -> CheckRow:
    presence = file.presence(check)
    code = check.inquiry.source
    return CheckRow(
        source=_text(SOURCES.get(code, {"ja": code, "en": code})),
        check=check,
        code=code,
        role=check.inquiry.role,
        subject=check.inquiry.subject,
        outcome=_STATES[check.state] if presence is None else _PRESENCE[presence],
        asked=check.state is CheckState.ANSWERED,
        at=None if check.capture is None else check.capture.fetched_at,
        tries=check.tries,
        reason=check.reason,
        next_try_at=check.next_try_at,
        capture="" if check.capture is None else check.capture.sha256,
    )


def rules(outcome: Json) -> list[RuleRow]:
    """The findings, those that stand in the way first."""
    rows = [_rule(result) for result in outcome.get("results", ())]
    return sorted(rows, key=lambda row: _ORDER[row.effect])


def _rule(result: Mapping[str, Any]) -> RuleRow:
    return RuleRow(
        rule=result["rule"],
        title=_text(result["title"]),
        outcome=result["outcome"],
        outcome_said=OUTCOMES[result["outcome"]],
        effect=result["effect"],
        effect_said=EFFECTS[result["effect"]],
        reason=result["reason"],
        message=_text(result["message"]),
        remedy=_text(result["remedy"]) if result.get("remedy") and result["effect"] != "none" else None,
        words=tuple(leaf(result["trace"][index]) for index in result["trace_decisive"]),
        basis=tuple(_text(basis["title"]) for basis in result.get("basis", ())),
        why=tuple(_text(why) for why in result.get("effect_why", ())),
    )


def decisions(made: Sequence[Decision]) -> list[DecisionRow]:
    """The decisions, the latest first."""
    return [
        DecisionRow(
            number=decision.number,
            by=actor(decision.by),
            at=decision.decided_at,
            verdict=DECISIONS[decision.judgement.verdict],
            reasons=tuple(_reasons(decision)),
            dossier=decision.dossier.digest,
        )
        for decision in sorted(made, key=lambda decision: -decision.number)
    ]


def _reasons(decision: Decision) -> Iterator[Text]:
    reviewed = decision.judgement.outcome.get("reviewed")
    if reviewed is None:
        if code := decision.judgement.reason:
            yield Text(code, code)
        return
    for reason in reviewed["reasons"]:
        code = reason["code"]
        named = f"{reason['rule']} {code}".strip()
        yield REJECTIONS.get(code, Text(named, named))


def place(record: ReviewRecord | None, now: datetime) -> Place | None:
    """Whose turn it is; None once the case has left people's hands."""
    if record is None or record.waits_for is None:
        return None
    last_day = day_of(record.due_at - timedelta(microseconds=1))
    days = business_days_between(day_of(now), last_day) if record.remaining is None else record.remaining
    return Place(record, WAITS_FOR[record.waits_for], days)


def tomorrow(now: datetime) -> date:
    """The first day that a date may be set to."""
    return day_of(now) + timedelta(days=1)


def buyers(outcome: Json) -> BuyersTable | None:
    """The verdicts side by side; None where no buyer's differ from the base."""
    judged: Sequence[Mapping[str, Any]] = outcome.get("buyers") or ()
    if not judged:
        return None
    national = {result["rule"]: result for result in outcome["results"]}
    own = [{result["rule"]: result for result in buyer["differs"]} for buyer in judged]
    rows = [
        (
            rule,
            _text((national.get(rule) or next(results[rule] for results in own if rule in results))["title"]),
            (_cell(national.get(rule)), *(_cell(results.get(rule) or national.get(rule)) for results in own)),
        )
        for rule in sorted({rule for results in own for rule in results})
    ]
    return BuyersTable(
        buyers=tuple(_text(buyer["title"]) for buyer in judged),
        decisions=tuple(DECISIONS[one["decision"]] for one in (outcome, *judged)),
        rows=tuple(rows),
    )


def _cell(result: Mapping[str, Any] | None) -> Text | None:
    """A result in a cell; the base may lack the rule."""
    if result is None:
        return None
    outcome, effect = OUTCOMES[result["outcome"]], EFFECTS[result["effect"]]
    if result["effect"] == "none":
        return outcome
    return Text(f"{outcome.ja} → {effect.ja}", f"{outcome.en} → {effect.en}")


def _text(both: Mapping[str, str]) -> Text:
    return Text(both["ja"], both["en"])
