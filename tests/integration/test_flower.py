"""``sekisho up`` as a user runs it, and what its reviewers see in Flower."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.integration.cluster import until
from tests.integration.running import Up

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up") / "state")
    yield running
    running.end()


@pytest.fixture(scope="module")
def reviewer(up: Up) -> Iterator[httpx.Client]:
    password = Path(up.addresses["flower_password_file"]).read_text()
    with up.signed_in(up.addresses["flower_user"], password) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(up: Up) -> Iterator[httpx.Client]:
    with up.signed_in() as client:
        yield client


@pytest.fixture(scope="module")
def operator(up: Up) -> Iterator[httpx.Client]:
    made = json.loads(up.sekisho("reviewers", "add", "op", "--role", "operator").stdout)
    with up.signed_in("op", made["password"]) as client:
        form = {"_xsrf": client.cookies["_xsrf"], "old": made["password"]}
        new = {"new": "another long password", "again": "another long password"}
        assert client.get("/tasks").headers["Location"] == "/reviews/password"
        assert client.post("/reviews/password", data={**form, **new}).status_code == 302
        yield client


def test_a_reviewer_finds_a_case_by_its_task_and_back(up: Up, reviewer: httpx.Client) -> None:
    outcome = up.submit()

    def told() -> dict[str, Any] | None:
        tasks = reviewer.get("/api/tasks").json()
        named = [task for task in tasks.values() if outcome["case"] in (task["kwargs"] or "")]
        return named[0] if named and named[0]["state"] == "SUCCESS" else None

    task = until(told, "the task in Flower")
    assert task["name"] == "verification.express"
    assert task["result"] == "'listed'"
    assert task["args"] == "()"
    page = reviewer.get(f"/task/{task['uuid']}").text
    assert f'href="/reviews/cases/{outcome["case"]}"' in page
    case = reviewer.get(f"/reviews/cases/{outcome['case']}")
    assert case.status_code == 200
    assert f'href="/task/{task["uuid"]}"' in case.text


def test_nothing_personal_reaches_flowers_own_pages(up: Up, reviewer: httpx.Client) -> None:
    up.submit()
    told = str(reviewer.get("/api/tasks").json())
    document = json.loads((up.state / "example-application.json").read_text(encoding="utf-8"))
    contact = document["contact"]
    for said in (document["vendor"]["name"], contact["name"], contact["email"], contact["phone"]):
        assert said not in told


def test_no_page_holds_a_secret(up: Up, operator: httpx.Client) -> None:
    up.submit()
    secrets = [path.read_text().strip() for path in (up.state / "secrets").iterdir()]
    [worker] = until(lambda: list(operator.get("/api/workers?refresh=1").json()), "the worker")
    for path in ("/", "/workers", f"/worker/{worker}", "/tasks", "/broker", "/api/workers", "/metrics"):
        answer = operator.get(path)
        assert answer.status_code == 200
        assert [secret for secret in secrets if secret in answer.text] == [], path


@pytest.mark.parametrize(
    "path", ["/", "/workers", "/tasks", "/broker", "/reviews", "/api/tasks", "/api/workers"]
)
def test_without_signing_in_nobody_sees_anything(
    path: str, stranger: httpx.Client, reviewer: httpx.Client
) -> None:
    answer = stranger.get(path)
    assert answer.status_code in {302, 401}
    assert "SK-" not in answer.text
    assert reviewer.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/task/send-task/publication", "/api/worker/shutdown/celery@nobody", "/api/task/revoke/x"]
)
def test_a_reviewer_controls_nothing_in_flower(path: str, reviewer: httpx.Client) -> None:
    form = {"_xsrf": reviewer.cookies["_xsrf"]}
    assert reviewer.post(path, data=form).status_code == 403


def test_controls_are_shown_to_operators_only(reviewer: httpx.Client, operator: httpx.Client) -> None:
    [worker] = until(lambda: list(operator.get("/api/workers?refresh=1").json()), "the worker")
    assert "worker-shutdown" in operator.get(f"/worker/{worker}").text
    assert "worker-shutdown" not in reviewer.get(f"/worker/{worker}").text


def test_health_and_metrics_answer_without_a_case_in_them(up: Up, stranger: httpx.Client) -> None:
    case = up.submit()["case"]
    assert stranger.get("/healthcheck").status_code == 200
    metrics = stranger.get("/metrics")
    assert metrics.status_code == 200
    assert case not in metrics.text


def test_the_doctor_finds_a_fresh_installation_well(up: Up) -> None:
    done = up.sekisho("doctor")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert [finding for finding in findings if finding["health"] != "ok"] == []
    assert done.returncode == 0
    assert {finding["name"] for finding in findings} >= {
        "workers",
        "sweeper",
        "source jp.nta",
        "source int.gleif",
    }


def test_a_second_one_in_the_same_folder_says_who_runs_there(up: Up) -> None:
    done = up.sekisho("up")
    assert done.returncode == 4
    assert json.loads(done.stderr)["holder"]["pid"] == up.process.pid


def test_all_of_it_listens_on_loopback_only(up: Up) -> None:
    processes = [up.process.pid, *(child.pid for child in psutil.Process(up.process.pid).children())]
    listening = {
        connection.laddr.ip
        for pid in processes
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_a_worker_that_is_killed_is_started_again(up: Up) -> None:
    def worker() -> psutil.Process | None:
        for child in psutil.Process(up.process.pid).children():
            with suppress(psutil.Error):
                if "worker" in child.cmdline():
                    return child
        return None

    killed = worker()
    assert killed is not None
    killed.kill()
    until(lambda: (now := worker()) is not None and now.pid != killed.pid, "another worker")
    up.submit()


def test_what_was_there_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = Up(tmp_path / "state")
    case = first.submit()["case"]
    children = psutil.Process(first.process.pid).children()
    status, told = first.end()
    assert status == 0
    assert told.rstrip().endswith("Ended.")
    assert not any(child.is_running() for child in children)
    again = Up(tmp_path / "state")
    shown = json.loads(again.sekisho("case", "show", case).stdout)
    assert shown["state"] == "listed"
    assert again.submit()["case"] != case
    assert again.end()[0] == 0
