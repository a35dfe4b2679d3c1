"""Every genuine sample through what ``sekisho connectors read`` calls, with the result its manifest names."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.installed import BUILT_IN
from connectors.saved import AWARDS, UnknownSource, read_saved
from pipeline.errors import SourceError
from pipeline.model import Presence
from tests.registers import line, number, read_plainly, write

FOLDERS = {
    "nta-houjin": "jp.nta",
    "codes": "jp.nta",
    "nta-houjin-api": "jp.nta",
    "invoice-kohyo": "jp.invoice",
    "gbizinfo": "jp.gbizinfo",
    "p-portal": AWARDS,
    "gleif": "int.gleif",
    "vies": "eu.vies",
    "companies-house": "gb.companies-house",
    "brreg": "no.brreg",
    "recherche-entreprises": "fr.entreprises",
    "yente": "screening.yente",
    "fedramp": "us.fedramp",
}

NO_ANSWERS = {
    # Errors that were recorded as such.
    "nta-houjin-api/error_400_042.txt": "refused",
    "gbizinfo/v2_401_bad_token.json": "refused",
    "companies-house/error_401.json": "refused",
    "vies/error_MS_MAX_CONCURRENT_REQ.json": "rate_limited",
    "vies/error_MS_UNAVAILABLE.json": "server_error",
    # Descriptions of interfaces, a signature, and indexes that were made for the samples.
    "gbizinfo/openapi_v1.yaml": "source_changed",
    "gbizinfo/openapi_v2.json": "source_changed",
    "recherche-entreprises/open-api.yml": "source_changed",
    "vies/checkVatService.wsdl": "source_changed",
    "nta-houjin/diff_20210908.csv.asc": "source_changed",
    "nta-houjin/edge_index.tsv": "source_changed",
    "nta-houjin/timeline_index.tsv": "source_changed",
}

NOTHING = {
    "nta-houjin-api/diff_empty.xml",
    "nta-houjin-api/spec_type02_no_hit.csv",
    "gbizinfo/v2_404_no_match.json",
    "brreg/enheter_search_empty.json",
    "companies-house/error_404.json",
    "companies-house/search_companies_empty.json",
    "gleif/lei_records_empty_result.json",
    "recherche-entreprises/search_empty.json",
}
"""Answers that say that there is no such subject."""


def samples(reference: Path) -> Iterator[tuple[str, str, Path]]:
    for path in sorted(reference.glob("registries-*/samples/*/**/*")):
        if path.is_file():
            yield FOLDERS[path.parent.name], f"{path.parent.name}/{path.name}", path


def test_every_sample_is_read_or_refused_by_the_name_of_its_error(reference: Path) -> None:
    seen = set()
    for source, name, path in samples(reference):
        seen.add(name)
        if name in NO_ANSWERS:
            with pytest.raises(SourceError) as caught:
                list(read_saved(source, path))
            assert caught.value.reason == NO_ANSWERS[name], name
            continue
        found = list(read_saved(source, path))
        assert (not found) is (name in NOTHING), name
        for evidence in found:
            assert (evidence.source, evidence.presence) == (source, Presence.FOUND)
        json.dumps([evidence.as_json() for evidence in found], allow_nan=False)
    assert set(NO_ANSWERS) | NOTHING <= seen
    assert len(seen) >= 76


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("diff_20210714.csv", "utf-8"),
        ("diff_20260818.csv", "cp932"),
        ("edge_rows_sjis.csv", "cp932"),
        ("edge_rows_utf8.csv", "utf-8"),
        ("timeline_rows_sjis.csv", "cp932"),
    ],
)
def test_the_rows_of_published_files_field_by_field(reference: Path, name: str, encoding: str) -> None:
    """Each number's latest row, read by the csv module alone, against what the evidence says of it."""
    path = reference / "registries-jp/samples/nta-houjin" / name
    rows = sorted(read_plainly(path, encoding), key=lambda row: row["updateDate"])
    latest = {row["corporateNumber"]: row for row in rows}
    facts = {evidence.subject.id: evidence.record for evidence in read_saved("jp.nta", path)}
    assert facts.keys() == latest.keys()
    for number_, row in latest.items():
        record = facts[number_]
        if row["process"] == "99":
            assert record["withdrawn"] is True
            continue
        expected = {
            "name": row["name"],
            "kind": row["kind"],
            "closed": bool(row["closeDate"]),
            "closed_on": row["closeDate"] or None,
            "close_cause": row["closeCause"] or None,
            "successor": row["successorCorporateNumber"] or None,
            "prefecture_code": row["prefectureCode"] or None,
            "city_code": row["cityCode"] or None,
            "address": (row["prefectureName"] + row["cityName"] + row["streetNumber"]) or None,
            "address_abroad": row["addressOutside"] or None,
            "assigned_on": row["assignmentDate"],
            "changed_on": row["changeDate"],
            "english_name": row["enName"] or None,
            "furigana": row["furigana"] or None,
            "merger_note": row["changeCause"] or None,
            "hidden": row["hihyoji"] == "1",
        }
        assert {key: record.get(key) for key in expected} == expected, number_


def test_a_zip_of_answers_is_read_as_its_files_are(reference: Path, tmp_path: Path) -> None:
    folder = reference / "registries-intl/samples/companies-house"
    archive = tmp_path / "answers.zip"
    names = ["company_00445790_active_plc.json", "company_04374209_liquidation.json"]
    with zipfile.ZipFile(archive, "w") as packed:
        for name in names:
            packed.write(folder / name, f"some/folder/{name}")
    found = [str(evidence.subject) for evidence in read_saved("gb.companies-house", archive)]
    assert found == ["GB-COH:00445790", "GB-COH:04374209"]


def test_a_zip_that_holds_too_much_or_is_none_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.json", b" " * (40 << 20))
    cut = tmp_path / "cut.zip"
    cut.write_bytes(bomb.read_bytes()[:2000])
    for path in (bomb, cut):
        with pytest.raises(SourceError) as caught:
            list(read_saved("int.gleif", path))
        assert caught.value.reason == "source_changed"


def test_a_published_file_with_a_wrong_row_names_the_row(tmp_path: Path) -> None:
    path = write(tmp_path, "diff_20240402.csv", [line(number(1), updateDate="2024-04-02", kind="777")])
    with pytest.raises(SourceError, match="row 1"):
        list(read_saved("jp.nta", path))


def test_an_export_names_damaged_amounts_by_leaving_them_out(reference: Path) -> None:
    path = reference / "registries-jp/samples/gbizinfo/procurement_rows_sparql.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    orders = {one.subject.id: one.record["procurements"] for one in read_saved("jp.gbizinfo", path)}
    assert sum(map(len, orders.values())) == len(rows)
    assert "amount_jpy" not in orders["9010005018986"][0]  # ninety quadrillion yen
    assert orders["1020001071491"][0]["amount_jpy"] == 73872000000


def test_what_nobody_reads_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"{}")
    with pytest.raises(UnknownSource):
        read_saved("xx.none", path)


@given(body=st.binary(max_size=300))
@settings(max_examples=60)
def test_whatever_a_file_holds_it_is_read_or_refused(
    body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "file"
    path.write_bytes(body)
    for source in (*BUILT_IN, AWARDS):
        with contextlib.suppress(SourceError):
            json.dumps([one.as_json() for one in read_saved(source, path)], allow_nan=False)
