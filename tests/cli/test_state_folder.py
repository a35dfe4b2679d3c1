from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.state import InUse, StateFolder, fill

VALUES = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=40)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_in_it_is_the_owners_only(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.make()
    folder.keep_secret("key", lambda: "abc")
    folder.keep_settings({"SEKISHO_URL": "x"})
    assert [mode(folder.path), mode(folder.path / "secrets"), mode(folder.logs)] == [0o700] * 3
    assert [mode(folder.secret("key")), mode(folder.settings)] == [0o600] * 2


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.make()
    assert folder.keep_secret("key", lambda: "first") == "first"
    assert folder.keep_secret("key", lambda: "second") == "first"


def test_git_does_not_see_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / ".sekisho")
    folder.make()
    folder.keep_secret("key", lambda: "abc")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    seen = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--short", "--untracked-files=all"],
        capture_output=True,
        check=True,
    )
    assert seen.stdout == b""


@given(st.dictionaries(st.sampled_from(["SEKISHO_A", "SEKISHO_B_FILE", "SEKISHO_C"]), VALUES))
def test_settings_come_back_as_they_were_kept(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    folder = StateFolder(tmp_path_factory.mktemp("state"))
    folder.keep_settings(values)
    assert folder.kept_settings() == values


def test_a_shell_reads_the_same_settings(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    value = "a b'c\"d$HOME`id`"
    folder.keep_settings({"SEKISHO_A": value})
    read = subprocess.run(
        ["sh", "-c", f'. "{folder.settings}"; printf %s "$SEKISHO_A"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert read.stdout == value


def test_where_nobody_started_there_are_no_settings(tmp_path: Path) -> None:
    assert StateFolder(tmp_path / "none").kept_settings() == {}


def test_one_run_at_a_time_and_the_other_is_told_whose_it_is(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    with folder.occupied() as tell:
        tell({"pid": 7, "webhook": "http://127.0.0.1:8000"})
        with pytest.raises(InUse) as refused, folder.occupied():
            pass
        assert refused.value.holder == {"pid": 7, "webhook": "http://127.0.0.1:8000"}
    with folder.occupied():
        pass


def test_the_environment_goes_before_the_folder() -> None:
    environment = {"SEKISHO_A": "mine", "SEKISHO_B_FILE": "/mine", "PATH": "/bin"}
    added = fill(environment, {"SEKISHO_A_FILE": "/kept", "SEKISHO_B": "kept", "SEKISHO_C": "kept"})
    assert added == {"SEKISHO_C"}
    assert environment == {
        "SEKISHO_A": "mine",
        "SEKISHO_B_FILE": "/mine",
        "PATH": "/bin",
        "SEKISHO_C": "kept",
    }
