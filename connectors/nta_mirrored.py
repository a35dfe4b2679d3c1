"""``jp.nta`` from a mirror of the register on the own machine, while that is fresh; else from the Web-API.

The capture is the register's rows as they were published, with the file and the row that each stands in. It
is read into the same record as an answer of the Web-API (:class:`connectors.nta.Nta`).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from connectors import nta, strict, tax_agency
from connectors.evidence import evidence
from connectors.limits import Rate, asked_by
from connectors.reasons import Reason
from connectors.strict import Unexpected
from pipeline.documents import Json, canonical
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry
from pipeline.ports import BatchConnector
from pipeline.register import COLUMNS, FIRST_COLUMNS, CorporateRegister, History

MEDIA_TYPE: Final = "application/vnd.sekisho.nta-rows+json"

_JAPAN: Final = timezone(timedelta(hours=9), "JST")


@dataclass(frozen=True)
class MirroredNta:
    """The connector. ``register`` is None without a mirror, ``api`` without an application ID.

    :param age: how many days the mirror's state may lie back.
    :param api: the Web-API's connector, behind its limits; the mirror has none.
    """

    register: CorporateRegister | None
    age: timedelta
    api: BatchConnector | None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    source = nta.SOURCE
    batch_size = tax_agency.BATCH
    terms = nta.Nta.terms

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The Web-API's while that is asked."""
        return () if self.api is None or self.is_fresh() else tuple(getattr(self.api, "rates", ()))

    @property
    def asked_by(self) -> tuple[str, ...] | None:
        """The mirror is asked each time: it is here, and may have been brought up to date since."""
        return None if self.api is None or self.is_fresh() else asked_by(self.api)

    def is_fresh(self) -> bool:
        """Whether the mirror answers."""
        return self._fresh_date(self.now()) is not None

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """As :meth:`connectors.nta.Nta.inquiries`."""
        return nta.inquiries(application)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The number's rows."""
        return self.fetch_many([inquiry])

    def fetch_many(self, inquiries: Sequence[Inquiry]) -> Capture:
        """The rows of several numbers."""
        moment = self.now()
        day = self._fresh_date(moment)
        if self.register is not None and day is not None:
            numbers = dict.fromkeys(inquiry.subject.id for inquiry in inquiries)
            return capture_of({number: self.register.history(number) for number in numbers}, day, moment)
        if self.api is not None:
            return self.api.fetch_many(inquiries)
        raise SourceUnavailable(
            nta.SOURCE, Reason.UNREACHABLE, "the mirror is too old or not whole, and no application ID is set"
        )

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read the mirror's rows, or what the Web-API answered."""
        if capture.media_type != MEDIA_TYPE:
            return nta.read(inquiry, capture)
        with strict.reading(capture):
            answer = strict.json_object(capture.body)
            own = strict.member_object(answer.get("numbers"), "numbers").get(inquiry.subject.id, False)
            if own is False:
                raise Unexpected("the answer is not to a question about this number")
            day = strict.day(strict.text(answer.get("register_date"), "register_date"), "register_date")
            record = {} if own is None else _record(strict.member_object(own, "number"), inquiry.subject.id)
        return evidence(inquiry, capture, {**record, "register_date": day}, found=own is not None)

    def close(self) -> None:
        """Close the connections that are kept alive."""
        close = getattr(self.api, "close", None)
        if close is not None:
            close()

    def _fresh_date(self, moment: datetime) -> date | None:
        """The day of the mirror's state, if that is not too long ago."""
        day = None if self.register is None else self.register.register_date()
        return day if day is not None and moment.astimezone(_JAPAN).date() - day <= self.age else None


def capture_of(histories: dict[str, History | None], day: date | None, moment: datetime) -> Capture:
    """What a mirror says of these numbers, as an answer."""
    body = {
        "register_date": day and day.isoformat(),
        "numbers": {number: history and _described(history) for number, history in histories.items()},
    }
    return Capture(
        source=nta.SOURCE,
        url=f"mirror:{nta.SOURCE}/num?number={','.join(histories)}",
        fetched_at=moment,
        status=200,
        media_type=MEDIA_TYPE,
        body=canonical(body),
    )


def record_of(history: History) -> dict[str, Any]:
    """What a history says of its number, with the keys of :class:`connectors.nta.Nta`.

    :raises Unexpected: when its rows cannot follow one another.
    """
    return _record(_described(history), history.entries[0].number)


def _described(history: History) -> dict[str, Any]:
    return {
        "complete": history.complete,
        "rows": [
            {"file": entry.file, "sha256": entry.sha256, "row": entry.place, "line": entry.line}
            for entry in history.entries
        ],
    }


def _record(own: dict[str, Any], number: str) -> dict[str, Any]:
    lines = [
        strict.text(strict.member_object(row, "row").get("line"), "line")
        for row in strict.member_list(own.get("rows"), "rows")
    ]
    if not lines:
        raise Unexpected("a number has no rows")
    values = [_values(line) for line in lines]
    rows = [nta.row_of(padded) for padded, _ in values]
    if any(row["corporateNumber"] != number for row in rows):
        raise Unexpected("a row is of another number than the one asked for")
    record = nta.record_of(rows)
    if own.get("complete") is not True:
        record.pop("former_names", None)
    if not values[-1][1]:
        record.pop("hidden", None)
    return record


def _values(line: str) -> tuple[list[str], bool]:
    """A row's values in all columns, and whether it has them all: files of 2016 had 23.

    What these did not say yet is blank, which is also what most rows have there; for ``latest`` and
    ``hihyoji``, which are never blank, a value stands in that nothing is taken from.
    """
    try:
        values = next(csv.reader([line], strict=True), [])
    except csv.Error:
        raise Unexpected("a row is not CSV") from None
    if len(values) == FIRST_COLUMNS:
        return [*values, "1", *[""] * (len(COLUMNS) - FIRST_COLUMNS - 2), "0"], False
    if len(values) != len(COLUMNS):
        raise Unexpected("a row has other columns")
    return values, True
