"""What happened to a case, in words. The journal holds codes; these are what people call them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline.model import Event, Text

EVENTS: Final[dict[str, Text]] = {
    "application.received": Text("申請を受け付けました", "application received"),
    "application.superseded": Text("訂正申請に差し替えられました", "superseded by a corrected application"),
    "application.withdrawn": Text("申請者が取り下げました", "withdrawn by the vendor"),
    "sources.asked": Text("情報源に照会しました", "sources asked"),
    "source.asked_again": Text("情報源への再照会", "a source asked again"),
    "answers.unreadable": Text("読み取れない回答がありました", "an answer could not be read"),
    "case.decided": Text("判定", "decided"),
    "case.claimed": Text("担当を開始しました", "claimed"),
    "case.released": Text("担当を解除しました", "released"),
    "case.deferred": Text("保留しました", "deferred"),
    "case.resumed": Text("保留を解除しました", "taken up again"),
    "case.referred": Text("担当者に回付しました", "referred to a person"),
    "vendor.asked": Text("申請者に質問しました", "the vendor was asked"),
    "vendor.answered": Text("申請者が回答しました", "the vendor answered"),
    "questions.taken_back": Text("質問を取り下げました", "questions taken back"),
    "questions.lapsed": Text("回答期限が過ぎました", "the time to answer is over"),
    "note.written": Text("メモを記入しました", "a note was written"),
    "proposal.made": Text("提案しました", "proposed"),
    "proposal.confirmed": Text("提案を承認しました", "proposal confirmed"),
    "proposal.returned": Text("提案を差し戻しました", "proposal returned"),
    "proposal.cancelled": Text("提案を取り消しました", "proposal cancelled"),
    "proposal.dropped": Text("提案は無効になりました", "proposal dropped"),
    "rule.overridden": Text("要件の適用を除外しました", "a rule was overridden"),
    "override.over": Text("適用除外の期間が終わりました", "an override ended"),
    "appeal.made": Text("異議申立てがありました", "the vendor appealed"),
    "appeal.granted": Text("異議申立てを認めました", "appeal granted"),
    "appeal.dismissed": Text("異議申立てを退けました", "appeal dismissed"),
    "listing.published": Text("カタログに掲載しました", "published in the catalog"),
    "listing.suspended": Text("掲載を停止しました", "listing suspended"),
    "listing.hidden": Text("掲載を非表示にしました", "listing hidden"),
    "listing.withdrawn": Text("掲載を取り下げました", "listing withdrawn"),
    "listing.expired": Text("掲載の有効期間が終わりました", "listing expired"),
    "listing.restored": Text("掲載を再開しました", "listing put back"),
}

ACTORS: Final[dict[str, Text]] = {
    "policy": Text("方針による自動判定", "policy"),
    "intake": Text("受付", "intake"),
    "collection": Text("照会", "collection"),
    "adjudication": Text("審査", "adjudication"),
    "publication": Text("掲載", "publication"),
    "review": Text("期限の管理", "timers"),
    "vendor": Text("申請者", "vendor"),
}
"""Who acts and is no person."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history. ``details`` are the codes that the journal holds."""

    at: datetime
    said: Text
    by: Text
    details: str


def lines(events: Iterable[Event]) -> list[Line]:
    """The history, the oldest first."""
    return [Line(event.at, said(event.name), actor(event.by), _details(event)) for event in events]


def since(events: Sequence[Event], shown: int) -> list[Line]:
    """What happened after a page that showed so many events."""
    return lines(events[shown:])


def said(name: str) -> Text:
    """An event in words; one that has none yet, by its code."""
    return EVENTS.get(name, Text(name, name))


def actor(by: str) -> Text:
    """Who acted."""
    return ACTORS.get(by, Text(by, by))


def _details(event: Event) -> str:
    shown = ("number", "verdict", "reason", "because", "act", "source", "role", "until", "due_on", "rule")
    return ", ".join(f"{name} {event.data[name]}" for name in shown if event.data.get(name))
