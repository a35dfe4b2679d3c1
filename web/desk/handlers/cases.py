"""A case on one screen, what is done to it, and the captures behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import quote

from flower.utils.tasks import search_tasks
from tornado.web import HTTPError

from pipeline.errors import StaleCase
from pipeline.identifiers import parse_reference
from pipeline.model import Capture, Text
from pipeline.people import Role
from pipeline.review.model import Ask, Audience, CaseView, Done, Note, Refused, ReviewRecord, Seen
from pipeline.review.words import refusal
from web.desk.page import Page, id_or_none
from web.desk.pages import actions, application, case, history, queue
from web.desk.pages.capture import may_see, shown

MOST_TASKS = 20
STATUS = {"case_unknown": 404, "not_allowed": 403, "same_person": 403, "decided_before": 403}
"""What a refusal is in HTTP; every other is 422: the form asks for what cannot be."""


class CaseHandler(Page):
    """A page of one case."""

    def reference(self, text: str) -> str:
        """The case that an address names."""
        try:
            return parse_reference(text)
        except ValueError:
            raise HTTPError(404) from None

    async def view(self, reference: str) -> CaseView:
        """The case as this person may see it."""
        try:
            return await self.run(self.desk.review.view, reference, self.person)
        except Refused:
            raise HTTPError(404) from None

    def shown_case(self, view: CaseView) -> dict[str, Any]:
        """What the templates of a case are given."""
        decision = view.file.decision
        outcome = {} if decision is None else decision.judgement.outcome
        return {
            "view": view,
            "file": view.file,
            "state": queue.STATES[view.file.case.state],
            "sections": application.sections(view.application),
            "checks": case.checks(view.file),
            "rules": case.rules(outcome),
            "buyers": case.buyers(outcome),
            "cited": [citation.partition("#")[0] for citation in outcome.get("policy", ())],
            "decisions": case.decisions(view.decisions),
            "place": case.place(view.review, self.desk.clock.now()),
            "events": history.lines(view.journal),
            "captures_of": may_see(self.person),
            "forms": actions.forms(view),
            "actions": actions.ACTIONS,
            "keys": actions.KEYS,
            "because": actions.BECAUSE,
            "acts": actions.ACTS,
            "summary": actions.summary,
            "label": application.label,
            "value": application.said,
            "states": queue.STATES,
            "appeal_states": case.APPEALS,
            "outcomes": case.OUTCOMES_OF_QUESTIONS,
            "tomorrow": case.tomorrow(self.desk.clock.now()).isoformat(),
        }


class CasePage(CaseHandler):
    """The case."""

    async def get(self, text: str) -> None:
        """Show it."""
        view = await self.view(self.reference(text))
        done = self.get_query_argument("done", "")
        self.show(
            "desk_case.html",
            done=actions.ACTIONS.get(done),
            tasks=self._tasks(view.file.case.reference),
            **self.shown_case(view),
        )

    def _tasks(self, reference: str) -> list[tuple[str, str, str]]:
        """The tasks of this case that Flower remembers: id, name, state. It forgets them at its end."""
        events = self.application.events
        found = search_tasks(
            events,
            search=f"kwargs:{reference}",
            sort_by="received",
            descending=True,
            offset=0,
            limit=MOST_TASKS,
        )
        known = ((task_id, events.state.tasks.get(task_id)) for task_id in found.task_ids)
        return [(task_id, str(task.name), str(task.state)) for task_id, task in known if task is not None]


class Acting(CaseHandler):
    """Doing something to a case: first one is asked whether one is sure, then it is done."""

    needs = {"POST": Role.REVIEWER}  # noqa: RUF012 - as in Gate

    async def post(self, text: str, action: str) -> None:
        """Ask, or do it."""
        reference = self.reference(text)
        if action not in actions.ACTIONS:
            raise HTTPError(404)
        if action not in actions.AT_ONCE and self.field("sure") != "yes":
            await self._ask(reference, action)
            return
        try:
            done = await self.run(self._doer(reference, action))
        except StaleCase:
            await self._stale(reference, action)
        except Refused as refused:
            self.set_status(STATUS.get(refused.code, 422))
            self.show(
                "desk_refused.html",
                reference=reference,
                action=actions.ACTIONS[action],
                refused=refused.text,
                typed=self.field("text"),
            )
        else:
            if isinstance(done, Done) and done.step is not None:
                self.desk.notify(done.step)
            self.redirect(f"{self.reverse_url('desk_case', reference)}?done={action}")

    async def _ask(self, reference: str, action: str) -> None:
        """Whether one is sure, with everything said once more as it will be said."""
        view = await self.view(reference)
        if self._seen() != Seen.of(view.file):
            await self._stale(reference, action)
            return
        fields = [
            (name, value)
            for name in self.request.body_arguments
            if name not in {"_xsrf", "sure"}
            for value in self.get_body_arguments(name)
        ]
        self.show(
            "desk_sure.html",
            reference=reference,
            name=action,
            action=actions.ACTIONS[action],
            fields=fields,
            said=self._said(action, view),
            typed=self.field("text"),
        )

    def _said(self, action: str, view: CaseView) -> list[Text]:
        """What the form says, in words, as far as it was chosen from a list."""
        forms = actions.forms(view)
        options = {
            "reasons": forms.reasons,
            "rule": forms.rules,
            "reason": (*forms.overrides, *forms.suspensions),
            "code": forms.questions,
            "about": (*forms.fields, *forms.documents),
            "check": forms.checks,
        }
        said = [
            option.said
            for name, choices in options.items()
            for value in self.get_body_arguments(name)
            for option in choices
            if option.value == value
        ]
        if (until := self.field("until")) and action in {"defer", "override"}:
            said.append(Text(f"{until}まで", f"until {until}"))
        if (due := self.field("due_on")) and action == "ask":
            said.append(Text(f"回答期限 {due}", f"answer by {due}"))
        pending = view.pending
        if pending is not None and action == "confirm":
            said += [actions.ACTS[pending.act], *actions.summary(pending)]
        return list(dict.fromkeys(said))

    async def _stale(self, reference: str, action: str) -> None:
        """The case has moved on since the page was made: say what changed, and do nothing."""
        view = await self.view(reference)
        count = self.field("events")
        self.set_status(409)
        self.show(
            "desk_stale.html",
            reference=reference,
            action=actions.ACTIONS[action],
            changed=history.since(view.journal, int(count) if count.isdecimal() else len(view.journal)),
            other_evidence=self._seen().evidence != Seen.of(view.file).evidence,
            state=queue.STATES[view.file.case.state],
            typed=self.field("text"),
        )

    def _seen(self) -> Seen:
        version = self.field("version")
        return Seen(int(version) if version.isdecimal() else -1, self.field("evidence"))

    def _day(self, name: str) -> date:
        day = actions.read_day(self.field(name))
        if day is None:
            raise refusal("date_past", self.field(name))
        return day

    def _doer(self, reference: str, action: str) -> Callable[[], Done | Note | ReviewRecord | None]:
        """What is to be done, with what the form says."""
        review, seen, by, text = self.desk.review, self._seen(), self.person, self.field("text", 10_000)
        reasons = actions.read_reasons(self.get_body_arguments("reasons"))
        proposal = id_or_none(self.field("proposal"))
        about = self.field("about") or self.field("document")
        source, _, role = self.field("check").partition(actions.SEPARATOR)

        def known() -> Any:
            if proposal is None:
                raise refusal("no_proposal")
            return proposal

        def asked() -> Done:
            due = self._day("due_on") if self.field("due_on") else None
            return review.ask(reference, seen, by, [Ask(self.field("code"), about, text)], due_on=due)

        reason = self.field("reason")
        doers: dict[str, Callable[[], Done | Note | ReviewRecord | None]] = {
            "approve": lambda: review.approve(reference, seen, by, text=text),
            "reject": lambda: review.reject(reference, seen, by, reasons, text=text),
            "override": lambda: review.override(
                reference, seen, by, self.field("rule"), reason, self._day("until"), text=text
            ),
            "suspend": lambda: review.suspend(reference, seen, by, reason, text=text),
            "reinstate": lambda: review.reinstate(reference, seen, by, reason, text=text),
            "withdraw": lambda: review.withdraw(reference, seen, by, reason, text=text),
            "confirm": lambda: review.confirm(reference, seen, by, known()),
            "send_back": lambda: review.send_back(reference, seen, by, known(), text=text),
            "cancel": lambda: review.cancel(reference, seen, by, known()),
            "ask": asked,
            "take_back": lambda: review.take_back(reference, seen, by),
            "ask_source": lambda: review.ask_source(reference, seen, by, source, role),
            "defer": lambda: review.defer(reference, seen, by, self._day("until"), text=text),
            "resume": lambda: review.resume(reference, seen, by),
            "note": lambda: review.note(reference, by, text, self._audience()),
            "claim": lambda: review.claim(reference, by, take_over=self.field("take_over") == "yes"),
            "release": lambda: review.release(reference, by),
            "grant_appeal": lambda: review.grant_appeal(reference, seen, by, reason, text=text),
            "dismiss_appeal": lambda: review.dismiss_appeal(reference, seen, by, reasons, text=text),
        }
        return doers[action]

    def _audience(self) -> Audience:
        return Audience.VENDOR if self.field("audience") == Audience.VENDOR else Audience.INTERNAL


class CapturePage(CaseHandler):
    """One capture, as text: it is foreign, and never becomes a page of ours."""

    async def get(self, text: str, digest: str) -> None:
        """Show it."""
        reference = self.reference(text)
        found = await self.run(self.read, reference, digest)
        self.show("desk_capture.html", reference=reference, capture=found, text=shown(found))

    def read(self, reference: str, digest: str) -> Capture:
        """A capture of this case, for those who may see it."""
        with self.desk.memory.read() as tx:
            file = tx.cases.by_reference(reference)
        for check in () if file is None else file.checks:
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
        capture = await self.run(self.read, self.reference(text), digest)
        self.set_header("Content-Type", "application/octet-stream")
        name = quote(f"{capture.source}-{digest.removeprefix('sha256:')[:12]}")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.finish(capture.body)
