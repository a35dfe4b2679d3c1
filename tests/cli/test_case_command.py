from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cli.client import wrap
from cli.output import Exit
from cli.samples import samples
from pipeline.documents import read_json
from pipeline.intake import Intake
from storage.senders import Cipher, SqlSenders
from tasks.bootstrap import System, build
from tasks.settings import OPEN_SOURCES, load_settings
from tests.cli.conftest import Sekisho

pytestmark = pytest.mark.usefixtures("installation")

DOCUMENT = samples()[0].document


class Office:
    """The pipeline without a queue: a test submits, and has the steps done."""

    def __init__(self) -> None:
        self.system: System = build(load_settings())
        cipher = Cipher([os.environ["SEKISHO_SECRET_KEYS"]])
        with self.system.database.write() as connection:
            self._sender = SqlSenders(connection, cipher).add("portal", datetime.now(UTC)).sender_id

    def submit(self, *, carry_on: bool = True) -> tuple[str, str]:
        """The case's reference and the application's id."""
        body = wrap(DOCUMENT, datetime.now(UTC))
        document = read_json(body)
        assert isinstance(document, dict)
        intake = Intake(self.system.memory, self.system.clock, timedelta(seconds=30))
        receipt = intake.accept(self._sender, str(uuid4()), body, document)
        assert receipt.step is not None
        if carry_on:
            self.system.verification.carry_on(receipt.step.id)
        return receipt.reference, str(receipt.application_id)


@pytest.fixture
def office() -> Iterator[Office]:
    opened = Office()
    yield opened
    opened.system.close()


@pytest.fixture
def office_without_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    nta = {"application_id": "x" * 13, "base_url": "http://127.0.0.1:1/4"}
    monkeypatch.setenv("SEKISHO_SOURCES", json.dumps({**dict.fromkeys(OPEN_SOURCES, False), "jp.nta": nta}))
    opened = Office()
    yield opened
    opened.system.close()


def test_a_case_is_shown_rule_by_rule(office: Office, sekisho: Sekisho) -> None:
    reference, application = office.submit()
    shown = sekisho("case", "show", reference, "--json").value
    assert shown["case"] == reference
    assert shown["application"] == application
    assert shown["state"] == "referred"
    assert shown["vendor"] == DOCUMENT["vendor"]["name"]
    results = {result["rule"]: result for result in shown["decision"]["outcome"]["results"]}
    assert results["REG-01"]["effect"] == "review"
    assert set(results["REG-01"]["message"]) == {"ja", "en"}
    assert [event["name"] for event in shown["journal"]] == [
        "application.received",
        "sources.asked",
        "case.decided",
    ]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_people_read_the_reasons_and_remedies_in_their_language(
    lang: str, office: Office, sekisho: Sekisho
) -> None:
    reference, _ = office.submit()
    results = sekisho("case", "show", reference, "--json").value["decision"]["outcome"]["results"]
    [result] = [result for result in results if result["rule"] == "REG-01"]
    text = sekisho("case", "show", reference, "--lang", lang).out
    squeezed = "".join(text.split())
    for said in (result["title"], result["message"], result["remedy"]):
        assert "".join(said[lang].split()) in squeezed
    assert result["reason"] in text


@pytest.mark.parametrize(("lang", "said"), [("ja", "東京都"), ("en", "Tokyo Metropolitan Government")])
def test_the_verdicts_of_buyers_stand_side_by_side(
    lang: str, said: str, office: Office, sekisho: Sekisho
) -> None:
    reference, _ = office.submit()
    buyers = sekisho("case", "show", reference, "--json").value["decision"]["outcome"]["buyers"]
    shown = sekisho("case", "show", reference, "--lang", lang).out
    assert len(buyers) == 4
    for buyer in buyers:
        for result in buyer["differs"]:
            assert result["rule"] in shown
    assert said in shown


def test_the_locale_chooses_the_language(
    office: Office, sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, _ = office.submit()
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert "担当者確認中" in sekisho("case", "show", reference).out
    monkeypatch.setenv("LC_ALL", "C")
    assert "referred" in sekisho("case", "show", reference).out


def test_a_case_that_waits_says_for_whom_and_until_when(
    office_without_registry: Office, sekisho: Sekisho
) -> None:
    reference, _ = office_without_registry.submit()
    shown = sekisho("case", "show", reference, "--json").value
    assert shown["state"] == "collecting"
    [check] = shown["checks"]
    assert check["source"] == "jp.nta"
    assert check["state"] == "waiting"
    assert (check["tries"], check["reused"]) == (1, False)
    assert datetime.fromisoformat(check["next_try_at"]) > datetime.now(UTC)
    assert f"{check['reason']}, 1 try, next " in sekisho("case", "show", reference).out


def test_a_reference_is_taken_as_people_write_it(office: Office, sekisho: Sekisho) -> None:
    reference, application = office.submit(carry_on=False)
    for name in (
        reference,
        reference.lower(),
        reference.removeprefix("SK-"),
        application,
        application.upper(),
    ):
        assert sekisho("case", "show", name, "--json").value["case"] == reference


@pytest.mark.parametrize(
    "name",
    ["", "SK-", "SK-00000000", "SK-000000001", "鳳鳴", "'; DROP TABLE cases; --", "\ud800", "x" * 10_000],
)
def test_what_is_no_reference_is_invalid(name: str, sekisho: Sekisho) -> None:
    answer = sekisho("case", "show", "--json", "--", name)
    assert answer.status == Exit.INVALID
    assert answer.problem["code"] == "cli.reference_malformed"


@pytest.mark.parametrize("name", ["SK-000000000", str(uuid4())])
def test_a_case_that_is_not_there_is_not_found(name: str, sekisho: Sekisho) -> None:
    assert sekisho("case", "show", name, "--json").status == Exit.NOT_FOUND


def test_the_list_has_the_latest_first_and_can_be_narrowed(office: Office, sekisho: Sekisho) -> None:
    first, _ = office.submit()
    second, _ = office.submit(carry_on=False)
    assert [row["case"] for row in sekisho("case", "list", "--json").values] == [second, first]
    assert [row["case"] for row in sekisho("case", "list", "--state", "referred", "--json").values] == [first]
    assert [row["case"] for row in sekisho("case", "list", "--limit", "1", "--json").values] == [second]
    assert sekisho("case", "list", "--state", "listed", "--json").out == ""
    assert first in sekisho("case", "list").out


def test_a_database_that_is_not_there_is_not_made(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "sqlite:///elsewhere.db")
    answer = sekisho("case", "list", "--json")
    assert answer.status == Exit.NOT_FOUND
    assert answer.problem["code"] == "cli.database_missing"
    assert list(Path.cwd().glob("elsewhere*")) == []


def test_a_database_that_was_not_migrated_says_what_to_do(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("empty.db").touch()
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "sqlite:///empty.db")
    answer = sekisho("case", "list", "--json")
    assert answer.status == Exit.CONFLICT
    assert answer.problem["code"] == "cli.database_not_migrated"
    assert "sekisho migrate" in answer.err


def test_a_database_that_does_not_answer_is_a_matter_of_time(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "postgresql+psycopg://me:geheim@127.0.0.1:1/x")
    answer = sekisho("case", "list", "--json")
    assert answer.status == Exit.TRY_AGAIN
    assert answer.problem["code"] == "cli.database_unreachable"
    assert "geheim" not in answer.err


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "mysql://me:geheim@h/x", "postgresql://me:geheim@h:x/y"]
)
def test_an_address_that_is_none_is_invalid_and_its_password_is_not_shown(
    url: str, sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", url)
    answer = sekisho("case", "list", "--json")
    assert answer.status == Exit.INVALID
    assert "SEKISHO_DATABASE_URL" in answer.err
    assert "geheim" not in answer.err
