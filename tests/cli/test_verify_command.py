"""``sekisho verify``: a clerk's list against the sources, as spreadsheets write it and people mistype it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests as requests_library
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.output import Failure
from cli.roster_file import read_roster
from connectors.sandbox import access
from connectors.sandbox.server import serving
from connectors.sandbox.world import load
from tasks.settings import OPEN_SOURCES
from tests.cli.conftest import Sekisho
from tests.registers import line, number, write

HOMEI = load().company("homei")
JCN = HOMEI.identifiers["JP-JCN"]
FAULTS = {"", "IDENTIFIER_MALFORMED", "ROW_EMPTY", "ROW_MALFORMED"}
ONE, TWO, THREE, NOBODY = (number(20_000_000 + place) for place in range(4))


@pytest.fixture
def sandbox(installation: None) -> Iterator[str]:
    with serving(load()) as root:
        os.environ["SEKISHO_SOURCES"] = json.dumps(access.sources(root))
        yield root


@pytest.fixture
def mirror(sekisho: Sekisho, installation: None, tmp_path: Path) -> None:
    """A fresh mirror of three companies: one renamed, one merged into it, one as it was."""
    from datetime import UTC, datetime, timedelta

    today = (datetime.now(UTC) + timedelta(hours=9)).date()
    dates = {"updateDate": f"{today}", "changeDate": "2024-04-02"}
    merged = {"process": "21", "closeDate": "2024-04-02", "closeCause": "11", "successorCorporateNumber": ONE}
    full = [
        line(each, name=name)
        for each, name in ((ONE, "株式会社旧名"), (TWO, "乙商事株式会社"), (THREE, "丙"))
    ]
    folder = tmp_path / "register"
    write(folder, f"00_zenkoku_all_{today - timedelta(days=1):%Y%m%d}.csv", full)
    daily = [
        line(ONE, process="11", name="株式会社新名", **dates),
        line(TWO, name="乙商事株式会社", **dates | merged),
    ]
    write(folder, f"diff_{today:%Y%m%d}.csv", daily)
    assert sekisho("registry", "import", str(folder)).status == 0


def rows_of(answer: Any) -> dict[int, dict[str, Any]]:
    return {one["row"]: one for one in answer.values}


def codes(row: dict[str, Any]) -> list[str]:
    return [remark["code"] for remark in row["remarks"]]


def test_each_company_gets_its_standing_with_reasons(sekisho: Sekisho, mirror: None) -> None:
    text = (
        "取引先名,法人番号,備考\n"
        f"株式会社新名,{ONE},\n"
        f"㈱旧名,{ONE},\n"
        f"(株)新名,{ONE[0]}-{ONE[1:5]}-{ONE[5:9]}-{ONE[9:]},\n"
        f"乙商事,{TWO},\n"
        f"丁産業株式会社,{THREE},\n"
        f"株式会社ない,{NOBODY},\n"
        f"株式会社数字ちがい,{ONE[:-1]}{(int(ONE[-1]) + 1) % 10},\n"
        "株式会社新名,,\n"
        ",,電話のみ\n"
        "\n"
        f"株式会社新名,{ONE},,余分\n"
    )
    Path("list.csv").write_text(text, encoding="utf-8")
    answer = sekisho("verify", "list.csv", "--json")
    assert answer.status == 6, answer.err
    rows = rows_of(answer)
    told = {place: (row["standing"], codes(row)) for place, row in rows.items()}
    assert told == {
        2: ("confirmed", []),
        3: ("attention", ["NAME_FORMER"]),
        4: ("confirmed", []),
        5: ("attention", ["CLOSED"]),
        6: ("attention", ["NAME_DIFFERS"]),
        7: ("attention", ["NOT_FOUND"]),
        8: ("invalid", ["IDENTIFIER_MALFORMED"]),
        9: ("attention", ["NAME_ONLY"]),
        10: ("invalid", ["ROW_EMPTY"]),
        12: ("invalid", ["ROW_MALFORMED"]),
    }
    [closed] = rows[5]["remarks"]
    assert ONE in closed["detail"]
    assert closed["ja"]
    assert closed["en"]
    [candidate] = rows[9]["candidates"]
    assert (candidate["identifier"], candidate["name"]) == (f"JP-JCN:{ONE}", "株式会社新名")
    assert rows[10]["cells"]["備考"] == "電話のみ"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_whatever_a_spreadsheet_writes_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    wide = JCN.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    lines = [["法人番号", "ＬＥＩ", "商号又は名称"], [wide, "", "豊明\n電機"], [f"'{JCN}", "", '"豊明"']]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(lines)
    path = tmp_path / "list.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    roster = read_roster(path)
    assert [str(each) for row in roster.rows for each in row.company.identifiers] == [f"JP-JCN:{JCN}"] * 2
    assert [row.company.name for row in roster.rows] == ["豊明 電機", '"豊明"']
    assert [row.number for row in roster.rows] == [2, 4]


@pytest.mark.parametrize(
    ("cells", "expected", "invoice"),
    [
        ({"identifier": f"JP-JCN:{JCN} ; XI-LEI:{HOMEI.identifiers['XI-LEI']}"}, 2, ""),
        ({"identifier": JCN}, 1, ""),
        ({"scheme": "jp-jcn", "id": JCN}, 1, ""),
        ({"登録番号": f"Ｔ{JCN}"}, 0, f"T{JCN}"),
        ({"インボイス番号": JCN}, 0, f"T{JCN}"),
        ({"GB-COH": "445790"}, 1, ""),
        ({"vat": "be 0244.142.664".replace(".", "")}, 1, ""),
    ],
)
def test_identifiers_stand_in_columns_of_their_own_or_name_their_scheme(
    tmp_path: Path, cells: dict[str, str], expected: int, invoice: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(",".join(cells) + "\n" + ",".join(cells.values()) + "\n", encoding="utf-8")
    [row] = read_roster(path).rows
    assert (row.fault, len(row.company.identifiers), row.company.invoice_number) == ("", expected, invoice)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "verify.empty"),
        (b"a,b\n1,2\n", "verify.columns"),
        (b"scheme,x\nJP-JCN,1\n", "verify.columns"),
        ("法人番号,corporate number\n1,2\n".encode(), "verify.column_twice"),
        (b"name\n\xff\xfe\xfd\x80\n", "verify.encoding"),
        (b"name\na\0b\n", "verify.encoding"),
        (b'name\n"open', "verify.csv"),
        (b"name\n" + b"a\n" * 200_001, "verify.too_many_rows"),
        (b"name\n" + b"a" * 70_000, "verify.csv"),
    ],
)
def test_a_file_that_is_no_list_is_refused_by_name(sekisho: Sekisho, body: bytes, code: str) -> None:
    Path("list.csv").write_bytes(body)
    answer = sekisho("verify", "list.csv", "--json")
    assert (answer.status, answer.problem["code"]) == (5, code)


def test_a_file_that_is_not_there_and_a_source_that_is_not_asked(sekisho: Sekisho, sandbox: str) -> None:
    assert sekisho("verify", "nothing.csv", "--json").problem["code"] == "verify.no_file"
    Path("list.csv").write_text(f"法人番号\n{JCN}\n", encoding="utf-8")
    answer = sekisho("verify", "list.csv", "--sources", "jp.nta,xx.none", "--json")
    assert (answer.status, answer.problem["code"]) == (3, "connectors.not_asked")
    answer = sekisho("verify", "list.csv", "--sources", "us.fedramp", "--json")
    assert (answer.status, codes(answer.value)) == (75, ["NO_SOURCE"])


@given(body=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@settings(max_examples=200)
def test_no_file_breaks_the_reader(body: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("hostile") / "list.csv"
    for text in (body, "商号,法人番号\n".encode() + body):
        path.write_bytes(text)
        with contextlib.suppress(Failure):
            assert {row.fault for row in read_roster(path).rows} <= FAULTS


def requests(root: str) -> dict[str, int]:
    counted: dict[str, int] = requests_library.get(f"{root}/_sandbox/requests", timeout=10).json()
    return counted


def test_each_question_is_asked_once_and_ten_numbers_in_one_request(sekisho: Sekisho, sandbox: str) -> None:
    known = [company.identifiers.get("JP-JCN") for company in load().companies]
    faulty = {fault.subject for fault in load().faults}
    numbers = [each for each in known if each is not None and each not in faulty][:12]
    assert len(numbers) == 12
    Path("list.csv").write_text("法人番号\n" + "\n".join(numbers * 3) + "\n", encoding="utf-8")
    before = requests(sandbox).get("jp.nta", 0)
    answer = sekisho("verify", "list.csv", "--sources", "jp.nta", "--json")
    assert len(answer.values) == 36
    assert requests(sandbox)["jp.nta"] - before == 2


def test_a_source_that_is_down_leaves_its_part_unchecked_and_says_so(sekisho: Sekisho, sandbox: str) -> None:
    chosen = {**access.sources(sandbox), "jp.gbizinfo": {"base_url": "http://127.0.0.1:9", "token": "x"}}
    os.environ["SEKISHO_SOURCES"] = json.dumps(chosen)
    Path("list.csv").write_text(f"法人番号,商号\n{JCN},{HOMEI.name}\n", encoding="utf-8")
    answer = sekisho("verify", "list.csv", "--sources", "jp.nta,jp.gbizinfo", "--json")
    assert answer.status == 75, answer.out
    [remark] = answer.value["remarks"]
    assert (remark["code"], remark["source"], remark["detail"]) == (
        "NOT_CHECKED",
        "jp.gbizinfo",
        "unreachable",
    )
    # What was answered is kept; the next run asks for the rest only.
    os.environ["SEKISHO_SOURCES"] = json.dumps(access.sources(sandbox))
    before = requests(sandbox)
    again = sekisho("verify", "list.csv", "--sources", "jp.nta,jp.gbizinfo", "--json")
    assert (again.status, again.value["standing"]) == (0, "confirmed")
    after = requests(sandbox)
    assert after.get("jp.nta", 0) == before.get("jp.nta", 0)
    assert after["jp.gbizinfo"] > before.get("jp.gbizinfo", 0)


def test_the_result_has_the_lists_own_columns_and_no_formulas(sekisho: Sekisho, sandbox: str) -> None:
    Path("list.csv").write_bytes(f"法人番号,商号,式\n{JCN},{HOMEI.name},=1+1\n".encode("cp932"))
    answer = sekisho("verify", "list.csv", "--sources", "jp.nta", "--output", "result.csv", "--lang", "ja")
    assert (answer.status, answer.out) == (0, "")
    body = Path("result.csv").read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    [row] = csv.DictReader(io.StringIO(body.decode("utf-8-sig")))
    assert (row["法人番号"], row["結果"], row["式"]) == (JCN, "確認済み", "'=1+1")
    assert row["登録名称"] == HOMEI.name
    assert sekisho("verify", "list.csv", "--sources", "jp.nta", "--output", "result.json").status == 0
    [shown] = json.loads(Path("result.json").read_text(encoding="utf-8"))["rows"]
    assert shown["evidence"][0]["record"]["number"] == JCN
    assert not list(Path(".sekisho/verify").iterdir())


def test_a_run_that_is_killed_goes_on_where_it_was(sekisho: Sekisho, sandbox: str, tmp_path: Path) -> None:
    """One source answers and the other hangs; the process is killed; the next run asks the other only."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}"
        chosen = access.sources(sandbox)
        os.environ["SEKISHO_SOURCES"] = json.dumps(
            {**chosen, "jp.gbizinfo": {"base_url": hanging, "token": "x", "timeout": "60"}}
        )
        Path("list.csv").write_text(f"法人番号\n{JCN}\n", encoding="utf-8")
        command = [sys.executable, "-c", "from cli.main import main; main()"]
        arguments = ["verify", "list.csv", "--sources", "jp.nta,jp.gbizinfo", "--json"]
        checkout = Path(__file__).resolve().parents[2]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        with subprocess.Popen([*command, *arguments], env=environment, stdout=subprocess.DEVNULL) as run:
            deadline = time.monotonic() + 60
            kept: list[Path] = []
            while not any(path.stat().st_size for path in kept):
                assert time.monotonic() < deadline
                assert run.poll() is None
                time.sleep(0.05)
                kept = list(Path(".sekisho/verify").glob("*.ndjson"))
            run.send_signal(signal.SIGKILL)
    with kept[0].open("a", encoding="utf-8") as file:
        file.write('{"name": "", "reused": fal')  # as a kill in the middle of a line leaves it
    os.environ["SEKISHO_SOURCES"] = json.dumps(chosen)
    before = requests(sandbox)["jp.nta"]
    answer = sekisho(*arguments)
    assert answer.status == 0, answer.err
    assert requests(sandbox)["jp.nta"] == before
    assert [one["source"] for one in answer.value["evidence"]] == ["jp.nta", "jp.gbizinfo"]


def test_fresh_answers_of_cases_are_used_and_said_to_be(
    sekisho: Sekisho, sandbox: str, sqlite_database_url: str
) -> None:
    from tasks.bootstrap import build
    from tasks.settings import load_settings
    from tests.pipeline.conftest import World

    system = build(load_settings())
    world = World(system.database)
    step = world.receive(JCN)
    file = world.file(step.case_id)
    document = {"vendor": {"name": "x", "country": "JP", "identifiers": [{"scheme": "JP-JCN", "id": JCN}]}}
    document |= {"product": {"name": {"ja": "x"}}, "use": {"confidentiality": ""}}
    [inquiry] = [each for each in system.sources.plan(document) if each.source == "jp.nta"]
    [capture] = system.sources.ask([inquiry])
    from pipeline.model import Check, CheckState

    with system.memory.write() as tx:
        tx.cases.record(file.case, [Check(inquiry, CheckState.ANSWERED, 1, capture=capture)])
    system.close()
    Path("list.csv").write_text(f"法人番号\n{JCN}\n", encoding="utf-8")
    before = requests(sandbox)["jp.nta"]
    answer = sekisho("verify", "list.csv", "--sources", "jp.nta", "--json")
    assert requests(sandbox)["jp.nta"] == before
    [evidence] = answer.value["evidence"]
    assert (evidence["reused"], evidence["capture"]) == (True, capture.sha256)
    again = sekisho("verify", "list.csv", "--sources", "jp.nta", "--again", "--json")
    assert again.value["evidence"][0]["reused"] is False
    assert requests(sandbox)["jp.nta"] == before + 1


def test_the_mirror_that_was_imported_here_is_the_one_that_answers(sekisho: Sekisho, tmp_path: Path) -> None:
    """Without a database, a key or a server: a clerk has the register's files and a list."""
    from datetime import UTC, datetime, timedelta

    os.environ["SEKISHO_SOURCES"] = json.dumps(dict.fromkeys(OPEN_SOURCES, False))
    today = datetime.now(UTC) + timedelta(hours=9)
    full = write(tmp_path / "register", f"00_zenkoku_all_{today:%Y%m%d}.csv", [line(ONE, name="株式会社例")])
    assert sekisho("registry", "import", str(full)).status == 0
    Path("list.csv").write_text(f"法人番号,商号\n{ONE},㈱例\n", encoding="utf-8")
    answer = sekisho("verify", "list.csv", "--json")
    assert (answer.status, answer.value["standing"]) == (0, "confirmed"), answer
