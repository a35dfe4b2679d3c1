"""migrate, keys, probe."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import make_url

from cli.output import Exit
from storage import migrations
from tests.cli.conftest import Sekisho


def test_migrate_brings_a_new_database_to_its_newest_shape_and_then_does_nothing(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "sqlite:///new.db")
    head = migrations.head()
    assert sekisho("migrate", "--dry-run", "--json").status == Exit.NOT_FOUND
    assert sekisho("migrate", "--json").value == {"before": None, "after": head, "needed": head}
    assert sekisho("migrate", "--json").value == {"before": head, "after": head, "needed": head}
    assert sekisho("migrate", "--dry-run").status == Exit.DONE
    assert sekisho("case", "list").status == Exit.DONE


def test_a_dry_run_of_migrate_changes_nothing(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("old.db").touch()
    monkeypatch.setenv("SEKISHO_DATABASE_URL", "sqlite:///old.db")
    for _ in range(2):
        answer = sekisho("migrate", "--dry-run", "--json")
        assert answer.status == Exit.FINDINGS
        assert answer.value["after"] is None


def test_migrate_takes_the_database_of_the_state_folder(sekisho: Sekisho, tmp_path: Path) -> None:
    from cli.state import StateFolder

    folder = StateFolder(tmp_path / "state")
    folder.make()
    folder.keep_settings({"SEKISHO_DATABASE_URL": f"sqlite:///{folder.database}"})
    assert sekisho("migrate", "--state-dir", "state").status == Exit.DONE
    assert folder.database.exists()


def test_a_new_key_encrypts(sekisho: Sekisho) -> None:
    keys = {sekisho("keys", "new").out.strip(), sekisho("keys", "new", "--json").value["secret_key"]}
    assert len(keys) == 2
    for key in keys:
        assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"


def test_secrets_for_compose_belong_together_and_are_made_once(sekisho: Sekisho, tmp_path: Path) -> None:
    made = sekisho("keys", "compose", "secrets", "--json").value["made"]
    folder = tmp_path / "secrets"
    kept = {path.name: path.read_text() for path in folder.iterdir()}
    assert sorted(made) == sorted(kept)
    assert make_url(kept["database_url"]).password == kept["postgres_password"]
    assert f":{kept['redis_password']}@redis:" in kept["broker_url"]
    Fernet(kept["secret_keys"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "broker_url").unlink()
    assert sekisho("keys", "compose", "secrets", "--json").value["made"] == ["broker_url"]
    assert {path.name: path.read_text() for path in folder.iterdir()} == kept


def test_a_folder_that_others_can_read_is_told(sekisho: Sekisho, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert "chmod 700" in sekisho("keys", "compose", "open").err


def test_secrets_that_cannot_be_written_are_told(sekisho: Sekisho, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert sekisho("keys", "compose", "/dev/null/x").status in {Exit.FAILED, Exit.USAGE}
    assert sekisho("keys", "compose", "file").status == Exit.USAGE


@pytest.fixture
def server() -> Iterator[str]:
    """Answers 200 on /ok, 503 on /ill, and sends whoever comes to /away elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response({"/ok": 200, "/away": 302}.get(self.path, 503))
            self.send_header("Location", "/ok")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        thread.join()


def test_a_probe_asks_once_and_believes_only_200(server: str, sekisho: Sekisho) -> None:
    os.environ["http_proxy"] = "http://127.0.0.1:1"
    assert sekisho("probe", f"{server}/ok").status == Exit.DONE
    assert sekisho("probe", f"{server}/ok", "--json").value["well"] is True
    for path in ("/ill", "/away"):
        answer = sekisho("probe", f"{server}{path}", "--json")
        assert answer.status == Exit.FAILED
        assert answer.problem["code"] == "cli.probe_failed"


def test_a_probe_does_not_wait_for_ever(sekisho: Sekisho) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert sekisho("probe", f"http://127.0.0.1:{port}/", "--timeout", "0.1").status == Exit.FAILED
    assert sekisho("probe", f"http://127.0.0.1:{port}/").status == Exit.FAILED


def test_a_heartbeat_is_well_while_it_is_young(sekisho: Sekisho, tmp_path: Path) -> None:
    file = tmp_path / "alive"
    assert sekisho("probe", "--heartbeat", str(file)).status == Exit.FAILED
    file.touch()
    assert sekisho("probe", "--heartbeat", str(file)).status == Exit.DONE
    os.utime(file, (time.time() - 31,) * 2)
    assert sekisho("probe", "--heartbeat", str(file)).status == Exit.FAILED


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["http://x", "--heartbeat", "y"],
        ["x"],
        ["https://x"],
        ["file:///etc/passwd"],
        ["http://x:y/"],
        ["http://"],
    ],
)
def test_a_probe_of_nothing_is_wrong_usage(arguments: list[str], sekisho: Sekisho) -> None:
    assert sekisho("probe", *arguments).status == Exit.USAGE
