"""The LEI connector against published answers, each deviation from them, and arbitrary JSON."""

from __future__ import annotations

import contextlib
import copy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import gleif
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
FRAPORT = "5299001ERX0K10IZUL40"
SHELL = "21380068P1DRHMJ8KU70"


@pytest.fixture(scope="module")
def connector():
    connector = gleif.Gleif()
    yield connector
    connector.close()


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-intl/samples/gleif"


def capture(body: bytes, status: int = 200) -> Capture:
    return Capture("int.gleif", "https://gleif.example/", AT, status, "application/vnd.api+json", body)


def about(number: str, scheme: str = "XI-LEI", role: str = "vendor") -> Inquiry:
    return Inquiry("int.gleif", role, OrganisationId(scheme, number), "Example")


def common(lei: str, **more: object) -> dict[str, object]:
    return {
        "lei": lei,
        "category": "GENERAL",
        "other_names": [],
        "former_names": [],
        "closed": False,
        "registration_status": "ISSUED",
        "corroboration": "FULLY_CORROBORATED",
        "register_date": "2025-05-15",
        **more,
    }


RECORDS = {
    SHELL: common(
        SHELL,
        name="SHELL PLC",
        name_language="en",
        former_names=["ROYAL DUTCH SHELL PLC"],
        country="GB",
        jurisdiction="GB",
        register={"authority": "RA000585", "number": "04366849"},
        next_renewal_on="2026-07-04",
    ),
    "254900LNRYNOQ9YPU758": common(
        "254900LNRYNOQ9YPU758",
        name="Amazon Digital UK Limited",
        name_language="en",
        former_names=[
            "AMAZON VIDEO LIMITED",
            "AMAZON INSTANT VIDEO LIMITED",
            "LOVEFILM UK LIMITED",
            "LOVEFILM LIMITED",
        ],
        country="GB",
        jurisdiction="GB",
        register={"authority": "RA000585", "number": "06528297"},
        next_renewal_on="2026-05-20",
    ),
    "254900MSZM6DMP853B11": common(
        "254900MSZM6DMP853B11",
        name="ROCA NETWORKS INC.",
        name_language="en",
        country="CA",
        jurisdiction="CA-ON",
        register={"authority": "RA000079", "number": "2167978"},
        next_renewal_on="2026-04-04",
    ),
    FRAPORT: common(
        FRAPORT,
        name="Fraport AG Frankfurt Airport Services Worldwide",
        name_language="de",
        country="DE",
        jurisdiction="DE",
        register={"authority": "RA000242", "number": "HRB 7042"},
        next_renewal_on="2026-06-03",
    ),
}


@pytest.mark.parametrize(("lei", "record"), RECORDS.items(), ids=RECORDS)
def test_published_records(connector, samples, lei, record):
    taken = capture((samples / f"lei_record_{lei}.json").read_bytes())
    evidence = connector.parse(about(lei, role="maker"), taken)
    assert evidence.record == record
    assert evidence.presence is Presence.FOUND
    assert (evidence.source, evidence.role) == ("int.gleif", "maker")
    assert evidence.subject == OrganisationId("XI-LEI", lei)
    assert (evidence.observed_at, evidence.capture) == (AT, taken.sha256)


def test_children_of_shell(samples):
    records = gleif.read_records(capture((samples / f"direct_children_{SHELL}.json").read_bytes()))
    assert [(record["name"], record.get("register", {}).get("number")) for record in records] == [
        ("BRAZIL SHIPPING I LIMITED", "07211438"),
        ("SHELL TANKERS (SINGAPORE) PRIVATE LIMITED", "200010249N"),
        ("SHELL EXPLORATION AND PRODUCTION (84) B.V.", "65500784"),
        ("SHELL EXPLORATION AND PRODUCTION (LXI) B.V.", "53504097"),
        ("SHELL CATALYSTS & TECHNOLOGIES PTE. LTD.", "199403865N"),
        ("ENERGIEPARK POTTENDIJK B.V.", "70339538"),
        ("SHELL NEW ENERGIES NL B.V.", "68126352"),
        ("SHELL TIMUR SDN.BHD.", "198401000783"),
        ("SHELL ENERGY PHILIPPINES, INC.", "CS200707711"),
        ("SHELL MALAYSIA TRADING SDN BHD", "196501000279"),
        ("SHELL LUXEMBOURGEOISE", "B7479"),
        ("シェルジャパン株式会社", "0100-01-114017"),
        ("PT SHELL MANUFACTURING INDONESIA", None),
        ("PT. SHELL INDONESIA", None),
        ("STT (DAS BENEFICIARY) LIMITED", "05416740"),
    ]
    # Japan's register number is a corporate number without its check digit.
    assert records[11] == common(
        "5493009V2TKX7TKLBP02",
        name="シェルジャパン株式会社",
        name_language="ja",
        other_names=[{"name": "SHELL JAPAN LIMITED", "type": "PREFERRED_ASCII_TRANSLITERATED_LEGAL_NAME"}],
        country="JP",
        jurisdiction="JP",
        register={"authority": "RA000412", "number": "0100-01-114017"},
        corporate_number="5010001114017",
        next_renewal_on="2025-07-06",
    )
    # No register, no renewal since 2022, and still active.
    assert records[12] == common(
        "549300YAWIFS8273O417",
        name="PT SHELL MANUFACTURING INDONESIA",
        name_language="id",
        country="ID",
        jurisdiction="ID",
        registration_status="LAPSED",
        corroboration="ENTITY_SUPPLIED_ONLY",
        next_renewal_on="2022-03-31",
    )


def test_children_of_fraport(samples):
    records = gleif.read_records(capture((samples / f"direct_children_{FRAPORT}.json").read_bytes()))
    assert records == [
        common(
            "254900RX3NW13DDG3905",
            name="Lima Airport Partners S.R.L.",
            name_language="es",
            country="PE",
            jurisdiction="PE",
            register={"authority": "RA000689", "number": "20501577252"},
            next_renewal_on="2025-10-09",
        ),
        common(
            "529900YR7EORVQ2U3353",
            name="FRAPORT MALTA BUSINESS SERVICES LTD",
            name_language="mt-MT",
            country="MT",
            jurisdiction="MT",
            register={"authority": "RA000443", "number": "C 37386"},
            next_renewal_on="2025-11-17",
        ),
    ]


def test_nordic_firms(samples):
    records = gleif.read_records(capture((samples / "lei_records_nordic_sme_page_part_a.json").read_bytes()))
    assert [(record["name"], record["country"], record["register"]["number"]) for record in records] == [
        ("REM Elektriska AB", "SE", "556157-5308"),
        ("UZ AB", "SE", "556678-8054"),
        ("SoHundred AB", "SE", "556947-7945"),
        ("OCP Autoteknik AB", "SE", "559094-0739"),
        ("INVESTY AS", "NO", "932 204 282"),
        ("Flottstan Invest AB", "SE", "559407-7397"),
        ("ESTR-AnLi AB", "SE", "559182-6218"),
        ("CLE Thornberg Invest AB", "SE", "559317-8113"),
    ]
    assert {record["register_date"] for record in records} == {"2023-11-02"}


def test_no_hit(connector, samples):
    taken = capture((samples / "lei_records_empty_result.json").read_bytes())
    evidence = connector.parse(about("00223668", "GB-COH"), taken)
    assert evidence.presence is Presence.ABSENT
    assert evidence.record == {"register_date": "2026-09-08"}
    assert gleif.read_records(taken) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"errors":[{"title":"Not Found"}]}'])
def test_an_lei_that_nobody_has(connector, body):
    evidence = connector.parse(about(FRAPORT), capture(body, 404))
    assert evidence.presence is Presence.ABSENT
    assert evidence.record == {}


def test_the_other_answers_of_the_interface_are_no_records(connector, samples):
    records = {
        *(f"lei_record_{lei}.json" for lei in RECORDS),
        f"direct_children_{SHELL}.json",
        f"direct_children_{FRAPORT}.json",
        "lei_records_empty_result.json",
        "lei_records_nordic_sme_page_part_a.json",
    }
    others = {path.name for path in samples.iterdir()} - records
    assert others
    for name in others:
        with pytest.raises(SourceChanged):
            gleif.read_records(capture((samples / name).read_bytes()))


@pytest.fixture
def fraport(samples):
    """A published answer for a test to change."""
    return json.loads((samples / f"lei_record_{FRAPORT}.json").read_bytes())


def record_of(connector, document) -> dict[str, object]:
    return dict(connector.parse(about(FRAPORT), capture(json.dumps(document).encode())).record)


@pytest.mark.parametrize(
    ("entity", "end"),
    [
        ({}, {"closed": False}),
        ({"status": "INACTIVE"}, {"closed": True}),
        ({"status": "NULL"}, {}),
        (
            {
                "status": "INACTIVE",
                "expiration": {"date": "2026-06-30T22:00:00Z", "reason": "CORPORATE_ACTION"},
                "successorEntities": [{"lei": SHELL, "name": "SHELL PLC"}],
            },
            {
                "closed": True,
                "closed_on": "2026-06-30",
                "close_cause": "CORPORATE_ACTION",
                "successor": SHELL,
            },
        ),
        (
            {"expiration": {"date": "2026-06-30T00:00:00Z", "reason": None}},
            {"closed": True, "closed_on": "2026-06-30"},
        ),
        ({"expiration": {"date": None, "reason": "DISSOLVED"}}, {"closed": True, "close_cause": "DISSOLVED"}),
        ({"successorEntities": [{"lei": None, "name": "Nobody"}]}, {"closed": False}),
        ({"successorEntities": [{"lei": SHELL}, {"lei": FRAPORT}]}, {"closed": False}),
    ],
)
def test_how_an_entity_ends(connector, fraport, entity, end):
    fraport["data"]["attributes"]["entity"].update(entity)
    record = record_of(connector, fraport)
    assert {
        key: record[key] for key in ("closed", "closed_on", "close_cause", "successor") if key in record
    } == end


def test_of_a_sole_proprietor_nothing_personal_is_kept(connector, fraport):
    entity = fraport["data"]["attributes"]["entity"]
    entity["category"] = "SOLE_PROPRIETOR"
    entity["legalName"]["name"] = "Erika Mustermann"
    entity["otherNames"] = [{"name": "Erika Muster", "language": "de", "type": "PREVIOUS_LEGAL_NAME"}]
    assert record_of(connector, fraport) == {
        "lei": FRAPORT,
        "category": "SOLE_PROPRIETOR",
        "country": "DE",
        "jurisdiction": "DE",
        "closed": False,
        "registration_status": "ISSUED",
        "next_renewal_on": "2026-06-03",
        "corroboration": "FULLY_CORROBORATED",
        "register_date": "2025-05-15",
    }


def test_names_by_their_type(connector, fraport):
    entity = fraport["data"]["attributes"]["entity"]
    entity["otherNames"] = [
        {"name": "Airport GmbH", "language": "de", "type": "PREVIOUS_LEGAL_NAME"},
        {"name": "Frankfurt Airport", "language": "en", "type": "TRADING_OR_OPERATING_NAME"},
    ]
    entity["transliteratedOtherNames"] = [
        {"name": "FRAPORT", "language": "de", "type": "AUTO_ASCII_TRANSLITERATED_LEGAL_NAME"}
    ]
    record = record_of(connector, fraport)
    assert record["former_names"] == ["Airport GmbH"]
    assert record["other_names"] == [
        {"name": "Frankfurt Airport", "type": "TRADING_OR_OPERATING_NAME"},
        {"name": "FRAPORT", "type": "AUTO_ASCII_TRANSLITERATED_LEGAL_NAME"},
    ]


@pytest.mark.parametrize(
    ("number", "corporate_number"),
    [("0100-01-114017", "5010001114017"), ("5010001114017", None), ("0100-01-11401", None), ("東京 1", None)],
)
def test_a_japanese_register_number(connector, fraport, number, corporate_number):
    fraport["data"]["attributes"]["entity"] |= {"registeredAt": {"id": "RA000412"}, "registeredAs": number}
    record = record_of(connector, fraport)
    assert record["register"] == {"authority": "RA000412", "number": number}
    assert record.get("corporate_number") == corporate_number


def listed(*items, total: int | None = None) -> bytes:
    pagination = {"total": len(items) if total is None else total}
    meta = {"goldenCopy": {"publishDate": "2026-09-08T08:00:00Z"}, "pagination": pagination}
    return json.dumps({"meta": meta, "data": list(items)}).encode()


@pytest.fixture
def british(samples):
    """The resource of a British company, number 04366849."""
    return json.loads((samples / f"lei_record_{SHELL}.json").read_bytes())["data"]


def variant(resource, lei: str, **registration: object):
    resource = copy.deepcopy(resource)
    resource["id"] = resource["attributes"]["lei"] = lei
    resource["attributes"]["registration"] |= registration
    return resource


def test_by_register_number(connector, british):
    evidence = connector.parse(about("04366849", "GB-COH"), capture(listed(british)))
    assert evidence.record["lei"] == SHELL
    assert evidence.record["register_date"] == "2026-09-08"
    assert evidence.subject == OrganisationId("GB-COH", "04366849")


@pytest.mark.parametrize("written", ["4366849", "04 36 68 49", "04366849 "])
def test_a_number_is_the_same_however_its_issuer_wrote_it(connector, british, written):
    british["attributes"]["entity"]["registeredAs"] = written
    evidence = connector.parse(about("04366849", "GB-COH"), capture(listed(british)))
    assert evidence.record["register"] == {"authority": "RA000585", "number": written}


def test_another_authoritys_number_is_left_aside(connector, british):
    german = variant(british, FRAPORT)
    german["attributes"]["entity"]["registeredAt"] = {"id": "RA000242"}
    evidence = connector.parse(about("04366849", "GB-COH"), capture(listed(german, british)))
    assert evidence.record["lei"] == SHELL


@pytest.mark.parametrize("status", ["DUPLICATE", "ANNULLED"])
def test_a_registration_in_error_is_left_aside(connector, british, status):
    wrong = variant(british, FRAPORT, status=status)
    evidence = connector.parse(about("04366849", "GB-COH"), capture(listed(wrong, british)))
    assert evidence.record["lei"] == SHELL
    alone = connector.parse(about("04366849", "GB-COH"), capture(listed(wrong)))
    assert alone.record["registration_status"] == status


def test_what_does_not_narrow_to_one_is_a_changed_source(connector, british):
    cases = {
        "two of them": listed(british, variant(british, FRAPORT, status="LAPSED")),
        "two in error": listed(
            variant(british, FRAPORT, status="ANNULLED"), variant(british, SHELL, status="DUPLICATE")
        ),
        "more on other pages": listed(british, total=2),
        "total without records": listed(total=3),
        "fewer than it says": listed(british, total=0),
        "none": listed(variant(british, FRAPORT)).replace(b"04366849", b"00000001"),
    }
    for case, body in cases.items():
        with pytest.raises(SourceChanged) as caught:
            connector.parse(about("04366849", "GB-COH"), capture(body))
        assert caught.value.sha256 == capture(body).sha256, case


def test_another_lei_than_the_one_asked_for_is_a_changed_source(connector, fraport):
    with pytest.raises(SourceChanged):
        connector.parse(about(SHELL), capture(json.dumps(fraport).encode()))


def test_a_404_is_no_answer_to_a_search(connector):
    with pytest.raises(SourceChanged):
        connector.parse(about("04366849", "GB-COH"), capture(b"", 404))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data", None),
        ("data", 1),
        ("data", [None]),
        ("data.type", "funds"),
        ("data.id", "254900LNRYNOQ9YPU758"),
        ("data.attributes", []),
        ("data.attributes.lei", ""),
        ("data.attributes.entity", None),
        ("data.attributes.entity.legalName", "Fraport"),
        ("data.attributes.entity.legalName.name", "  "),
        ("data.attributes.entity.legalName.name", None),
        ("data.attributes.entity.legalName.language", 5),
        ("data.attributes.entity.otherNames", {}),
        ("data.attributes.entity.otherNames", [{"name": "A", "type": "NICKNAME"}]),
        ("data.attributes.entity.otherNames", ["A"]),
        ("data.attributes.entity.legalAddress.country", None),
        ("data.attributes.entity.jurisdiction", 3),
        ("data.attributes.entity.category", "ROBOT"),
        ("data.attributes.entity.category", None),
        ("data.attributes.entity.status", "DORMANT"),
        ("data.attributes.entity.status", None),
        ("data.attributes.entity.expiration", None),
        ("data.attributes.entity.expiration.date", "30 June"),
        ("data.attributes.entity.expiration.date", "2026-06-30"),
        ("data.attributes.entity.expiration.reason", "BORED"),
        ("data.attributes.entity.successorEntities", None),
        ("data.attributes.entity.successorEntities", [{"lei": 7}]),
        ("data.attributes.entity.registeredAt", None),
        ("data.attributes.entity.registeredAt.id", 412),
        ("data.attributes.entity.registeredAs", 7042),
        ("data.attributes.registration", None),
        ("data.attributes.registration.status", "FINE"),
        ("data.attributes.registration.nextRenewalDate", "2026-13-01T00:00:00Z"),
        ("data.attributes.registration.corroborationLevel", "SOMEWHAT"),
        ("meta", None),
        ("meta.goldenCopy", None),
        ("meta.goldenCopy.publishDate", None),
        ("meta.goldenCopy.publishDate", "20250515T000000Z"),
    ],
)
def test_what_is_out_of_the_known_shape_is_a_changed_source(connector, fraport, path, value):
    *parents, last = path.split(".")
    place = fraport
    for name in parents:
        place = place[name]
    place[last] = value
    with pytest.raises(SourceChanged) as caught:
        record_of(connector, fraport)
    assert caught.value.sha256.startswith("sha256:")
    assert caught.value.source == "int.gleif"
    assert "Fraport" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b"\xef\xbb\xbf{}",
        b'{"data": 1, "data": 2}',
        b'{"data": NaN}',
        b'{"data": "\\ud800"}',
        b'{"data": "\\u0000"}',
        '{"data": "ä"}'.encode("latin-1"),
        b"[" * 1010 + b"]" * 1010,
        b"[" * 1_000_000,
        b'{"meta":{"goldenCopy":{"publishDate":"2026-09-08T08:00:00Z"},"pagination":{"total":true}},"data":[]}',
        b'{"meta":{"goldenCopy":{"publishDate":"2026-09-08T08:00:00Z"}},"data":[]}',
    ],
)
def test_what_is_no_answer_is_a_changed_source(connector, body):
    with pytest.raises(SourceChanged):
        connector.parse(about(FRAPORT), capture(body))


def survives(connector, inquiry: Inquiry, body: bytes) -> None:
    """Reading gives evidence or SourceChanged, and nothing else."""
    with contextlib.suppress(SourceChanged):
        connector.parse(inquiry, capture(body)).as_json()
    with contextlib.suppress(SourceChanged):
        gleif.read_records(capture(body))


@settings(deadline=None)
@given(body=st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes(connector, body):
    survives(connector, about(FRAPORT), body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("ISSUED"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(data=st.data())
def test_arbitrary_values_in_place_of_published_ones(connector, samples, data):
    name = data.draw(st.sampled_from([f"lei_record_{FRAPORT}.json", f"direct_children_{FRAPORT}.json"]))
    document = json.loads((samples / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = document
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(keys))
            if (
                not isinstance(place[key], (dict, list))
                or not place[key]
                or data.draw(st.integers(0, 4)) == 0
            ):
                break
            place = place[key]
        if isinstance(place, dict) and data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(anything)
        if not document:
            break
    subject = data.draw(st.sampled_from([about(FRAPORT), about("04366849", "GB-COH")]))
    survives(connector, subject, json.dumps(document).encode())


@settings(deadline=None)
@given(data=st.data())
def test_arbitrary_mutations_of_samples(connector, samples, data):
    name = data.draw(st.sampled_from(sorted(path.name for path in samples.iterdir())))
    body = (samples / name).read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = start + data.draw(st.integers(0, 40))
        body = (
            body[:start] + data.draw(st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"]"])) + body[end:]
        )
    survives(connector, about(FRAPORT), body)


def identifier(scheme: str, number: str) -> dict[str, str]:
    return {"scheme": scheme, "id": number}


LEI = identifier("XI-LEI", FRAPORT)
JAPAN = identifier("JP-JCN", "7000012050002")
BRITAIN = identifier("GB-COH", "04366849")
IRELAND = identifier("IE-CRO", "104547")
NORWAY = identifier("NO-BRC", "932204282")
FRANCE = identifier("FR-INSEE", "552081317")


@pytest.mark.parametrize(
    ("identifiers", "asked"),
    [
        ([LEI], LEI),
        ([JAPAN], None),
        ([JAPAN, LEI], LEI),
        ([BRITAIN], BRITAIN),
        ([IRELAND], IRELAND),
        ([NORWAY], NORWAY),
        ([BRITAIN, LEI], LEI),
        ([FRANCE, NORWAY, BRITAIN], NORWAY),
        ([JAPAN, BRITAIN], None),
        ([FRANCE], None),
    ],
)
@pytest.mark.parametrize("role", ["vendor", "maker"])
def test_whom_it_asks_about(connector, identifiers, asked, role):
    party = {"name": "Example", "country": "IE", "identifiers": identifiers}
    nobody = {"name": "Other", "country": "FR", "identifiers": [FRANCE]}
    document = {"vendor": nobody, role: party}
    expected = (
        []
        if asked is None
        else [Inquiry("int.gleif", role, OrganisationId(asked["scheme"], asked["id"]), "Example")]
    )
    assert list(connector.inquiries(document)) == expected


def at(server) -> gleif.Gleif:
    return gleif.Gleif(base_url=server.url)


FILTER = "filter%5Bentity.registered"


@pytest.mark.parametrize(
    ("inquiry", "target"),
    [
        (about(FRAPORT), f"/lei-records/{FRAPORT}"),
        (
            about("04366849", "GB-COH"),
            f"/lei-records?{FILTER}As%5D=04366849&{FILTER}At%5D=RA000585&page%5Bsize%5D=20",
        ),
        (
            about("932204282", "NO-BRC"),
            f"/lei-records?{FILTER}As%5D=932204282&{FILTER}At%5D=RA000472&page%5Bsize%5D=20",
        ),
        (about("a/../b?c", "XI-LEI"), "/lei-records/a%2F..%2Fb%3Fc"),
    ],
)
def test_what_it_asks(registry, message, inquiry, target):
    server = registry(message(b"{}", media_type="application/vnd.api+json; charset=utf-8"))
    taken = at(server).fetch(inquiry)
    assert server.requests[0].startswith(f"GET /base{target} HTTP/1.1\r\n".encode())
    assert taken.url == server.url + target


def test_the_capture_of_an_unknown_lei_is_kept(registry, message):
    server = registry(message(b"<html>no</html>", "404 Not Found", "text/html"))
    taken = at(server).fetch(about(FRAPORT))
    assert (taken.status, taken.body) == (404, b"<html>no</html>")


@pytest.mark.parametrize(
    ("inquiry", "status", "reason"),
    [
        (about("04366849", "GB-COH"), "404 Not Found", "refused"),
        (about("04366849", "GB-COH"), "400 Bad Request", "refused"),
        (about(FRAPORT), "429 Too Many Requests", "rate_limited"),
        (about(FRAPORT), "500 Internal Server Error", "server_error"),
    ],
)
def test_what_is_no_answer(registry, message, inquiry, status, reason):
    server = registry(message(b'{"errors":[{"title":"x"}]}', status, "application/vnd.api+json"))
    with pytest.raises(SourceUnavailable) as caught:
        at(server).fetch(inquiry)
    assert (caught.value.source, caught.value.reason) == ("int.gleif", reason)
