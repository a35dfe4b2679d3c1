"""``sekisho case approve``, ``ask``, ``confirm``, …: what reviewers do, as the desk does it.

Whoever can run these commands can read the database: the account says what the person may do, not who sits at
the keyboard. Each command names what was seen (``--seen``, as ``sekisho case show`` says it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, emit_all, in_language, state_folder

if TYPE_CHECKING:
    from pipeline.model import CaseFile
    from pipeline.people import Person
    from pipeline.review.actions import Review
    from pipeline.review.model import Done, QueueEntry, Reason, Seen
    from storage.memory import SqlMemory

EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)

_SHOWN = 12
"""Hexadecimal digits of a dossier's digest that name it at the command line."""

_INVALID = frozenset(
    {"reason_unknown", "reason_missing", "rule_unknown", "question_unknown", "date_past", "date_far"}
    | {"check_unknown", "text_missing", "text_long", "cursor_malformed", "name_unusable"}
)

_case = click.argument("case_name", metavar="CASE")
_acting = click.option(
    "--as",
    "account",
    envvar="SEKISHO_REVIEWER",
    required=True,
    metavar="ACCOUNT",
    help="Whose action it is: an account of `sekisho reviewers` (environment: SEKISHO_REVIEWER).",
)
_seen = click.option(
    "--seen",
    required=True,
    metavar="SEEN",
    help="What the decision rests on, as `sekisho case show` says it: VERSION@DIGEST.",
)
_text = click.option("--text", default="", help="What the vendor is told besides.")
_day = click.DateTime(["%Y-%m-%d"])


def seen_of(file: CaseFile) -> str:
    """What a person has seen of a case, short enough to paste."""
    digest = "" if file.decision is None else file.decision.dossier.digest.partition(":")[2][:_SHOWN]
    return f"{file.case.version}@{digest}"


class Session:
    """A command's work on one case: who acts, and what was seen."""

    def __init__(self, memory: SqlMemory, review: Review, person: Person, file: CaseFile, seen: str) -> None:
        self.memory = memory
        self.review = review
        self.person = person
        self.reference = file.case.reference
        self._file = file
        self._seen = seen

    @property
    def on(self) -> tuple[str, Seen, Person]:
        """The first arguments of each action."""
        from pipeline.review.model import Seen

        version, _, digest = self._seen.partition("@")
        current = seen_of(self._file)
        if not version.isdigit() or not version.isascii() or len(version) > 9:
            raise Failure(
                Exit.INVALID,
                "cli.seen_malformed",
                f"{self._seen} is not VERSION@DIGEST",
                f"`sekisho case show {self.reference}` says it.",
            )
        known = current.partition("@")[2]
        evidence = Seen.of(self._file).evidence if digest == known else f"other than {known}"
        return self.reference, Seen(int(version), evidence), self.person


@contextmanager
def session(state: Path, case_name: str, account: str, seen: str = "") -> Iterator[Session]:
    """Open the installation for one action.

    :raises Failure: whatever the action refuses.
    """
    from cli.finding import find
    from cli.installation import open_memory, read_settings
    from pipeline.errors import StaleCase
    from pipeline.people import normal_name
    from pipeline.review.actions import Review
    from pipeline.review.model import Refused
    from storage.accounts import AccountError
    from tasks.bootstrap import SystemClock

    settings = read_settings(state)
    try:
        with open_memory(settings) as memory:
            with memory.read() as tx:
                file = find(tx, case_name)
                acting = tx.accounts.named(normal_name(account))
            if acting.disabled_at is not None:
                raise AccountError("disabled", f"{acting.name} is disabled")
            review = Review(memory, SystemClock(), settings.review_times)
            yield Session(memory, review, acting.person, file, seen)
    except StaleCase as error:
        raise Failure(
            Exit.CONFLICT,
            "review.stale_case",
            "The case has changed since it was seen; nothing was done",
            str(error),
        ) from None
    except Refused as refused:
        raise _failure(refused) from None
    except (AccountError, ValueError) as error:
        raise Failure(
            Exit.NOT_FOUND, "cli.account_unknown", str(error), "`sekisho reviewers list` names all."
        ) from None


def _failure(refused: Any) -> Failure:
    if refused.code == "case_unknown":
        status = Exit.NOT_FOUND
    else:
        status = Exit.INVALID if refused.code in _INVALID else Exit.CONFLICT
    members = refused.text.as_json()
    return Failure(status, f"review.{refused.code}", refused.text.en, refused.detail, members)


def action(name: str) -> Callable[[Callable[..., Done]], click.Command]:
    """Make a command of a function that does one action in a session and returns what it did."""

    def made(work: Callable[..., Done]) -> click.Command:
        @state_folder
        @as_json
        @_seen
        @_acting
        @_case
        @wraps(work)
        def command(
            state: Path, case_name: str, account: str, seen: str, *, as_json: bool, **options: Any
        ) -> None:
            with session(state, case_name, account, seen) as opened:
                done = work(opened, **options)
            tell(done, as_json=as_json)

        return click.command(name, cls=Command, exits=EXITS)(command)

    return made


def tell(done: Done, *, as_json: bool) -> None:
    """Say what an action did."""
    proposal = done.proposal
    if as_json:
        emit(
            {
                "case": done.case.reference,
                "state": str(done.case.state),
                "version": done.case.version,
                "proposal": None if proposal is None else str(proposal.id),
                "because": None if proposal is None else proposal.because,
            }
        )
        return
    out = console()
    out.print(f"{done.case.reference}  {done.case.state}")
    if proposal is not None:
        out.print(f"A second person has to confirm it ({proposal.because}): proposal {proposal.id}")


@action("approve")
@_text
def approve(on: Session, text: str) -> Done:
    """Approve a referred case. A vendor's first listing becomes a proposal."""
    return on.review.approve(*on.on, text=text)


@action("reject")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    required=True,
    metavar="[RULE:]CODE",
    help="A rule's own reason code with its rule, or one of docs/reasons.md; may be given several times.",
)
@_text
def reject(on: Session, reasons: Sequence[str], text: str) -> Done:
    """Reject a referred case, with reasons."""
    return on.review.reject(*on.on, [_reason(each) for each in reasons], text=text)


@action("override")
@click.argument("rule")
@click.option("--reason", required=True, metavar="CODE", help="Why, one of docs/reasons.md.")
@click.option("--until", type=_day, required=True, help="The last day on which it holds, in Japan.")
@_text
def override(on: Session, rule: str, reason: str, until: datetime, text: str) -> Done:
    """Propose that RULE does not count for this product through a day."""
    return on.review.override(*on.on, rule, reason, until.date(), text=text)


def _about_listing(name: str, said: str) -> click.Command:
    @action(name)
    @click.option("--reason", required=True, metavar="CODE", help="Why, one of docs/reasons.md.")
    @_text
    def about_listing(on: Session, reason: str, text: str) -> Done:
        done: Done = getattr(on.review, name)(*on.on, reason, text=text)
        return done

    about_listing.help = said
    return about_listing


suspend = _about_listing("suspend", "Propose to take a listing out of the catalog for now.")
reinstate = _about_listing("reinstate", "Propose to put a suspended listing back.")
withdraw = _about_listing("withdraw", "Propose to take a listing out of the catalog for good.")


@action("confirm")
@click.argument("proposal", type=click.UUID)
def confirm(on: Session, proposal: UUID) -> Done:
    """Confirm PROPOSAL, as another person than the one who made it."""
    return on.review.confirm(*on.on, proposal)


@action("return")
@click.argument("proposal", type=click.UUID)
@click.option("--note", "text", default="", help="Why, for colleagues.")
def send_back(on: Session, proposal: UUID, text: str) -> Done:
    """Return PROPOSAL to the queue."""
    return on.review.send_back(*on.on, proposal, text=text)


@action("cancel")
@click.argument("proposal", type=click.UUID)
def cancel(on: Session, proposal: UUID) -> Done:
    """Take one's own PROPOSAL back."""
    return on.review.cancel(*on.on, proposal)


@action("ask")
@click.option(
    "--question",
    "questions",
    multiple=True,
    required=True,
    metavar="CODE[=ABOUT]",
    help="What to ask (docs/reasons.md), about a field (JSON Pointer) or a document; several times.",
)
@click.option("--text", default="", help="What to add to each question.")
@click.option("--due", type=_day, help="The last day for an answer, in Japan; by default as set.")
def ask(on: Session, questions: Sequence[str], text: str, due: datetime | None) -> Done:
    """Ask the vendor. The clock stops until it has answered."""
    from pipeline.review.model import Ask

    asks = [Ask(code, about, text) for code, _, about in (each.partition("=") for each in questions)]
    return on.review.ask(*on.on, asks, due_on=None if due is None else due.date())


@action("take-back")
def take_back(on: Session) -> Done:
    """Take the open questions back."""
    return on.review.take_back(*on.on)


@action("ask-source")
@click.argument("source")
@click.argument("role", default="vendor")
def ask_source(on: Session, source: str, role: str) -> Done:
    """Have SOURCE asked again, about ROLE; the case is then judged anew."""
    return on.review.ask_source(*on.on, source, role)


@action("defer")
@click.argument("until", type=_day)
@click.option("--note", "text", default="", help="Why, for colleagues.")
def defer(on: Session, until: datetime, text: str) -> Done:
    """Leave a case until a day, when it comes back by itself."""
    return on.review.defer(*on.on, until.date(), text=text)


@action("resume")
def resume(on: Session) -> Done:
    """Take a deferred case up before its day."""
    return on.review.resume(*on.on)


@action("grant-appeal")
@click.option("--reason", required=True, metavar="CODE", help="Why, one of docs/reasons.md.")
@click.option("--rule", "rules", multiple=True, help="Rules to waive, instead of those that rejected.")
@_text
def grant_appeal(on: Session, reason: str, rules: Sequence[str], text: str) -> Done:
    """Grant an appeal, as somebody who took no part before."""
    return on.review.grant_appeal(*on.on, reason, rules=rules, text=text)


@action("dismiss-appeal")
@click.option("--reason", "reasons", multiple=True, metavar="[RULE:]CODE", help="Why; several times.")
@_text
def dismiss_appeal(on: Session, reasons: Sequence[str], text: str) -> Done:
    """Dismiss an appeal, as somebody who took no part before."""
    return on.review.dismiss_appeal(*on.on, [_reason(each) for each in reasons], text=text)


@click.command("note", cls=Command, exits=EXITS)
@_case
@click.argument("text")
@click.option("--to-vendor", is_flag=True, help="Show it to the vendor.")
@_acting
@state_folder
@as_json
def note(state: Path, case_name: str, text: str, account: str, *, to_vendor: bool, as_json: bool) -> None:
    """Write a note, for colleagues or for the vendor."""
    from pipeline.review.model import Audience

    with session(state, case_name, account) as on:
        audience = Audience.VENDOR if to_vendor else Audience.INTERNAL
        written = on.review.note(on.reference, on.person, text, audience)
    if as_json:
        emit({"case": on.reference, "note": str(written.id), "audience": str(written.audience)})


@click.command("assign", cls=Command, exits=EXITS)
@_case
@click.option("--take-over", is_flag=True, help="Also where somebody else has claimed it.")
@click.option("--release", is_flag=True, help="Give the claim up.")
@_acting
@state_folder
@as_json
def assign(
    state: Path, case_name: str, account: str, *, take_over: bool, release: bool, as_json: bool
) -> None:
    """Claim a case for oneself; the claim lapses by itself."""
    until: datetime | None = None
    with session(state, case_name, account) as on:
        if release:
            on.review.release(on.reference, on.person)
        else:
            until = on.review.claim(on.reference, on.person, take_over=take_over).claimed_until
    if as_json:
        assignee = None if release else on.person.name
        emit({"case": on.reference, "assignee": assignee, "until": until and until.isoformat()})


@click.command("queue", cls=Command, exits=EXITS)
@click.option(
    "--waits-for",
    "waits_for",
    type=click.Choice(["reviewer", "second", "vendor", "source", "date"]),
    multiple=True,
    help="Whose turn it is; several times.",
)
@click.option("--search", default="", help="A reference, a number, a reason code or part of a name.")
@click.option("--reason", default="", help="A reason code.")
@click.option("--buyer", default="", help="A buyer.")
@click.option("--track", default="", help="A track.")
@click.option("--assignee", help="Who has claimed it; '' for nobody.")
@click.option("--overdue", is_flag=True, help="Only what is past its day.")
@click.option("--after", help="`next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Entries a page.")
@in_language
@state_folder
@as_json
def queue(state: Path, lang: str, *, after: str | None, limit: int, as_json: bool, **wanted: Any) -> None:
    """What waits for people, the earliest due first."""
    from cli.installation import open_memory, read_settings
    from pipeline.review.actions import Review
    from pipeline.review.model import QueueFilter, Refused, WaitsFor
    from tasks.bootstrap import SystemClock

    settings = read_settings(state)
    wanted["waits_for"] = tuple(WaitsFor(name) for name in wanted["waits_for"])
    try:
        with open_memory(settings) as memory:
            review = Review(memory, SystemClock(), settings.review_times)
            page = review.queue(QueueFilter(**wanted), after, limit)
    except Refused as refused:
        raise _failure(refused) from None
    if as_json:
        emit_all(_described(entry) for entry in page.entries)
    else:
        _print(page.entries, lang)
    if page.next is not None:
        console(stderr=True).print(f"more: --after {page.next}")


def _described(entry: QueueEntry) -> dict[str, Any]:
    return {
        "case": entry.reference,
        "state": str(entry.state),
        "waits_for": str(entry.waits_for),
        "due_at": entry.due_at.isoformat(),
        "clock": "running" if entry.stopped_at is None else "stopped",
        "reason": entry.reason,
        "vendor": entry.vendor_name,
        "number": entry.vendor_number,
        "product": entry.product_name,
        "track": entry.track,
        "buyers": list(entry.buyers),
        "assignee": entry.assignee,
        "referred_at": entry.referred_at.isoformat(),
    }


def _print(entries: Sequence[QueueEntry], lang: str) -> None:
    from rich.table import Table

    from pipeline.review.model import WAITS_FOR

    table = Table(box=None, pad_edge=False)
    for column in ("case", "due", "waits for", "vendor", "product", "reason", "assignee"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        table.add_row(
            entry.reference,
            _due(entry),
            WAITS_FOR[entry.waits_for].as_json()[lang],
            entry.vendor_name,
            entry.product_name,
            entry.reason,
            entry.assignee or "",
        )
    console().print(table)


def _due(entry: QueueEntry) -> str:
    from pipeline.calendar import last_day

    due: date = last_day(entry.due_at)
    return due.isoformat() if entry.stopped_at is None else f"({due.isoformat()})"


def _reason(text: str) -> Reason:
    from pipeline.review.model import Reason

    rule, colon, code = text.rpartition(":")
    return Reason(rule, code) if colon else Reason("", text)


COMMANDS = (
    *(queue, assign, note, approve, reject, override, ask, take_back, ask_source, defer, resume),
    *(confirm, send_back, cancel, suspend, reinstate, withdraw, grant_appeal, dismiss_appeal),
)
"""Added to ``sekisho case``."""
