"""What is said to people about reviews, from one code in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pipeline.model import Text
from pipeline.review.model import Question, Refused

QUESTIONS: Final[Mapping[str, Text]] = {
    "FIELD_UNCLEAR": Text(
        "申請項目の内容を確認できません。正しい内容で訂正申請をするか、説明を回答してください。",
        "This field of the application is not clear. Send a corrected application, or explain it.",
    ),
    "FIELD_MISSING": Text(
        "申請項目が記載されていません。記載した訂正申請を送信してください。",
        "This field of the application is missing. Send a corrected application that has it.",
    ),
    "FIELD_CONTRADICTS_SOURCE": Text(
        "申請項目の内容が公的な情報と一致しません。訂正申請をするか、理由を回答してください。",
        "This field does not agree with a public register. Send a corrected application, or explain why.",
    ),
    "DOCUMENT_NEEDED": Text(
        "確認のため書類が必要です。書類の公開URL又は登録番号を回答してください。",
        "A document is needed. Answer with its public address or its registration number.",
    ),
    "EXPLANATION_NEEDED": Text(
        "判断のため説明が必要です。説明を回答してください。",
        "An explanation is needed for the decision. Please give it.",
    ),
}
"""What a vendor can be asked."""

DOCUMENTS: Final[Mapping[str, Text]] = {
    "qualification-notice": Text("資格審査結果通知書", "notice of the unified qualification"),
    "certificate": Text("認証書", "certificate"),
    "authorisation-letter": Text("販売権限を証する書類", "letter of the maker's authorisation"),
    "ismap-renewal": Text("ISMAP更新申請の受付書", "receipt of the ISMAP renewal"),
    "contract-terms": Text("利用規約又は契約書の案文", "terms of service or draft contract"),
    "risk-statement": Text("外国法令に関するリスク説明書", "statement of risk under foreign law"),
}
"""Documents that a vendor can be asked for."""

REJECTIONS: Final[Mapping[str, Text]] = {
    "NOT_ANSWERED": Text("質問に期限までに回答がありませんでした。", "A question was not answered in time."),
    "ANSWER_INSUFFICIENT": Text(
        "回答では要件を確認できませんでした。", "The answer does not settle the requirement."
    ),
    "STATEMENT_FALSE": Text("申請の内容が事実と異なります。", "What the application says is not so."),
    "OUT_OF_SCOPE": Text(
        "カタログの対象外の製品です。", "The product is not of a kind that the catalog takes."
    ),
}
"""Why a person rejects where no rule says so."""

OVERRIDES: Final[Mapping[str, Text]] = {
    "EVIDENCE_SEEN": Text(
        "別の証拠により要件を確認しました。", "Other evidence shows that the requirement is met."
    ),
    "SOURCE_IN_ERROR": Text("情報源の誤りを確認しました。", "The source was found to be in error."),
    "EQUIVALENT_MEASURE": Text("同等の措置を確認しました。", "An equivalent measure was found."),
    "TRANSITION_GRANTED": Text("期限付きで猶予を認めました。", "Time was granted, to an end."),
}
"""Why a rule is overridden."""

SUSPENSIONS: Final[Mapping[str, Text]] = {
    "BASIS_FELL": Text("掲載の根拠となる事実が失われました。", "What the listing rests on has fallen."),
    "COMPLAINT": Text("調達機関から重大な申出がありました。", "A buyer raised a grave matter."),
    "STATEMENT_FALSE": Text("申請の内容が事実と異なります。", "What the application says is not so."),
    "AUTHORITY": Text("関係機関の措置がありました。", "An authority took measures."),
    "RESOLVED": Text("停止の理由が解消しました。", "The reason for the suspension is gone."),
}
"""Why a listing is suspended, put back or taken out."""

REFUSALS: Final[Mapping[str, Text]] = {
    "case_unknown": Text("該当する案件がありません。", "There is no such case."),
    "not_allowed": Text("この操作の権限がありません。", "Your role does not allow this."),
    "name_unusable": Text("この名前では操作できません。", "Nobody can act under this name."),
    "state": Text("案件の状態がこの操作を許しません。", "The case is in a state that does not allow this."),
    "proposal_pending": Text(
        "確認待ちの提案があります。先に承認、差戻し又は取消しをしてください。",
        "A proposal is pending. It has to be confirmed, returned or cancelled first.",
    ),
    "no_proposal": Text("確認待ちの提案がありません。", "No such proposal is pending."),
    "same_person": Text("提案した本人は承認できません。", "Whoever proposed cannot confirm it."),
    "evidence_changed": Text(
        "提案時と異なる調書です。内容を確認してください。", "The dossier is not the one that was proposed on."
    ),
    "not_proposer": Text("提案した本人だけが取り消せます。", "Only whoever proposed can cancel it."),
    "is_proposer": Text(
        "差戻しは別の担当者が行います。", "Another person returns a proposal; its maker cancels it."
    ),
    "decided_before": Text(
        "この案件の判断に関与した人は異議申立てを決定できません。",
        "Whoever took part in decisions on this case cannot decide its appeal.",
    ),
    "reason_unknown": Text(
        "理由のコードが正しくありません。", "A reason code is not one of those that there are."
    ),
    "reason_missing": Text("理由を一つ以上選んでください。", "Choose at least one reason."),
    "rule_unknown": Text("該当する要件の所見がありません。", "No finding of that rule stands in the way."),
    "question_unknown": Text(
        "質問のコード又は対象が正しくありません。",
        "What to ask, or about what, is not one of those that there are.",
    ),
    "date_past": Text("日付は本日より後にしてください。", "The date has to lie ahead."),
    "date_far": Text("日付が遠すぎます。", "The date lies too far ahead."),
    "check_unknown": Text("該当する照会がありません。", "There is no such check."),
    "claimed": Text("別の担当者が担当しています。", "Another reviewer has claimed it."),
    "listing_replaced": Text(
        "この案件の掲載は、より新しい申請に置き換わっています。",
        "A newer application's listing has taken its place.",
    ),
    "cursor_malformed": Text("ページの位置が正しくありません。", "The position of the page cannot be read."),
    "text_missing": Text("本文を入力してください。", "There is no text."),
    "text_long": Text("本文が長すぎます。", "The text is too long."),
}
"""Why an action is refused."""


def refusal(code: str, detail: str = "") -> Refused:
    """The error that this refusal is."""
    return Refused(code, REFUSALS[code], detail)


def asked(question: Question) -> dict[str, Any]:
    """What a vendor is asked, where and by when; not the reviewer's own words."""
    document = DOCUMENTS.get(question.about)
    return {
        "id": str(question.id),
        "code": question.code,
        **QUESTIONS[question.code].as_json(),
        "field": question.about if question.about.startswith("/") else None,
        "document": None if document is None else {"code": question.about, **document.as_json()},
        "due_on": question.due_on.isoformat(),
    }
