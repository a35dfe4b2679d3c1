"""Codes as they are said to people, in both languages."""

from __future__ import annotations

from typing import Final

from pipeline.model import Text

NOT_STATED: Final = {"ja": "記載なし", "en": "not stated"}

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

LABELS: Final[dict[str, dict[str, str]]] = {
    "true": {"ja": "はい", "en": "yes"},
    "false": {"ja": "いいえ", "en": "no"},
    "content": {"ja": "利用者が登録するデータ", "en": "customer content"},
    "account": {"ja": "アカウント情報", "en": "account data"},
    "backup": {"ja": "バックアップ", "en": "backups"},
    "telemetry": {"ja": "稼働記録", "en": "telemetry"},
    "support": {"ja": "サポート対応のデータ", "en": "support data"},
    "ai-prompt": {"ja": "AIへの入力", "en": "AI prompts"},
    "ismap": {"ja": "ISMAPクラウドサービスリスト", "en": "ISMAP list"},
    "ismap-liu": {"ja": "ISMAP-LIUクラウドサービスリスト", "en": "ISMAP-LIU list"},
    "none": {"ja": "なし", "en": "none"},
    "prime": {"ja": "GビズIDプライム", "en": "gBizID Prime"},
    "member": {"ja": "GビズIDメンバー", "en": "gBizID Member"},
    "entry": {"ja": "GビズIDエントリー", "en": "gBizID Entry"},
    "goods_manufacture": {"ja": "物品の製造", "en": "manufacture of goods"},
    "goods_sale": {"ja": "物品の販売", "en": "sale of goods"},
    "services": {"ja": "役務の提供等", "en": "services"},
    "goods_purchase": {"ja": "物品の買受け", "en": "purchase of goods"},
    "tokyo-metropolitan": {"ja": "東京都", "en": "Tokyo Metropolitan Government"},
    "kobe-city": {"ja": "神戸市", "en": "Kobe City"},
    "meti": {"ja": "経済産業省", "en": "the Ministry of Economy, Trade and Industry"},
    "maff": {"ja": "農林水産省", "en": "the Ministry of Agriculture, Forestry and Fisheries"},
}
"""By code. A code without a label is shown as it is."""

SOURCES: Final[dict[str, dict[str, str]]] = {
    "jp.nta": {
        "ja": "国税庁法人番号公表サイト",
        "en": "the corporate number register of the National Tax Agency",
    },
    "int.gleif": {
        "ja": "GLEIFの取引主体識別子登録簿",
        "en": "the GLEIF register of legal entity identifiers",
    },
    "jp.invoice": {
        "ja": "国税庁適格請求書発行事業者公表サイト",
        "en": "the register of qualified invoice issuers of the National Tax Agency",
    },
    "jp.gbizinfo": {"ja": "Gビズインフォ", "en": "gBizINFO"},
    "jp.ismap": {"ja": "ISMAP等クラウドサービスリスト", "en": "the ISMAP lists"},
    "jp.isms": {
        "ja": "情報マネジメントシステム認定センターの認証登録一覧",
        "en": "the list of certificates of ISMS-AC",
    },
    "jp.privacymark": {"ja": "プライバシーマーク付与事業者一覧", "en": "the list of PrivacyMark holders"},
    "jp.suspension": {
        "ja": "国土交通省ネガティブ情報等検索サイト",
        "en": "the list of suspensions of the Ministry of Land, Infrastructure, Transport and Tourism",
    },
    "jp.startup": {"ja": "J-Startup等の一覧", "en": "the lists of start-ups"},
    "gb.companies-house": {"ja": "英国会社登記所", "en": "Companies House"},
    "no.brreg": {"ja": "ノルウェー法人登記簿", "en": "the Norwegian register of legal entities"},
    "fr.entreprises": {"ja": "フランス企業検索", "en": "the French directory of businesses"},
    "eu.vies": {"ja": "EU付加価値税番号確認（VIES）", "en": "VIES"},
    "us.fedramp": {"ja": "FedRAMPマーケットプレイス", "en": "the FedRAMP marketplace"},
    "screening.yente": {"ja": "制裁対象者等の照合", "en": "the screening for sanctions and debarments"},
}
"""Sources by name."""

CAUSES: Final[dict[str, tuple[str, Text]]] = {
    "conflict": (
        "EVIDENCE_CONFLICT",
        Text(
            ja="情報源の間で内容が一致しません（項目：{path}）。",
            en="Two sources contradict each other (fact: {path}).",
        ),
    ),
    "candidate": (
        "EVIDENCE_UNCLEAR",
        Text(
            ja="情報源の記載が、同一の者に関するものか明らかではありません（項目：{path}）。担当者が確認します。",
            en="A source may mean somebody else of that name (fact: {path}). A person will establish that.",
        ),
    ),
    "no_answer": (
        "SOURCE_NO_ANSWER",
        Text(
            ja="{source}から有効な回答が得られませんでした（{detail}）。",
            en="No usable answer came from {source} ({detail}).",
        ),
    ),
    "stale": (
        "EVIDENCE_STALE",
        Text(
            ja="確認した情報が古くなっています（項目：{path}）。",
            en="The evidence is too old (fact: {path}).",
        ),
    ),
    "newer": (
        "EVIDENCE_NEWER",
        Text(
            ja="判定の基準日より後の日付が記載されています（項目：{path}）。",
            en="The date lies after the day of the judgement (fact: {path}).",
        ),
    ),
    "unverified": (
        "EVIDENCE_UNVERIFIED",
        Text(
            ja="申告のみで、第三者の情報による裏付けがありません（項目：{path}）。",
            en="It is declared only; no source confirms it (fact: {path}).",
        ),
    ),
    "malformed": (
        "EVIDENCE_UNREADABLE",
        Text(
            ja="値を読み取ることができません（項目：{path}）。",
            en="The value cannot be read (fact: {path}).",
        ),
    ),
}
"""Why something is unknown: a reason code and a sentence. The first of these that occurs is the reason given.

What is merely missing has the rule's own code and words.
"""
