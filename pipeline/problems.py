"""What can be wrong with a request: one catalogue of problem types (RFC 9457) in Japanese and English.

A problem's ``type`` is ``urn:sekisho:problem:`` and its code. Codes are stable: callers may branch on them.
The texts say what is the matter and what to do; ``detail`` says what is particular to this one request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pipeline.errors import SekishoError
from pipeline.model import Text


@dataclass(frozen=True, slots=True)
class Violation:
    """One place in a document that is not as the schema asks.

    ``pointer`` is a JSON Pointer (RFC 6901) from the root of the body; for something missing it names what is
    missing. ``code`` is stable; the text never repeats what the caller sent.
    """

    pointer: str
    code: str
    text: Text

    def as_json(self) -> dict[str, str]:
        """One member of ``errors`` (RFC 9457, section 3)."""
        return {"pointer": self.pointer, "code": self.code, **self.text.as_json()}


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: its code, its HTTP status, its title and what is said to people."""

    code: str
    status: int
    title: str
    text: Text

    @property
    def uri(self) -> str:
        """The ``type`` of RFC 9457."""
        return f"urn:sekisho:problem:{self.code}"


class Problem(SekishoError):
    """The caller's request cannot be met.

    ``detail`` is in English and for developers; it carries no personal data. ``retry_after`` is when the same
    request may be met.
    """

    def __init__(
        self,
        type_: ProblemType,
        detail: str = "",
        *,
        violations: Sequence[Violation] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(type_.code)
        self.type = type_
        self.detail = detail or type_.text.en
        self.violations = tuple(violations)
        self.retry_after = retry_after

    def as_json(self) -> dict[str, Any]:
        """The problem document (``application/problem+json``)."""
        document: dict[str, Any] = {
            "type": self.type.uri,
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
            "code": self.type.code,
            **self.type.text.as_json(),
        }
        if self.violations:
            document["errors"] = [violation.as_json() for violation in self.violations]
        return document


CATALOGUE: dict[str, ProblemType] = {}
"""Every problem type by its code."""


def _define(code: str, status: int, title: str, ja: str, en: str) -> ProblemType:
    CATALOGUE[code] = ProblemType(code, status, title, Text(ja, en))
    return CATALOGUE[code]


NOT_UNDERSTOOD = _define(
    "request.not_understood",
    400,
    "Request not understood",
    "リクエストを解釈できません。HTTPの形式を確認してください。",
    "The request cannot be understood. Check its HTTP form.",
)
PARAMETER_INVALID = _define(
    "request.parameter_invalid",
    400,
    "Parameter not valid",
    "クエリパラメーターの値が正しくありません。API仕様を確認してください。",
    "A query parameter has a value that it cannot have. See the description of the API.",
)
CURSOR_AHEAD = _define(
    "feed.cursor_ahead",
    400,
    "Cursor beyond the feed",
    "指定された位置はまだ存在しません。afterを省略して先頭から読み直してください。",
    "The feed has not come to this position. Read it again from the start, without `after`.",
)
CURSOR_GONE = _define(
    "feed.cursor_gone",
    410,
    "Cursor below the feed",
    "指定された位置の変更は保存期間を過ぎました。Linkヘッダーのスナップショットから読み直してください。",
    "The changes after this position are no longer kept. Begin with the snapshot that the Link header names.",
)
RECEIPT_NOT_SIGNED = _define(
    "receipt.not_signed",
    503,
    "Receipt not signed yet",
    "判定の受領証はまだ署名されていません。少し待ってから再度取得してください。",
    "The receipt of this decision is not signed yet. Ask again shortly.",
)
LISTING_HIDDEN = _define(
    "listing.hidden",
    410,
    "Listing hidden",
    "この掲載は現在、担当者により非表示になっています。製品の評価を示すものではありません。",
    "An officer does not show this listing for now. That says nothing of the product.",
)
LISTING_SUSPENDED = _define(
    "listing.suspended",
    410,
    "Listing suspended",
    "この掲載は、根拠となる事実を再確認するため停止しています。結果が出るまで新たな契約を控えてください。",
    "This listing is suspended: what it rests on is being verified again. Do not contract on it until then.",
)
LISTING_WITHDRAWN = _define(
    "listing.withdrawn",
    410,
    "Listing withdrawn",
    "この掲載は事業者により取り下げられました。",
    "The vendor has withdrawn this listing.",
)
LISTING_EXPIRED = _define(
    "listing.expired",
    410,
    "Listing expired",
    "この掲載は、根拠となる認証等の有効期限が過ぎたため終了しました。",
    "This listing has expired: something that it rests on, such as a certificate, has run out.",
)
NOT_FOUND = _define(
    "request.not_found",
    404,
    "Not found",
    "指定されたものは存在しないか、このアカウントでは参照できません。",
    "There is no such thing, or it is not yours to see.",
)
METHOD_NOT_ALLOWED = _define(
    "request.method_not_allowed",
    405,
    "Method not allowed",
    "このアドレスではこのHTTPメソッドを利用できません。Allowヘッダーを参照してください。",
    "This address does not take this method. The Allow header says which it takes.",
)
BODY_TIMEOUT = _define(
    "request.timeout",
    408,
    "Body too slow",
    "本文の受信が時間内に完了しませんでした。同じwebhook-idで再送してください。",
    "The body did not arrive in time. Send it again with the same webhook-id.",
)
BODY_TOO_LARGE = _define(
    "request.too_large",
    413,
    "Body too large",
    "本文が大きすぎます。上限を超えないように送信してください。",
    "The body is larger than what is taken here.",
)
MEDIA_TYPE_NOT_TAKEN = _define(
    "request.media_type",
    415,
    "Media type not taken",
    "Content-Typeはapplication/json（UTF-8）で送信してください。",
    "Send the body as application/json in UTF-8.",
)
ENCODING_NOT_TAKEN = _define(
    "request.content_encoding",
    415,
    "Content coding not taken",
    "圧縮した本文は受け付けません。Content-Encodingなしで送信してください。",
    "A compressed body is not taken. Send it without Content-Encoding.",
)
HEADER_INVALID = _define(
    "webhook.header_invalid",
    400,
    "Webhook header missing or not valid",
    "webhook-id、webhook-timestamp、webhook-signatureの各ヘッダーを一つずつ正しい形式で送信してください。",
    "Send each of the headers webhook-id, webhook-timestamp and webhook-signature once, in their form.",
)
NOT_AUTHENTICATED = _define(
    "request.not_authenticated",
    401,
    "Not authenticated",
    "送信者を確認できません。署名、時刻（前後300秒以内）、鍵、sekisho-senderヘッダー又はトークンを確認してください。",
    "The sender could not be verified. Check the signature, the time (within 300 s), the key, the header "
    "sekisho-sender, or the token.",
)
JSON_SYNTAX = _define(
    "json.syntax",
    400,
    "Not JSON",
    "本文がJSON（RFC 8259）として正しくありません。",
    "The body is not a JSON text (RFC 8259).",
)
JSON_ENCODING = _define(
    "json.encoding",
    400,
    "Not UTF-8",
    "本文がUTF-8ではありません。",
    "The body is not UTF-8.",
)
JSON_REPEATED_NAME = _define(
    "json.repeated_name",
    400,
    "Repeated name",
    "同じ名前のメンバーが重複しています。一つにしてください。",
    "An object has two members of the same name. Leave one.",
)
JSON_NULL_CHARACTER = _define(
    "json.null_character",
    400,
    "Null character",
    "文字列にU+0000を含めることはできません。",
    "A text must not hold the character U+0000.",
)
SUBMISSION_INVALID = _define(
    "submission.invalid",
    422,
    "Submission not valid",
    "申請の内容が様式に合っていません。errorsの各項目を修正して再送してください。",
    "The submission does not obey its schema. Nothing was kept. Correct every place in errors, send again.",
)
MESSAGE_INVALID = _define(
    "message.invalid",
    422,
    "Message not valid",
    "通知の内容が様式に合わないか、申請の状態が許しません。errorsの各項目を確認してください。",
    "The message does not obey its schema, or the application does not allow it. Nothing was kept. See "
    "errors.",
)
ID_REUSED = _define(
    "webhook.id_reused",
    422,
    "Webhook id used for another body",
    "このwebhook-idは別の内容で使用済みです。内容を変更した場合は新しいwebhook-idで送信してください。",
    "This webhook-id came before with another body. Send another body under a new webhook-id.",
)
RATE_EXCEEDED = _define(
    "rate.exceeded",
    429,
    "Too many requests",
    "送信が多すぎます。Retry-Afterの秒数だけ待って再送してください。",
    "Too many requests from this sender. Wait as Retry-After says.",
)
BACKLOG_FULL = _define(
    "service.backlog_full",
    503,
    "Backlog full",
    "処理待ちの申請が多いため、現在受け付けていません。Retry-Afterの秒数だけ待って再送してください。",
    "Too many applications are waiting. Nothing was kept; send it again as Retry-After says.",
)
UNAVAILABLE = _define(
    "service.unavailable",
    503,
    "Temporarily unavailable",
    "一時的に利用できません。Retry-Afterの秒数だけ待って、同じ内容（同じwebhook-id）で再試行してください。",
    "Temporarily unavailable. Wait as Retry-After says and send the same again, under the same webhook-id.",
)
FAULT = _define(
    "service.fault",
    500,
    "Fault",
    "内部の不具合により処理できませんでした。",
    "A fault of ours. It is logged.",
)
