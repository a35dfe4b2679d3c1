from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from tasks.flower_options import load_flower_settings, options

CHECKOUT = Path(__file__).resolve().parents[2]


def test_flower_forgets_what_went_by_and_shows_the_case_of_a_task() -> None:
    named = options(load_flower_settings())
    assert named["persistent"] is False
    assert "kwargs" in str(named["tasks_columns"]).split(",")
    assert "cookie_secret" not in named


def test_an_operator_may_choose_the_cookie_secret_also_by_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("y\n")
    monkeypatch.setenv("SEKISHO_FLOWER_COOKIE_SECRET_FILE", str(tmp_path / "secret"))
    assert options(load_flower_settings())["cookie_secret"] == "y"


@pytest.mark.parametrize(
    "environment",
    [
        {"OIDC_ISSUER": "https://login.example"},
        {"OIDC_ISSUER": "https://login.example", "OIDC_CLIENT_ID": "desk"},
        {"OIDC_ROLE_CLAIM": "groups"},
        {"OIDC_ROLES": '{"a": "emperor"}'},
        {"SESSION_HOURS": "0"},
    ],
)
def test_settings_that_do_not_go_together_are_told(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"SEKISHO_{name}", value)
    with pytest.raises(ConfigurationError):
        load_flower_settings()


@pytest.mark.parametrize(
    "environment",
    [
        {"SEKISHO_FLOWER_USER": "ann"},
        {"SEKISHO_FLOWER_PASSWORD_FILE": "/run/secrets/flower_password"},
        {"SEKISHO_FLOWER_CONTROL": "true"},
        {"SEKISHO_SESSION_HOURS": "many"},
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
    assert next(iter(environment)).removesuffix("_FILE") in line
