"""The fault table of the foreign sources: whatever goes wrong has its reason, and is no evidence."""

from __future__ import annotations

import pytest

from connectors import brreg, companies_house, entreprises, fedramp, gleif, vies, yente
from pipeline.errors import SourceError
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry, Presence

SUBJECTS = {
    companies_house: ("GB-COH", "00445790"),
    brreg: ("NO-BRC", "923609016"),
    entreprises: ("FR-INSEE", "356000000"),
    vies: ("XI-VAT", "BE0244142664"),
    fedramp: ("US-UEI", "NSDFW8DZAP24"),
    yente: ("XI-LEI", "5299001ERX0K10IZUL40"),
    gleif: ("XI-LEI", "5299001ERX0K10IZUL40"),
}
ABSENT_BY_404 = {companies_house, brreg, gleif}
JSON = "application/json"


def hang(start: bytes):
    def act(exchange):
        exchange.send(start)
        exchange.over.wait()

    return act


def then_close(start: bytes):
    def act(exchange):
        exchange.send(start)
        exchange.sock.shutdown(2)

    return act


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
FAULTS = {
    "timeout": (lambda m: hang(b""), "timeout"),
    "hang in the body": (lambda m: hang(m(b"{", media_type=JSON, length=50)), "timeout"),
    "429": (lambda m: m(b"", "429 Too Many Requests", headers=("Retry-After: 7",)), "rate_limited"),
    "500": (lambda m: m(b"", "500 Internal Server Error", "text/html"), "server_error"),
    "503": (lambda m: m(b"", "503 Service Unavailable"), "server_error"),
    "401": (lambda m: m(b'{"error":"Invalid Authorization"}', "401 Unauthorized", JSON), "refused"),
    "elsewhere": (lambda m: m(b"", "302 Found", headers=("Location: http://10.0.0.1/",)), "redirected"),
    "a page": (lambda m: m(b"<html>maintenance</html>", media_type="text/html"), "wrong_media_type"),
    "truncated": (lambda m: then_close(m(b'{"a', media_type=JSON, length=50)), "truncated"),
    "cut and yet complete": (lambda m: m(b'{"a": 1', media_type=JSON), "source_changed"),
    "wrong encoding": (lambda m: m('{"navn": "Bærum"}'.encode("latin-1"), media_type=JSON), "source_changed"),
    "entity bomb": (lambda m: m(BOMB, media_type=JSON), "source_changed"),
    "100 MB": (lambda m: hang(m(b"x", media_type=JSON, length=100_000_000)), "too_large"),
    "changed layout": (lambda m: m(b'{"entries": [{"no": 1}]}', media_type=JSON), "source_changed"),
    "nothing": (lambda m: m(b"", media_type=JSON), "source_changed"),
}


@pytest.mark.parametrize("module", SUBJECTS, ids=lambda module: module.SOURCE)
@pytest.mark.parametrize(("act", "reason"), FAULTS.values(), ids=FAULTS)
def test_fault_table(registry, message, module, act, reason):
    server = registry(act(message))
    timeout = {"timeout": "0.3"} if reason == "timeout" else {}
    connector = module.connector(
        {"base_url": server.url, "api_key": "K9secret", "legal_basis": "tests", **timeout}
    )
    inquiry = Inquiry(module.SOURCE, "vendor", OrganisationId(*SUBJECTS[module]), "Example")
    with pytest.raises(SourceError) as caught:
        connector.parse(inquiry, connector.fetch(inquiry))
    assert (caught.value.source, caught.value.reason) == (module.SOURCE, reason)
    assert "K9secret" not in repr(caught.value)
    assert "Bærum" not in str(caught.value)
    if reason == "rate_limited":
        assert caught.value.retry_after.total_seconds() == 7
    connector.close()


@pytest.mark.parametrize("module", SUBJECTS, ids=lambda module: module.SOURCE)
def test_404_is_an_absence_only_where_the_source_means_it_so(registry, message, module):
    server = registry(message(b"", "404 Not Found", "text/html"))
    connector = module.connector({"base_url": server.url, "api_key": "K9secret", "legal_basis": "tests"})
    inquiry = Inquiry(module.SOURCE, "vendor", OrganisationId(*SUBJECTS[module]), "Example")
    if module in ABSENT_BY_404:
        assert connector.parse(inquiry, connector.fetch(inquiry)).presence is Presence.ABSENT
    else:
        with pytest.raises(SourceError) as caught:
            connector.fetch(inquiry)
        assert caught.value.reason == "refused"
    connector.close()
