"""A corporate-number register of any size: rows as the agency writes them, of companies that do not exist.

The same seed gives the same file. Numbers have right check digits; they stand in ascending order in each
prefecture, prefectures one after another, as in the national file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from connectors.nta_rows import PREFECTURES

_HEADS = (
    "東", "西", "南", "北", "大", "小", "山", "川", "田", "中", "高", "木",
    "森", "林", "石", "井", "上", "下", "松", "竹", "梅", "桜", "藤", "原",
    "本", "村", "島", "岡", "谷", "橋", "野", "池", "新", "古", "青", "赤",
    "白", "黒", "金", "銀", "三", "五", "七", "八", "千", "万", "和", "光",
    "明", "正", "永", "安", "福", "寿", "清", "富", "栄", "昭", "丸", "共",
    "協", "国", "日", "月", "星", "空", "海", "浜", "港", "宮", "齋", "澤",
    "濱", "廣",
)  # fmt: skip
_SOUNDS = (
    "ア", "イ", "ウ", "エ", "オ", "カ", "キ", "ク", "ケ", "コ", "サ", "シ",
    "ス", "セ", "ソ", "タ", "チ", "ツ", "テ", "ト", "ナ", "ニ", "ネ", "ノ",
    "ハ", "ヒ", "フ", "ホ", "マ", "ミ", "ム", "メ", "モ", "ヤ", "ユ", "ヨ",
    "ラ", "リ", "ル", "レ", "ロ", "ワ", "ン", "ガ", "ギ", "グ", "ゴ", "ザ",
    "ジ", "ズ", "ダ", "デ", "ド", "バ", "ビ", "ブ", "ベ", "ボ", "パ", "ピ",
    "プ", "ポ", "ッ", "ャ", "ュ", "ョ", "ー",
)  # fmt: skip
_TRADES = (
    "建設", "工業", "商事", "商店", "製作所", "工務店", "不動産", "運輸", "電機", "設備", "産業", "物産",
    "食品", "薬局", "興業", "開発", "企画", "設計", "システム", "ホールディングス", "サービス", "テクノロジー", "プランニング", "コンサルティング",  # noqa: E501
    "フーズ", "エステート", "デザイン",
)  # fmt: skip
_TOWNS = (
    "中央", "本町", "栄町", "緑町", "旭町", "幸町", "東町", "西町", "南町", "北町", "泉町", "港町",
    "大手町", "新町", "元町", "若葉町", "桜ケ丘", "霞が丘",
)  # fmt: skip
_LETTERS = "ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ"
_FORMS = (("株式会社", "301", "01"), ("有限会社", "302", "02"), ("合同会社", "305", "03"))
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


def write_full(path: Path, rows: int, seed: int = 1) -> None:
    """Write the full file of a register of so many companies."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{row}\n" for row in full_rows(rows, seed))


def full_rows(rows: int, seed: int = 1) -> Iterator[str]:
    """The rows of a full file."""
    chance = random.Random(seed)
    prefectures = list(PREFECTURES.items())
    for place in range(rows):
        turn = place * len(prefectures) // rows
        yield _row(place, turn, prefectures[turn], chance)


def _row(place: int, turn: int, prefecture: tuple[str, str], chance: random.Random) -> str:
    form, kind, entity = _FORMS[min(chance.randrange(10) // 4, 2)]
    body = f"{turn + 100:04}{entity}{place % 1_000_000:06}"
    code, prefecture_name = prefecture
    core = _core(chance)
    name = form + core if chance.random() < 0.6 else core + form
    town = chance.choice(_TOWNS)
    street = f"{town}{chance.randint(1, 9)}丁目{chance.randint(1, 30)}番{chance.randint(1, 30)}号".translate(
        _WIDE
    )
    if chance.random() < 0.2:
        street += f"{''.join(chance.choices(_SOUNDS[:43], k=4))}ビル{chance.randint(2, 12)}階".translate(
            _WIDE
        )
    assigned = date(2015, 10, 5) + timedelta(days=chance.randrange(3000) if chance.random() < 0.4 else 0)
    changed, process, closed, cause = assigned, "01", "", ""
    fate = chance.random()
    if fate < 0.25:
        changed, process = assigned + timedelta(days=chance.randrange(1, 700)), "12"
    elif fate < 0.35:
        changed, process, cause = assigned + timedelta(days=chance.randrange(1, 700)), "21", "01"
        closed = changed.isoformat()
    updated = changed + timedelta(days=chance.randrange(10))
    furigana = "".join(chance.choices(_SOUNDS[:43], k=8))
    return (
        f'{place + 1},{_check_digit(body)}{body},{process},0,{updated},{changed},"{name}",,{kind},'
        f'"{prefecture_name}","{chance.choice(_HEADS)}{chance.choice(_HEADS)}市","{street}",,{code},'
        f"{chance.randint(201, 230)},{chance.randrange(10_000_000):07},,,{closed},{cause},,,{assigned},1,,,,,"
        f'"{furigana}",0'
    )


def _core(chance: random.Random) -> str:
    style = chance.random()
    if style < 0.45:
        return "".join(chance.choices(_HEADS, k=2)) + chance.choice(_TRADES)
    if style < 0.75:
        return "".join(chance.choices(_SOUNDS[:43], k=chance.randint(3, 7)))
    if style < 0.9:
        return "".join(chance.choices(_LETTERS, k=chance.randint(2, 8)))
    return "".join(chance.choices(_HEADS, k=2)) + "".join(chance.choices(_SOUNDS[:43], k=3))


def _check_digit(body: str) -> int:
    total = sum(int(digit) * weight for digit, weight in zip(body, (2, 1) * 6, strict=True))
    return 9 - total % 9
