"""``jp.nta`` from the mirror: the same record as from the Web-API, only while the mirror is fresh."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.nta_bulk import inspect
from connectors.nta_mirrored import MEDIA_TYPE, MirroredNta, record_of
from pipeline.documents import canonical
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence
from pipeline.register import Entry, History, Kind, history_of
from tests.registers import line, number

ONE = number(10_000_001)
NOW = datetime(2024, 4, 3, 16, 0, tzinfo=UTC)  # the fourth of April in Japan


def history(*lines: str, kind: Kind = Kind.DIFFERENTIAL) -> History:
    entries = [
        Entry(ONE, each.split(",")[4], f"f{place}.csv", f"{place:064}", 0, 1, each.strip())
        for place, each in enumerate(lines)
    ]
    found = history_of(entries, {entry.sha256: kind for entry in entries})
    assert found is not None
    return found


@dataclass
class Scripted:
    day: date | None = date(2024, 4, 3)
    known: dict[str, History] = field(default_factory=dict)

    def register_date(self) -> date | None:
        return self.day

    def history(self, number_: str) -> History | None:
        return self.known.get(number_)


def connector(register: Scripted | None, api: Any = None, days: int = 4) -> MirroredNta:
    return MirroredNta(register, timedelta(days=days), api, lambda: NOW)


def inquiry(number_: str = ONE) -> Inquiry:
    return Inquiry("jp.nta", "vendor", OrganisationId("JP-JCN", number_))


def test_a_capture_names_file_and_row_and_reads_as_evidence() -> None:
    renamed = line(ONE, process="11", updateDate="2024-04-02", name="株式会社新名")
    mirrored = connector(Scripted(known={ONE: history(line(ONE), renamed)}))
    capture = mirrored.fetch(inquiry())
    assert capture.media_type == MEDIA_TYPE
    assert b'"file":"f1.csv"' in capture.body
    assert b'"row":1' in capture.body
    evidence = mirrored.parse(inquiry(), capture)
    assert evidence.presence is Presence.FOUND
    assert evidence.observed_at == NOW
    assert evidence.record["name"] == "株式会社新名"
    assert evidence.record["former_names"] == ["株式会社せきしょ試験"]
    assert evidence.record["register_date"] == "2024-04-03"
    assert evidence.record["closed"] is False


def test_a_number_that_a_whole_register_lacks_is_absent() -> None:
    mirrored = connector(Scripted())
    evidence = mirrored.parse(inquiry(), mirrored.fetch(inquiry()))
    assert evidence.presence is Presence.ABSENT
    assert evidence.record == {"register_date": "2024-04-03"}


def test_several_numbers_are_answered_in_one_capture_each_for_itself() -> None:
    other = number(10_000_002)
    mirrored = connector(Scripted(known={ONE: history(line(ONE))}))
    capture = mirrored.fetch_many([inquiry(), inquiry(other)])
    assert mirrored.parse(inquiry(), capture).presence is Presence.FOUND
    assert mirrored.parse(inquiry(other), capture).presence is Presence.ABSENT
    with pytest.raises(SourceChanged):
        mirrored.parse(inquiry(number(10_000_003)), capture)


@pytest.mark.parametrize(
    "register",
    [None, Scripted(day=None), Scripted(day=date(2024, 3, 30))],
    ids=["no mirror", "not whole", "too old"],
)
def test_a_mirror_that_is_not_fresh_leaves_the_answer_to_the_api(register: Scripted | None) -> None:
    answer = Capture("jp.nta", "https://example.invalid/", NOW, 200, "text/csv", b"2024-04-03,0,1,1\n")

    class Api:
        def fetch_many(self, inquiries: Any) -> Capture:
            return answer

    mirrored = connector(register, Api())
    assert mirrored.fetch(inquiry()) is answer
    assert mirrored.parse(inquiry(), answer).presence is Presence.ABSENT
    with pytest.raises(SourceUnavailable) as unavailable:
        connector(register).fetch(inquiry())
    assert unavailable.value.reason == "unreachable"


def test_the_age_is_counted_in_days_of_japan() -> None:
    assert connector(Scripted(day=date(2024, 3, 31))).fetch(inquiry()).media_type == MEDIA_TYPE
    with pytest.raises(SourceUnavailable):
        connector(Scripted(day=date(2024, 3, 30))).fetch(inquiry())


def test_a_row_of_2016_leaves_out_what_it_could_not_say() -> None:
    record = record_of(history(line(ONE, columns=23)))
    assert record["name"] == "株式会社せきしょ試験"
    assert "hidden" not in record


def test_an_incomplete_history_has_no_former_names() -> None:
    moved = line(ONE, process="12", name="株式会社新名")
    assert "former_names" not in record_of(history(moved))
    assert "former_names" not in record_of(history(line(ONE, updateDate="2024-03-01"), moved, kind=Kind.FULL))


def test_every_genuine_history_gives_a_record(reference: Path) -> None:
    kinds: dict[str, Kind] = {}
    entries: dict[str, list[Entry]] = {}
    for path in sorted((reference / "registries-jp" / "samples" / "nta-houjin").iterdir()):
        if path.name == "sabun_file_numbers.csv" or path.suffix not in (".csv", ".zip"):
            continue
        file = inspect(path)
        kinds[file.sha256] = file.kind
        for row in file.rows():
            entry = Entry(str(row.number), row.updated, file.name, file.sha256, 0, row.place, row.line)
            entries.setdefault(entry.number, []).append(entry)
    assert len(entries) == 26_062
    for number_, own in entries.items():
        found = history_of(own, kinds)
        assert found is not None
        record, last = record_of(found), found.entries[-1].fields()
        assert record["number"] == number_
        assert record["closed"] is (bool(last["closeDate"]) or last["process"] == "99")
        assert record.get("name", "") == last["name"]


def test_a_withdrawn_number_says_so_and_no_more() -> None:
    withdrawn = f"1,{ONE},99,,2024-04-02" + "," * 25
    assert record_of(history(line(ONE), withdrawn)) == {"number": ONE, "withdrawn": True, "closed": True}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        canonical({"register_date": "2024-04-03", "numbers": {}}),
        canonical({"register_date": "yesterday", "numbers": {ONE: None}}),
        canonical({"register_date": "2024-04-03", "numbers": {ONE: {"complete": True, "rows": []}}}),
        canonical(
            {"register_date": "2024-04-03", "numbers": {ONE: {"complete": True, "rows": [{"line": "1,2"}]}}}
        ),
        canonical(
            {
                "register_date": "2024-04-03",
                "numbers": {ONE: {"complete": True, "rows": [{"line": line(number(7)).strip()}]}},
            }
        ),
    ],
)
def test_a_capture_in_another_shape_is_a_changed_source(body: bytes) -> None:
    mirrored = connector(Scripted(known={ONE: history(line(ONE))}))
    with pytest.raises(SourceChanged):
        mirrored.parse(inquiry(), replace(mirrored.fetch(inquiry()), body=body))


def test_it_asks_about_the_same_numbers_as_the_api_does() -> None:
    party = {"name": "株式会社せきしょ試験", "identifiers": [{"scheme": "JP-JCN", "id": ONE}]}
    (only,) = connector(None).inquiries({"vendor": party})
    assert (only.subject.id, only.role) == (ONE, "vendor")
