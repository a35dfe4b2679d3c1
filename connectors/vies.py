"""``eu.vies``: whether a state of the European Union knows a VAT number (VAT Information Exchange System).

Sources: the REST interface as its own page and clients use it, and the contract of the SOAP service (WSDL)
for its terms. **Off unless the operator states on what legal basis it is used:** the terms allow it only for
confirming numbers in trade within the Union, and forbid other use, extraction and passing on. Procurement by
a state outside the Union is a question for lawyers. Never in bulk.

The Commission asks the state's own service. Their limits are on what the whole world asks at once, so that
one is refused for what others do; ``valid`` is then false too. **Only a verdict is a verdict:** what says
that a state or VIES could not answer is :class:`~pipeline.errors.SourceUnavailable`, never "invalid".

Its silence, ``valid`` false as a verdict, says that the state does not confirm the number today for trade
between states: many a sound company has none. Names are undisclosed by some states (``---``). Addresses may
be a person's home and stay out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import orjson

from connectors import schemas, strict
from connectors.evidence import evidence, unasked
from connectors.identifiers import is_well_formed
from connectors.limits import Rate
from connectors.parties import parties
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import DEFAULT_LIMITS, Limits, Transport, reason_of_status
from pipeline.documents import Json
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "eu.vies"
SCHEME = "XI-VAT"
BASE_URL = "https://ec.europa.eu/taxation_customs/vies/rest-api"
RATES = (Rate(1, 1), Rate(200, 3600))
"""None is published; this is what one at a time and never in bulk comes to."""

OUTAGES: Mapping[str, tuple[Reason, timedelta | None]] = {
    "MS_UNAVAILABLE": (Reason.SERVER_ERROR, None),
    "SERVICE_UNAVAILABLE": (Reason.SERVER_ERROR, None),
    "TIMEOUT": (Reason.TIMEOUT, None),
    # Limits over all users: gone again within seconds.
    "MS_MAX_CONCURRENT_REQ": (Reason.RATE_LIMITED, timedelta(seconds=4)),
    "MS_MAX_CONCURRENT_REQ_TIME": (Reason.RATE_LIMITED, timedelta(seconds=4)),
    "GLOBAL_MAX_CONCURRENT_REQ": (Reason.RATE_LIMITED, timedelta(seconds=30)),
    "GLOBAL_MAX_CONCURRENT_REQ_TIME": (Reason.RATE_LIMITED, timedelta(seconds=30)),
    "SERVER_BUSY": (Reason.RATE_LIMITED, timedelta(seconds=30)),
    # We are blocked, or ask wrongly: an operator should look.
    "VAT_BLOCKED": (Reason.REFUSED, None),
    "IP_BLOCKED": (Reason.REFUSED, None),
    "INVALID_REQUESTER_INFO": (Reason.REFUSED, None),
    "VOW-ERR-2600": (Reason.REFUSED, None),
}
"""The codes that are no verdict, each with its reason and the time to wait."""

NOT_A_NUMBER = "INVALID_INPUT"
"""The code of a verdict: no number of this state has that form."""

_VERDICTS = {"": None, "VALID": True, "INVALID": False}

_NOT_ISO = {"EL": "GR", "XI": "GB"}
_UNDISCLOSED = frozenset({"---", "", None})


class Vies:
    """The connector. Its record has these keys, left out where the answer does not say.

    ============== ===========================================================================================
    number         VAT number with its state's prefix
    country        ISO 3166-1; the prefixes of Greece and Northern Ireland are others
    valid          true: the state confirms the number for trade between states of the Union today
    malformed      true: no number of this state has that form
    name           as the state discloses it
    consultation   number that proves the inquiry; only for inquirers with a VAT number of the Union
    register_date  day of the inquiry (UTC)
    ============== ===========================================================================================

    The subject is found if the number is valid.
    """

    source = SOURCE
    rates = RATES
    asked_by = ("subject",)
    terms = Terms(
        licence=Text("EU域内取引のVAT番号確認に限る", "only for confirming numbers in intra-Union trade"),
        silence=Text("加盟国が今日はその番号を確認しない", "the state does not confirm the number today"),
    )

    def __init__(
        self, *, base_url: str = BASE_URL, contact: str = "", limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._transport = Transport(
            SOURCE, base_url, accept=("application/json",), contact=contact, limits=limits
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first VAT number, if its form is right for its state."""
        for party in parties(application):
            number = next(party.identified_by(SCHEME), None)
            if number is not None and is_well_formed(number):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The state's verdict on the number. What is none comes with status 200, 400 or 500."""
        number = inquiry.subject.id
        question = {"countryCode": number[:2], "vatNumber": number[2:]}
        capture = self._transport.post(
            "/check-vat-number", orjson.dumps(question), "application/json", also=(400, 500)
        )
        try:
            code = _code(strict.json_object(capture.body))
        except Unexpected:
            code = ""
        if code in OUTAGES:
            raise _unavailable(code)
        if capture.status != 200 and not code:
            raise SourceUnavailable(SOURCE, reason_of_status(capture.status), f"HTTP {capture.status}")
        return capture

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read a verdict.

        :raises SourceUnavailable: when it is none; :meth:`fetch` lets no such answer through.
        """
        number = inquiry.subject.id
        with strict.reading(capture):
            record = _verdict(capture)
            # The answer to a GET leaves out the state; one about a malformed number says no number.
            asked = number if "country" in record else number[2:]
            strict.same(record.get("number", asked), asked, "vatNumber")
        record |= {"number": number, "country": _country(number)}
        return evidence(inquiry, capture, record, found=record["valid"])

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """The verdict of a saved answer; of one by GET the number lacks its state.

        :raises SourceChanged: when it is none of the known answers.
        :raises SourceUnavailable: when the saved answer is no verdict.
        """
        with strict.reading(capture):
            record = _verdict(capture)
        return [unasked(SOURCE, SCHEME, record.get("number", ""), capture, record)]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Vies:
    """The connector from ``legal_basis`` and, as wished, ``base_url``, ``contact`` and ``timeout``.

    ``legal_basis`` is the operator's statement (such as the reference of an opinion) that this use is within
    the service's terms. It goes nowhere; without it there is no connector.
    """
    settings["legal_basis"]
    return Vies(
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def _code(answer: Json) -> str:
    """The code by which an answer says what it is; a plain verdict of POST has none."""
    wrappers = answer.get("errorWrappers")
    first = wrappers[0] if isinstance(wrappers, list) and wrappers else answer
    code = first.get("error", first.get("userError", "")) if isinstance(first, dict) else ""
    return code if isinstance(code, str) else ""


def _unavailable(code: str) -> SourceUnavailable:
    reason, wait = OUTAGES[code]
    return SourceUnavailable(SOURCE, reason, code, retry_after=wait)


def _verdict(capture: Capture) -> dict[str, Any]:
    answer = strict.json_object(capture.body)
    schemas.check(SOURCE, answer)
    code = _code(answer)
    if code in OUTAGES:
        raise _unavailable(code)
    if code == NOT_A_NUMBER:
        return {"valid": False, "malformed": True, "register_date": capture.fetched_at.date().isoformat()}
    if code not in _VERDICTS:
        raise Unexpected("the answer has a code that is not in the table")
    valid = answer.get("valid", answer.get("isValid"))
    if _VERDICTS[code] not in {None, valid}:
        raise Unexpected("verdict and code contradict each other")
    state = answer.get("countryCode", "")
    record = {
        "number": state + answer["vatNumber"],
        "country": _country(state) if state else None,
        "valid": valid,
        "name": None if answer.get("name") in _UNDISCLOSED else answer["name"],
        "consultation": answer.get("requestIdentifier") or None,
        "register_date": strict.day_of_moment(answer["requestDate"], "requestDate"),
    }
    return {key: value for key, value in record.items() if value is not None}


def _country(number: str) -> str:
    return _NOT_ISO.get(number[:2], number[:2])
