"""Finding numbers in the mirror by names and addresses, present and former."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.nta_rows import UnreadableFile
from storage.mirror import Match, Mirror
from tasks.mirror import KEYS
from tests.registers import import_all, line, number, write

NAMES = {
    1: "株式会社せきしょ試験",
    2: "せきしょ試験有限会社",
    3: "株式会社齋藤澤商店",
    4: "合同会社Ｓｅｋｉｓｈｏ　Ｔｅｓｔ",
    5: "株式会社関所サーバー開発研究所",
    6: "東関所サーバー開発研究所合同会社",
    7: "株式会社関所サーパー開発研究所",
}
OSAKA = {"prefectureCode": "27", "prefectureName": "大阪府", "cityName": "大阪市中央区", "cityCode": "128"}


@pytest.fixture
def filled(mirror: Mirror, tmp_path: Path) -> Mirror:
    """A mirror with the companies of NAMES in Tokyo, and some more."""
    lines = [line(number(body), name=name) for body, name in NAMES.items()]
    lines += [line(number(100 + place), name="八幡神社", **OSAKA) for place in range(60)]
    lines.append(line(number(200), name="八幡神社"))
    lines.append(line(number(9), name="株式会社英語名", enName="Checkpoint Trials Inc."))
    renamed = [
        line(number(1), process="11", updateDate="2024-04-02", name="株式会社新名", **OSAKA),
        line(number(10), updateDate="2024-04-02", name="株式会社別物"),
    ]
    import_all(
        mirror,
        [write(tmp_path, "diff_20240401.csv", lines), write(tmp_path, "diff_20240402.csv", renamed)],
    )
    return mirror


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("せきしょ試験", [(2, Match.SAME, False), (1, Match.SAME, True)]),
        ("株式会社せきしょ試験", [(2, Match.SAME, False), (1, Match.SAME, True)]),
        ("セキショ 試験㈱", [(2, Match.SAME, False), (1, Match.SAME, True)]),
        ("新名", [(1, Match.SAME, False)]),
        ("斉藤沢商店", [(3, Match.SAME, False)]),
        ("sekisho test", [(4, Match.SAME, False)]),
        ("SEKISHO-TEST LLC", [(4, Match.SAME, False)]),
        ("関所サーバ開発", [(5, Match.BEGINS, False), (6, Match.CONTAINS, False)]),
        ("関所サーハー開発研究所", [(7, Match.NEAR, False), (5, Match.NEAR, False)]),
        ("関所開発サーパー研究", []),
        ("checkpoint trials", [(9, Match.SAME, False)]),
        ("株式会社", []),
        ("どこにもない社名", []),
        ("・・・", []),
        ('"* OR', []),
        ("名", []),
    ],
)
def test_names_are_found_however_they_are_written(
    filled: Mirror, asked: str, found: list[tuple[int, Match, bool]]
) -> None:
    assert [(hit.number, hit.match, hit.former) for hit in filled.names(asked)] == [
        (number(body), match, former) for body, match, former in found
    ]


def test_a_prefecture_narrows_a_search_to_where_companies_are_now(filled: Mirror) -> None:
    assert [hit.number for hit in filled.names("八幡神社", prefecture="13")] == [number(200)]
    assert len(filled.names("八幡神社", prefecture="27", limit=100)) == 60
    assert len(filled.names("八幡神社", limit=7)) == 7
    assert filled.names("せきしょ試験", prefecture="27")[0].number == number(1)


def test_addresses_are_found_by_how_they_begin(filled: Mirror) -> None:
    hits = filled.addresses("千代田区霞ヶ関3-1", limit=100)
    assert number(2) in [hit.number for hit in hits]
    assert [hit.former for hit in hits if hit.number == number(1)] == [True]
    assert {hit.number for hit in filled.addresses("大阪市中央区霞が関三丁目1番1号", limit=100)} > {number(1)}
    assert filled.addresses("大阪市北区") == []
    assert filled.addresses("") == []


def test_a_name_that_a_later_history_has_replaced_is_not_found(mirror: Mirror, tmp_path: Path) -> None:
    wrong = line(number(1), name="株式会社誤記")
    right = line(number(1), name="株式会社正記", correct="1", updateDate="2024-04-08")
    import_all(mirror, [write(tmp_path, "diff_20240401.csv", [wrong])])
    assert len(mirror.names("誤記")) == 1
    import_all(mirror, [write(tmp_path, "diff_20240408.csv", [right])])
    assert mirror.names("誤記") == []
    assert len(mirror.names("正記")) == 1


def test_what_is_withdrawn_is_found_by_its_former_name(mirror: Mirror, tmp_path: Path) -> None:
    gone = number(1)
    blank = f"1,{gone},99,,2024-04-08" + "," * 25 + "\n"
    import_all(
        mirror,
        [write(tmp_path, "diff_20240401.csv", [line(gone)]), write(tmp_path, "diff_20240408.csv", [blank])],
    )
    (hit,) = mirror.names("せきしょ試験")
    assert (hit.former, hit.entry.process) == (True, "99")


def test_rows_of_a_file_that_is_refused_are_not_found(mirror: Mirror, tmp_path: Path) -> None:
    before = mirror.digest()
    lines = [line(number(body)) for body in range(20)] + [line(number(30), kind="999")]
    with pytest.raises(UnreadableFile):
        import_all(mirror, [write(tmp_path, "diff_20240401.csv", lines)], batch=5)
    assert mirror.names("せきしょ試験") == []
    assert mirror.history(number(1)) is None
    assert (mirror.files(), mirror.digest()) == ([], before)


def test_keys_fold_what_people_write_in_several_ways() -> None:
    assert KEYS.name("㈱髙島屋") == KEYS.name("高島屋株式会社") == "高島屋"
    assert KEYS.name("ﾌｨﾙｲﾝ") == KEYS.name("ふぃるいん") == KEYS.name("フイルイン")
    assert KEYS.name("Société Générale S.A.") == KEYS.name("SOCIETE GENERALE")
    assert KEYS.address("霞が関三丁目1番1号") == KEYS.address("霞ヶ関３－１－１") == "霞ケ関3-1-1"
    assert KEYS.address("小川町一丁目１０番地の２") == KEYS.address("小川町1-10-2")
    assert KEYS.address("二十三丁目") == KEYS.address("23丁目")
