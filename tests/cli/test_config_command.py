from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cli.config import HIDDEN, shown
from cli.output import Exit
from cli.state import StateFolder
from tests.cli.conftest import Sekisho


def settings(sekisho: Sekisho) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in sekisho("config", "show", "--json").values}


def test_every_setting_says_where_it_comes_from(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = StateFolder(tmp_path / ".sekisho")
    folder.make()
    folder.keep_settings({"SEKISHO_POLICY": "kept", "SEKISHO_CONTACT": "kept"})
    secret = tmp_path / "password"
    secret.write_text("geheim")
    monkeypatch.setenv("SEKISHO_CONTACT", "mine")
    monkeypatch.setenv("SEKISHO_FLOWER_COOKIE_SECRET_FILE", str(secret))
    rows = settings(sekisho)
    assert (rows["SEKISHO_CONTACT"]["value"], rows["SEKISHO_CONTACT"]["origin"]) == ("mine", "environment")
    assert (rows["SEKISHO_POLICY"]["value"], rows["SEKISHO_POLICY"]["origin"]) == (
        "kept",
        "state folder .sekisho",
    )
    assert rows["SEKISHO_FLOWER_COOKIE_SECRET"]["origin"] == f"environment, file {secret}"
    assert rows["SEKISHO_FLOWER_COOKIE_SECRET"]["value"] == HIDDEN
    assert rows["SEKISHO_WORKER_THREADS"]["origin"] == "default"
    assert all(row["meaning"] for row in rows.values())


def test_people_see_the_same(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_CONTACT", "https://example.jp/[bold]")
    table = sekisho("config", "show").out
    assert "https://example.jp/[bold]" in table
    assert all(name in table for name in settings(sekisho))


PASSWORDS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=6).filter(
    lambda text: text not in "redis://user:@host.example:6379/0?sslmode=require"
)


@given(PASSWORDS.filter(lambda text: ";" not in text and "://" not in text))
def test_no_password_of_an_address_is_shown_however_badly_it_is_written(password: str) -> None:
    address = f"redis://user:{password}@host.example:6379/0?sslmode=require"
    seen = shown(SecretStr(address))
    assert password not in seen
    assert "host.example:6379/0?sslmode=require" in seen


@given(PASSWORDS)
def test_no_secret_without_an_address_is_shown(password: str) -> None:
    assert shown(SecretStr(password.replace("://", ""))) == HIDDEN
    assert shown((SecretStr(password.replace("://", "")),)) == HIDDEN


def test_what_is_no_secret_in_an_address_is_shown() -> None:
    sentinels = "sentinel://:one@a:26379;sentinel://:two@b:26379"
    assert shown(SecretStr(sentinels)) == f"sentinel://:{HIDDEN}@a:26379;sentinel://:{HIDDEN}@b:26379"
    address = "postgresql://me@/x?host=/run/pg&password=geheim&sslmode=require"
    assert shown(SecretStr(address)) == f"postgresql://me@/x?host=/run/pg&password={HIDDEN}&sslmode=require"
    assert shown(SecretStr("sqlite:////var/lib/x.db")) == "sqlite:////var/lib/x.db"
    assert shown(SecretStr("")) == ""


def test_of_sources_only_the_names_of_settings_are_shown(
    sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_SOURCES", '{"xx.name": {"pin": "geheim"}, "int.gleif": false}')
    shown_ = settings(sekisho)["SEKISHO_SOURCES"]["value"]
    assert "xx.name (contact, timeout, pin)" in shown_
    assert "no.brreg (contact, timeout)" in shown_
    assert "int.gleif" not in shown_


def test_all_faults_are_told_at_once_and_no_value(sekisho: Sekisho) -> None:
    os.environ |= {
        "SEKISHO_WORKER_THREADS": "geheim",
        "SEKISHO_SECRET_KEYS": "geheim",
        "SEKISHO_STEP_LEASE_SECONDS": "-1",
    }
    answer = sekisho("config", "show", "--json")
    assert answer.status == Exit.INVALID
    faults = [error["detail"].partition(":")[0] for error in answer.problem["errors"]]
    assert sorted(faults) == ["SEKISHO_SECRET_KEYS", "SEKISHO_STEP_LEASE_SECONDS", "SEKISHO_WORKER_THREADS"]
    assert "geheim" not in answer.err


def test_a_file_that_cannot_be_read_is_told(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_SECRET_KEYS_FILE", "/nonexistent")
    assert sekisho("config", "show").status == Exit.INVALID


def test_flowers_own_settings_are_checked_too(sekisho: Sekisho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_SESSION_HOURS", "perhaps")
    answer = sekisho("config", "show", "--json")
    assert answer.status == Exit.INVALID
    assert "SEKISHO_SESSION_HOURS" in answer.err
