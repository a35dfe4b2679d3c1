"""``sekisho connectors``: the sources listed, asked, read and put to the test, as an operator does it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.circuit import CircuitState
from connectors.limits import SharedLimits
from connectors.sandbox import access
from connectors.sandbox.server import serving
from connectors.sandbox.world import load
from pipeline.errors import SourceUnavailable
from tests.cli.conftest import Sekisho
from tests.connectors.conftest import valkey, valkey_url  # noqa: F401 - fixtures


@pytest.fixture
def sandbox(installation: None) -> Iterator[None]:
    with serving(load()) as root:
        os.environ["SEKISHO_SOURCES"] = json.dumps(access.sources(root))
        yield


def number() -> str:
    return load().company("homei").identifiers["JP-JCN"]


def test_a_source_is_asked_and_its_answer_shown(sekisho: Sekisho, sandbox: None, tmp_path: Path) -> None:
    kept = tmp_path / "answer.xml"
    answer = sekisho(
        "connectors", "fetch", "jp.nta", "--identifier", f"JP-JCN:{number()}", "--save", str(kept), "--json"
    )
    assert answer.status == 0, answer.err
    assert answer.value["evidence"]["presence"] == "found"
    assert answer.value["evidence"]["facts"]["number"] == number()
    assert answer.value["capture"]["status"] == 200
    assert "id=***" in answer.value["capture"]["url"]
    # What was kept is read into the same facts.
    again = sekisho("connectors", "read", "jp.nta", str(kept), "--json")
    [evidence] = json.loads(again.out)
    assert evidence["facts"] == answer.value["evidence"]["facts"]
    assert evidence["capture"] == answer.value["capture"]["sha256"]


def test_that_somebody_is_not_there_is_an_answer(sekisho: Sekisho, sandbox: None) -> None:
    answer = sekisho("connectors", "fetch", "jp.nta", "--identifier", "JP-JCN:4060003990120", "--json")
    assert (answer.status, answer.value["evidence"]["presence"]) == (0, "absent")


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("fetch", "xx.none", "--identifier", "JP-JCN:1"), 3, "connectors.not_asked"),
        (("fetch", "int.gleif", "--identifier", "nothing"), 5, "connectors.identifier_malformed"),
        (("read", "xx.none", "/dev/null"), 3, "connectors.unknown"),
        (("read", "jp.nta", "/nowhere"), 3, "connectors.no_file"),
        (("test", "no.such.package"), 3, "connectors.no_specimens"),
    ],
)
def test_what_cannot_be_done_is_said(
    sekisho: Sekisho, sandbox: None, arguments: tuple[str, ...], status: int, code: str
) -> None:
    answer = sekisho("connectors", *arguments, "--json")
    assert (answer.status, answer.problem["code"]) == (status, code)


def test_a_source_that_does_not_answer_is_named_with_its_reason(sekisho: Sekisho, installation: None) -> None:
    os.environ["SEKISHO_SOURCES"] = json.dumps({"no.brreg": {"base_url": "http://127.0.0.1:9"}})
    answer = sekisho("connectors", "fetch", "no.brreg", "--identifier", "NO-BRC:923609016", "--json")
    assert (answer.status, answer.problem["reason"]) == (75, "unreachable")


def test_files_are_read_together_and_the_one_that_is_none_is_named(sekisho: Sekisho, reference: Path) -> None:
    folder = reference / "registries-jp/samples/nta-houjin-api"
    names = ("num_by_numbers.xml", "error_400_042.txt", "diff_empty.xml")
    answer = sekisho("connectors", "read", "jp.nta", *(str(folder / name) for name in names), "--json")
    assert answer.status == 6
    assert (answer.problem["code"], answer.problem["file"]) == ("connectors.refused", "error_400_042.txt")
    assert [one["file"] for one in json.loads(answer.out)] == ["num_by_numbers.xml"] * 2
    people = sekisho("connectors", "read", "jp.nta", str(folder / "num_by_number.xml"))
    assert "株式会社フィルイン" in people.out


def test_two_files_that_are_none_are_both_named(sekisho: Sekisho, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    answer = sekisho("connectors", "read", "int.gleif", "a.json", "b.json", "--json")
    assert (answer.status, json.loads(answer.out)) == (6, [])
    assert [error["code"] for error in answer.problem["errors"]] == ["connectors.source_changed"] * 2


def test_the_list_says_how_each_source_stands(
    sekisho: Sekisho,
    sandbox: None,
    valkey: str,  # noqa: F811 - the fixture
) -> None:
    os.environ["SEKISHO_BROKER_URL"] = valkey
    limits = SharedLimits.at(valkey)
    entry = limits.enter("int.gleif", ())
    limits.leave(entry, SourceUnavailable("int.gleif", "rate_limited", retry_after=timedelta(hours=1)))
    limits.close()
    answer = sekisho("connectors", "list", "--json")
    assert answer.status == 0, answer.err
    standings = {one["source"]: one for one in json.loads(answer.out)}
    assert standings.keys() == access.sources("").keys()
    assert standings["int.gleif"]["state"] == CircuitState.PAUSED
    assert standings["int.gleif"]["until"] is not None
    assert standings["jp.nta"]["state"] == CircuitState.CLOSED
    assert standings["jp.nta"]["batch"] == 10
    assert standings["jp.ismap"]["layout_verified"] is False
    assert standings["jp.nta"]["layout_verified"] is None
    for one in standings.values():
        assert one["licence"]["ja"], one
        assert one["licence"]["en"], one
        assert one["silence"]["ja"], one
    people = sekisho("connectors", "list", "--lang", "ja")
    assert "paused until" in people.out
    assert "公共データ利用規約" in people.out


PACKAGE = """
from pathlib import Path

from connectors import brreg
from connectors.conformance import Reply, Specimen
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry

BODY = Path({sample!r}).read_bytes()
NOBODY = Reply(b"{{}}", "application/json", "404 Not Found")


class Careless(brreg.Brreg):
    def parse(self, inquiry, capture):
        return {act}


def connector(settings):
    return Careless(base_url=settings["base_url"], limits=brreg.Limits.of(settings))


def about(number):
    return Inquiry("no.brreg", "vendor", OrganisationId("NO-BRC", number), "")


SPECIMENS = [
    Specimen(
        connector,
        about("923609016"),
        (Reply(BODY, "application/json"),),
        (NOBODY,),
        about("974760673"),
        status_404="absent",
    )
]
"""


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("super().parse(inquiry, capture)", 0),
        ("int(capture.body)", 6),
    ],
)
def test_a_package_is_put_to_the_test(
    sekisho: Sekisho,
    reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
    status: int,
) -> None:
    sample = reference / "registries-intl/samples/brreg/enhet_923609016_asa.json"
    name = f"careful_{status}"
    (tmp_path / f"{name}.py").write_text(PACKAGE.format(sample=str(sample), act=act), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    answer = sekisho("connectors", "test", name)
    sys.modules.pop(name, None)
    assert answer.status == status, answer.out + answer.err
    assert "no.brreg: 429: conforms" in answer.out


def test_captures_hold_no_key(sekisho: Sekisho, sandbox: None) -> None:
    secret = access.sources("")["jp.nta"]["application_id"]
    answer = sekisho("connectors", "fetch", "jp.nta", "--identifier", f"JP-JCN:{number()}", "--json")
    assert secret not in answer.out + answer.err
