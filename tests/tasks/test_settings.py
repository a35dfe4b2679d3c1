"""The sources among the settings: which are asked, and with what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.installed import BUILT_IN, connect
from connectors.sandbox import access
from pipeline.errors import ConfigurationError
from tasks.settings import OPEN_SOURCES, load_settings


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("SEKISHO_SOURCES_FILE", raising=False)

    def tell(value: object) -> dict[str, dict[str, str]]:
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv("SEKISHO_SOURCES", text)
        return load_settings().sources

    return tell


def test_unless_told_otherwise_only_open_interfaces_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEKISHO_SOURCES", raising=False)
    sources = load_settings().sources
    assert tuple(sources) == OPEN_SOURCES
    assert [connector.source for connector in connect(sources)] == list(OPEN_SOURCES)
    assert "eu.vies" not in sources


def test_a_source_is_switched_on_and_off_by_name(told: Any) -> None:
    sources = told({"jp.ismap": True, "int.gleif": False, "screening.yente": {"threshold": 0.8}})
    assert sources.keys() == {"jp.ismap", "screening.yente", *OPEN_SOURCES} - {"int.gleif"}
    assert sources["screening.yente"]["threshold"] == "0.8"


def test_every_source_is_told_who_asks_and_how_long_it_may_take(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_CONTACT", "desk@example.jp")
    monkeypatch.setenv("SEKISHO_SOURCE_TIMEOUT_SECONDS", "3")
    sources = told({"int.gleif": {"timeout": "9"}})
    assert sources["no.brreg"] == {"contact": "desk@example.jp", "timeout": "3.0"}
    assert sources["int.gleif"] == {"contact": "desk@example.jp", "timeout": "9"}


def test_keys_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sources"
    file.write_text('{"jp.gbizinfo": {"token": "geheim"}}\n', encoding="utf-8")
    monkeypatch.delenv("SEKISHO_SOURCES", raising=False)
    monkeypatch.setenv("SEKISHO_SOURCES_FILE", str(file))
    settings = load_settings()
    assert settings.sources["jp.gbizinfo"]["token"] == "geheim"
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        '{"jp.nta": {"application_id": "geheim"}, "jp.nta": {}}',
        '{"jp.nta": "geheim"}',
        '{"jp.nta": {"application_id": ["geheim"]}}',
        '{"jp.nta": {"application_id": true}}',
        '{"jp.nta": null}',
    ],
)
def test_what_is_amiss_is_told_without_its_value(told: Any, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        told(value)
    [fault] = refused.value.faults
    assert fault.startswith("SEKISHO_SOURCES: ")
    assert "geheim" not in fault


def test_the_sandbox_serves_every_source(told: Any) -> None:
    sources = told(access.sources("http://127.0.0.1:1"))
    assert sources.keys() == BUILT_IN.keys()
    assert len(connect(sources)) == len(BUILT_IN)
