"""VIES: ``POST /check-vat-number`` over the VAT numbers of the world's companies.

The numbers of the service's own test address (100, 200, 201, 300, …, 601) give their codes here too, for any
state.
"""

from __future__ import annotations

import json
from typing import Any

from connectors.sandbox.registers import Reply, Request
from connectors.sandbox.world import World

_CODES = {
    "201": "INVALID_INPUT", "202": "INVALID_REQUESTER_INFO", "300": "SERVICE_UNAVAILABLE",
    "301": "MS_UNAVAILABLE", "302": "TIMEOUT", "400": "VAT_BLOCKED", "401": "IP_BLOCKED",
    "500": "GLOBAL_MAX_CONCURRENT_REQ", "501": "GLOBAL_MAX_CONCURRENT_REQ_TIME",
    "600": "MS_MAX_CONCURRENT_REQ", "601": "MS_MAX_CONCURRENT_REQ_TIME",
}  # fmt: skip


class ViesRegister:
    """``eu.vies``: the verdict on a VAT number."""

    source = "eu.vies"
    base = "vies/rest-api"
    methods = ("POST",)

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, path: str, query: str) -> Reply:  # noqa: ARG002 - nothing is answered to a GET
        """404: questions are posted."""
        return Reply(404, "text/html", b"")

    def answer_request(self, request: Request) -> Reply:
        """Answer one number. The subject is the number with its state's prefix."""
        try:
            question = json.loads(request.body)
            state, number = str(question["countryCode"]), str(question["vatNumber"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return _failure("INVALID_INPUT")
        if request.path != "check-vat-number":
            return Reply(404, "text/html", b"")
        if number in _CODES:
            return _failure(_CODES[number], (state + number,))
        company = self._world.find("XI-VAT", state + number)
        valid = company is not None and company.closure is None
        verdict: dict[str, Any] = {
            "countryCode": state,
            "vatNumber": number,
            "requestDate": f"{self._world.as_of}T08:00:00.000Z",
            "valid": valid or number == "100",
            "requestIdentifier": "",
            # Germany is among the states that disclose no name.
            "name": company.name if valid and company and state != "DE" else "---",
            "address": "---",
            "traderNameMatch": "NOT_PROCESSED",
        }
        return _reply(verdict, (state + number,))


def _failure(code: str, subjects: tuple[str, ...] = ()) -> Reply:
    return _reply({"actionSucceed": False, "errorWrappers": [{"error": code}]}, subjects)


def _reply(document: dict[str, Any], subjects: tuple[str, ...]) -> Reply:
    return Reply(200, "application/json", json.dumps(document, ensure_ascii=False).encode(), subjects)
