"""Which connectors there are: built in, announced by installed packages, and faults in their settings."""

from __future__ import annotations

import pytest

from connectors import installed
from connectors.gleif import Gleif
from connectors.nta import Nta
from pipeline.errors import ConfigurationError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """``package(name, entry, code)`` puts an installed package with one entry point on the path."""

    def install(name: str, entry: str, code: str) -> None:
        folder = tmp_path / name
        metadata = folder / f"{name}-1.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[{installed.GROUP}]\n{entry}\n")
        (folder / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(folder)

    return install


MINE = """
class Mine:
    source = "xx.mine"
    def __init__(self, settings):
        self.settings = settings
"""


def test_a_source_is_in_use_when_it_has_settings():
    chosen = {
        "int.gleif": {},
        "jp.nta": {"application_id": "K9secret", "base_url": "http://127.0.0.1:8000/4", "contact": ""},
    }
    connectors = installed.connect(chosen)
    assert [type(connector) for connector in connectors] == [Gleif, Nta]
    assert [connector.source for connector in connectors] == ["int.gleif", "jp.nta"]
    assert installed.connect({}) == []


@pytest.mark.parametrize("timeout", ["soon", "0", "-1", "nan", "inf"])
def test_a_timeout_that_is_none_is_refused(timeout):
    with pytest.raises(ConfigurationError, match="timeout"):
        installed.connect({"int.gleif": {"timeout": timeout}})
    assert installed.connect({"int.gleif": {"timeout": "2.5"}})


def test_every_built_in_connector_has_the_name_it_is_listed_under():
    settings = {
        "application_id": "K9secret",
        "token": "K9secret",
        "api_key": "K9secret",
        "legal_basis": "an opinion",
    }
    own_server = {"screening.yente": {"base_url": "https://screening.example"}}
    made = installed.connect(dict.fromkeys(installed.BUILT_IN, settings) | own_server)
    assert [connector.source for connector in made] == list(installed.BUILT_IN)


def test_a_connector_of_another_package(package):
    package("sekisho_mine", "xx.mine = sekisho_mine:Mine", MINE)
    [connector] = installed.connect({"xx.mine": {"key": "value"}})
    assert connector.source == "xx.mine"
    assert connector.settings == {"key": "value"}


def test_a_connector_under_another_name_than_its_own(package):
    package("sekisho_other", "xx.other = sekisho_other:Mine", MINE)
    with pytest.raises(ConfigurationError, match=r"xx\.other: .* the source xx\.mine"):
        installed.connect({"xx.other": {}})


def test_a_package_that_is_not_in_use_is_not_imported(package):
    package("sekisho_unused", "xx.unused = sekisho_unused:Mine", "raise SystemExit")
    assert installed.connect({}) == []


def test_no_package_takes_the_place_of_a_built_in_connector(package):
    package("sekisho_evil", "int.gleif = sekisho_evil:Mine", MINE)
    [connector] = installed.connect({"int.gleif": {}})
    assert isinstance(connector, Gleif)


def test_two_packages_for_one_source(package):
    package("sekisho_one", "xx.mine = sekisho_one:Mine", MINE)
    package("sekisho_two", "xx.mine = sekisho_two:Mine", MINE)
    with pytest.raises(ConfigurationError, match=r"xx\.mine: more than one package"):
        installed.connect({"xx.mine": {}})


@pytest.mark.parametrize("code", ["raise RuntimeError('the secret word')", "x = 1"])
def test_a_package_that_cannot_be_imported(package, code):
    package("sekisho_broken", "xx.broken = sekisho_broken:Mine", code)
    with pytest.raises(
        ConfigurationError, match=r"xx\.broken: sekisho_broken:Mine cannot be imported"
    ) as caught:
        installed.connect({"xx.broken": {}})
    assert "secret word" not in str(caught.value)


def test_all_faults_are_told_at_once_and_no_value_of_a_setting():
    chosen = {
        "jp.nta": {"application_id": "", "base_url": "http://K9secret.example"},
        "int.gleif": {"base_url": "http://K9secret.example"},
        "xx.nobody": {"key": "K9secret"},
    }
    with pytest.raises(ConfigurationError) as caught:
        installed.connect(chosen)
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["jp.nta", "int.gleif", "xx.nobody"]
    assert caught.value.faults[0] == "jp.nta: application_id is not set"
    assert "K9secret" not in str(caught.value)
