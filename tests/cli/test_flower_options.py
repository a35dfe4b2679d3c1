from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from tasks.flower_options import load_flower_settings, options

CHECKOUT = Path(__file__).resolve().parents[2]


def chosen(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, object]:
    for name, value in values.items():
        monkeypatch.setenv(f"SEKISHO_FLOWER_{name}", value)
    return options(load_flower_settings())


def test_whoever_gets_in_has_a_password_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    named = chosen(monkeypatch, USER="ann", PASSWORD="a:b c")
    assert named["basic_auth"] == ["ann:a:b c"]
    assert named["read_only"] is True
    assert named["persistent"] is False
    assert "kwargs" in str(named["tasks_columns"]).split(",")
    assert "cookie_secret" not in named


def test_an_operator_may_allow_control_and_choose_the_cookie_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    named = chosen(monkeypatch, USER="ann", PASSWORD="x", CONTROL="true", COOKIE_SECRET="y")
    assert named["read_only"] is False
    assert named["cookie_secret"] == "y"


def test_the_password_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    named = chosen(monkeypatch, USER="ann", PASSWORD_FILE=str(tmp_path / "password"))
    assert named["basic_auth"] == ["ann:geheim"]


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("", ""),
        ("ann", ""),
        ("", "x"),
        ("a:b", "x"),
        ("a b", "x"),
        ("ann", "鍵"),
        ("ännchen", "x"),
        ("ann", "a\tb"),
    ],
)
def test_without_a_login_that_flower_can_compare_there_is_no_flower(
    user: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError):
        chosen(monkeypatch, USER=user, PASSWORD=password)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SEKISHO_FLOWER_USER": "ann"},
        {"SEKISHO_FLOWER_USER": "ann", "SEKISHO_FLOWER_PASSWORD": "x", "SEKISHO_FLOWER_CONTROL": "perhaps"},
    ],
)
def test_the_stock_command_says_so_in_one_line_and_does_not_start(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tasks", "flower", "--address=127.0.0.1", "--port=0"],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("sekisho: ")
    assert "SEKISHO_FLOWER_" in line
