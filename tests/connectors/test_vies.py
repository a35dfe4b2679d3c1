"""VIES: verdicts are read, and nothing that is none is ever taken for "invalid"."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from connectors import installed, vies
from pipeline.errors import ConfigurationError, SourceChanged, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
CONNECTOR = vies.connector({"legal_basis": "an opinion"})


def capture(body: object, status: int = 200) -> Capture:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Capture("eu.vies", "https://vies.example/", AT, status, "application/json", raw)


def about(number: str) -> Inquiry:
    return Inquiry("eu.vies", "vendor", OrganisationId("XI-VAT", number), "Example")


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-intl/samples/vies"


@pytest.mark.parametrize(
    ("name", "number", "record"),
    [
        (
            "post_check_vat_number_BE0244142664_valid.json",
            "BE0244142664",
            {
                "number": "BE0244142664",
                "country": "BE",
                "valid": True,
                "name": "NV OR De Vlaamse Radio- en Televisieomroeporganisatie",
                "register_date": "2024-04-23",
            },
        ),
        (
            "get_ms_PL7740001454_valid.json",
            "PL7740001454",
            {
                "number": "PL7740001454",
                "country": "PL",
                "valid": True,
                "name": "ORLEN SPÓŁKA AKCYJNA",
                "register_date": "2026-10-08",
            },
        ),
    ],
)
def test_genuine_verdicts(samples, name, number, record):
    evidence = CONNECTOR.parse(about(number), capture((samples / name).read_bytes()))
    assert (evidence.presence, evidence.record) == (Presence.FOUND, record)
    with pytest.raises(SourceChanged):
        CONNECTOR.parse(about("AT" + number[2:]), capture((samples / name).read_bytes().replace(
            number[2:].encode(), b"U13585627")))  # fmt: skip


POST = {"countryCode": "EL", "vatNumber": "123456783", "requestDate": "2026-11-06T08:00:00.000Z",
        "valid": False, "requestIdentifier": "", "name": "---", "address": "---"}  # fmt: skip
GET = {"isValid": False, "requestDate": "2026-11-06T08:00:00.000Z", "userError": "INVALID", "name": "---",
       "address": "---", "requestIdentifier": "", "vatNumber": "123456783"}  # fmt: skip


@pytest.mark.parametrize("body", [POST, GET])
def test_a_verdict_of_invalid(body):
    evidence = CONNECTOR.parse(about("EL123456783"), capture(body))
    assert evidence.presence is Presence.ABSENT
    assert evidence.record == {
        "number": "EL123456783",
        "country": "GR",
        "valid": False,
        "register_date": "2026-11-06",
    }


def test_a_number_of_no_known_form_and_a_consultation():
    failure = {"actionSucceed": False, "errorWrappers": [{"error": "INVALID_INPUT"}]}
    evidence = CONNECTOR.parse(about("EL123456783"), capture(failure))
    assert evidence.record["malformed"] is True
    assert evidence.presence is Presence.ABSENT
    proved = CONNECTOR.parse(
        about("EL123456783"), capture(POST | {"valid": True, "requestIdentifier": "WAPI1"})
    )
    assert proved.record["consultation"] == "WAPI1"


@pytest.mark.parametrize("code", vies.OUTAGES)
@pytest.mark.parametrize(
    "body",
    [
        lambda code: {"actionSucceed": False, "errorWrappers": [{"error": code}]},
        lambda code: {
            "actionSucceed": False,
            "errorWrappers": [{"error": code, "message": "x"}, {"error": "Y"}],
        },
        lambda code: GET | {"userError": code},
        lambda code: POST | {"userError": code},
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Internal Server Error"])
def test_no_outage_is_ever_a_verdict(registry, message, code, body, status):
    server = registry(message(json.dumps(body(code)).encode(), status, "application/json"))
    connector = vies.connector({"legal_basis": "an opinion", "base_url": server.url})
    with pytest.raises(SourceUnavailable) as caught:
        connector.fetch(about("EL123456783"))
    reason, wait = vies.OUTAGES[code]
    assert (caught.value.reason, caught.value.retry_after) == (reason, wait)
    assert wait is None or timedelta(0) < wait <= timedelta(minutes=1)
    with pytest.raises(SourceUnavailable):
        CONNECTOR.evidence_in(capture(body(code)))
    connector.close()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        ("500 Internal Server Error", b"<html>", "server_error"),
        ("500 Internal Server Error", b"{}", "server_error"),
        ("400 Bad Request", b"", "refused"),
        ("503 Service Unavailable", b"", "server_error"),
    ],
)
def test_a_status_without_a_code_is_no_answer(registry, message, status, body, reason):
    connector = vies.connector(
        {"legal_basis": "an opinion", "base_url": registry(message(body, status, "text/html")).url}
    )
    with pytest.raises(SourceUnavailable) as caught:
        connector.fetch(about("EL123456783"))
    assert caught.value.reason == reason
    connector.close()


@pytest.mark.parametrize(
    "body",
    [
        {"actionSucceed": False, "errorWrappers": [{"error": "MOON_IN_SEVENTH_HOUSE"}]},
        GET | {"userError": "MOON_IN_SEVENTH_HOUSE"},
        GET | {"userError": "VALID"},
        GET | {"isValid": True},
        GET | {"vatNumber": "123456784"},
        POST | {"countryCode": "CY"},
        POST | {"valid": "false"},
        POST | {"requestDate": "today"},
        {"valid": False},
    ],
)
def test_what_is_neither_is_a_changed_source(body):
    with pytest.raises(SourceChanged):
        CONNECTOR.parse(about("EL123456783"), capture(body))


def test_what_it_asks(registry, message):
    server = registry(message(json.dumps(POST).encode(), media_type="application/json"))
    connector = vies.connector({"legal_basis": "an opinion", "base_url": server.url})
    connector.fetch(about("EL123456783"))
    assert server.requests[0].startswith(b"POST /base/check-vat-number HTTP/1.1\r\n")
    assert json.loads(server.bodies[0]) == {"countryCode": "EL", "vatNumber": "123456783"}
    connector.close()


def test_it_is_off_without_a_legal_basis():
    with pytest.raises(ConfigurationError, match=r"eu\.vies: legal_basis is not set"):
        installed.connect({"eu.vies": {}})
    with pytest.raises(ConfigurationError, match="legal_basis"):
        installed.connect({"eu.vies": {"legal_basis": ""}})


def test_whom_it_asks_about():
    identifiers = [{"scheme": "XI-VAT", "id": number} for number in ("GB123456789", "EL123456783")]
    vendor = {"name": "Example", "identifiers": identifiers}
    assert list(CONNECTOR.inquiries({"vendor": vendor})) == []  # Britain left the Union
    vendor["identifiers"].reverse()
    assert list(CONNECTOR.inquiries({"vendor": vendor})) == [about("EL123456783")]
