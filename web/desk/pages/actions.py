"""What somebody may do to a case, as forms: which there are, what they ask, and what is to be confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pipeline.model import Text
from pipeline.review.clock import in_the_way
from pipeline.review.model import Act, CaseView, Proposal, Reason
from pipeline.review.words import DOCUMENTS, OVERRIDES, QUESTIONS, REJECTIONS, SUSPENSIONS
from web.desk.pages.application import label

ACTIONS: Final[Mapping[str, Text]] = {
    "confirm": Text("提案を承認する", "Confirm the proposal"),
    "send_back": Text("提案を差し戻す", "Return the proposal"),
    "cancel": Text("提案を取り消す", "Cancel the proposal"),
    "approve": Text("承認する", "Approve"),
    "reject": Text("却下する", "Reject"),
    "ask": Text("申請者に質問する", "Ask the vendor"),
    "take_back": Text("質問を取り下げる", "Take the questions back"),
    "ask_source": Text("情報源に再照会する", "Ask a source again"),
    "defer": Text("保留する", "Defer"),
    "resume": Text("保留を解除する", "Take it up again"),
    "override": Text("要件の適用を除外する", "Override a rule"),
    "suspend": Text("掲載を停止する", "Suspend the listing"),
    "reinstate": Text("掲載を再開する", "Put the listing back"),
    "withdraw": Text("掲載を取り下げる", "Withdraw the listing"),
    "grant_appeal": Text("異議申立てを認める", "Grant the appeal"),
    "dismiss_appeal": Text("異議申立てを退ける", "Dismiss the appeal"),
    "note": Text("メモを書く", "Write a note"),
    "claim": Text("自分が担当する", "Assign to me"),
    "release": Text("担当を解除する", "Give it back"),
}
"""Every action by its name in :class:`pipeline.review.actions.Review`, in the order of the page."""

AT_ONCE: Final = frozenset({"note", "claim", "release", "resume"})
"""Actions that decide nothing: they are done without asking whether one is sure."""

KEYS: Final[Mapping[str, str]] = {
    "approve": "a",
    "reject": "r",
    "ask": "q",
    "defer": "d",
    "override": "o",
    "note": "m",
    "confirm": "c",
}
"""Single keys that open a form. They decide nothing."""

BECAUSE: Final[Mapping[str, Text]] = {
    "first_listing": Text("この申請者の最初の掲載のため", "the vendor's first listing"),
    "override": Text("要件の適用除外のため", "a rule is overridden"),
    "suspension": Text("掲載の停止・再開のため", "a listing is suspended or put back"),
    "withdrawal": Text("掲載の取下げのため", "a listing is withdrawn"),
}
"""Why an act takes two people."""

ACTS: Final[Mapping[Act, Text]] = {
    Act.APPROVE: Text("承認", "approve"),
    Act.REJECT: Text("却下", "reject"),
    Act.OVERRIDE: Text("要件の適用除外", "override a rule"),
    Act.SUSPEND: Text("掲載停止", "suspend the listing"),
    Act.REINSTATE: Text("掲載再開", "put the listing back"),
    Act.WITHDRAW: Text("掲載取下げ", "withdraw the listing"),
}

SEPARATOR: Final = "|"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a list or of boxes."""

    value: str
    said: Text


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms that a page of a case shows, with their choices. ``names`` are the actions, in their
    order.
    """

    names: tuple[str, ...]
    reasons: tuple[Option, ...]
    rules: tuple[Option, ...]
    overrides: tuple[Option, ...]
    suspensions: tuple[Option, ...]
    questions: tuple[Option, ...]
    fields: tuple[Option, ...]
    documents: tuple[Option, ...]
    checks: tuple[Option, ...]


def forms(view: CaseView) -> Forms:
    """What this person may do to this case now."""
    decision = view.file.decision
    stand = [] if decision is None else in_the_way(decision)
    titles = (
        {}
        if decision is None
        else {result["rule"]: result["title"] for result in decision.judgement.outcome.get("results", ())}
    )
    found = tuple(
        Option(
            f"{rule}{SEPARATOR}{code}",
            Text(f"{rule} {titles[rule]['ja']}（{code}）", f"{rule} {titles[rule]['en']} ({code})"),
        )
        for rule, code in stand
    )
    ours = tuple(Option(f"{SEPARATOR}{code}", said) for code, said in REJECTIONS.items())
    return Forms(
        names=tuple(name for name in ACTIONS if name in view.possible),
        reasons=(*found, *ours),
        rules=tuple(
            Option(rule, Text(f"{rule} {titles[rule]['ja']}", f"{rule} {titles[rule]['en']}"))
            for rule in dict.fromkeys(rule for rule, _ in stand)
        ),
        overrides=_options(OVERRIDES),
        suspensions=_options(SUSPENSIONS),
        questions=_options(QUESTIONS),
        fields=tuple(_fields(view)),
        documents=_options(DOCUMENTS),
        checks=tuple(
            Option(
                f"{check.inquiry.source}{SEPARATOR}{check.inquiry.role}",
                Text(*(f"{check.inquiry.source} {check.inquiry.role} {check.inquiry.subject}",) * 2),
            )
            for check in view.file.checks
        ),
    )


def _options(words: Mapping[str, Text]) -> tuple[Option, ...]:
    return tuple(Option(code, said) for code, said in words.items())


def _fields(view: CaseView) -> Iterator[Option]:
    """The parts of the application and what stands in them, to ask about."""
    for name, part in view.application.items():
        if name == "schema":
            continue
        title = label(f"/{name}")
        yield Option(f"/{name}", title)
        if isinstance(part, Mapping):
            for member in part:
                below = label(f"/{name}/{member}")
                yield Option(f"/{name}/{member}", Text(f"{title.ja}：{below.ja}", f"{title.en}: {below.en}"))


def read_reasons(values: Sequence[str]) -> list[Reason]:
    """The reasons whose boxes were ticked."""
    reasons = []
    for value in values:
        rule, separator, code = value.partition(SEPARATOR)
        reasons.append(Reason(rule, code) if separator else Reason("", value))
    return reasons


def read_day(text: str) -> date | None:
    """A day of a form."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def summary(proposal: Proposal) -> list[Text]:
    """What a proposal is about, besides its act."""
    data = proposal.data
    lines = []
    if "rule" in data:
        lines.append(Text(f"要件：{data['rule']}", f"rule: {data['rule']}"))
    if reason := data.get("reason"):
        lines.append(OVERRIDES.get(reason) or SUSPENSIONS.get(reason) or Text(reason, reason))
    if "until" in data:
        lines.append(Text(f"{data['until']}まで", f"through {data['until']}"))
    return lines
