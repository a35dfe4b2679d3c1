"""``sekisho subscribers``: who is told of changes, where, and what became of it.

Catalog services are added here; a sender's endpoint is set by ``sekisho senders endpoint set`` and is named
``sender:`` and the sender's name in all the other commands.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, emit_all, note, state_folder
from cli.spans import Span

if TYPE_CHECKING:
    from pipeline.delivery import Outcome, Subscriber
    from storage.deliveries import Standing, StoredDelivery
    from storage.memory import SqlTransaction
    from storage.subscribers import Registered, SqlSubscribers
    from tasks.settings import Settings

BY = "operator"
"""Who acts from the command line, in the journal."""

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)
_EXIT_OF = {
    "unknown": Exit.NOT_FOUND,
    "exists": Exit.CONFLICT,
    "state": Exit.CONFLICT,
    "invalid": Exit.INVALID,
}

key_pair = click.option(
    "--key-pair", "pair", is_flag=True, help="Sign with a key pair (v1a, Ed25519) instead of a secret (v1)."
)


@click.group()
def subscribers() -> None:
    """Manage who is told of changes by webhook."""


@subscribers.command("add", cls=Command, exits=_EXITS)
@click.argument("name")
@click.argument("url")
@click.option(
    "--after",
    type=click.IntRange(min=0),
    help="Tell it of what comes after this position of the feed; by default of what is new.",
)
@click.option("--ordered", is_flag=True, help="Send nothing before what came earlier was taken or given up.")
@key_pair
@state_folder
@as_json
def add(
    state: Path, name: str, url: str, after: int | None, *, ordered: bool, pair: bool, as_json: bool
) -> None:
    """Add a catalog service. Its secret is shown this once; `ping` then starts the deliveries."""
    check(state, url)
    with opened(state) as at:
        registered = at.subscribers.add(name, url, at.now, after=after, ordered=ordered, pair=pair)
        at.write_down(registered.id, "added")
    hand_over(registered, as_json=as_json)


@subscribers.command("list", cls=Command, exits=_EXITS)
@state_folder
@as_json
def list_(state: Path, *, as_json: bool) -> None:
    """List all subscribers with how they stand."""
    with opened(state) as at:
        standings = at.tx.deliveries.standings()
    if as_json:
        emit_all(_described(standing) for standing in standings)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("name", "state", "waiting", "exhausted", "oldest", "failures"):
        table.add_column(column, overflow="fold")
    for standing in standings:
        state_shown = f"{standing.state} ({standing.reason})" if standing.reason else str(standing.state)
        oldest = f"{standing.oldest:%Y-%m-%d %H:%M}" if standing.oldest else ""
        waiting = standing.waiting + standing.behind
        numbers = (str(waiting), str(standing.exhausted), oldest, str(standing.health.failures))
        table.add_row(standing.name, state_shown, *numbers)
    console().print(table)


@subscribers.command("show", cls=Command, exits=_EXITS)
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many deliveries."
)
@click.option("--exhausted", is_flag=True, help="Only those that were given up.")
@state_folder
@as_json
def show(state: Path, name: str, limit: int, *, exhausted: bool, as_json: bool) -> None:
    """Show a subscriber, its keys without their secrets, and its latest deliveries with each try."""
    from pipeline.delivery import DeliveryState

    states = (DeliveryState.EXHAUSTED,) if exhausted else ()
    with opened(state) as at:
        subscriber = at.subscribers.named(name, at.now)
        keys = at.subscribers.keys(subscriber, at.now)
        [standing] = at.tx.deliveries.standings(name)
        latest = at.tx.deliveries.latest(subscriber.id, limit, states)
    document: dict[str, Any] = {
        **_described(standing),
        "id": str(subscriber.id),
        "url": subscriber.url,
        "ordered": subscriber.ordered,
        "keys": [
            {
                "scheme": key.scheme,
                "created_at": key.created_at.isoformat(),
                "retires_at": key.retires_at.isoformat() if key.retires_at else None,
                **({"public": key.public} if key.public else {}),
            }
            for key in keys
        ],
        "deliveries": [_delivery(delivery) for delivery in latest],
    }
    if as_json:
        emit(document)
        return
    for key, value in document.items():
        if key not in {"keys", "deliveries"} and value not in {"", None}:
            click.echo(f"{key:<13} {value}")
    for one in document["keys"]:
        until = f" until {one['retires_at']}" if one["retires_at"] else ""
        click.echo(f"{'key':<13} {one['scheme']}{until} {one.get('public', '')}".rstrip())
    for delivery in document["deliveries"]:
        click.echo(
            f"{delivery['id']}  {delivery['sequence']:>6}  {delivery['kind']:<12} {delivery['state']:<9} "
            f"{_last_try(delivery)}".rstrip()
        )


@subscribers.command("ping", cls=Command, exits=(*_EXITS, Exit.FINDINGS))
@click.argument("name")
@state_folder
@as_json
def ping(state: Path, name: str, *, as_json: bool) -> int:
    """Send a signed challenge. A new subscriber that echoes it is active from then on."""
    from pipeline.delivery import SubscriberState

    return _challenge(state, name, frozenset({SubscriberState.PENDING}), skip=False, as_json=as_json)


@subscribers.command("enable", cls=Command, exits=(*_EXITS, Exit.FINDINGS))
@click.argument("name")
@click.option("--skip-waiting", "skip", is_flag=True, help="Leave out whatever has waited until now.")
@state_folder
@as_json
def enable(state: Path, name: str, *, skip: bool, as_json: bool) -> int:
    """Send a signed challenge, and go on with the deliveries if it is echoed."""
    from pipeline.delivery import SubscriberState

    return _challenge(state, name, frozenset(SubscriberState), skip=skip, as_json=as_json)


@subscribers.command("disable", cls=Command, exits=_EXITS)
@click.argument("name")
@state_folder
@as_json
def disable(state: Path, name: str, *, as_json: bool) -> None:
    """Send nothing until it is enabled. What happens meanwhile waits."""
    from pipeline.delivery import DisabledBecause

    with opened(state) as at:
        subscriber = at.subscribers.disable(name, at.now)
        at.write_down(subscriber.id, "disabled", {"reason": DisabledBecause.OPERATOR})
    _say(as_json, f"{name} is disabled.", name=name, state="disabled")


@subscribers.command("rotate", cls=Command, exits=_EXITS)
@click.argument("name")
@click.option(
    "--overlap",
    type=Span(),
    default="24h",
    show_default=True,
    help="How long each message is signed with the old keys too.",
)
@key_pair
@state_folder
@as_json
def rotate(state: Path, name: str, overlap: timedelta, *, pair: bool, as_json: bool) -> None:
    """Sign with a new key from now on; with the old ones too until the overlap is over."""
    with opened(state) as at:
        registered = at.subscribers.rotate(name, at.now, at.now + overlap, pair=pair)
        at.write_down(registered.id, "rotated")
    hand_over(registered, as_json=as_json)


@subscribers.command("replay", cls=Command, exits=_EXITS)
@click.argument("name")
@click.option("--id", "delivery", type=click.UUID, help="This delivery (its webhook-id).")
@click.option("--from", "first", type=click.IntRange(min=1), help="From this position of the feed …")
@click.option("--to", "last", type=click.IntRange(min=1), help="… to this one.")
@click.option("--exhausted", is_flag=True, help="All that were given up.")
@click.option("--all", "everything", is_flag=True, help="All that it was ever sent.")
@state_folder
@as_json
def replay(
    state: Path,
    name: str,
    delivery: UUID | None,
    first: int | None,
    last: int | None,
    *,
    exhausted: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Send deliveries anew, each under its own id with a new time, and with all its tries before it."""
    from pipeline.delivery import DeliveryState

    by_range = first is not None or last is not None
    if sum((delivery is not None, by_range, exhausted, everything)) != 1:
        raise click.UsageError("one of --id, --from and --to, --exhausted, --all")
    if by_range and (first is None or last is None):
        raise click.UsageError("--from and --to go together")
    with opened(state) as at:
        if delivery is not None:
            count = at.subscribers.replay_one(name, delivery, at.now)
            if not count:
                raise Failure(Exit.NOT_FOUND, "cli.delivery_unknown", f"{name} has no delivery {delivery}")
        elif first is not None and last is not None:
            count = at.subscribers.replay_range(name, first, last, at.now)
        else:
            states = tuple(DeliveryState) if everything else (DeliveryState.EXHAUSTED,)
            count = at.subscribers.replay_in_state(name, states, at.now)
        at.write_down(at.subscribers.named(name, at.now).id, "replayed", {"deliveries": count})
    _say(as_json, f"{count} to be sent anew.", name=name, deliveries=count)


@subscribers.command("remove", cls=Command, exits=_EXITS)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_folder
@as_json
def remove(state: Path, name: str, *, yes: bool, as_json: bool) -> None:
    """Take a subscriber out, with its keys and everything that was or is to be delivered to it."""
    if not yes:
        click.confirm(f"Remove {name} and all its deliveries?", abort=True, err=True)
    with opened(state) as at:
        subscriber = at.subscribers.remove(name, at.now)
        at.write_down(subscriber.id, "removed")
    _say(as_json, f"{name} is removed.", name=name, removed=True)


@dataclass(frozen=True)
class At:
    """The subscribers in one transaction, and the time of it."""

    settings: Settings
    tx: SqlTransaction
    subscribers: SqlSubscribers
    now: datetime

    def write_down(self, subscriber_id: UUID, what: str, data: dict[str, str | int] | None = None) -> None:
        """Have the journal say what was done."""
        from pipeline.delivery import changed

        self.tx.journal.write([changed(subscriber_id, what, BY, self.now, data or {})])


@contextmanager
def opened(state: Path) -> Iterator[At]:
    """One transaction; what cannot be done is told as a failure with its exit status."""
    from cli.installation import open_memory, read_settings, unusable
    from pipeline.errors import ConfigurationError
    from storage.senders import Cipher
    from storage.subscribers import SqlSubscribers, SubscriberError

    settings = read_settings(state)
    try:
        cipher = Cipher([key.get_secret_value() for key in settings.secret_keys])
    except ConfigurationError as error:
        raise unusable([*error.faults, "`sekisho keys new` makes a key for SEKISHO_SECRET_KEYS"]) from None
    try:
        with open_memory(settings) as memory, memory.write() as tx:
            yield At(settings, tx, SqlSubscribers(tx.connection, cipher), datetime.now(UTC))
    except SubscriberError as error:
        detail = "`sekisho subscribers list` names all." if error.kind == "unknown" else ""
        kind = f"cli.subscriber_{error.kind}"
        raise Failure(_EXIT_OF[error.kind], kind, _sentence(str(error)), detail) from None


def check(state: Path, url: str) -> None:
    """Pass if this can be an endpoint's address. To resolve its name may take a while.

    :raises Failure: else.
    """
    from cli.installation import read_settings
    from pipeline.delivery import UnusableAddress
    from tasks.deliveries import courier_of

    try:
        courier_of(read_settings(state)).check(url)
    except UnusableAddress as error:
        raise Failure(
            Exit.INVALID,
            error.code,
            "This cannot be an endpoint's address",
            error.text.en,
            error.text.as_json(),
        ) from None


def hand_over(registered: Registered, *, as_json: bool) -> None:
    """Show the key, once."""
    kind = "public_key" if registered.key.startswith("whpk_") else "secret"
    shown = {"name": registered.name, "id": str(registered.id), kind: registered.key}
    if as_json:
        emit(shown)
        return
    for name, text in shown.items():
        click.echo(f"{name:<10}  {text}")
    if kind == "secret":
        note("Keep this now: it is not shown again.")


def _challenge(state: Path, name: str, wakes: frozenset[Any], *, skip: bool, as_json: bool) -> int:
    from pipeline import sending
    from tasks.deliveries import courier_of

    with opened(state) as at:
        subscriber = at.subscribers.named(name, at.now)
        keys = at.subscribers.signing_keys(subscriber)
        settings = at.settings
    # No transaction is open while the endpoint takes its time.
    with courier_of(settings).open(subscriber.url) as endpoint:
        challenge = secrets.token_urlsafe(24)
        base = settings.public_url.rstrip("/")
        outcome = sending.ping(endpoint, keys, subscriber.id, challenge, datetime.now(UTC), base)
    woken = outcome.taken and subscriber.state in wakes
    if woken:
        with opened(state) as at:
            if skip:
                at.tx.deliveries.skip(subscriber.id, at.now)
            at.subscribers.activate(subscriber.id, at.now)
            at.write_down(subscriber.id, "activated", {"skipped": "waiting"} if skip else None)
    _report(subscriber, outcome, woken=woken, as_json=as_json)
    return Exit.DONE if outcome.taken else Exit.FINDINGS


def _report(subscriber: Subscriber, outcome: Outcome, *, woken: bool, as_json: bool) -> None:
    from pipeline.delivery import SubscriberState

    state = SubscriberState.ACTIVE if woken else subscriber.state
    if as_json:
        emit(
            {
                "name": subscriber.name,
                "state": str(state),
                "status": outcome.status,
                "reason": outcome.reason or None,
                "milliseconds": outcome.took // timedelta(milliseconds=1),
                "answer": None if outcome.taken else _printable(outcome.answer),
            }
        )
        return
    if outcome.taken:
        click.echo(f"The challenge came back. {subscriber.name} is {state}.")
        return
    said = f"HTTP {outcome.status}, " if outcome.status is not None else ""
    click.echo(f"The challenge did not come back ({said}{outcome.reason}). {subscriber.name} is {state}.")
    if outcome.answer:
        note(_printable(outcome.answer))


def _described(standing: Standing) -> dict[str, object]:
    health = standing.health
    return {
        "name": standing.name,
        "kind": str(standing.kind),
        "state": str(standing.state),
        "reason": standing.reason or None,
        "waiting": standing.waiting + standing.behind,
        "delivered": standing.delivered,
        "exhausted": standing.exhausted,
        "oldest": standing.oldest.isoformat() if standing.oldest else None,
        "failures": health.failures,
        "failing_since": health.failing_since.isoformat() if health.failing_since else None,
        "rests_until": health.rests_until.isoformat() if health.rests_until else None,
    }


def _delivery(stored: StoredDelivery) -> dict[str, Any]:
    delivery = stored.delivery
    return {
        "id": str(delivery.id),
        "about": str(delivery.about),
        "subject": str(delivery.subject),
        "sequence": delivery.sequence,
        "kind": delivery.kind,
        "state": str(stored.state),
        "occurred_at": delivery.occurred_at.isoformat(),
        "next_attempt_at": None if stored.settled_at else stored.next_attempt_at.isoformat(),
        "attempts": [
            {
                "number": attempt.number,
                "began_at": attempt.began_at.isoformat(),
                "milliseconds": attempt.milliseconds,
                "status": attempt.status,
                "reason": attempt.reason or None,
                "answer": _printable(attempt.answer) or None,
            }
            for attempt in stored.attempts
        ],
    }


def _last_try(delivery: dict[str, Any]) -> str:
    attempts: Sequence[dict[str, Any]] = delivery["attempts"]
    if not attempts:
        return ""
    last = attempts[-1]
    status = "" if last["status"] is None else f"HTTP {last['status']} "
    return f"{len(attempts)} tries, {status}{last['reason'] or ''}".rstrip(" ,")


def _printable(answer: bytes) -> str:
    """Foreign bytes as text without what a terminal would obey."""
    text = answer.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _say(as_json: bool, sentence: str, **document: object) -> None:
    if as_json:
        emit(document)
    else:
        click.echo(sentence)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
