"""What follows from what, ours and that of the United Kingdom's catalogue."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from catalog.facets import BY_NAME, CERTIFICATE, RESIDENCY, Facet, Mark, Value, marks
from catalog.reading import Offer
from tests.catalog.offers import document

LONG, SHORT = date(2028, 1, 1), date(2027, 1, 1)


def codes(name: str, **members: object) -> set[str]:
    return {mark.code for mark in Offer(document(**members)).marks if mark.facet == name}  # type: ignore[arg-type]


def test_data_in_the_uk_is_found_under_the_eea_as_its_own_catalogue_had_it(reference: Path) -> None:
    file = reference / "peers/uk-dmp/service-questions.security-and-residency.g-cloud-12.json"
    questions = json.loads(file.read_bytes())["questions"]
    asked = {question["id"]: Facet.from_question(question) for question in questions}
    places = asked["dataStorageAndProcessingLocations"]
    assert places.satisfied(["uk"]) == {"uk", "eea", "privacy_shield"}
    assert places.satisfied(["eea"]) == {"eea", "privacy_shield"}
    assert places.satisfied(["other"]) == {"other"}
    assert places.codes == ("uk", "eea", "privacy_shield")
    for facet in asked.values():
        for value in facet.values:
            assert value.code in facet.satisfied([value.code])
            assert all(value.code in facet.satisfied([source]) for source in value.derived_from)


def test_what_follows_follows_over_any_number_of_steps_and_in_circles() -> None:
    facet = Facet("f", (Value("a", ("c",)), Value("b", ("a",)), Value("c", ("b",)), Value("d", ("c",))))
    assert facet.satisfied(["a"]) == {"a", "b", "c", "d"}
    assert facet.satisfied(["d"]) == {"d"}
    assert facet.satisfied([]) == frozenset()


def test_ismap_satisfies_liu_or_better_and_not_the_other_way() -> None:
    assert CERTIFICATE.satisfied(["ismap"]) == {"ismap", "ismap-liu"}
    assert CERTIFICATE.satisfied(["ismap-liu"]) == {"ismap-liu"}


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (["JP"], {"jp", "jp-eea", "jp-eea-gb"}),
        (["JP", "DE"], {"jp-eea", "jp-eea-gb"}),
        (["IS"], {"jp-eea", "jp-eea-gb"}),
        (["GB"], {"jp-eea-gb"}),
        (["JP", "US"], set()),
        (["CH"], set()),
    ],
)
def test_a_region_holds_only_where_every_place_lies_in_it(places: list[str], expected: set[str]) -> None:
    data = [{"class": "content", "at_rest": places}]
    assert codes("residency", data=data) == expected


def test_only_japan_means_handling_and_support_too() -> None:
    assert codes("residency") == set(RESIDENCY.codes)
    assert "jp-only" not in codes("residency", support_access=["JP", "US"])
    abroad = [{"class": "content", "at_rest": ["JP"], "processing": ["US"]}]
    assert codes("residency", data=abroad) == {"jp", "jp-eea", "jp-eea-gb"}


def test_one_class_without_a_place_says_nothing_of_the_whole() -> None:
    data = [{"class": "content", "at_rest": ["JP"]}, {"class": "backup", "at_rest": []}]
    assert codes("residency", data=data) == set()


def test_a_mark_is_verified_only_where_a_source_says_so() -> None:
    found = {mark.code: mark.verified for mark in Offer(document()).marks if mark.facet == "certificate"}
    assert found == {"ismap": True, "ismap-liu": True, "iso27001": False}
    disputed = {
        "": {"status": "declared"},
        "/ismap/list": {"status": "disputed", "source": "jp.ismap", "at": ""},
    }
    found = {mark.code: mark.verified for mark in Offer(document(origins=disputed)).marks}
    assert found["ismap"] is False


def test_a_certificate_is_verified_where_both_its_kind_and_its_term_are() -> None:
    verified = {"status": "verified", "source": "jp.isms", "at": "2026-11-30T00:00:00Z"}
    kind, term = "/certifications/0/type", "/certifications/0/valid_to"
    for known, expected in (({kind: verified, term: verified}, True), ({kind: verified}, False)):
        marked = Offer(document(origins={"": {"status": "declared"}, **known})).marks
        assert {mark.verified for mark in marked if mark.code == "iso27001"} == {expected}


@pytest.mark.parametrize(
    ("filed", "until"), [("2027-09-30", None), ("2027-10-01", date(2027, 9, 30)), (None, date(2027, 9, 30))]
)
def test_ismap_stays_in_force_while_a_renewal_filed_in_time_is_decided(
    filed: str | None, until: date | None
) -> None:
    ismap = {"list": "ismap", "valid_to": "2027-09-30", **({"renewal_filed_on": filed} if filed else {})}
    assert {mark.until for mark in Offer(document(ismap=ismap)).marks if mark.code == "ismap"} == {until}


def test_the_start_up_mark_is_verified_by_any_of_its_grounds() -> None:
    verified = {"status": "verified", "source": "jp.startup", "at": "2026-11-30T00:00:00Z"}
    startup = {"mark": True, "j_startup": True}
    for known, expected in (({"/startup/j_startup": verified}, True), ({}, False)):
        marked = Offer(document(startup=startup, origins={"": {"status": "declared"}, **known})).marks
        assert {mark.verified for mark in marked if mark.code == "startup"} == {expected}


def test_a_verified_mark_takes_the_place_of_a_declared_one_that_lasts_no_longer() -> None:
    said = [("ismap", True, SHORT), ("ismap-liu", False, SHORT)]
    assert marks(CERTIFICATE, said) == [
        Mark("certificate", "ismap", True, SHORT),
        Mark("certificate", "ismap-liu", True, SHORT),
    ]
    said = [("ismap", True, SHORT), ("ismap-liu", False, LONG)]
    assert Mark("certificate", "ismap-liu", False, LONG) in marks(CERTIFICATE, said)
    said = [("ismap", True, SHORT), ("ismap", True, None), ("ismap", True, LONG)]
    assert marks(CERTIFICATE, said)[0].until is None


def test_freedom_to_leave_needs_all_three() -> None:
    assert "free-to-leave" in codes("exit")
    free = {"formats": ["csv"], "retrieval_days": 30, "exit_fee_disclosed": True}
    assert codes("exit", portability=free) == {
        "free-to-leave",
        "open-format",
        "fee-disclosed",
        "retrieval-30",
    }
    for without in free:
        rest = {name: value for name, value in free.items() if name != without}
        assert "free-to-leave" not in codes("exit", portability=rest)
    assert "open-format" not in codes("exit", portability={**free, "formats": ["ours"]})


def test_companies_prefectures_and_buyers() -> None:
    seller = document()["seller"]
    assert codes("company") == {"maker"}
    assert codes("company", seller={**seller, "role": "reseller", "sme": True}) == {"reseller", "sme"}
    assert codes("company", startup={"mark": True, "until": "2027-01-01"}) == {"maker", "startup"}
    assert codes("prefecture") == {"JP-28"}
    assert codes("buyer") == {"kobe-city"}
    assert codes("buyer", buyers=[{"buyer": "kobe-city", "verdict": "review"}]) == set()


def test_every_closed_value_has_a_name() -> None:
    from catalog.labels import FACETS, VALUES

    assert set(FACETS) == set(BY_NAME)
    for facet in BY_NAME.values():
        assert all(f"{facet.name}.{code}" in VALUES for code in facet.codes)


def test_a_document_full_of_surprises_is_read_as_far_as_it_goes() -> None:
    from catalog.reading import read

    for members in (
        {"product": [], "data": "JP", "certifications": [1, {"type": 5}], "buyers": {"a": 1}},
        {"seller": None, "maker": 3, "portability": {"formats": "csv", "retrieval_days": "90"}},
        {"origins": [], "verified": [1], "ismap": {"list": "none"}, "startup": "yes", "contract": [1]},
    ):
        entry = read(document(**members))
        assert entry.product
    assert read({}).marks == ()
