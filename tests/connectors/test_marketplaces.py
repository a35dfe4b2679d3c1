"""Other marketplaces' catalogs: genuine snapshots, their traps, and what a draft is and lacks."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.marketplaces import fedramp, g_cloud
from connectors.marketplaces.answers import Questions
from connectors.marketplaces.changes import Snapshot, changes
from connectors.marketplaces.foreign import ForeignCatalog, ForeignListing
from connectors.strict import Unexpected

DAY = date(2026, 11, 30)


@pytest.fixture(scope="session")
def snapshots(reference: Path) -> Path:
    return reference / "peers/fedramp"


@pytest.fixture(scope="session")
def listings(reference: Path) -> Path:
    return reference / "peers/uk-dmp/listings"


def row(**members: object) -> dict[str, Any]:
    return {
        "Package_ID": "FR0000000001",
        "Cloud_Service_Provider_Name": "Example Clouds, Inc.",
        "Cloud_Service_Provider_Package": "Example Desk",
        "CSO_Description": "Tickets for agencies.",
        "CSP_Website": "https://desk.example",
        "Designation": "Compliant",
        "Impact_Level": "Moderate",
        "Service_Model": ["SaaS"],
        "Deployment_Model": "Public Cloud",
        **members,
    }


def feed(*rows: dict[str, Any], as_of: date = DAY) -> ForeignCatalog:
    return fedramp.read(
        json.dumps({"meta": {"Created_At": "x"}, "data": {"Providers": rows}}).encode(), as_of
    )


def codes(catalog: ForeignCatalog) -> list[tuple[str, str]]:
    return [(remark.code, remark.field) for remark in catalog.remarks]


def only(catalog: ForeignCatalog) -> ForeignListing:
    (listing,) = catalog.listings
    return listing


def test_two_genuine_snapshots_give_exactly_the_changes_expected(snapshots: Path) -> None:
    expected = json.loads((snapshots / "expected-changes.json").read_bytes())["snapshots"]
    before = None
    for snapshot in expected:
        body = (snapshots / f"snapshot-{snapshot['date']}.jsonl").read_bytes()
        catalog = fedramp.read(body, date.fromisoformat(snapshot["date"]))
        assert catalog.rows == snapshot["rows"]
        assert len(catalog.listings) == snapshot["distinct_ids"]
        assert list(catalog.repeated) == snapshot["duplicate_ids"]
        assert catalog.expired == snapshot["expiry_date_before_snapshot"]
        for name in ("designation", "impact_level_as_written", "service_model_as_written"):
            assert catalog.counts[name] == snapshot[name]
        now = Snapshot.of(catalog)
        found = changes(before, now, catalog.status_field)
        if "since_previous" in snapshot:
            assert found.as_json() == snapshot["since_previous"]
        before = Snapshot.read(now.document)
        assert not changes(before, now, catalog.status_field)


def test_no_genuine_draft_breaks_the_schema_it_only_lacks_things(snapshots: Path, listings: Path) -> None:
    body = (snapshots / "snapshot-2022-08-31.jsonl").read_bytes()
    services = [(listings / f"{name}.json").read_bytes() for name in ("G4", "G5", "G7-SCS")]
    supplier = json.loads((listings / "Supplier.json").read_bytes()) | {"id": 1}
    catalogs = (fedramp.read(body, DAY), g_cloud.read(services, [json.dumps(supplier).encode()]))
    for listing in (listing for catalog in catalogs for listing in catalog.listings):
        missing = {violation.pointer: violation for violation in listing.missing()}
        assert {violation.code for violation in missing.values()} == {"required", "import.untold"}
        assert {"/contact", "/use", "/data", "/contract"} <= missing.keys()
        assert all(violation.text.ja and violation.text.en for violation in missing.values())
        assert "certifications" not in listing.application


def test_todays_feed_is_read_with_the_companys_number_and_without_addresses(reference: Path) -> None:
    body = (
        reference / "registries-intl/samples/fedramp/marketplace_data_2025-01-30_part_a.json"
    ).read_bytes()
    catalog = fedramp.read(body, DAY)
    (chargie,) = [one for one in catalog.listings if one.id == "FR2328145448"]
    assert chargie.application["vendor"]["identifiers"] == [{"scheme": "US-UEI", "id": "NSDFW8DZAP24"}]
    assert not any("email" in name for name in chargie.written)
    assert ("import.date_is_words", "ready_date") in codes(catalog)
    assert b"@chargie" not in Snapshot.of(catalog).document


def test_a_repeated_id_counts_once_and_the_first_row_wins() -> None:
    catalog = feed(row(), row(Package_ID=" FR0000000001", Designation="In Process"), row())
    assert only(catalog).written["Designation"] == "Compliant"
    assert (catalog.rows, list(catalog.repeated)) == (3, ["FR0000000001"])
    assert codes(catalog).count(("import.repeated_id", "")) == 1
    assert ("import.stray_space", "Package_ID") in codes(catalog)
    assert ("import.repeated_id_differs", "Designation") in codes(catalog)
    assert catalog.counts["designation"] == {"Compliant": 1}


def test_words_in_dates_are_no_dates() -> None:
    catalog = feed(row(Original_Expiration_Date="Not Active", Announcement_Date="soon"))
    assert ("import.date_is_words", "Original_Expiration_Date") in codes(catalog)
    assert ("import.date_is_words", "Announcement_Date") in codes(catalog)
    assert catalog.expired == 0


def test_an_expired_row_stays_expired_under_a_fresh_time_stamp() -> None:
    expiring = row(Original_Expiration_Date="2026-11-29T05:00:00.000Z")
    assert feed(expiring).expired == 1
    assert feed(expiring, as_of=date(2026, 11, 29)).expired == 0, "valid through its last day"
    before = Snapshot.of(feed(expiring))
    fresh = fedramp.read(
        json.dumps({"meta": {"Created_At": "2026-11-30"}, "data": {"Providers": [expiring]}}).encode(), DAY
    )
    found = changes(before, Snapshot.of(fresh), fresh.status_field)
    assert not found
    assert [remark.code for remark in found.remarks] == ["import.fresh_stamp_old_content"]


def test_unusual_and_unknown_words_are_named_and_not_guessed() -> None:
    catalog = feed(row(Impact_Level="Li-SaaS", Designation="Blessed", Deployment_Model="Flying Cloud"))
    assert {("import.spelling", "Impact_Level"), ("import.unknown_word", "Designation")} <= set(
        codes(catalog)
    )
    assert ("import.unknown_word", "Deployment_Model") in codes(catalog)
    assert catalog.counts["impact_level"] == {"LI-SaaS": 1}
    assert "deployment" not in only(catalog).application["product"]


def test_the_us_governments_cloud_is_not_the_japanese_governments() -> None:
    catalog = feed(row(Deployment_Model="Government Community Cloud"))
    assert "deployment" not in only(catalog).application["product"]
    assert ("import.no_equivalent", "Deployment_Model") in codes(catalog)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("www.desk.example/info", "https://www.desk.example/info"),
        (" https://desk.example ", "https://desk.example"),
        ("http://desk.example", None),
        ("https://user:word@desk.example", None),
        ("javascript:alert(1)", None),
        ("Example Desk - desk.example", None),
        ("https://[", None),
    ],
)
def test_web_addresses(written: str, expected: str | None) -> None:
    assert only(feed(row(CSP_Website=written))).application["product"].get("url") == expected


def test_who_runs_the_platform_below_is_known_when_the_feed_lists_it() -> None:
    below = row(Package_ID="FR0000000002", Cloud_Service_Provider_Name="Ground, Inc.")
    catalog = feed(row(Underlying_CSP_Package_ID=["FR0000000002"]), below)
    assert catalog.listings[0].application["hosting"] == {"provider": "Ground, Inc."}
    assert "hosting" not in catalog.listings[1].application


def test_a_row_without_id_or_name_is_named_and_left_out() -> None:
    catalog = feed(row(), row(Package_ID=" "), row(Package_ID="FR3", Cloud_Service_Provider_Package=""))
    assert only(catalog).id == "FR0000000001"
    assert [r.listing for r in catalog.remarks if r.code == "import.row_not_read"] == ["#2", "FR3"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[1]",
        b'{"data": {"Providers": [{"Package_ID": 1}]}}',
        b'{"data": []}',
        b'{"Package_ID": "a", "Package_ID": "b"}',
        b'{"Package_ID": "a"}\n{"Package_ID":\n',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(Unexpected):
        fedramp.read(body, DAY)


def test_a_snapshot_that_was_tampered_with_is_refused() -> None:
    kept = json.loads(Snapshot.of(feed(row())).document)
    kept["rows"]["FR0000000001"]["Designation"] = "Other"
    with pytest.raises(Unexpected):
        Snapshot.read(json.dumps(kept).encode())


def test_a_file_of_another_shape_is_compared_by_ids_only() -> None:
    before = Snapshot.of(feed(row()))
    today = {"id": "FR0000000001", "csp": "Example Clouds, Inc.", "cso": "Example Desk", "status": "Delisted"}
    now = fedramp.read(json.dumps([today]).encode(), DAY)
    found = changes(before, Snapshot.of(now), now.status_field)
    assert not found
    assert [remark.code for remark in found.remarks] == ["import.shape_changed"]


ROWS = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.fixed_dictionaries({"status": st.sampled_from("xy")}, optional={"note": st.text(max_size=3)}),
)


@given(ROWS, ROWS)
def test_changes_applied_to_the_old_rows_give_the_new(
    old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]
) -> None:
    before, now = (Snapshot("m", "s", "", rows) for rows in (old, new))
    found = changes(before, now, "status")
    result = {id_: value for id_, value in old.items() if id_ not in found.removed}
    result |= {id_: new[id_] for id_ in (*found.added, *found.fields)}
    assert result == new
    assert bool(found) == (old != new)
    assert not changes(now, now, "status")


def test_the_cases_of_their_own_validation_give_their_own_codes(reference: Path) -> None:
    folder = reference / "peers/uk-dmp"
    questions = Questions(json.loads((folder / "service-schemas/services-g-cloud-7-scs.json").read_bytes()))
    listing = json.loads((folder / "listings/G7-SCS.json").read_bytes())
    cases = json.loads((folder / "listing-cases.g-cloud-7-scs.json").read_bytes())["cases"]
    for case in cases:
        changed = {**listing, **case["change"]}
        answers = {name: value for name, value in changed.items() if name not in case["remove"]}
        draft = case.get("enforce_required") is False
        faults = questions.faults(answers, draft=draft, required=case.get("required_fields", ()))
        found, expected = {fault.field: fault.code for fault in faults}, case["expected"]
        if "errors" in expected:
            assert found == expected["errors"], case["id"]
        elif "code" in expected:
            assert found[expected["field"]] == expected["code"], case["id"]
        elif "field" in expected:
            assert expected["field"] in found, case["id"]
        elif "not_code_on" in expected:
            field, code = expected["not_code_on"]
            assert found.get(field) != code, case["id"]
        else:
            assert expected["no_error_on"] not in found, case["id"]
        assert all(fault.text.ja and fault.text.en for fault in faults)


@pytest.mark.parametrize(("listing", "schema"), [("G4", "4"), ("G5", "5"), ("G7-SCS", "7-scs")])
def test_genuine_services_obey_their_own_frameworks(reference: Path, listing: str, schema: str) -> None:
    folder = reference / "peers/uk-dmp"
    questions = Questions(
        json.loads((folder / f"service-schemas/services-g-cloud-{schema}.json").read_bytes())
    )
    catalog = g_cloud.read([(folder / f"listings/{listing}.json").read_bytes()], questions=questions)
    assert list(only(catalog).faults) == []


def test_an_answer_without_its_assurance_is_named() -> None:
    assured = {
        "type": "object",
        "properties": {"value": {"type": "boolean"}, "assurance": {"enum": ["asserted"]}},
        "required": ["value", "assurance"],
    }
    questions = Questions({"type": "object", "properties": {"openSource": assured}})
    (fault,) = questions.faults({"openSource": {"value": True}})
    assert (fault.field, fault.code) == ("openSource", "assurance_required")
    with pytest.raises(Unexpected):
        Questions({"type": "nonsense"})


def service(**members: object) -> dict[str, Any]:
    return {
        "id": "1",
        "serviceName": "Desk",
        "serviceSummary": "Tickets.",
        "status": "published",
        "lot": "cloud-software",
    } | members


def g_cloud_draft(**members: object) -> tuple[ForeignListing, list[tuple[str, str]]]:
    catalog = g_cloud.read([json.dumps(service(**members)).encode()])
    return only(catalog), codes(catalog)


def test_a_supplier_record_gives_name_and_number(listings: Path) -> None:
    supplier = json.loads((listings / "Supplier.json").read_bytes())
    body = json.dumps(service(supplierId=supplier["id"])).encode()
    draft = only(g_cloud.read([body], [json.dumps(supplier).encode()])).application
    assert draft["vendor"] == {
        "name": "Example Company Limited",
        "country": "GB",
        "identifiers": [{"scheme": "GB-COH", "id": "SC000111"}],
    }
    assert ("import.supplier_unknown", "supplierId") in codes(g_cloud.read([body]))


@pytest.mark.parametrize(
    ("places", "data"),
    [
        (["uk"], [{"class": "content", "at_rest": ["GB"], "processing": ["GB"]}]),
        ({"value": ["UK"], "assurance": "Service provider assertion"}, "GB"),
        (["uk", "eea"], None),
        (["privacy_shield"], None),
    ],
)
def test_places_are_taken_only_where_they_are_countries(places: object, data: object) -> None:
    draft, told = g_cloud_draft(dataStorageAndProcessingLocations=places)
    if data is None:
        assert "data" not in draft.application
        assert ("import.region_not_country", "dataStorageAndProcessingLocations") in told
    else:
        assert draft.application["data"][0]["at_rest"] == ["GB"]


def test_certificates_are_declared_and_unknown_ones_named() -> None:
    draft, told = g_cloud_draft(
        vendorCertifications=["ISO/IEC 27001:2022", "ISO 27107"],
        standardsCSASTAR=True,
        standardsCSASTARLevel="level_1_csa_star_self_assessment",
    )
    assert draft.application["certifications"] == [{"type": "ISO27001", "edition": "2022"}]
    assert ("import.unknown_word", "vendorCertifications") in told
    assert ("import.not_carried_over", "standardsCSASTARLevel") in told


def test_a_certificate_question_with_its_answers() -> None:
    draft, told = g_cloud_draft(
        standardsISOIEC27001=True,
        standardsISOIEC27001Who="Example Assurance",
        standardsISOIEC27001When="1 June 2024",
        standardsCSASTAR=True,
        standardsCSASTARLevel="level_3_csa_star_certification",
        standardsCSASTARWhen="last summer",
    )
    assert draft.application["certifications"] == [
        {"type": "ISO27001", "certification_body": "Example Assurance", "valid_from": "2024-06-01"},
        {"type": "CSA-STAR"},
    ]
    assert ("import.date_is_words", "standardsCSASTARWhen") in told


def test_a_reseller_names_the_maker() -> None:
    draft, _ = g_cloud_draft(resellingType="reseller_no_extras", resellingOrganisations="Example Makers Ltd")
    assert draft.application["vendor"] == {"role": "reseller", "is_manufacturer": False}
    assert draft.application["maker"] == {"name": "Example Makers Ltd"}
    assert "/maker/country" in {violation.pointer for violation in draft.missing()}
    assert g_cloud_draft(resellingType="not_reseller")[0].application["vendor"] == {"role": "direct"}


def test_services_by_people_withdrawn_ones_and_pounds_are_named() -> None:
    draft, told = g_cloud_draft(lot="scs", status="disabled", priceMin="12", serviceTypes=["Training"])
    assert {code for code, _ in told} == {
        "import.out_of_scope",
        "import.not_in_force",
        "import.currency",
        "import.no_equivalent",
    }
    assert "prices" not in draft.application["product"]


def test_services_come_alone_in_lists_and_in_answers() -> None:
    two = [service(), service(id="2")]
    for body in (two, {"services": two}):
        assert [one.id for one in g_cloud.read([json.dumps(body).encode()]).listings] == ["1", "2"]
    lines = b"\n".join(json.dumps(one).encode() for one in two)
    assert len(g_cloud.read([lines]).listings) == 2
    assert ("import.repeated_id", "") in codes(g_cloud.read([lines, json.dumps(two).encode()]))
