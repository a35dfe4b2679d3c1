"""What goes wrong between a registry and whoever asks it: chosen, counted, switched while the server runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from connectors.sandbox.registers import Reply

EVERYONE = "*"
"""The subject of a fault that befalls every request to its source."""

_LONGEST_DELAY = 600_000


class Kind(StrEnum):
    """The ways in which an answer fails to be one."""

    LATENCY = "latency"
    TOO_MANY_REQUESTS = "429"
    UNAVAILABLE = "503"
    HANG = "hang"
    TRUNCATED = "truncated"
    WRONG_SHAPE = "wrong_shape"
    WRONG_MEDIA_TYPE = "wrong_media_type"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    ``source`` is a register's name (``jp.nta``), ``subject`` a number as that register knows it, or ``*``.
    ``times`` counts the requests still to be spoiled; None spoils them all. ``milliseconds`` is how long a
    ``latency`` waits before the good answer. ``retry_after`` (seconds) is what 429 and 503 ask for.
    """

    source: str
    kind: Kind
    subject: str = EVERYONE
    times: int | None = None
    milliseconds: int = 0
    retry_after: int | None = None

    @classmethod
    def from_json(cls, value: object) -> Fault:
        """Read a fault as the control address and the world file write it.

        :raises ValueError: when a member is missing, unknown or out of its range.
        """
        if not isinstance(value, Mapping):
            raise ValueError("a fault is an object")
        unknown = set(value) - set(cls.__slots__)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(map(str, unknown)))}")
        return cls(
            source=_text(value, "source"),
            kind=Kind(_text(value, "kind")),
            subject=_text(value, "subject") if "subject" in value else EVERYONE,
            times=_number(value, "times", lowest=1),
            milliseconds=_number(value, "milliseconds", highest=_LONGEST_DELAY) or 0,
            retry_after=_number(value, "retry_after"),
        )

    def as_json(self) -> dict[str, Any]:
        """The form that :meth:`from_json` reads."""
        return {
            "source": self.source,
            "subject": self.subject,
            "kind": str(self.kind),
            "times": self.times,
            "milliseconds": self.milliseconds,
            "retry_after": self.retry_after,
        }

    def spoil(self, reply: Reply) -> Reply:
        """What arrives in place of a good answer; the same, where the fault concerns only the way."""
        match self.kind:
            case Kind.TOO_MANY_REQUESTS:
                return Reply(429, "text/html", _PAGE, headers=self._retry_after())
            case Kind.UNAVAILABLE:
                return Reply(503, "text/html", _PAGE, headers=self._retry_after())
            case Kind.WRONG_SHAPE:
                return replace(reply, body=_OTHER_SHAPE.get(reply.media_type, _PAGE))
            case Kind.WRONG_MEDIA_TYPE:
                return replace(reply, media_type="text/html", body=_PAGE)
            case Kind.EMPTY:
                return replace(reply, body=b"")
            case _:
                return reply

    def _retry_after(self) -> tuple[tuple[bytes, bytes], ...]:
        return () if self.retry_after is None else ((b"retry-after", str(self.retry_after).encode()),)


_PAGE = "<!DOCTYPE html><html lang=ja><title>お知らせ</title><p>ただいまメンテナンス中です。</html>".encode()
"""A maintenance page: registries answer with one where data was asked for, also with status 200."""

_OTHER_SHAPE = {
    "application/xml": b'<?xml version="1.0" encoding="UTF-8"?><companies><entry number="1"/></companies>',
    "application/csv": b"number,name\n1,a\n",
    "application/vnd.api+json": b'{"results":[{"id":"1"}]}',
}
"""Well-formed documents that are not the ones in the specification, by media type."""


class Faults:
    """The faults in force, and how often each is still to strike.

    A fault of one subject goes before a fault of its whole source.
    """

    def __init__(self, lasting: Iterable[Fault] = ()) -> None:
        self._lasting = tuple(lasting)
        self._in_force: dict[tuple[str, str], Fault] = {}
        self.restore()

    def restore(self) -> None:
        """Forget what was set since the start; those given at the start begin anew."""
        self._in_force = {(fault.source, fault.subject): fault for fault in self._lasting}

    def set(self, fault: Fault) -> None:
        """Put a fault in force, in place of any other of the same source and subject."""
        self._in_force[fault.source, fault.subject] = fault

    def in_force(self) -> tuple[Fault, ...]:
        """The faults that are still to strike, each with its remaining ``times``."""
        return tuple(self._in_force.values())

    def strike(self, source: str, subjects: Iterable[str]) -> Fault | None:
        """The fault that befalls this request, counted; None where all goes well."""
        if not self._in_force:
            return None
        for subject in (*subjects, EVERYONE):
            fault = self._in_force.get((source, subject))
            if fault is not None:
                self._count(fault)
                return fault
        return None

    def _count(self, fault: Fault) -> None:
        if fault.times is None:
            return
        key = (fault.source, fault.subject)
        if fault.times == 1:
            del self._in_force[key]
        else:
            self._in_force[key] = replace(fault, times=fault.times - 1)


def _text(value: Mapping[str, Any], member: str) -> str:
    text = value.get(member)
    if not isinstance(text, str) or not text:
        raise ValueError(f"{member} is a text")
    return text


def _number(value: Mapping[str, Any], member: str, *, lowest: int = 0, highest: int = 2**31) -> int | None:
    number = value.get(member)
    if number is None:
        return None
    if type(number) is not int or not lowest <= number <= highest:
        raise ValueError(f"{member} is a whole number from {lowest} to {highest}")
    return number
