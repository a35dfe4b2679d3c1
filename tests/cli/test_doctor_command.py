from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.examination import CHECKS, LATE, OFTEN
from cli.machine import Machine, Ports
from cli.output import Exit
from cli.processes import Signals
from cli.state import StateFolder
from cli.supervisor import Supervisor
from connectors.conformance.registry import Registry, message
from connectors.sandbox import access
from connectors.sandbox.server import serving
from connectors.sandbox.world import load
from pipeline.identifiers import new_id
from pipeline.model import Stage
from storage import tables
from storage.database import Database
from tasks.settings import OPEN_SOURCES
from tests.cli.conftest import Answer, Sekisho
from tests.registers import line, number, write

pytestmark = pytest.mark.usefixtures("installation")


def examined(answer: Answer) -> dict[str, Any]:
    assert answer.status == Exit.FINDINGS, answer
    findings = {finding["name"]: finding for finding in answer.values}
    assert all(bool(finding["remedy"]) == (finding["health"] != "ok") for finding in findings.values())
    return findings


def healths(answer: Answer) -> dict[str, str]:
    return {name: finding["health"] for name, finding in examined(answer).items()}


def test_what_is_well_is_told_beside_what_is_not(sekisho: Sekisho) -> None:
    seen = healths(sekisho("doctor", "--json"))
    assert {name for name, health in seen.items() if health == "ok"} >= {
        "settings", "secret keys", "database", "migrations", "sweeper", "stuck steps", "schemas", "policy",
    }  # fmt: skip
    assert seen["broker"] == "fail"
    assert seen["sources"] == "warn"


def test_people_read_what_to_do(sekisho: Sekisho) -> None:
    answer = sekisho("doctor")
    assert answer.status == Exit.FINDINGS
    assert "→ see SEKISHO_BROKER_URL" in answer.out
    assert "\x1b[" not in answer.out


def test_nothing_breaks_where_nothing_is_there(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "sqlite:////nonexistent/x.db")
    monkeypatch.setenv("SEKISHO_POLICY", "none-such")
    monkeypatch.delenv("SEKISHO_SECRET_KEYS")
    seen = examined(sekisho("doctor", "--json"))
    failing = {name for name, finding in seen.items() if finding["health"] == "fail"}
    assert failing == {"secret keys", "database", "broker", "policy"}
    assert not any("the check broke" in finding["seen"] for finding in seen.values())


def test_settings_that_do_not_hold_together_are_all_told(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_WORKER_THREADS", "geheim")
    monkeypatch.setenv("SEKISHO_SWEEP_INTERVAL_SECONDS", "geheim")
    answer = sekisho("doctor", "--json")
    assert answer.status == Exit.FINDINGS
    assert [finding["health"] for finding in answer.values] == ["fail", "fail"]
    assert "geheim" not in answer.out


def test_passwords_are_not_told(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "postgresql+psycopg://me:geheim@127.0.0.1:1/x")
    monkeypatch.setenv("SEKISHO_BROKER_URL", "redis://me:geheim@127.0.0.1:1/0")
    answer = sekisho("doctor", "--json")
    assert examined(answer)["database"]["health"] == "fail"
    assert "geheim" not in answer.out + answer.err


def test_a_database_that_is_behind_is_told(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("empty.db").touch()
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "sqlite:///empty.db")
    seen = examined(sekisho("doctor", "--json"))
    assert seen["database"]["health"] == "ok"
    assert seen["migrations"]["health"] == "fail"
    assert "sekisho migrate" in seen["migrations"]["remedy"]
    assert "sweeper" not in seen


def step(due_at: datetime, sends: int) -> None:
    """A step of a case, straight into the ledger."""
    now = datetime.now(UTC)
    ids = {name: new_id() for name in ("sender", "application", "case")}
    rows: list[tuple[Any, dict[str, Any]]] = [
        (tables.senders, {"id": ids["sender"], "name": "portal", "created_at": now}),
        (
            tables.applications,
            {
                "id": ids["application"], "sender_id": ids["sender"], "message_id": "m", "body": b"{}",
                "body_sha256": "x", "received_at": now,
            },
        ),
        (
            tables.cases,
            {
                "id": ids["case"], "reference": "SK-000000000", "application_id": ids["application"],
                "state": "received", "version": 1, "outstanding": 0, "reason": "", "vendor_name": "x",
                "vendor_scheme": "x", "vendor_id": "x", "product_name": "x",
                "opened_at": now, "changed_at": now,
            },
        ),
        (
            tables.steps,
            {
                "id": new_id(), "case_id": ids["case"], "reference": "SK-000000000",
                "stage": str(Stage.COLLECTION), "due_at": due_at, "sends": sends,
            },
        ),
    ]  # fmt: skip
    database = Database(os.environ["SEKISHO_DATABASE_URL"])
    with database.write() as connection:
        for table, values in rows:
            connection.execute(table.insert(), values)
    database.close()


def test_a_step_that_nobody_sends_means_that_no_sweeper_runs(sekisho: Sekisho) -> None:
    step(datetime.now(UTC) - 2 * LATE, sends=0)
    seen = examined(sekisho("doctor", "--json"))
    assert seen["sweeper"]["health"] == "fail"
    assert "celery -A tasks beat" in seen["sweeper"]["remedy"]
    assert seen["stuck steps"]["health"] == "ok"


def test_a_step_that_is_sent_again_and_again_is_stuck(sekisho: Sekisho) -> None:
    step(datetime.now(UTC) + timedelta(hours=1), sends=OFTEN)
    seen = examined(sekisho("doctor", "--json"))
    assert seen["stuck steps"]["health"] == "warn"
    assert "SK-000000000" in seen["stuck steps"]["seen"]
    assert seen["sweeper"]["health"] == "ok"


def test_a_full_disk_is_told(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        total: int = 1 << 40
        used: int = (1 << 40) - 1
        free: int = 1

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage())
    assert healths(sekisho("doctor", "--json"))["disk"] == "warn"


def test_sources_are_asked_unless_they_are_not_to_be(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    nta = {"application_id": "x" * 13, "base_url": "http://127.0.0.1:1/4"}
    monkeypatch.setenv("SEKISHO_SOURCES", json.dumps({**dict.fromkeys(OPEN_SOURCES, False), "jp.nta": nta}))
    assert healths(sekisho("doctor", "--json"))["source jp.nta"] == "fail"
    assert not any(name.startswith("source") for name in healths(sekisho("doctor", "--offline", "--json")))


def test_every_source_is_asked_for_a_record(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(load()) as root:
        monkeypatch.setenv("SEKISHO_SOURCES", json.dumps(access.sources(root)))
        findings = examined(sekisho("doctor", "--json"))
    asked = {name.removeprefix("source ") for name in findings if name.startswith("source ")}
    assert asked == access.sources("").keys()
    for source in asked:
        assert findings[f"source {source}"]["health"] == "ok", findings[f"source {source}"]
        assert "answers" in findings[f"source {source}"]["seen"]


def test_a_source_whose_answer_changed_is_named_with_the_answer(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = message(b"<html><p>x</p></html>", media_type="text/html")
    registry = Registry([page] * 2)
    here = {"base_url": registry.url}
    chosen = {**dict.fromkeys(OPEN_SOURCES, False), "jp.ismap": here, "no.brreg": here}
    monkeypatch.setenv("SEKISHO_SOURCES", json.dumps(chosen))
    findings = examined(sekisho("doctor", "--json"))
    registry.close()
    assert "sha256:" in findings["source jp.ismap"]["seen"]
    assert "layout is unverified" in findings["source jp.ismap"]["remedy"]
    assert findings["source no.brreg"]["seen"].startswith("wrong_media_type")
    assert "base_url" in findings["source no.brreg"]["remedy"]


def test_the_mirror_is_looked_at_where_there_is_one(sekisho: Sekisho, tmp_path: Path) -> None:
    assert "register" not in examined(sekisho("doctor", "--json"))
    today = datetime.now(UTC) + timedelta(hours=9)
    folder = tmp_path / "register"
    write(folder, f"00_zenkoku_all_{today - timedelta(days=30):%Y%m%d}.csv", [line(number(1))])
    assert sekisho("registry", "import", str(folder)).status == 0
    old = examined(sekisho("doctor", "--json"))["register"]
    assert (old["health"], "registry update" in old["remedy"]) == ("warn", True)
    write(folder, f"00_zenkoku_all_{today:%Y%m%d}.csv", [line(number(each)) for each in (1, 2)])
    assert sekisho("registry", "import", str(folder)).status == 0
    assert healths(sekisho("doctor", "--json"))["register"] == "ok"


def test_a_source_that_is_set_wrongly_is_told(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_SOURCES", '{"xx.none": {"pin": "geheim"}}')
    answer = sekisho("doctor", "--json")
    assert healths(answer)["sources"] == "fail"
    assert "geheim" not in answer.out


def test_a_check_that_breaks_does_not_hide_the_others(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: object) -> None:
        raise RuntimeError("geheim")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    answer = sekisho("doctor", "--json")
    assert healths(answer)["disk"] == "fail"
    assert "policy" in healths(answer)
    assert "geheim" not in answer.out


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Any]:
    """A real broker that keeps nothing; nobody works there."""
    import redis

    machine = Machine(StateFolder(tmp_path / "state"), {}, Ports.free(), durable=False)
    url = machine.settings.broker_url.get_secret_value()
    os.environ["SEKISHO_BROKER_URL"] = url
    with Signals() as signals, Supervisor(signals, 10) as supervisor:
        supervisor.start([machine.parts["broker"]])
        supervisor.await_ready()
        with redis.Redis.from_url(url) as client:
            yield client


@pytest.mark.processes
def test_of_a_broker_everything_is_looked_at(broker: Any, sekisho: Sekisho) -> None:
    seen = healths(sekisho("doctor", "--json"))
    assert seen["broker"] == seen["broker memory"] == seen["queues"] == seen["clock"] == "ok"
    assert seen["broker persistence"] == "warn"
    assert seen["workers"] == "fail"
    broker.config_set("maxmemory-policy", "allkeys-lru")
    broker.config_set("appendonly", "yes")
    broker.rpush("express", *(b"x" for _ in range(501)))
    seen = healths(sekisho("doctor", "--json"))
    assert seen["broker memory"] == "fail"
    assert seen["broker persistence"] == "ok"
    assert seen["queues"] == "warn"


@pytest.mark.processes
def test_a_broker_that_hides_its_configuration_is_a_warning(broker: Any, sekisho: Sekisho) -> None:
    broker.acl_setuser("default", enabled=True, reset_passwords=False, commands=["-config"])
    assert healths(sekisho("doctor", "--json"))["broker memory"] == "warn"


def test_every_check_says_what_it_is_about() -> None:
    assert all(check.__doc__ for check in CHECKS)
