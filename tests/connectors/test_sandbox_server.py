"""The sandbox's server, asked through real sockets: every fault as a client meets it."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from connectors.installed import BUILT_IN
from connectors.sandbox.registers.nta import APPLICATION_ID
from connectors.sandbox.server import serving
from connectors.sandbox.world import generate, load

WORLD = load()
CHECKOUT = Path(__file__).resolve().parents[2]


class Client:
    """Asks one sandbox over one kept-alive session."""

    def __init__(self, root: str, session: requests.Session) -> None:
        self.root = root
        self.session = session

    def get(self, path: str, *, timeout: float = 10) -> requests.Response:
        return self.session.get(self.root + path, timeout=timeout)

    def nta(self, key: str, *, form: str = "12", timeout: float = 10) -> requests.Response:
        number = WORLD.company(key).identifiers["JP-JCN"]
        return self.get(f"/nta/4/num?id={APPLICATION_ID}&number={number}&type={form}", timeout=timeout)

    def gleif(self, key: str) -> requests.Response:
        return self.get(f"/gleif/api/v1/lei-records/{WORLD.company(key).identifiers['XI-LEI']}")

    def put(self, value: Any, **arguments: Any) -> requests.Response:
        return self.session.put(f"{self.root}/_sandbox/faults", json=value, timeout=10, **arguments)

    def fault(self, **members: Any) -> None:
        answer = self.put({"source": "jp.nta", **members})
        assert answer.status_code == 200, answer.text

    def faults(self) -> list[dict[str, Any]]:
        value: list[dict[str, Any]] = self.get("/_sandbox/faults").json()
        return value

    def restore(self) -> requests.Response:
        return self.session.delete(f"{self.root}/_sandbox/faults", timeout=10)


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with serving(WORLD) as root:
        yield root


@pytest.fixture
def client(root: str) -> Iterator[Client]:
    with requests.Session() as session:
        session.trust_env = False
        client = Client(root, session)
        client.restore()
        yield client


def test_both_registers_answer_with_their_media_types(client: Client) -> None:
    xml, csv, record = client.nta("homei"), client.nta("homei", form="01"), client.gleif("homei")
    assert (xml.status_code, xml.headers["content-type"]) == (200, "application/xml")
    assert (csv.status_code, csv.headers["content-type"]) == (200, "application/csv")
    assert (record.status_code, record.headers["content-type"]) == (200, "application/vnd.api+json")
    assert "鳳鳴電機株式会社" in csv.content.decode("cp932")


def test_a_record_names_itself_by_an_address_that_answers(client: Client) -> None:
    record = client.gleif("homei")
    again = client.session.get(record.json()["data"]["links"]["self"], timeout=10)
    assert again.content == record.content


def test_all_answers_come_over_one_connection(client: Client) -> None:
    address = urlsplit(client.root)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    with contextlib.closing(connection):
        connection.connect()
        local = connection.sock.getsockname()
        for _ in range(3):
            connection.request("GET", "/nta/4/num")
            assert connection.getresponse().read() == b""
            assert connection.sock.getsockname() == local


def test_latency_delays_a_good_answer(client: Client) -> None:
    good = client.nta("homei").content
    client.fault(kind="latency", milliseconds=60)
    began = time.monotonic()
    answer = client.nta("homei")
    assert time.monotonic() - began >= 0.06
    assert answer.content == good


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("503", 503)])
def test_refusals_say_when_to_come_again(client: Client, kind: str, status: int) -> None:
    client.fault(kind=kind, retry_after=7)
    answer = client.nta("homei")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    client.fault(kind=kind)
    assert "retry-after" not in client.nta("homei").headers


def test_hang_never_answers_and_the_next_request_is_well(client: Client) -> None:
    client.fault(kind="hang", times=1)
    with pytest.raises(requests.ReadTimeout):
        client.nta("homei", timeout=0.2)
    assert client.nta("homei").status_code == 200


def test_truncated_breaks_off_before_the_length_it_named(client: Client) -> None:
    good = client.nta("homei").content
    client.fault(kind="truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError) as raised:
        client.nta("homei")
    broken = raised.value.args[0].args[1]
    assert isinstance(broken, http.client.IncompleteRead)
    assert broken.args[0] == len(good) // 2


@pytest.mark.parametrize("form", ["02", "12"])
def test_wrong_shape_is_data_of_another_kind(client: Client, form: str) -> None:
    good = client.nta("homei", form=form)
    client.fault(kind="wrong_shape")
    answer = client.nta("homei", form=form)
    assert (answer.status_code, answer.headers["content-type"]) == (200, good.headers["content-type"])
    assert answer.content != good.content
    assert b"corporat" not in answer.content


def test_wrong_shape_of_json_is_json(client: Client) -> None:
    client.fault(source="int.gleif", kind="wrong_shape")
    answer = client.gleif("homei")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.api+json")
    assert "data" not in answer.json()


def test_wrong_media_type_is_a_page_where_data_should_be(client: Client) -> None:
    client.fault(kind="wrong_media_type")
    answer = client.nta("homei")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert answer.content.startswith(b"<!DOCTYPE html>")


def test_empty_is_an_answer_without_a_body(client: Client) -> None:
    client.fault(kind="empty")
    answer = client.nta("homei")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"


def test_a_fault_of_one_source_or_subject_leaves_the_others_alone(client: Client) -> None:
    client.fault(kind="503", subject=WORLD.company("rokko").identifiers["JP-JCN"])
    assert client.nta("rokko").status_code == 503
    assert client.nta("homei").status_code == 200
    client.fault(kind="503", subject="*")
    assert client.nta("homei").status_code == 503
    assert client.gleif("homei").status_code == 200


def test_a_fault_of_a_subject_goes_before_one_of_everybody(client: Client) -> None:
    client.fault(kind="503")
    client.fault(kind="429", subject=WORLD.company("rokko").identifiers["JP-JCN"])
    assert (client.nta("rokko").status_code, client.nta("homei").status_code) == (429, 503)


def test_a_request_about_several_meets_the_fault_of_any(client: Client) -> None:
    numbers = ",".join(WORLD.company(key).identifiers["JP-JCN"] for key in ("homei", "rokko"))
    client.fault(kind="503", subject=WORLD.company("rokko").identifiers["JP-JCN"])
    answer = client.get(f"/nta/4/num?id={APPLICATION_ID}&number={numbers}&type=12")
    assert answer.status_code == 503


def test_a_counted_fault_strikes_that_often(client: Client) -> None:
    client.fault(kind="503", times=2)
    assert [fault["times"] for fault in client.faults() if fault["subject"] == "*"] == [2]
    assert client.nta("homei").status_code == 503
    assert [fault["times"] for fault in client.faults() if fault["subject"] == "*"] == [1]
    assert client.nta("rokko").status_code == 503
    assert not [fault for fault in client.faults() if fault["subject"] == "*"]
    assert client.nta("homei").status_code == 200


def test_the_world_has_faults_of_its_own_and_delete_begins_them_anew(client: Client) -> None:
    for _ in range(2):
        statuses = [client.nta("chikushi").status_code for _ in range(4)]
        assert statuses == [503, 503, 200, 200]
        with pytest.raises(requests.ReadTimeout):
            client.nta("shijima", timeout=0.2)
        client.fault(kind="empty")
        assert client.restore().json() == [fault.as_json() for fault in WORLD.faults]


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"source": "jp.nta"},
        {"kind": "hang"},
        {"source": "jp.elsewhere", "kind": "hang"},
        {"source": "jp.nta", "kind": "explode"},
        {"source": "jp.nta", "kind": ["hang"]},
        {"source": "jp.nta", "kind": "hang", "subject": 6010001990001},
        {"source": "jp.nta", "kind": "503", "times": 0},
        {"source": "jp.nta", "kind": "503", "times": True},
        {"source": "jp.nta", "kind": "503", "retry_after": -1},
        {"source": "jp.nta", "kind": "latency", "milliseconds": 10**9},
        {"source": "jp.nta", "kind": "latency", "seconds": 1},
    ],
)
def test_what_is_no_fault_is_refused_and_changes_nothing(client: Client, value: Any) -> None:
    before = client.faults()
    answer = client.put(value)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert client.faults() == before


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 40_000, b" " * 70_000])
def test_what_is_no_json_is_refused(client: Client, body: bytes) -> None:
    answer = client.session.put(f"{client.root}/_sandbox/faults", data=body, timeout=10)
    assert answer.status_code == 400


def test_requests_are_counted_by_source(client: Client) -> None:
    before = client.get("/_sandbox/requests").json()
    client.fault(kind="503", times=1)
    for _ in range(3):
        client.nta("homei")
    client.gleif("homei")
    after = client.get("/_sandbox/requests").json()
    asked = {source: after[source] - before[source] for source in after}
    assert {source: count for source, count in asked.items() if count} == {"jp.nta": 3, "int.gleif": 1}


@pytest.mark.parametrize("path", ["/", "/nta", "/nta/40/num", "/gleif/api/v2/lei-records", "/_sandbox/else"])
def test_other_addresses_are_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_registers_are_only_read(client: Client) -> None:
    answer = client.session.post(f"{client.root}/nta/4/num", timeout=10)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_two_worlds_are_served_at_once_on_ports_of_their_own() -> None:
    with serving(generate(8)) as one, serving(WORLD) as other:
        assert one != other
        assert requests.get(f"{one}/_sandbox/faults", timeout=10).json() == []
        assert requests.get(f"{other}/_sandbox/faults", timeout=10).json() != []


@pytest.mark.processes
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_process_announces_its_port_and_ends_on_a_signal(tmp_path: Path, end: signal.Signals) -> None:
    announcement = tmp_path / "sandbox.json"
    command = [sys.executable, "-m", "connectors.sandbox", "--port", "0", "--generate", "8"]
    process = subprocess.Popen([*command, "--announce", str(announcement)], cwd=CHECKOUT)
    try:
        while not announcement.exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"ended with {process.wait(timeout=0.05)}")
        announced = json.loads(announcement.read_bytes())
        root = f"http://127.0.0.1:{announced['port']}"
        assert announced["sources"].keys() == BUILT_IN.keys()
        for source, told in announced["sources"].items():
            assert told["base_url"] == announced["addresses"][source]
        assert announced["addresses"]["jp.nta"] == f"{root}/nta/4"
        made = generate(8).companies[0].identifiers["JP-JCN"]
        key = announced["sources"]["jp.nta"]["application_id"]
        for number in (WORLD.company("homei").identifiers["JP-JCN"], made):
            query = f"id={key}&number={number}&type=02"
            answer = requests.get(f"{announced['addresses']['jp.nta']}/num?{query}", timeout=10)
            assert number in answer.text
        process.send_signal(end)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.processes
def test_the_process_announces_on_standard_output_and_leaves_hanging_requests() -> None:
    command = [sys.executable, "-m", "connectors.sandbox"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        number = WORLD.company("shijima").identifiers["JP-JCN"]
        connection = http.client.HTTPConnection("127.0.0.1", announced["port"], timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", f"/nta/4/num?id={APPLICATION_ID}&number={number}&type=12")
            counts = f"http://127.0.0.1:{announced['port']}/_sandbox/requests"
            while requests.get(counts, timeout=10).json()["jp.nta"] == 0:
                pass
            process.terminate()
            assert process.wait(timeout=30) == 0
