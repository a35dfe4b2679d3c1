"""The registers: each speaks one wire format over the companies of a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Reply:
    """What a register answers.

    ``subjects`` are the numbers that were asked for, as the register knows them; faults look at them.
    ``headers`` are those besides the media type and the length.
    """

    status: int
    media_type: str
    body: bytes
    subjects: tuple[str, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. ``path`` is what follows the register's base and a slash, ``query`` is raw.

    The names of ``headers`` are in small letters.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


class Register(Protocol):
    """One registry."""

    source: str
    """The name of the source that it stands for, such as ``jp.nta``."""

    base: str
    """The path below the server's root under which it answers, without slashes at the ends."""

    def answer(self, path: str, query: str) -> Reply:
        """Answer a GET. ``path`` is what follows :attr:`base` and a slash; ``query`` is raw. Never raises."""


@runtime_checkable
class RequestRegister(Register, Protocol):
    """A registry that looks at more than the address: at a key in a header, or at a search that is posted."""

    methods: tuple[str, ...]
    """The methods that it takes."""

    def answer_request(self, request: Request) -> Reply:
        """Answer in place of :meth:`answer`. Never raises."""
