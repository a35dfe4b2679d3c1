from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import func, select

from cli.output import Exit
from rules.cases import CASES, changed
from rules.facts import dossier_of
from rules.strict_yaml import read_yaml
from storage.database import Database
from storage.tables import metadata
from tests.cli.conftest import Sekisho
from tests.storage.history import decide

CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
DAY = date(2026, 11, 2)
SOUND = dossier_of(CLEAN, DAY)
CLOSED_FORMAT = dossier_of(changed(CLEAN, {"portability.formats": ["vendor-binary"]}), DAY)
TRIED = ("policy", "backtest", "--from", "jp-national", "--to", "jp-national+tokyo-metropolitan")


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", database_url)
    opened = Database(database_url)
    yield opened
    opened.close()


def rows(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [
            tuple(connection.execute(select(func.count()).select_from(table)).one())
            for table in metadata.sorted_tables
        ]


def test_stored_dossiers_are_tried_and_each_flip_is_named(database: Database, sekisho: Sekisho) -> None:
    references = decide(database, [SOUND, CLOSED_FORMAT])
    before = rows(database)
    report = sekisho(*TRIED, "--json").value
    assert (report["dossiers"], report["flipped"]) == (2, 1)
    [flip] = report["flips"]
    assert (flip["case"], flip["before"], flip["after"]) == (references[1], "review", "reject")
    [cause] = flip["causes"]
    assert (cause["rule"], cause["before"], cause["after"]) == ("LCK-01", "review", "reject")
    assert report["causes"] == [{"before": "review", "after": "reject", "rule": "LCK-01", "count": 1}]
    assert rows(database) == before


def test_an_empty_history_is_no_failure(database: Database, sekisho: Sekisho) -> None:
    answer = sekisho(*TRIED, "--json")
    assert (answer.status, answer.value["dossiers"], answer.value["flips"]) == (Exit.DONE, 0, [])
    assert sekisho(*TRIED).status == Exit.DONE


@pytest.fixture
def dossiers(tmp_path: Path) -> str:
    file = tmp_path / "dossiers.ndjson"
    lines = [json.dumps({"case": f"<i>{n}", **CLOSED_FORMAT.as_json()}) for n in range(40)]
    file.write_text("\n".join([json.dumps(SOUND.as_json()), *lines]), "utf-8")
    return str(file)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_reports_say_it_in_words_and_with_a_chart(
    lang: str, dossiers: str, sekisho: Sekisho, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    answer = sekisho(*TRIED, "--dossiers", dossiers, "--html", str(page), "--lang", lang)
    assert answer.status == Exit.DONE
    assert "LCK-01" in answer.out
    assert "10" in answer.out.splitlines()[-1]  # of 40 flips the terminal names 30
    assert answer.err == ""
    report = page.read_text("utf-8")
    assert report.count("<td>&lt;i&gt;") == 40
    assert "<i>" not in report
    assert "://" not in report.replace('xmlns="http://www.w3.org/2000/svg"', "")
    [chart] = etree.fromstring(
        report.partition("<h2>")[2].partition("</h2>\n")[2].partition("<table>")[0]
    ).iter("{http://www.w3.org/2000/svg}svg")
    assert any("LCK-01" in (part.text or "") for part in chart)


def test_newer_evidence_is_refused_except_in_a_labelled_simulation(
    dossiers: str, sekisho: Sekisho, tmp_path: Path
) -> None:
    early = (*TRIED, "--dossiers", dossiers, "--policy-date", "2026-05-01")
    answer = sekisho(*early, "--json")
    assert (answer.status, answer.problem["code"]) == (Exit.INVALID, "policy.date_refused")
    assert "line 1" in answer.problem["detail"]
    page = tmp_path / "report.html"
    assert sekisho(*early, "--simulate", "--json", "--html", str(page)).value["simulation"] is True
    assert "SIMULATION" in sekisho(*early, "--simulate").out
    assert "SIMULATION" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "expected"), [("{", "line 1"), ('{"as_of": "x"}', "line 1"), ("\n\n[]", "line 3")]
)
def test_a_file_without_dossiers_is_named(
    content: str, expected: str, sekisho: Sekisho, tmp_path: Path
) -> None:
    file = tmp_path / "x.ndjson"
    file.write_text(content, "utf-8")
    answer = sekisho(*TRIED, "--dossiers", str(file), "--json")
    assert (answer.status, answer.problem["code"]) == (Exit.INVALID, "policy.dossiers_invalid")
    assert expected in answer.problem["detail"]
    assert answer.out == ""


def test_what_is_not_there_is_named(sekisho: Sekisho, dossiers: str) -> None:
    for wrong in (
        ("--from", "nothing", "--to", "jp-national"),
        ("--from", "jp-national", "--to", "nothing"),
        ("--from", "jp-national", "--to", "jp-national", "--dossiers", "absent"),
    ):
        assert sekisho("policy", "backtest", "--dossiers", dossiers, *wrong).status == Exit.INVALID
    answer = sekisho(*TRIED, "--dossiers", dossiers, "--html", "absent/x.html", "--json")
    assert answer.problem["code"] == "policy.report_unwritten"
    os.environ["SEKISHO_DATABASE_URL"] = "sqlite:///absent.db"
    assert sekisho(*TRIED).status == Exit.NOT_FOUND
