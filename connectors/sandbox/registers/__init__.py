"""The registers: each speaks one wire format over the companies of a world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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


class Register(Protocol):
    """One registry."""

    source: str
    """The name of the source that it stands for, such as ``jp.nta``."""

    base: str
    """The path below the server's root under which it answers, without slashes at the ends."""

    def answer(self, path: str, query: str) -> Reply:
        """Answer a GET. ``path`` is what follows :attr:`base` and a slash; ``query`` is raw. Never raises."""
