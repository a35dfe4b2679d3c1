"""From an application and what the registers answered to facts with provenance."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identifiers import OrganisationId
from pipeline.model import Evidence, Gap, Presence
from rules import vocabulary
from rules.facts import assemble
from rules.vocabulary import BY_PATH, FACTS

NUMBER = "7999901000001"
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
LEI = "9999009999MINATO0045"
CAPTURE = "sha256:" + "ab" * 32

APPLICATION: dict[str, Any] = {
    "schema": "application/1",
    "vendor": {
        "name": "株式会社みなと台帳",
        "country": "JP",
        "identifiers": [{"scheme": "JP-JCN", "id": NUMBER}],
        "role": "direct",
        "is_manufacturer": True,
    },
    "contact": {"name": "担当", "email": "desk@minato.example"},
    "product": {
        "code": "ledger",
        "name": {"ja": "台帳"},
        "summary": {"ja": "台帳"},
        "category": "accounting",
    },
    "use": {"confidentiality": 2, "personal_data": True, "my_number": False},
    "data": [{"class": "content", "at_rest": ["JP"]}],
    "contract": {"governing_law": "JP", "court": "JP"},
}


def application(**vendor: Any) -> dict[str, Any]:
    document = copy.deepcopy(APPLICATION)
    document["vendor"] |= vendor
    return document


def answer(source: str = "jp.nta", **record: Any) -> Evidence:
    scheme, id_ = ("JP-JCN", NUMBER) if source == "jp.nta" else ("XI-LEI", LEI)
    return Evidence(
        source,
        "vendor",
        OrganisationId(scheme, id_),
        Presence.FOUND,
        {"closed": False, **record},
        NOW,
        CAPTURE,
    )


def absent(source: str, scheme: str, id_: str) -> Evidence:
    return Evidence(source, "vendor", OrganisationId(scheme, id_), Presence.ABSENT, {}, NOW, CAPTURE)


def facts(document: dict[str, Any], *evidence: Evidence, gaps: tuple[Gap, ...] = ()) -> dict[str, Any]:
    return dict(assemble(document, evidence, gaps, NOW).facts)


class TestDeclarations:
    def test_are_copied_and_marked_as_declared(self) -> None:
        document = application() | {
            "certifications": [{"type": "ISO27001", "edition": "2022"}],
            "declarations": {"mandatory_exclusion": False, "boryokudan_pledge": True, "tax_arrears": False},
            "gbizid": {"level": "prime"},
        }
        dossier = assemble(document, (), (), NOW)
        assert dossier.facts["use"] == {"confidentiality": 2, "personal_data": True, "my_number": False}
        assert dossier.facts["certs"] == document["certifications"]
        assert dossier.facts["exclusion"] == {"mandatory": False}
        assert dossier.facts["boryokudan"] == {"pledge": True, "excluded": False}
        assert dossier.facts["vendor"]["corporate_number"] == NUMBER
        assert dossier.provenance == {"": {"source": "declaration"}, "use": {"source": "application"}}
        assert dossier.as_of == NOW

    def test_what_is_not_stated_is_left_out(self) -> None:
        assembled = facts(application())
        for section in (
            "certs",
            "subprocessors",
            "suspensions",
            "registry",
            "sanctions",
            "ismap",
            "exclusion",
        ):
            assert section not in assembled

    def test_none_held_is_not_the_same_as_not_stated(self) -> None:
        assert facts(application() | {"certifications": []})["certs"] == []

    def test_the_contact_person_stays_out(self) -> None:
        assert "desk@minato.example" not in json.dumps(assemble(APPLICATION, (), (), NOW).as_json())

    @pytest.mark.parametrize(
        ("capital", "employees", "sme"),
        [
            (300_000_000, None, True),
            (300_000_001, 300, True),
            (300_000_001, 301, False),
            (300_000_001, None, None),
            (None, 301, None),
            (None, None, None),
        ],
    )
    def test_small_or_medium_by_either_figure(
        self, capital: int | None, employees: int | None, sme: bool | None
    ) -> None:
        figures = {"capital_jpy": capital, "employees": employees}
        stated = {name: figure for name, figure in figures.items() if figure is not None}
        assert facts(application(**stated))["vendor"].get("sme") is sme

    @pytest.mark.parametrize(
        ("founded_on", "years"),
        [
            ("2016-11-23", 10),
            ("2016-11-24", 9),
            ("2026-11-23", 0),
            ("2026-11-24", None),
            ("2026-13-01", None),
            (None, None),
        ],
    )
    def test_full_years_in_japan(self, founded_on: str | None, years: int | None) -> None:
        stated = {} if founded_on is None else {"founded_on": founded_on}
        assert facts(application(**stated))["vendor"].get("age_years") == years

    def test_the_day_begins_in_japan(self) -> None:
        evening = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
        dossier = assemble(application(founded_on="2016-11-23"), (), (), evening)
        assert dossier.facts["vendor"]["age_years"] == 10

    @pytest.mark.parametrize(
        ("buyers", "offices", "expected"),
        [
            (["kobe-city"], [{"country": "JP", "region": "JP-28", "city": "神戸市中央区"}], True),
            (["kobe-city"], [{"country": "JP", "region": "JP-28", "city": "Kobe"}], True),
            (["kobe-city"], [{"country": "JP", "region": "JP-28", "city": "姫路市"}], False),
            (["kobe-city"], [{"country": "JP", "region": "JP-28"}], None),
            (["kobe-city"], [{"country": "JP"}], None),
            (["kobe-city"], [{"country": "JP", "region": "JP-13", "city": "千代田区"}], False),
            (["kobe-city"], [{"country": "IE", "city": "Kobe"}], False),
            (["kobe-city"], [], False),
            (["kobe-city"], None, None),
            (["tokyo-metropolitan"], [{"country": "JP", "region": "JP-13"}], True),
            (["tokyo-metropolitan"], [{"country": "JP"}], None),
            (["tokyo-metropolitan", "kobe-city"], [{"country": "JP", "region": "JP-13"}], None),
            (["meti"], [{"country": "JP", "region": "JP-13"}], None),
        ],
    )
    def test_an_office_in_the_area_of_the_buyer(
        self, buyers: list[str], offices: list[dict[str, str]] | None, expected: bool | None
    ) -> None:
        document = application(**({} if offices is None else {"offices": offices}))
        document["use"]["buyers"] = buyers
        assert facts(document)["vendor"].get("office_in_buyer_area") is expected

    @pytest.mark.parametrize(
        ("authorisation", "expected"),
        [
            ({"confirmed": True}, True),
            ({"confirmed": False}, False),
            ({"confirmed": True, "valid_to": "2026-11-23"}, True),
            ({"confirmed": True, "valid_to": "2026-11-22"}, False),
            ({"confirmed": True, "valid_from": "2026-11-24"}, False),
        ],
    )
    def test_the_authority_to_sell_on_the_day(self, authorisation: dict[str, Any], expected: bool) -> None:
        document = application(role="reseller") | {
            "maker": {"name": "Fjordlager AS", "country": "NO", "authorisation": authorisation}
        }
        assert facts(document)["reseller"] == {"authorised": expected}

    @pytest.mark.parametrize(
        ("declared", "until", "expected"),
        [
            (False, None, False),
            (True, None, True),
            (True, "2026-11-23", True),
            (True, "2026-11-22", False),
        ],
    )
    def test_an_exclusion_that_runs_on_the_day(
        self, declared: bool, until: str | None, expected: bool
    ) -> None:
        declarations: dict[str, Any] = {"discretionary_exclusion": declared}
        if until is not None:
            declarations["discretionary_exclusion_until"] = until
        assert facts(application() | {"declarations": declarations})["exclusion"] == {
            "discretionary": expected
        }


class TestHomeRegister:
    def test_the_corporate_number_register(self) -> None:
        dossier = assemble(APPLICATION, [answer(number=NUMBER, name="株式会社みなと台帳")], (), NOW)
        assert dossier.facts["registry"] == {
            "found": True,
            "closed": False,
            "name": "株式会社みなと台帳",
            "name_match": 1.0,
            "former_name_match": 0.0,
        }
        origin = {"source": "jp.nta", "at": "2026-11-23T01:02:03.000000Z", "capture": CAPTURE}
        assert dossier.provenance["registry.name_match"] == origin

    def test_a_closed_entry_with_its_successor(self) -> None:
        record = {
            "closed": True,
            "closed_on": "2026-06-01",
            "close_cause": "11",
            "successor": "6999901000002",
            "name": "株式会社みなと台帳",
        }
        registry = facts(APPLICATION, answer(**record))["registry"]
        assert {name: registry[name] for name in record} == record

    def test_an_unknown_number(self) -> None:
        assert facts(APPLICATION, absent("jp.nta", "JP-JCN", NUMBER))["registry"] == {"found": False}

    def test_a_withdrawn_number(self) -> None:
        withdrawn = answer(withdrawn=True)
        assert facts(APPLICATION, withdrawn)["registry"] == {"found": False, "withdrawn": True}

    def test_a_wrong_check_digit_settles_it_without_any_answer(self) -> None:
        document = application(identifiers=[{"scheme": "JP-JCN", "id": "1999901000001"}])
        dossier = assemble(document, (), (), NOW)
        assert dossier.facts["registry"] == {"found": False}
        assert dossier.provenance["registry"] == {"source": "check-digit"}

    def test_no_answer_leaves_the_section_out_and_says_why(self) -> None:
        gap = Gap("jp.nta", "vendor", OrganisationId("JP-JCN", NUMBER), "timeout")
        dossier = assemble(APPLICATION, (), (gap,), NOW)
        assert "registry" not in dossier.facts
        assert dossier.provenance["registry"] == {"source": "jp.nta", "gap": "timeout"}
        assert dossier.gaps == (gap,)

    def test_what_was_asked_for_the_maker_is_not_the_vendors(self) -> None:
        of_maker = Evidence(
            "jp.nta",
            "maker",
            OrganisationId("JP-JCN", NUMBER),
            Presence.FOUND,
            {"closed": True},
            NOW,
            CAPTURE,
        )
        gap = Gap("jp.nta", "maker", OrganisationId("JP-JCN", NUMBER), "timeout")
        dossier = assemble(APPLICATION, [of_maker], (gap,), NOW)
        assert "registry" not in dossier.facts
        assert "registry" not in dossier.provenance

    def test_english_and_former_names_count(self) -> None:
        record = {
            "name": "株式会社みなと台帳",
            "english_name": "Minato Ledger Co., Ltd.",
            "former_names": ["有限会社うみべ計算", "うみべソフト株式会社"],
        }
        english = facts(application(name="MINATO LEDGER CO., LTD."), answer(**record))["registry"]
        assert english["name_match"] == 1.0
        former = facts(application(name="うみべソフト㈱"), answer(**record))["registry"]
        assert former["name_match"] < 0.6
        assert former["former_name_match"] >= 0.9

    def test_a_character_that_the_register_could_not_store_is_no_mismatch(self) -> None:
        document = application(name="株式会社𦚰口鮪研究所")
        exact = facts(document, answer(name="株式会社脇口鮪研究所"))["registry"]["name_match"]
        approximate = facts(document, answer(name="株式会社脇口鮪研究所", name_is_approximate=True))[
            "registry"
        ]
        assert exact < 0.6
        assert approximate["name_match"] >= 0.9


class TestForeignVendors:
    IDENTIFIERS = ({"scheme": "IE-CRO", "id": "999999"}, {"scheme": "XI-LEI", "id": LEI})

    def document(self, **vendor: Any) -> dict[str, Any]:
        return application(
            **{"country": "IE", "name": "Saltmarsh Ltd", "identifiers": list(self.IDENTIFIERS), **vendor}
        )

    def test_gleif_is_the_home_register_where_there_is_no_corporate_number(self) -> None:
        record = {
            "lei": LEI,
            "name": "SALTMARSH LIMITED",
            "country": "IE",
            "other_names": [
                {"name": "Saltmarsh Cloud", "type": "TRADING_OR_OPERATING_NAME"},
                {"name": "Sea Lavender Ltd", "type": "PREVIOUS_LEGAL_NAME"},
            ],
        }
        dossier = assemble(self.document(), [answer("int.gleif", **record)], (), NOW)
        assert dossier.facts["registry"]["name_match"] == 1.0
        assert dossier.facts["vendor"]["lei"] == LEI
        assert dossier.provenance["registry.found"]["source"] == "int.gleif"
        trading = assemble(self.document(name="Saltmarsh Cloud"), [answer("int.gleif", **record)], (), NOW)
        assert trading.facts["registry"]["name_match"] < 0.6
        former = assemble(
            self.document(name="Sea Lavender Limited"), [answer("int.gleif", **record)], (), NOW
        )
        assert former.facts["registry"]["former_name_match"] >= 0.9

    def test_the_legal_name_in_another_script_counts(self) -> None:
        names = [{"name": "Saltmarsh GmbH", "type": "ALTERNATIVE_LANGUAGE_LEGAL_NAME"}]
        document = self.document(name="Saltmarsh GmbH")
        registry = facts(document, answer("int.gleif", name="Солёный луг", other_names=names))["registry"]
        assert registry["name_match"] == 1.0

    def test_a_declared_lei_that_does_not_exist_is_a_finding(self) -> None:
        assert facts(self.document(), absent("int.gleif", "XI-LEI", LEI))["registry"] == {"found": False}

    def test_no_lei_is_never_a_finding(self) -> None:
        document = self.document(identifiers=[{"scheme": "IE-CRO", "id": "999999"}])
        assert "registry" not in facts(document, absent("int.gleif", "IE-CRO", "999999"))


class TestContradictions:
    def assembled(self, **gleif: Any) -> dict[str, Any]:
        document = application(
            identifiers=[{"scheme": "JP-JCN", "id": NUMBER}, {"scheme": "XI-LEI", "id": LEI}]
        )
        evidence = [answer(name="株式会社みなと台帳"), answer("int.gleif", name="Minato Ledger", **gleif)]
        return dict(assemble(document, evidence, (), NOW).provenance)

    def test_the_lei_belongs_to_another_company(self) -> None:
        entry = self.assembled(corporate_number="6999901000002")["registry.found"]
        assert (entry["source"], entry["conflict"]["source"]) == ("jp.nta", "int.gleif")
        assert entry["conflict"]["value"] == "6999901000002"

    def test_gleif_knows_of_an_end_that_the_home_register_does_not(self) -> None:
        assert "conflict" in self.assembled(closed=True)["registry.closed"]

    def test_agreement_is_no_conflict(self) -> None:
        provenance = self.assembled(corporate_number=NUMBER)
        assert not any("conflict" in entry for entry in provenance.values())

    def test_a_gleif_record_that_lags_behind_a_closing_is_no_conflict(self) -> None:
        evidence = [answer(name="株式会社みなと台帳", closed=True), answer("int.gleif", closed=False)]
        provenance = assemble(APPLICATION, evidence, (), NOW).provenance
        assert not any("conflict" in entry for entry in provenance.values())


class TestVocabulary:
    def test_its_page_is_current(self) -> None:
        page = Path(__file__).parents[2] / "docs" / "facts.md"
        assert page.read_text("utf-8") == vocabulary.page(), "run: make docs"

    def test_what_it_copies_is_there_in_the_schema_of_applications(self) -> None:
        schema = json.loads(
            resources.files("pipeline").joinpath("schemas/application-1.json").read_text("utf-8")
        )

        def at(path: str) -> Any:
            place = schema
            for name in path.split("."):
                place = place["properties"][name]
                if "$ref" in place:
                    place = schema["$defs"][place["$ref"].rpartition("/")[2]]
            return place

        for fact in FACTS:
            if fact.copied_from is not None:
                found = at(fact.copied_from)
                assert (found.get("type") == "array") == fact.path.endswith("[]"), fact.path
                allowed = set(found.get("enum", found.get("items", {}).get("enum", fact.codes)))
                assert allowed == set(fact.codes), fact.path

    def test_every_assembled_fact_is_in_it(self) -> None:
        document = application(
            role="reseller",
            capital_jpy=1,
            founded_on="2020-01-01",
            offices=[],
            jp_registered_representative=True,
            certified_new_field_by=["kobe-city"],
        ) | {
            "certifications": [
                {
                    "type": "ISO27001",
                    "edition": "2022",
                    "accredited": True,
                    "covers_service": True,
                    "valid_to": "2028-01-01",
                }
            ],
            "maker": {"name": "Fjordlager AS", "country": "NO", "authorisation": {"confirmed": True}},
            "declarations": {"discretionary_exclusion": False},
            "subprocessors": [{"name": "Fjordlager AS", "country": "NO"}],
            "support_access": ["JP"],
        }
        record = {
            "name": "株式会社みなと台帳",
            "closed_on": "2026-01-01",
            "close_cause": "01",
            "successor": NUMBER,
        }
        for path in _paths(facts(document, answer(**record))):
            assert path in BY_PATH, path


def _paths(value: Any, at: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in _paths(inner, f"{at}.{key}".lstrip("."))}
    if isinstance(value, list):
        return {path for inner in value for path in _paths(inner, f"{at}[]")} or {f"{at}[]"}
    return {at}


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.none() | st.text(max_size=20),
        "english_name": st.none() | st.text(max_size=20),
        "former_names": st.lists(st.text(max_size=20), max_size=3),
        "other_names": st.lists(
            st.fixed_dictionaries(
                {"name": st.text(max_size=20), "type": st.sampled_from(["PREVIOUS_LEGAL_NAME", ""])}
            ),
            max_size=3,
        ),
        "closed": st.none() | st.booleans(),
        "withdrawn": st.booleans(),
        "name_is_approximate": st.booleans(),
    },
)


@given(RECORDS, st.text(min_size=1, max_size=20), st.sampled_from(["jp.nta", "int.gleif"]))
def test_any_record_gives_facts_of_the_right_kind(record: dict[str, Any], name: str, source: str) -> None:
    identifiers = (
        [{"scheme": "JP-JCN", "id": NUMBER}] if source == "jp.nta" else [{"scheme": "XI-LEI", "id": LEI}]
    )
    registry = facts(application(name=name, identifiers=identifiers), answer(source, **record))["registry"]
    for path, value in registry.items():
        kind = BY_PATH[f"registry.{path}"].kind
        assert isinstance(value, {"boolean": bool, "decimal": float}.get(kind, str))
    for score in ("name_match", "former_name_match"):
        assert re.fullmatch(r"0\.\d{1,2}|1\.0", str(registry.get(score, 0.0)))
