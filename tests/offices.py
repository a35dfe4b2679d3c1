"""Applications judged as a worker judges them: every source asked for real, read, and put together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cli.samples import samples
from connectors.installed import connect
from connectors.sandbox import access, registrations
from connectors.sandbox.registrations import Registrations
from connectors.sandbox.server import serving
from connectors.sandbox.world import World, load
from connectors.sources import ConcurrentSources
from pipeline.documents import Json
from pipeline.model import Capture, Dossier, Evidence, Gap, Unanswered
from rules.facts import assemble

AS_OF = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
"""The day of the shared scenarios, at noon in Japan."""

WORLD = load()
LISTS = registrations.of(WORLD)
SAMPLES = {sample.name: sample.document for sample in samples()}


class Office:
    """Connectors to every source of a sandbox."""

    def __init__(self, root: str) -> None:
        settings = {name: {**own, "timeout": "2"} for name, own in access.sources(root).items()}
        self.sources = ConcurrentSources(connect(settings))

    def dossier(self, application: Json, as_of: datetime = AS_OF) -> Dossier:
        """What application and sources say, as of a moment: the sources answered then."""
        evidence: list[Evidence] = []
        gaps: list[Gap] = []
        inquiries = self.sources.plan(application)
        for inquiry, answer in zip(inquiries, self.sources.ask(inquiries), strict=True):
            if isinstance(answer, Unanswered):
                gaps.append(Gap(inquiry.source, inquiry.role, inquiry.subject, answer.reason))
            else:
                assert isinstance(answer, Capture)
                evidence.append(self.sources.read(inquiry, replace(answer, fetched_at=as_of)))
        return assemble(application, evidence, gaps, as_of)


@contextmanager
def office(world: World = WORLD, lists: Registrations = LISTS) -> Iterator[Office]:
    """An office beside a sandbox over this world."""
    with serving(world, lists=lists) as root:
        opened = Office(root)
        try:
            yield opened
        finally:
            opened.sources.close()


def changed(document: Json, **changes: Any) -> dict[str, Any]:
    """A copy of a document with members replaced. ``a__b`` names the member ``b`` of ``a``."""
    copy = deepcopy(dict(document))
    for path, value in changes.items():
        *above, name = path.split("__")
        place = copy
        for step in above:
            place = place.setdefault(step, {})
        place[name] = value
    return copy
