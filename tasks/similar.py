"""Vendors of similar names: an index in this process over every name that ever applied.

Storage knows no rules and rules know no storage; here they meet. Names are read once and then only what came
since: a case page costs a few milliseconds, and intake nothing.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz import fuzz, process

from pipeline.model import CaseFile
from pipeline.review.model import Similar
from rules.names import compare
from rules.names.key import name_key
from storage.memory import SqlMemory
from storage.reviews import VendorName

ALIKE = 0.60
"""Names below this are different (``rules.names.comparison``)."""

MOST = 10
"""Companies that are shown."""

_NEAR = 70
"""Per cent that two keys have in common at least. Coarse: the comparison itself decides."""

_CANDIDATES = 20
_OVERLAP_MS = 60_000
"""A case's id is made before its commit, and the desk must not pass it over: so far back is read again."""

REFRESH_SECONDS = 10.0
"""So long what was read is taken as it is."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A company under one of its names, as its first application gave it."""

    key: str
    seen: VendorName


class SimilarVendors:
    """Implements :class:`pipeline.ports.SimilarNames`."""

    def __init__(self, memory: SqlMemory, refresh_seconds: float = REFRESH_SECONDS) -> None:
        self._memory = memory
        self._refresh = refresh_seconds
        self._read_at = -math.inf
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Known] = {}
        self._keys: list[str] = []
        self._owners: list[_Known] = []
        self._read_to: UUID | None = None

    def __call__(self, file: CaseFile) -> list[Similar]:
        """Other vendors whose names are like this one's, the most similar first."""
        own = str(file.application.vendor_id)
        name = file.application.vendor_name
        with self._lock:
            self._catch_up()
            # Two lists that only grow: what was found stays right when others go on reading.
            near = process.extract(
                name_key(name),
                self._keys,
                scorer=fuzz.ratio,
                score_cutoff=_NEAR,
                limit=_CANDIDATES,
            )
            found = [self._owners[index].seen for _, _, index in near]
        similar = [
            Similar(one.name, one.number, score, one.reference)
            for one in found
            if one.number != own and (score := compare(name, one.name).score) >= ALIKE
        ]
        return sorted(similar, key=lambda one: (-one.score, one.number, one.name))[:MOST]

    def _catch_up(self) -> None:
        if time.monotonic() - self._read_at < self._refresh:
            return
        since = UUID(int=0) if self._read_to is None else _some_time_before(self._read_to)
        with self._memory.read() as tx:
            names = tx.reviews.vendor_names(since)
        for name in names:
            self._read_to = name.case_id if self._read_to is None else max(self._read_to, name.case_id)
            place = (name.number, name.name)
            if place not in self._known:
                known = self._known[place] = _Known(name_key(name.name), name)
                self._keys.append(known.key)
                self._owners.append(known)
        self._read_at = time.monotonic()


def _some_time_before(case_id: UUID) -> UUID:
    """The first UUIDv7 (RFC 9562, 5.7: 48 bits of milliseconds) of the time that is read again."""
    return UUID(int=max(0, (case_id.int >> 80) - _OVERLAP_MS) << 80)
