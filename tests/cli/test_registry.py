"""``sekisho registry``: importing, following, showing and searching, as a clerk does it."""

from __future__ import annotations

import os
import zipfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest

from connectors.nta_downloads import read_page
from tests.cli.conftest import Sekisho
from tests.connectors.test_nta_downloads import _capture, site
from tests.registers import line, number, write

ONE, TWO, THREE = (number(10_000_000 + place) for place in (1, 2, 3))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A register of three: one renamed, one merged into it, one withdrawn."""
    folder = tmp_path / "files"
    merged = {"process": "21", "closeDate": "2024-04-02", "closeCause": "11", "successorCorporateNumber": ONE}
    write(
        folder,
        "00_zenkoku_all_20240331.csv",
        [line(each, updateDate="2024-03-28") for each in (ONE, TWO, THREE)],
    )
    write(
        folder,
        "diff_20240404.csv",
        [
            line(ONE, process="11", updateDate="2024-04-04", changeDate="2024-04-01", name="株式会社新名"),
            line(TWO, updateDate="2024-04-04", changeDate="2024-04-02", **merged),
            f"1,{THREE},99,,2024-04-04" + "," * 25 + "\n",
        ],
        "cp932",
    )
    return folder


@pytest.fixture
def filled(sekisho: Sekisho, files: Path) -> Sekisho:
    assert sekisho("registry", "import", str(files)).status == 0
    return sekisho


def test_an_import_says_what_became_of_each_file(sekisho: Sekisho, files: Path) -> None:
    answer = sekisho("registry", "import", str(files), "--json")
    assert answer.status == 0
    assert answer.values == [
        {"file": "00_zenkoku_all_20240331.csv", "kind": "full", "rows": 3, "outcome": "imported"},
        {"file": "diff_20240404.csv", "kind": "differential", "rows": 3, "outcome": "imported"},
    ]
    again = sekisho("registry", "import", str(files / "diff_20240404.csv"))
    assert again.out == "diff_20240404.csv: unchanged, 3 rows\n"


def test_the_status_has_the_ledger_and_a_digest(filled: Sekisho) -> None:
    value = filled("registry", "status", "--digest", "--json").value
    assert value["register_date"] == "2024-04-04"
    assert [(file["name"], file["encoding"], file["complete"]) for file in value["files"]] == [
        ("00_zenkoku_all_20240331.csv", "utf-8", True),
        ("diff_20240404.csv", "cp932", True),
    ]
    assert value["digest"].startswith("sha256:")
    assert "2024-04-04" in filled("registry", "status").out


def test_a_number_is_shown_with_record_history_and_rows(filled: Sekisho) -> None:
    value = filled("registry", "show", f"JP-JCN:{ONE}", "--json").value
    assert (value["state"], value["history_complete"]) == ("live", True)
    assert value["record"]["name"] == "株式会社新名"
    assert value["record"]["former_names"] == ["株式会社せきしょ試験"]
    assert [(event["file"], event["row"]) for event in value["history"]] == [
        ("00_zenkoku_all_20240331.csv", 1),
        ("diff_20240404.csv", 1),
    ]
    assert "株式会社新名" in filled("registry", "show", ONE).out


def test_a_number_is_shown_as_it_stood_on_a_day(filled: Sekisho) -> None:
    before = filled("registry", "show", ONE, "--as-of", "2024-03-31", "--json").value
    assert before["record"]["name"] == "株式会社せきしょ試験"
    on_the_day = filled("registry", "show", ONE, "--as-of", "2024-04-01", "--json").value
    assert on_the_day["record"]["name"] == "株式会社新名"
    live = filled("registry", "show", THREE, "--as-of", "2024-04-03", "--json").value
    assert live["state"] == "live"


def test_what_was_merged_names_its_successor_as_it_is_now(filled: Sekisho) -> None:
    value = filled("registry", "show", TWO, "--json").value
    assert value["state"] == "closed"
    assert value["successors"] == [{"number": ONE, "state": "live", "name": "株式会社新名"}]


def test_a_chain_of_successors_ends(sekisho: Sekisho, tmp_path: Path) -> None:
    merged = {"process": "21", "closeDate": "2024-04-01", "closeCause": "11"}
    ring = [
        line(ONE, successorCorporateNumber=TWO, **merged),
        line(TWO, successorCorporateNumber=ONE, **merged),
    ]
    numbers = [number(20_000_000 + place) for place in range(40)]
    chain = [
        line(each, successorCorporateNumber=following, **merged) for each, following in pairwise(numbers)
    ]
    lost = line(THREE, successorCorporateNumber=number(7), **merged)
    path = write(tmp_path / "chain", "diff_20240401.csv", [*ring, *chain, lost])
    assert sekisho("registry", "import", str(path)).status == 0

    def states(of: str) -> list[str]:
        return [each["state"] for each in sekisho("registry", "show", of, "--json").value["successors"]]

    assert states(ONE) == ["closed", "repeated"]
    assert states(THREE) == ["unknown"]
    assert states(numbers[0]) == ["closed"] * 20 + ["not_followed"]


def test_a_withdrawn_number_is_no_error(filled: Sekisho) -> None:
    value = filled("registry", "show", THREE, "--json").value
    assert (value["state"], value["record"]["withdrawn"]) == ("withdrawn", True)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("show", "123"), 5, "registry.number_malformed"),
        (("show", str(int(ONE[0]) % 9 + 1) + ONE[1:]), 5, "registry.number_check_digit"),
        (("show", number(7)), 3, "registry.number_unknown"),
        (("show", ONE, "--as-of", "2024-01-01"), 3, "registry.number_not_yet_assigned"),
        (("search", "せきしょ", "--prefecture", "江戸"), 5, "registry.prefecture_unknown"),
        (("import", "nowhere.csv"), 5, "registry.not_a_file"),
    ],
)
def test_what_cannot_be_answered_has_a_name(
    filled: Sekisho, arguments: tuple[str, ...], status: int, code: str
) -> None:
    answer = filled("registry", *arguments, "--json")
    assert (answer.status, answer.problem["code"]) == (status, code)


def test_a_history_that_begins_later_is_told_from_a_number_not_yet_assigned(
    sekisho: Sekisho, tmp_path: Path
) -> None:
    path = write(tmp_path / "late", "diff_20240401.csv", [line(ONE, process="12")])
    sekisho("registry", "import", str(path))
    answer = sekisho("registry", "show", ONE, "--as-of", "2020-01-01", "--json")
    assert (answer.status, answer.problem["code"]) == (3, "registry.history_incomplete")


def test_without_a_mirror_the_remedy_is_told(sekisho: Sekisho) -> None:
    for arguments in (("show", ONE), ("search", "せきしょ"), ("status",), ("update",)):
        answer = sekisho("registry", *arguments, "--json")
        assert (answer.status, answer.problem["code"]) == (3, "registry.mirror_missing")
        assert "registry import" in answer.problem["detail"]


def test_a_search_says_what_made_each_match(filled: Sekisho) -> None:
    now, withdrawn, renamed = filled("registry", "search", "ｾｷｼｮ試験 ㈱", "--json").values
    assert (now["number"], now["former"], now["match"]) == (TWO, False, "same")
    assert (renamed["number"], renamed["former"], renamed["name"]) == (ONE, True, "株式会社新名")
    assert (withdrawn["number"], withdrawn["former"], withdrawn["state"]) == (THREE, True, "withdrawn")
    assert {reason["code"] for reason in now["comparison"]["reasons"]} >= {"legal_form_position", "width"}
    assert "formerly 株式会社せきしょ試験" in filled("registry", "search", "せきしょ試験").out
    assert filled("registry", "search", "どこにもない").out == "Nothing found.\n"


def test_a_search_by_address_takes_the_prefecture_from_it(filled: Sekisho) -> None:
    found = filled("registry", "search", "--address", "東京都千代田区霞ヶ関3-1-1", "--json").values
    assert {each["number"] for each in found} >= {ONE, TWO}
    nothing = filled("registry", "search", "--address", "大阪府千代田区霞ヶ関3-1-1", "--json")
    assert (nothing.status, nothing.values) == (0, [])
    assert filled("registry", "search", "新名", "--prefecture", "東京", "--json").value["number"] == ONE


def test_of_several_files_the_good_ones_are_imported(sekisho: Sekisho, files: Path) -> None:
    (files / "broken.zip").write_bytes(b"PK\x03\x04")
    (files / "other.csv").write_text("a,b\n", encoding="utf-8")
    answer = sekisho("registry", "import", str(files), "--json")
    assert answer.status == 5
    assert len(answer.values) == 2
    assert [error["code"] for error in answer.problem["errors"]] == [
        "registry.zip_damaged",
        "registry.columns",
    ]


def _daily(day: str, *lines: str) -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"diff_{day}.csv", "".join(lines))
    return body.getvalue()


@pytest.fixture
def page(reference: Path) -> bytes:
    folder = reference / "registries-jp" / "samples" / "nta-houjin"
    return (folder / "download_sabun_page_2022-11-01.html").read_bytes()


def test_an_update_imports_what_is_offered_and_missing(sekisho: Sekisho, page: bytes, tmp_path: Path) -> None:
    offered = read_page(_capture(page)).files
    archives = {
        file: _daily(f"{day:%Y%m%d}", line(number(place), updateDate=f"{day}"))
        for place, (day, file) in enumerate(offered.items())
    }
    base = write(tmp_path / "base", "00_zenkoku_all_20220930.csv", [line(ONE, updateDate="2022-09-01")])
    assert sekisho("registry", "import", str(base)).status == 0
    with site(page, archives) as url:
        os.environ["SEKISHO_NTA_DOWNLOAD_URL"] = url
        first = sekisho("registry", "update", "--json")
        assert (first.status, len(first.values)) == (0, 40)
        assert sekisho("registry", "update", "--json").values == []
    status = sekisho("registry", "status", "--json").value
    assert status["register_date"] == "2022-11-01"


def test_an_update_that_would_leave_a_gap_imports_nothing(
    sekisho: Sekisho, page: bytes, tmp_path: Path
) -> None:
    base = write(tmp_path / "base", "00_zenkoku_all_20220731.csv", [line(ONE, updateDate="2022-07-01")])
    assert sekisho("registry", "import", str(base)).status == 0
    with site(page, {}) as url:
        os.environ["SEKISHO_NTA_DOWNLOAD_URL"] = url
        answer = sekisho("registry", "update", "--json")
    assert (answer.status, answer.problem["code"]) == (4, "registry.gap")


def test_an_update_refuses_a_file_of_another_day(sekisho: Sekisho, page: bytes, tmp_path: Path) -> None:
    base = write(tmp_path / "base", "00_zenkoku_all_20220930.csv", [line(ONE, updateDate="2022-09-01")])
    assert sekisho("registry", "import", str(base)).status == 0
    other = _daily("20220901", line(TWO, updateDate="2022-09-01"))
    with site(page, dict.fromkeys(read_page(_capture(page)).files.values(), other)) as url:
        os.environ["SEKISHO_NTA_DOWNLOAD_URL"] = url
        answer = sekisho("registry", "update", "--json")
    assert (answer.status, answer.problem["code"]) == (5, "registry.date")
    assert len(sekisho("registry", "status", "--json").value["files"]) == 1


def test_daily_files_at_hand_can_be_followed_too(filled: Sekisho, tmp_path: Path) -> None:
    path = write(tmp_path / "more", "diff_20240405.csv", [line(number(9), updateDate="2024-04-05")])
    assert filled("registry", "update", "--file", str(path)).status == 0
    assert filled("registry", "status", "--json").value["register_date"] == "2024-04-05"
