"""What sources do to what is declared: verify it, contradict it, leave it in doubt, or say nothing."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identifiers import OrganisationId
from pipeline.model import Dossier, Evidence, Gap, Presence
from rules.facts import assemble
from rules.facts.exclusions import level
from rules.library import Library

NUMBER, OTHER = "7999901000001", "6999901000002"
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
CAPTURE = "sha256:" + "ab" * 32
NAME = "株式会社みなと台帳"

APPLICATION: dict[str, Any] = {
    "schema": "application/1",
    "vendor": {
        "name": "㈱みなと台帳",
        "country": "JP",
        "identifiers": [{"scheme": "JP-JCN", "id": NUMBER}],
        "role": "direct",
        "is_manufacturer": True,
        "capital_jpy": 50_000_000,
        "employees": 40,
        "founded_on": "2019-04-01",
        "invoice_number": f"T{NUMBER}",
    },
    "product": {"code": "ledger", "name": {"ja": "みなと台帳クラウド", "en": "Minato Ledger"}},
    "use": {"confidentiality": 2, "personal_data": True, "my_number": False, "low_impact": True},
    "qualification": {"valid_to": "2028-03-31", "categories": ["goods_sale", "services"], "grade": "C"},
    "declarations": {"boryokudan_pledge": True, "insolvency_petition": False},
    "ismap": {"list": "ismap", "number": "C99-0001-2", "valid_to": "2027-06-30"},
    "certifications": [
        {
            "type": "ISO27001",
            "edition": "2022",
            "number": "IS 1",
            "accredited": True,
            "covers_service": True,
            "valid_to": "2028-05-31",
        },
        {"type": "PRIVACYMARK", "number": "99000103", "valid_to": "2027-11-30"},
    ],
    "startup": {"j_startup": True},
}


def said(
    source: str, role: str = "vendor", *, found: bool = True, id_: str = NUMBER, **record: Any
) -> Evidence:
    presence = Presence.FOUND if found else Presence.ABSENT
    return Evidence(source, role, OrganisationId("JP-JCN", id_), presence, record, NOW, CAPTURE)


def assembled(*evidence: Evidence, gaps: tuple[Gap, ...] = (), **changes: Any) -> Dossier:
    document = copy.deepcopy(APPLICATION)
    for name, value in changes.items():
        document[name] = {**document.get(name, {}), **value} if isinstance(value, dict) else value
    return assemble(document, evidence, gaps, NOW)


def standing(dossier: Dossier, path: str) -> str:
    """How a fact stands: the source that says so, or why it is unknown."""
    for place in (path, path.partition("[")[0], path.partition(".")[0], ""):
        if (entry := dossier.provenance.get(place)) is not None:
            for sign in ("conflict", "candidate", "gap"):
                if sign in entry:
                    return sign
            return str(entry["source"])
    raise AssertionError(path)


def gap(source: str, role: str = "vendor") -> Gap:
    return Gap(source, role, OrganisationId("JP-JCN", NUMBER), "timeout")


class TestQualification:
    @staticmethod
    def held(*kinds: str, grade: str = "C", **days: str) -> Evidence:
        return said("jp.gbizinfo", qualifications=[{"kinds": list(kinds), "grade": grade, **days}])

    @pytest.mark.parametrize(
        ("kinds", "expected"),
        [
            (("goods_sale", "services"), "jp.gbizinfo"),
            (("goods_sale", "services", "goods_manufacture"), "jp.gbizinfo"),
            (("services",), "conflict"),
        ],
    )
    def test_kinds_are_verified_or_contradicted(self, kinds: tuple[str, ...], expected: str) -> None:
        dossier = assembled(self.held(*kinds))
        assert standing(dossier, "qualification.categories") == expected
        assert dossier.facts["qualification"]["categories"] == ["goods_sale", "services"]

    def test_a_grade_and_an_end_are_compared(self) -> None:
        dossier = assembled(self.held("goods_sale", "services", grade="B", valid_to="2028-03-31"))
        assert standing(dossier, "qualification.grade") == "conflict"
        assert standing(dossier, "qualification.valid_to") == "jp.gbizinfo"

    def test_what_has_ended_says_nothing(self) -> None:
        dossier = assembled(self.held("services", valid_to="2025-03-31"))
        assert standing(dossier, "qualification.categories") == "declaration"

    def test_silence_says_nothing(self) -> None:
        for answer in (said("jp.gbizinfo", found=False), said("jp.gbizinfo", qualifications=[])):
            assert standing(assembled(answer), "qualification.categories") == "declaration"

    def test_what_nobody_declared_is_taken_from_there_without_an_end(self) -> None:
        dossier = assemble(
            {**copy.deepcopy(APPLICATION), "qualification": {}}, [self.held("services")], (), NOW
        )
        assert dossier.facts["qualification"] == {"categories": ["services"], "grade": "C"}


class TestSizeAndAge:
    def test_figures_count_where_they_change_the_conclusion(self) -> None:
        agrees = assembled(said("jp.gbizinfo", capital_jpy=90_000_000, employees=60))
        assert (agrees.facts["vendor"]["sme"], standing(agrees, "vendor.sme")) == (True, "jp.gbizinfo")
        differs = assembled(said("jp.gbizinfo", capital_jpy=900_000_000, employees=6000))
        assert standing(differs, "vendor.sme") == "conflict"
        alone = assembled(said("jp.gbizinfo", capital_jpy=900_000_000))
        assert standing(alone, "vendor.sme") == "jp.gbizinfo"
        assert standing(assembled(said("jp.gbizinfo")), "vendor.sme") == "declaration"

    def test_a_founding_years_apart(self) -> None:
        assert standing(assembled(said("jp.gbizinfo", founded_on="2019-04-01")), "vendor.age_years") == (
            "jp.gbizinfo"
        )
        assert standing(assembled(said("jp.gbizinfo", founded_on="1999-04-01")), "vendor.age_years") == (
            "conflict"
        )


class TestIsmap:
    LISTING: ClassVar[dict[str, Any]] = {
        "number": "C99-0001-2",
        "service": "みなと台帳クラウド",
        "provider": NAME,
        "valid_to": "2027-06-30",
    }

    def listed(self, role: str = "ismap", **changes: Any) -> Evidence:
        return said("jp.ismap", role, list=role, listings=[{**self.LISTING, **changes}])

    def test_the_list_takes_the_place_of_what_is_declared(self) -> None:
        dossier = assembled(self.listed(valid_to="2026-10-13", renewal_filed_on="2026-09-30"))
        assert dossier.facts["ismap"] == {
            "list": "ismap",
            "valid_to": "2026-10-13",
            "renewal_filed_on": "2026-09-30",
        }
        assert standing(dossier, "ismap.valid_to") == "jp.ismap"

    def test_a_renewal_that_only_the_vendor_knows_of_stays_declared(self) -> None:
        dossier = assembled(self.listed(), ismap={"renewal_filed_on": "2027-06-01"})
        assert dossier.facts["ismap"]["renewal_filed_on"] == "2027-06-01"
        assert standing(dossier, "ismap.renewal_filed_on") == "declaration"

    @pytest.mark.parametrize(
        "changes", [{"provider": "別会社株式会社"}, {"service": "みなと会議", "provider": NAME}]
    )
    def test_a_listing_of_somebody_else_or_of_something_else_is_in_doubt(self, changes: Any) -> None:
        assert standing(assembled(self.listed(**changes)), "ismap.list") == "candidate"

    def test_of_several_nobody_knows_which(self) -> None:
        two = said("jp.ismap", "ismap", list="ismap", listings=[self.LISTING, self.LISTING])
        assert standing(assembled(two), "ismap.list") == "candidate"

    def test_a_claim_that_the_list_does_not_have_is_contradicted(self) -> None:
        dossier = assembled(said("jp.ismap", "ismap", found=False, list="ismap", listings=[]))
        assert standing(dossier, "ismap.list") == "conflict"

    def test_who_claims_none_and_is_on_no_list_has_none(self) -> None:
        answers = [said("jp.ismap", role, found=False, listings=[]) for role in ("ismap", "ismap-liu")]
        document = {**copy.deepcopy(APPLICATION), "ismap": {"list": "none"}}
        dossier = assemble(document, answers, (), NOW)
        assert (dossier.facts["ismap"], standing(dossier, "ismap.list")) == ({"list": "none"}, "jp.ismap")

    def test_who_claims_none_may_be_listed_all_the_same(self) -> None:
        answers = [said("jp.ismap", "ismap", found=False, listings=[]), self.listed("ismap-liu")]
        document = {**copy.deepcopy(APPLICATION), "ismap": {"list": "none"}}
        assert assemble(document, answers, (), NOW).facts["ismap"]["list"] == "ismap-liu"

    def test_without_an_answer_nothing_is_known(self) -> None:
        dossier = assembled(gaps=(gap("jp.ismap", "ismap"),))
        assert "ismap" not in dossier.facts
        assert standing(dossier, "ismap.list") == "gap"

    def test_who_was_not_asked_leaves_the_claim_declared(self) -> None:
        assert standing(assembled(), "ismap.list") == "declaration"


class TestCertificates:
    ENTRY: ClassVar[dict[str, Any]] = {
        "number": "IS 1",
        "holder": NAME,
        "type": "ISO27001",
        "standard": "JIS Q 27001:2023（ISO/IEC 27001:2022）",
        "valid_to": "2028-05-31",
    }

    def listed(self, **changes: Any) -> Evidence:
        entry = {name: value for name, value in {**self.ENTRY, **changes}.items() if value is not None}
        return said("jp.isms", "iso27001", id_="IS 1", list="isms", certificates=[entry])

    def test_a_certificate_that_is_listed_is_verified_and_accredited(self) -> None:
        dossier = assembled(self.listed())
        for name in ("type", "edition", "accredited", "valid_to"):
            assert standing(dossier, f"certs[0].{name}") == "jp.isms", name
        assert standing(dossier, "certs[0].covers_service") == "declaration"

    @pytest.mark.parametrize(
        ("standard", "expected"),
        [
            ("ISO/IEC 27001:2022", "jp.isms"),
            ("JIS Q 27001:2023", "jp.isms"),
            ("ＪＩＳ Ｑ ２７００１：２０２３", "jp.isms"),
            ("ISO/IEC 27001:2013", "conflict"),
            ("JIS Q 27001:2014", "conflict"),
            ("ISO/IEC 27001", "declaration"),
        ],
    )
    def test_the_edition_in_the_words_of_the_list(self, standard: str, expected: str) -> None:
        assert standing(assembled(self.listed(standard=standard)), "certs[0].edition") == expected

    def test_a_later_end_is_a_renewal_and_an_earlier_one_a_conflict(self) -> None:
        later = assembled(self.listed(valid_to="2031-05-31"))
        assert later.facts["certs"][0]["valid_to"] == "2031-05-31"
        assert standing(later, "certs[0].valid_to") == "jp.isms"
        assert standing(assembled(self.listed(valid_to="2026-05-31")), "certs[0].valid_to") == "conflict"

    def test_a_status_with_something_amiss_is_for_a_person(self) -> None:
        assert standing(assembled(self.listed(status="一時停止")), "certs[0].valid_to") == "conflict"
        assert standing(assembled(self.listed(status="有効")), "certs[0].valid_to") == "jp.isms"

    def test_a_certificate_made_out_to_somebody_else_is_in_doubt(self) -> None:
        assert standing(assembled(self.listed(holder="別会社株式会社")), "certs[0].accredited") == "candidate"

    def test_the_registered_name_counts_besides_the_declared_one(self) -> None:
        home = said("jp.nta", name="株式会社うみべ計算", former_names=[NAME], closed=False)
        assert standing(assembled(home, self.listed(holder="株式会社うみべ計算")), "certs[0].edition") == (
            "jp.isms"
        )

    def test_that_it_is_not_listed_says_nothing(self) -> None:
        absent = said("jp.isms", "iso27001", id_="IS 1", found=False, list="isms", certificates=[])
        assert standing(assembled(absent), "certs[0].accredited") == "declaration"

    def test_an_answer_about_another_number_is_not_read_into_it(self) -> None:
        other = said("jp.isms", "iso27001", id_="IS 2", list="isms", certificates=[self.ENTRY])
        assert standing(assembled(other), "certs[0].accredited") == "declaration"

    def test_a_privacy_mark(self) -> None:
        mark = said("jp.privacymark", number="99000103", name=NAME, valid_to="2028-11-30")
        assert standing(assembled(mark), "certs[1].type") == "jp.privacymark"
        assert assembled(mark).facts["certs"][1]["valid_to"] == "2028-11-30"
        borrowed = said("jp.privacymark", number="99000103", name="別会社株式会社")
        assert standing(assembled(borrowed), "certs[1].type") == "candidate"
        assert standing(assembled(said("jp.privacymark", found=False)), "certs[1].type") == "conflict"

    def test_an_offering_that_us_agencies_may_rely_on(self) -> None:
        offerings = [{"valid": False, "offering": "A"}, {"valid": True, "offering": "B"}]
        assert assembled(said("us.fedramp", offerings=offerings)).facts["fedramp"] == {
            "valid": True,
            "offering": "B",
        }
        assert "fedramp" not in assembled(said("us.fedramp", found=False, offerings=[])).facts


class TestSuspensions:
    ENTRY: ClassVar[dict[str, Any]] = {
        "name": NAME,
        "number": NUMBER,
        "matched_by": "number",
        "authority": "架空地方整備局",
        "valid_to": "2027-01-31",
    }

    @staticmethod
    def found(*entries: dict[str, Any]) -> Evidence:
        return said("jp.suspension", found=bool(entries), list="mlit", suspensions=list(entries))

    def test_none_found_is_an_empty_list_of_the_list_that_was_asked(self) -> None:
        dossier = assembled(self.found())
        assert (dossier.facts["suspensions"], dossier.facts["suspension_lists"]) == ([], ["mlit"])
        assert standing(dossier, "suspensions") == "jp.suspension"

    def test_without_an_answer_or_a_question_there_is_no_list(self) -> None:
        assert "suspensions" not in assembled().facts
        dossier = assembled(gaps=(gap("jp.suspension"),))
        assert "suspensions" not in dossier.facts
        assert standing(dossier, "suspensions[0].until") == "gap"

    def test_one_of_the_vendors_number(self) -> None:
        dossier = assembled(self.found(self.ENTRY))
        assert dossier.facts["suspensions"] == [
            {"by": "架空地方整備局", "by_level": "national", "until": "2027-01-31"}
        ]
        assert standing(dossier, "suspensions[0].until") == "jp.suspension"

    def test_one_of_the_name_alone_is_in_doubt_while_it_runs(self) -> None:
        by_name = {name: value for name, value in self.ENTRY.items() if name != "number"}
        dossier = assembled(self.found(by_name))
        assert "candidate" in dossier.provenance["suspensions[0]"]
        assert assembled(self.found({**by_name, "valid_to": "2025-01-31"})).facts["suspensions"] == []

    def test_an_end_that_is_not_said_stays_unknown(self) -> None:
        endless = {name: value for name, value in self.ENTRY.items() if name != "valid_to"}
        assert "until" not in assembled(self.found(endless)).facts["suspensions"][0]

    def test_organised_crime_as_its_ground(self) -> None:
        assert assembled(self.found()).facts["boryokudan"] == {"pledge": True, "excluded": False}
        dossier = assembled(self.found({**self.ENTRY, "reason": "暴力団関係"}))
        assert dossier.facts["boryokudan"]["excluded"] is True
        assert standing(dossier, "boryokudan.excluded") == "jp.suspension"

    @pytest.mark.parametrize(
        ("authority", "expected"),
        [
            ("国土交通省", "national"),
            ("関東地方整備局", "national"),
            ("北海道開発局", "national"),
            ("警察庁", "national"),
            ("独立行政法人都市再生機構", "national"),
            ("東京都", "local"),
            ("東京消防庁", "local"),
            ("神奈川県県土整備局", "local"),
            ("神戸市都市整備局", "local"),
            ("京都府", "local"),
            ("京都市", "local"),
            ("北海道", "local"),
            ("世田谷区", "local"),
            ("架空町", "local"),
            ("架空財団", None),
        ],
    )
    def test_the_level_of_an_authority(self, authority: str, expected: str | None) -> None:
        assert level(authority) == expected

    def test_the_buyers_with_rules_of_their_own_are_named_by_code(self) -> None:
        for authority, code in {"神戸市": "kobe-city", "東京都水道局": "tokyo-metropolitan"}.items():
            [entry] = assembled(self.found({**self.ENTRY, "authority": authority})).facts["suspensions"]
            assert (entry["by"], entry["by_level"]) == (code, "local")


class TestScreening:
    MAKER: ClassVar[dict[str, Any]] = {
        "name": "Fjordlager AS",
        "country": "NO",
        "identifiers": [{"scheme": "NO-BRC", "id": "x"}],
    }

    def test_nothing_like_it(self) -> None:
        dossier = assembled(said("screening.yente", found=False, candidates=[]))
        assert dossier.facts["sanctions"] == {"result": "clear", "checked_on": "2026-11-23"}
        assert standing(dossier, "sanctions.result") == "screening.yente"

    def test_a_candidate_is_never_more_than_potential(self) -> None:
        answers = [said("screening.yente", candidates=[{"score": 1.0}])]
        assert assembled(*answers).facts["sanctions"]["result"] == "potential"

    def test_the_maker_counts_too(self) -> None:
        clear = said("screening.yente", found=False, candidates=[])
        hit = said("screening.yente", "maker", candidates=[{"score": 0.9}])
        assert assembled(clear, hit, maker=self.MAKER).facts["sanctions"]["result"] == "potential"
        dossier = assembled(clear, gaps=(gap("screening.yente", "maker"),), maker=self.MAKER)
        assert "sanctions" not in dossier.facts
        assert standing(dossier, "sanctions.result") == "gap"


class TestStartUps:
    @staticmethod
    def listed(found: bool = True, **company: str) -> Evidence:
        companies = [{"name": NAME, **company}] if found else []
        return said("jp.startup", "j-startup", found=found, list="j-startup", companies=companies)

    def test_by_number_by_name_and_not_at_all(self) -> None:
        assert standing(assembled(self.listed(number=NUMBER)), "startup.j_startup") == "jp.startup"
        assert standing(assembled(self.listed()), "startup.j_startup") == "candidate"
        # A regional programme has a list of its own.
        assert standing(assembled(self.listed(found=False)), "startup.j_startup") == "conflict"


class TestNumbersOfTheTaxAgency:
    def test_an_invoice_number_that_is_the_vendors(self) -> None:
        record = {"kind": "2", "registered_on": "2023-10-01"}
        dossier = assembled(said("jp.invoice", id_=f"T{NUMBER}", **record))
        assert dossier.facts["invoice"] == {"registered": True, "agrees": True}
        revoked = assembled(said("jp.invoice", id_=f"T{NUMBER}", revoked_on="2026-11-23", **record))
        assert revoked.facts["invoice"]["registered"] is False
        other = assembled(said("jp.invoice", id_=f"T{OTHER}", found=False))
        assert other.facts["invoice"] == {"registered": False, "agrees": False}


class TestRegistersAbroad:
    VENDOR: ClassVar[dict[str, Any]] = {
        "name": "Thistle Ltd",
        "country": "GB",
        "identifiers": [
            {"scheme": "JP-JCN", "id": NUMBER},
            {"scheme": "GB-COH", "id": "SC990028"},
            {"scheme": "XI-LEI", "id": "x"},
        ],
    }

    @staticmethod
    def entry(source: str, scheme: str, id_: str, *, found: bool = True, **record: Any) -> Evidence:
        presence = Presence.FOUND if found else Presence.ABSENT
        return Evidence(source, "vendor", OrganisationId(scheme, id_), presence, record, NOW, CAPTURE)

    def home(self, **record: Any) -> Evidence:
        return self.entry(
            "gb.companies-house", "GB-COH", "SC990028", name="THISTLE LTD", closed=False, **record
        )

    def test_the_register_of_the_vendors_country_comes_first(self) -> None:
        in_japan = said("jp.nta", name="シスル・リミテッド", closed=False)
        dossier = assembled(in_japan, self.home(), vendor=self.VENDOR)
        assert dossier.facts["registry"]["name"] == "THISTLE LTD"
        assert dossier.facts["registry"]["name_match"] == 1.0
        assert standing(dossier, "registry.found") == "gb.companies-house"

    def test_where_it_is_not_asked_another_stands_in_for_it_but_not_where_it_fails(self) -> None:
        lei = self.entry("int.gleif", "XI-LEI", "x", name="Thistle Limited", closed=False)
        vendor = {**self.VENDOR, "identifiers": self.VENDOR["identifiers"][1:]}
        assert standing(assembled(lei, vendor=vendor), "registry.found") == "int.gleif"
        failed = assembled(lei, gaps=(gap("gb.companies-house"),), vendor=vendor)
        assert "registry" not in failed.facts
        assert standing(failed, "registry.found") == "gap"

    def test_an_lei_of_another_company_is_a_conflict(self) -> None:
        def lei(number: str) -> Evidence:
            register = {"authority": "RA000585", "number": number}
            return self.entry("int.gleif", "XI-LEI", "x", name="Thistle Limited", register=register)

        assert standing(assembled(self.home(), lei("SC 990-028"), vendor=self.VENDOR), "registry.found") == (
            "gb.companies-house"
        )
        assert standing(assembled(self.home(), lei("SC990029"), vendor=self.VENDOR), "registry.found") == (
            "conflict"
        )

    def test_silence_of_an_incomplete_register_is_no_finding(self) -> None:
        vendor = {"name": "Sel SAS", "country": "FR", "identifiers": [{"scheme": "FR-INSEE", "id": "1"}]}
        silent = self.entry("fr.entreprises", "FR-INSEE", "1", found=False)
        assert "registry" not in assembled(silent, vendor=vendor).facts
        norse = {"name": "Fjord AS", "country": "NO", "identifiers": [{"scheme": "NO-BRC", "id": "1"}]}
        gone = self.entry("no.brreg", "NO-BRC", "1", found=False)
        assert assembled(gone, vendor=norse).facts["registry"] == {"found": False}

    def test_insolvency_that_the_register_warns_of(self) -> None:
        dossier = assembled(self.home(warnings=["insolvent"]), vendor=self.VENDOR)
        assert standing(dossier, "insolvency.petition") == "conflict"
        calm = assembled(self.home(warnings=["accounts-overdue"]), vendor=self.VENDOR)
        assert standing(calm, "insolvency.petition") == "declaration"

    def test_a_maker_that_is_no_more_authorises_nobody(self) -> None:
        maker = {
            "name": "Fjordlager AS",
            "country": "NO",
            "identifiers": [{"scheme": "NO-BRC", "id": "1"}],
            "authorisation": {"confirmed": True},
        }

        def of_maker(**record: Any) -> Evidence:
            return Evidence(
                "no.brreg", "maker", OrganisationId("NO-BRC", "1"), Presence.FOUND, record, NOW, CAPTURE
            )

        lives = assembled(of_maker(name="FJORDLAGER AS", closed=False), maker=maker)
        assert lives.facts["maker"] == {
            "found": True,
            "closed": False,
            "name": "FJORDLAGER AS",
            "name_match": 1.0,
        }
        assert standing(lives, "reseller.authorised") == "declaration"
        closed = assembled(of_maker(name="FJORDLAGER AS", closed=True), maker=maker)
        assert standing(closed, "reseller.authorised") == "conflict"


def test_what_is_in_doubt_is_a_reason_of_its_own() -> None:
    listing = {"number": "C99-0001-2", "service": "みなと台帳クラウド", "provider": "別会社株式会社"}
    answer = said("jp.ismap", "ismap", list="ismap", listings=[{**listing, "valid_to": "2027-06-30"}])
    outcome = Library.read().ruleset("jp-national").evaluate(assembled(answer))
    [result] = [one for one in outcome["results"] if one["rule"] == "SEC-01"]
    assert (result["outcome"], result["reason"]) == ("unknown", "EVIDENCE_UNCLEAR")
    assert "担当者が確認します" in result["message"]["ja"]


@given(st.sets(st.sampled_from(["jp.ismap", "jp.suspension", "screening.yente", "jp.nta"])))
def test_a_gap_never_makes_a_fact(sources: set[str]) -> None:
    """Whatever gives no answer, the facts are those without it or fewer."""
    gaps = tuple(gap(source, "ismap" if source == "jp.ismap" else "vendor") for source in sorted(sources))
    without, with_gaps = assembled(), assembled(gaps=gaps)
    for section, facts in with_gaps.facts.items():
        assert without.facts[section] == facts
    for one in gaps:
        assert any(entry.get("gap") == "timeout" for entry in with_gaps.provenance.values()), one
