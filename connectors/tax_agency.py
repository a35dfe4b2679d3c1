"""What the two Web-APIs of the National Tax Agency have in common: errors, and ten numbers in one request.

Source: the agency's Web-API specification, part 1 (requests) and part 2 (answers and errors).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from connectors.limits import Rate
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import Transport
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Inquiry, Text

BATCH = 10
"""Numbers that one request takes (error 042 beyond)."""

RATES = (Rate(1, 1),)
"""No rate is published, and mass access is forbidden; other public clients keep to this one."""

REASONS: Mapping[int, Reason] = {403: Reason.RATE_LIMITED, 404: Reason.REFUSED}
"""403 is too many requests; 404 says that the application ID is unknown, not that the number is."""

_T = TypeVar("_T")


def terms(site: str, *, silence: Text) -> Terms:
    """The terms of the agency's data: the site they come from is to be named."""
    return Terms(
        Text(
            f"公共データ利用規約第1.0版（出典：{site}）。国税庁が内容を保証しない旨を表示",
            f"Public Data License 1.0, naming {site}; the agency does not guarantee the content",
        ),
        silence,
    )


def numbers_of(inquiries: Sequence[Inquiry]) -> str:
    """The numbers of these inquiries as a request names them, each once."""
    return ",".join(dict.fromkeys(inquiry.subject.id for inquiry in inquiries))


def get(transport: Transport, path: str, parameters: Mapping[str, str]) -> Capture:
    """Ask, and tell a question that was refused (400) by its code.

    :raises SourceUnavailable: as :meth:`Transport.get`.
    """
    capture = transport.get(f"/{path}?{urlencode(parameters, safe=',')}", also=(400,))
    if capture.status == 400:
        # Numbers and dates are checked before, so the fault is on our side.
        code = refusal(capture.body)
        raise SourceUnavailable(
            capture.source, Reason.REFUSED, "HTTP 400" + (f", code {code}" if code else "")
        )
    return capture


def refusal(body: bytes) -> str:
    """The code of a question that was refused, whose body is one line ``NNN,message``; else ``""``."""
    code = re.fullmatch(rb"([0-9]{3}),[^\r\n]*\s*", body)
    return code[1].decode() if code else ""


def asked(capture: Capture, parameter: str) -> str:
    """A parameter of the request that the capture answers; ``""`` where its address does not say."""
    return parse_qs(urlsplit(capture.url).query).get(parameter, [""])[0]


def own(records: Sequence[_T], number_of: Callable[[_T], str], number: str, capture: Capture) -> list[_T]:
    """The records of one number in an answer about several.

    :raises Unexpected: when that number was not asked for, or a record is of one that was not.
    """
    numbers = frozenset(filter(None, asked(capture, "number").split(","))) or {number}
    if number not in numbers:
        raise Unexpected("the answer is not to a question about this number")
    if any(number_of(record) not in numbers for record in records):
        raise Unexpected("a record is of another number than those asked for")
    return [record for record in records if number_of(record) == number]
