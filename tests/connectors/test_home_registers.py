"""The home registers of Britain, Norway and France against genuine answers, value by value."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors import brreg, companies_house, entreprises
from connectors.limits import Rate
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
BRITAIN = companies_house.connector({"api_key": "K9secret"})
NORWAY = brreg.connector({})
FRANCE = entreprises.connector({})


def capture(body: object, status: int = 200) -> Capture:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Capture("xx", "https://register.example/", AT, status, "application/json", raw)


def about(connector, scheme: str, number: str) -> Inquiry:
    return Inquiry(connector.source, "maker", OrganisationId(scheme, number), "Example")


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-intl/samples"


PROFILES = {
    "company_00445790_active_plc.json": {
        "number": "00445790",
        "name": "TESCO PLC",
        "former_names": ["TESCO STORES (HOLDINGS) LIMITED", "TESCO STORES (HOLDINGS) PUBLIC LIMITED COMPANY"],
        "country": "GB",
        "jurisdiction": "england-wales",
        "type": "plc",
        "status": "active",
        "closed": False,
        "founded_on": "1947-11-27",
        "address": "Tesco House, Shire Park, Kestrel Way, Welwyn Garden City, AL7 1GA, United Kingdom",
        "warnings": [],
        "register_date": "2026-11-06",
    },
    "company_04374209_liquidation.json": {
        "number": "04374209",
        "name": "COMMUNITY ACCOUNTANCY SELF HELP",
        "former_names": [],
        "country": "GB",
        "jurisdiction": "england-wales",
        "type": "private-limited-guarant-nsc-limited-exemption",
        "status": "liquidation",
        "closed": False,
        "founded_on": "2002-02-14",
        "address": "6 Bevington Road, Bevington Road, London, W10 5TN, England",
        "warnings": ["insolvent", "insolvency-history", "accounts-overdue", "confirmation-overdue"],
        "register_date": "2026-11-06",
    },
    "company_08957400_active_previous_name_2020.json": {
        "number": "08957400",
        "name": "CANDOUR GROUP LIMITED",
        "former_names": ["LONDON & KENT ESTATES LIMITED"],
        "country": "GB",
        "jurisdiction": "england-wales",
        "type": "ltd",
        "status": "active",
        "closed": False,
        "founded_on": "2014-03-25",
        "address": "71 New Dover Road, Canterbury, CT1 3DZ, England",
        "warnings": [],
        "register_date": "2026-11-06",
    },
    "company_FC032315_oversea.json": {
        "number": "FC032315",
        "name": "CIC PRIVATE DEBT",
        "former_names": ["CM-CIC PRIVATE DEBT"],
        "jurisdiction": "united-kingdom",
        "type": "oversea-company",
        "status": "active",
        "closed": False,
        "founded_on": "2015-01-01",
        "address": "Branch Registration, Refer To Parent Registry",
        "home_register": {
            "name": "Rcs Paris (Registre Du Commerce Et Des Societes)",
            "country": "FRANCE",
            "number": "503110595",
        },
        "warnings": [],
        "register_date": "2026-11-06",
    },
}


@pytest.mark.parametrize("name", PROFILES)
def test_british_profiles(samples, name):
    taken = capture((samples / "companies-house" / name).read_bytes())
    inquiry = about(BRITAIN, "GB-COH", str(PROFILES[name]["number"]))
    evidence = BRITAIN.parse(inquiry, taken)
    assert evidence.record == PROFILES[name]
    assert evidence.presence is Presence.FOUND
    assert (evidence.source, evidence.role, evidence.subject) == (
        "gb.companies-house",
        "maker",
        inquiry.subject,
    )
    assert (evidence.observed_at, evidence.capture) == (AT, taken.sha256)


def test_a_british_search(samples):
    taken = capture((samples / "companies-house/search_companies_tesco.json").read_bytes())
    assert [evidence.record for evidence in BRITAIN.evidence_in(taken)] == [
        {
            "number": "00445790",
            "name": "TESCO PLC",
            "country": "GB",
            "type": "plc",
            "status": "active",
            "closed": False,
            "founded_on": "1947-11-27",
            "address": "Tesco House, Shire Park, Kestrel Way, Welwyn Garden City, AL7 1GA, United Kingdom",
            "register_date": "2026-11-06",
        },
        {
            "number": "09384423",
            "name": "KFORD TYRES (GORNAL) LTD",
            "country": "GB",
            "type": "ltd",
            "status": "active",
            "closed": False,
            "founded_on": "2015-01-12",
            "address": "2, Dawley Brook Road, Kingswinford, DY6 7BD, England",
            "register_date": "2026-11-06",
        },
        {
            "number": "05888957",
            "name": "TESCO AQUA (FINCO2) LIMITED",
            "country": "GB",
            "type": "ltd",
            "status": "dissolved",
            "closed": True,
            "closed_on": "2025-11-12",
            "founded_on": "2006-07-27",
            "address": "1, More London Place, London, SE1 2AF",
            "register_date": "2026-11-06",
        },
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"errors":[{"error":"company-profile-not-found","type":"ch:service"}]}',
    ],
)
def test_404_is_an_absence_in_whatever_format(samples, body):
    inquiry = about(BRITAIN, "GB-COH", "99999999")
    evidence = BRITAIN.parse(inquiry, capture(body, 404))
    assert (evidence.presence, evidence.record) == (Presence.ABSENT, {"register_date": "2026-11-06"})
    if body.startswith(b"{"):
        assert BRITAIN.evidence_in(capture(body)) == []


PROFILE = {"company_name": "EXAMPLE", "company_number": "RS990001", "type": "llp"}


@pytest.mark.parametrize(
    ("members", "end"),
    [
        ({}, {}),
        ({"date_of_cessation": "2024-05-06"}, {"closed": True, "closed_on": "2024-05-06"}),
        ({"company_status": "open"}, {"closed": False}),
        ({"company_status": "registered"}, {"closed": False}),
        ({"company_status": "administration"}, {"closed": False}),
        ({"company_status": "removed"}, {"closed": True}),
        ({"company_status": "closed"}, {"closed": True}),
        (
            {"company_status": "converted-closed", "date_of_cessation": "2024-05-06"},
            {"closed": True, "closed_on": "2024-05-06"},
        ),
    ],
)
def test_how_a_british_company_ends(members, end):
    record = BRITAIN.parse(about(BRITAIN, "GB-COH", "RS990001"), capture(PROFILE | members)).record
    assert {key: record[key] for key in ("closed", "closed_on") if key in record} == end


def test_warnings_and_what_is_held_elsewhere():
    members = {
        "company_status": "active",
        "company_status_detail": "active-proposal-to-strike-off",
        "registered_office_is_in_dispute": True,
        "undeliverable_registered_office_address": True,
        "accounts": {"overdue": True},
        "partial_data_available": "full-data-available-from-financial-conduct-authority",
        "branch_company_details": {"parent_company_number": "FC990001"},
        "registered_office_address": {"care_of": "Erika Mustermann", "address_line_1": "1 High Street"},
    }
    record = BRITAIN.parse(about(BRITAIN, "GB-COH", "RS990001"), capture(PROFILE | members)).record
    assert record["warnings"] == [
        "strike-off-proposed",
        "accounts-overdue",
        "office-disputed",
        "office-undeliverable",
    ]
    assert record["held_elsewhere"].startswith("full-data")
    assert record["parent"] == "FC990001"
    assert record["address"] == "1 High Street"


@pytest.mark.parametrize(
    "members",
    [
        {"company_number": "RS990002"},
        {"company_status": "asleep"},
        {"company_status_detail": "nearly"},
        {"type": "guild"},
        {"jurisdiction": "atlantis"},
        {"date_of_creation": "1947-02-30"},
        {"date_of_cessation": None},
        {"previous_company_names": [{"name": "A"}]},
        {"company_name": " "},
    ],
)
def test_a_british_profile_out_of_its_shape(members):
    with pytest.raises(SourceChanged):
        BRITAIN.parse(about(BRITAIN, "GB-COH", "RS990001"), capture(PROFILE | members))


EQUINOR = {
    "number": "923609016",
    "name": "EQUINOR ASA",
    "former_names": ["Den norske stats oljeselskap a.s", "STATOIL ASA", "STATOILHYDRO ASA", "STATOIL ASA"],
    "country": "NO",
    "form": "ASA",
    "closed": False,
    "founded_on": "1972-09-18",
    "registered_on": "1995-03-12",
    "address": "Forusbeen 50, 4035 STAVANGER, Norge",
    "vat_registered": True,
    "warnings": [],
    "register_date": "2026-11-06",
}


@pytest.fixture
def equinor(samples):
    return json.loads((samples / "brreg/enhet_923609016_asa.json").read_bytes())


def norwegian(entity, status: int = 200):
    return NORWAY.parse(about(NORWAY, "NO-BRC", "923609016"), capture(entity, status))


def test_a_norwegian_entity(equinor):
    evidence = norwegian(equinor)
    assert (evidence.presence, evidence.record) == (Presence.FOUND, EQUINOR)
    page = {"_embedded": {"enheter": [equinor]}, "page": {"totalElements": 1}}
    assert [one.record for one in NORWAY.evidence_in(capture(page))] == [EQUINOR]


def test_a_deleted_entity_is_closed(equinor):
    form = equinor["organisasjonsform"]
    for klasse in ({}, {"respons_klasse": "SlettetEnhet"}):
        deleted = {
            "organisasjonsnummer": "923609016",
            "navn": "EQUINOR ASA",
            "organisasjonsform": form,
            "slettedato": "2026-10-20",
            **klasse,
        }
        assert norwegian(deleted).record == {
            "number": "923609016",
            "name": "EQUINOR ASA",
            "former_names": [],
            "form": "ASA",
            "closed": True,
            "closed_on": "2026-10-20",
            "warnings": [],
            "register_date": "2026-11-06",
        }


def test_an_entity_that_the_register_does_not_have_or_does_not_show():
    absent = norwegian(b"", 404)
    assert (absent.presence, absent.record) == (Presence.ABSENT, {"register_date": "2026-11-06"})
    withheld = norwegian(b"", 410)
    assert withheld.presence is Presence.FOUND
    assert withheld.record == {"number": "923609016", "withheld": True, "register_date": "2026-11-06"}


def test_norwegian_warnings(equinor):
    equinor |= {"konkurs": True, "underAvvikling": True, "underTvangsavviklingEllerTvangsopplosning": True}
    record = norwegian(equinor).record
    assert record["warnings"] == ["bankrupt", "winding-up", "compulsory-winding-up"]
    assert record["closed"] is False


def test_of_a_norwegian_sole_proprietor_nothing_personal_is_kept(equinor):
    equinor["organisasjonsform"] = {"kode": "ENK"}
    record = norwegian(equinor).record
    assert record["sole_proprietor"] is True
    assert not {"name", "former_names", "address"} & set(record)
    assert "EQUINOR" not in str(record)
    assert "Forus" not in str(record)


@pytest.mark.parametrize(
    "members",
    [
        {"organisasjonsnummer": "974760673"},
        {"respons_klasse": "SlettetEnhet"},
        {"respons_klasse": "Underenhet"},
        {"slettedato": "2026-10-20"},
        {"konkurs": "nei"},
        {"organisasjonsform": {"kode": 7}},
        {"historiskeNavn": [{"navn": "A"}]},
        {"forretningsadresse": {"landkode": "Norge"}},
    ],
)
def test_a_norwegian_entity_out_of_its_shape(equinor, members):
    with pytest.raises(SourceChanged):
        norwegian(equinor | members)


def test_french_companies_of_2022(samples):
    taken = capture((samples / "recherche-entreprises/search_2022_shape_part_a.json").read_bytes())
    assert [evidence.record for evidence in FRANCE.evidence_in(taken)] == [
        {
            "number": "418166096",
            "name": "OCTO-TECHNOLOGY",
            "country": "FR",
            "legal_form": "5710",
            "size": "GE",
            "closed": False,
            "founded_on": "1998-04-01",
            "address": "34 AV DE L OPERA 75102 PARIS 2",
            "register_date": "2026-11-06",
        },
        {
            # Registered in France, its seat in Rhode Island.
            "number": "503289860",
            "name": "COTO TECHNOLOGIE INC",
            "legal_form": "3220",
            "size": "PME",
            "closed": False,
            "founded_on": "2008-01-01",
            "address": "SUITE 301 171 SERVICE ROAD WARWICK RI 02886 1015 ETATS-UNIS",
            "register_date": "2026-11-06",
        },
    ]


CURRENT = {
    "siren": "356000000",
    "nom_complet": "la poste",
    "nom_raison_sociale": "LA POSTE",
    "sigle": None,
    "categorie_entreprise": "GE",
    "date_creation": "1991-01-01",
    "date_fermeture": None,
    "etat_administratif": "A",
    "nature_juridique": "5510",
    "statut_diffusion": "O",
    "siege": {"siret": "35600000000048", "adresse": "9 RUE DU COLONEL PIERRE AVIA 75015 PARIS",
              "code_pays_etranger": None},
    "complements": {"est_entrepreneur_individuel": False},
    "tva": ["FR39356000000"],
}  # fmt: skip
"""As the examples of the service's description have it."""


def french(*results, number: str = "356000000"):
    page = {"results": list(results), "total_results": len(results)}
    return FRANCE.parse(about(FRANCE, "FR-INSEE", number), capture(page))


def test_a_french_company_of_today():
    assert french(CURRENT).record == {
        "number": "356000000",
        "name": "LA POSTE",
        "country": "FR",
        "legal_form": "5510",
        "size": "GE",
        "closed": False,
        "founded_on": "1991-01-01",
        "address": "9 RUE DU COLONEL PIERRE AVIA 75015 PARIS",
        "vat_numbers": ["FR39356000000"],
        "register_date": "2026-11-06",
    }


def test_a_french_company_that_has_ceased():
    record = french(CURRENT | {"etat_administratif": "C", "date_fermeture": "2025-12-31"}).record
    assert (record["closed"], record["closed_on"]) == (True, "2025-12-31")


def test_what_the_french_search_does_not_show():
    absent = french()
    assert (absent.presence, absent.record) == (Presence.ABSENT, {"register_date": "2026-11-06"})
    partly = french(
        CURRENT | {"statut_diffusion": "P", "nom_raison_sociale": "[ND]", "siege": {"adresse": "[ND] PARIS"}}
    )
    assert partly.record["partly_undisclosed"] is True
    assert not {"name", "address"} & set(partly.record)


@pytest.mark.parametrize(
    "sign",
    [
        {"nature_juridique": "1000"},
        {"complements": {"est_entrepreneur_individuel": True}},
        {"is_entrepreneur_individuel": True},
    ],
)
def test_of_a_french_sole_trader_nothing_personal_is_kept(sign):
    trader = CURRENT | {"nom_complet": "jeanne martin", "nom_raison_sociale": None} | sign
    record = french(trader).record
    assert record["sole_trader"] is True
    assert "martin" not in str(record).casefold()
    assert "AVIA" not in str(record)


@pytest.mark.parametrize(
    "results",
    [
        [CURRENT | {"siren": "418166096"}],
        [CURRENT, CURRENT],
        [CURRENT | {"etat_administratif": "X"}],
        [CURRENT | {"statut_diffusion": "N"}],
        [CURRENT | {"date_creation": "1991-13-01"}],
    ],
)
def test_a_french_page_out_of_its_shape(results):
    with pytest.raises(SourceChanged):
        french(*results)


def test_a_french_refusal_is_no_answer():
    with pytest.raises(SourceUnavailable, match="refused"):
        FRANCE.evidence_in(capture({"erreur": "Veuillez indiquer au moins un paramètre de recherche."}))


def party(*identifiers):
    return {
        "name": "Example",
        "country": "GB",
        "identifiers": [{"scheme": scheme, "id": number} for scheme, number in identifiers],
    }


@pytest.mark.parametrize(
    ("connector", "scheme", "number", "wrong"),
    [
        (BRITAIN, "GB-COH", "SC990028", "00000000"),
        (NORWAY, "NO-BRC", "923609016", "923609017"),
        (FRANCE, "FR-INSEE", "356000000", "356000001"),
    ],
)
@pytest.mark.parametrize("role", ["vendor", "maker"])
def test_whom_they_ask_about(connector, scheme, number, wrong, role):
    other = party(("JP-JCN", "7000012050002"))
    application = {"vendor": other, role: party(("XI-LEI", "x"), (scheme, number), (scheme, wrong))}
    [inquiry] = connector.inquiries(application)
    assert inquiry == Inquiry(connector.source, role, OrganisationId(scheme, number), "Example")
    assert list(connector.inquiries({"vendor": other, role: party((scheme, wrong))})) == []


@pytest.mark.parametrize(
    ("module", "scheme", "number", "target"),
    [
        (companies_house, "GB-COH", "SC990028", "/company/SC990028"),
        (brreg, "NO-BRC", "923609016", "/enheter/923609016"),
        (
            entreprises,
            "FR-INSEE",
            "356000000",
            "/search?q=356000000&minimal=true&include=siege%2Ccomplements%2Ctva",
        ),
    ],
)
def test_what_they_ask(registry, message, module, scheme, number, target):
    server = registry(message(b"{}", media_type="application/json;charset=utf-8"))
    connector = module.connector({"base_url": server.url, "api_key": "K9secret"})
    taken = connector.fetch(about(connector, scheme, number))
    assert server.requests[0].startswith(f"GET /base{target} HTTP/1.1\r\n".encode())
    assert taken.url == server.url + target
    if module is companies_house:
        assert b"\r\nAuthorization: Basic SzlzZWNyZXQ6" in server.requests[0]
        assert "SzlzZWNyZXQ6" not in repr(taken)
    connector.close()


def test_their_published_rates():
    assert BRITAIN.rates == (Rate(600, 300),)
    assert FRANCE.rates == (Rate(7, 1),)
    assert NORWAY.rates
