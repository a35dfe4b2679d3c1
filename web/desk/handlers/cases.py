"""A case on one screen, and the captures behind it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tornado.web import HTTPError

from pipeline.identifiers import parse_reference
from pipeline.lifecycle import MEANING
from pipeline.model import Capture, CaseFile, Event, Text
from web.desk.page import Page
from web.desk.pages import application, case
from web.desk.pages.capture import may_see, shown

STATES = {state: Text(*words) for state, words in MEANING.items()}


class CaseHandler(Page):
    """A page of one case."""

    def reference(self, text: str) -> str:
        """The case that an address names."""
        try:
            return parse_reference(text)
        except ValueError:
            raise HTTPError(404) from None


class CasePage(CaseHandler):
    """The case."""

    async def get(self, text: str) -> None:
        """Show it."""
        file, events = await self.run(self._read, self.reference(text))
        self.show("desk_case.html", **page(file, events, self))

    def _read(self, reference: str) -> tuple[CaseFile, list[Event]]:
        with self.desk.memory.read() as tx:
            file = tx.cases.by_reference(reference)
            if file is None:
                raise HTTPError(404)
            return file, tx.journal.of_case(file.case.id)


def page(file: CaseFile, events: list[Event], handler: Page) -> dict[str, Any]:
    """What the template of a case is given."""
    outcome = {} if file.decision is None else file.decision.judgement.outcome
    return {
        "file": file,
        "state": STATES[file.case.state],
        "sections": application.sections(file.application.document, handler.person),
        "checks": case.checks(file),
        "rules": case.rules(outcome),
        "buyers": case.buyers(outcome),
        "cited": [citation.partition("#")[0] for citation in outcome.get("policy", ())],
        "events": events,
        "captures_of": may_see(handler.person),
    }


class CapturePage(CaseHandler):
    """One capture, as text: it is foreign, and never becomes a page of ours."""

    async def get(self, text: str, digest: str) -> None:
        """Show it."""
        reference = self.reference(text)
        found = await self.run(self._read, reference, digest)
        self.show("desk_capture.html", reference=reference, capture=found, text=shown(found))

    def _read(self, reference: str, digest: str) -> Capture:
        with self.desk.memory.read() as tx:
            file = tx.cases.by_reference(reference)
        if file is None:
            raise HTTPError(404)
        for check in file.checks:
            if check.capture is not None and check.capture.sha256 == digest:
                if not may_see(self.person)(check):
                    raise HTTPError(403, self.language.translate("Your role does not allow this."))
                return check.capture
        raise HTTPError(404)


class RawCapture(CapturePage):
    """The bytes of a capture, to keep."""

    policy = "default-src 'none'; sandbox"

    async def get(self, text: str, digest: str) -> None:
        """Hand them over as a file."""
        capture = await self.run(self._read, self.reference(text), digest)
        self.set_header("Content-Type", "application/octet-stream")
        name = quote(f"{capture.source}-{digest.removeprefix('sha256:')[:12]}")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.finish(capture.body)
