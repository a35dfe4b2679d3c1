"""What ``sekisho doctor`` looks at: one function a part, each of which says what it saw and what to do.

Nothing here changes anything. Texts hold names, counts and addresses without passwords.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import Failure

if TYPE_CHECKING:
    from celery import Celery

    from pipeline.ports import Connector
    from storage.database import Database
    from tasks.settings import Settings

LATE = timedelta(seconds=30)
"""No sweeper has seen a step that is due for longer."""

LATE_DELIVERY = timedelta(minutes=10)
"""By then an endpoint that is well has taken what it was told."""

OFTEN = 5
"""A step that was sent so often ends before it is done."""

SKEW = timedelta(seconds=5)
"""Clocks that differ by more make leases and signatures unreliable."""

PATIENCE = 3.0
"""Seconds that a worker has to answer. One that is at work still does."""

JOURNAL_LOOK = 2000
"""Entries of the journal that are computed again."""

LITTLE_DISK = 1 << 30
"""Bytes. A database that cannot write stops everything."""

KNOWN_RECORDS: Mapping[str, tuple[str, str, str, str]] = {
    "jp.nta": ("vendor", "JP-JCN", "7000012050002", "国税庁"),
    "jp.invoice": ("vendor", "JP-INVOICE", "T1000020012271", ""),
    "jp.gbizinfo": ("vendor", "JP-JCN", "1180301018771", "トヨタ自動車株式会社"),
    "jp.ismap": ("ismap", "JP-ISMAP", "C21-0008-2", "Amazon Web Services"),
    "jp.isms": ("iso27001", "JP-ISMS", "JQA-IM2002", ""),
    "jp.privacymark": ("vendor", "JP-PMARK", "10830292", ""),
    "jp.suspension": ("vendor", "JP-JCN", "7000012050002", "国税庁"),
    "jp.startup": ("j-startup", "JP-JCN", "7000012050002", "国税庁"),
    "int.gleif": ("vendor", "XI-LEI", "506700GE1G29325QX363", ""),
    "gb.companies-house": ("vendor", "GB-COH", "00445790", "TESCO PLC"),
    "no.brreg": ("vendor", "NO-BRC", "923609016", "EQUINOR ASA"),
    "fr.entreprises": ("vendor", "FR-INSEE", "418166096", "OCTO-TECHNOLOGY"),
    "eu.vies": ("vendor", "XI-VAT", "BE0244142664", ""),
    "us.fedramp": ("vendor", "US-UEI", "NSDFW8DZAP24", ""),
    "screening.yente": ("vendor", "XI-LEI", "506700GE1G29325QX363", "GLEIF"),
}
"""What each source is asked about: role, scheme, number, name; public bodies and published examples."""

_NEED_NOT_BE_THERE = frozenset({"jp.suspension", "jp.startup", "screening.yente", "us.fedramp"})
"""Of these any answer will do: nobody certain is in them for ever."""


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, what was seen and, unless all is well, what to do."""

    name: str
    health: Health
    seen: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """For ``--json``."""
        return {"name": self.name, "health": str(self.health), "seen": self.seen, "remedy": self.remedy}


def ok(name: str, seen: str) -> Finding:
    """All is well."""
    return Finding(name, Health.OK, seen)


def warn(name: str, seen: str, remedy: str) -> Finding:
    """It works; somebody should look."""
    return Finding(name, Health.WARN, seen, remedy)


def fail(name: str, seen: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(name, Health.FAIL, seen, remedy)


class Installation:
    """What is examined. Database and broker are None where they do not answer; each is tried once."""

    def __init__(self, settings: Settings, state: Path, stack: ExitStack) -> None:
        self.settings = settings
        self.state = state
        self.database_fault = ""
        self.broker_fault = ""
        self._stack = stack

    @cached_property
    def database(self) -> Database | None:
        """The database."""
        from sqlalchemy.exc import SQLAlchemyError

        from cli.installation import open_database

        try:
            database = self._stack.enter_context(open_database(self.settings))
            with database.read() as connection:
                connection.exec_driver_sql("SELECT 1")
        except Failure as failure:
            self.database_fault = failure.title
        except SQLAlchemyError as error:
            self.database_fault = str(getattr(error, "orig", error)).partition("\n")[0]
        else:
            return database
        return None

    @cached_property
    def migrated(self) -> Database | None:
        """The database, if it is in the shape that this version needs."""
        from storage import migrations

        database = self.database
        return (
            database if database is not None and migrations.current(database) == migrations.head() else None
        )

    @cached_property
    def app(self) -> Celery:
        """A Celery application that speaks to the broker of these settings."""
        from celery import Celery

        return Celery("doctor", broker=self.settings.broker_url.get_secret_value(), set_as_current=False)

    @cached_property
    def broker(self) -> Any | None:
        """The broker's own client."""
        connection = self._stack.enter_context(self.app.connection_for_write())
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
            client = connection.default_channel.client
            client.ping()
        except Exception as error:  # noqa: BLE001 - whatever transport and client raise: it does not answer
            self.broker_fault = type(error).__name__
            return None
        return client


Check = Callable[[Installation], Iterator[Finding]]


def examine(settings: Settings, state: Path, *, offline: bool = False) -> Iterator[Finding]:
    """Every finding about an installation."""
    with ExitStack() as stack:
        installation = Installation(settings, state, stack)
        for check in CHECKS:
            if offline and check is sources:
                continue
            try:
                yield from check(installation)
            except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
                name = check.__name__.replace("_", " ")
                yield fail(
                    name, f"the check broke ({type(error).__name__})", "this is a fault of sekisho; report it"
                )


def secret_keys(installation: Installation) -> Iterator[Finding]:
    """Senders can be verified only with the keys that their secrets were encrypted with."""
    keys = installation.settings.secret_keys
    if keys:
        yield ok("secret keys", f"{len(keys)} set")
    else:
        yield fail("secret keys", "none", "`sekisho keys new` makes one for SEKISHO_SECRET_KEYS")


def database(installation: Installation) -> Iterator[Finding]:
    """The database answers, and is in the shape that this version needs."""
    from storage import migrations

    opened = installation.database
    if opened is None:
        yield fail("database", installation.database_fault, "see SEKISHO_DATABASE_URL; start the server")
        return
    yield ok("database", f"{opened.engine.dialect.name} answers")
    current, needed = migrations.current(opened), migrations.head()
    if current == needed:
        yield ok("migrations", f"at {needed}")
    else:
        yield fail("migrations", f"at {current or 'nothing'}, {needed} is needed", "run `sekisho migrate`")


def broker(installation: Installation) -> Iterator[Finding]:
    """The broker answers, does not forget quietly, and keeps its queues over a restart."""
    client = installation.broker
    if client is None:
        yield fail(
            "broker", f"no answer ({installation.broker_fault})", "see SEKISHO_BROKER_URL; start the server"
        )
        return
    yield ok("broker", "answers")
    try:
        chosen = client.config_get("maxmemory-policy", "appendonly", "save")
    except Exception:  # noqa: BLE001 - hosted brokers forbid CONFIG in ways of their own
        yield warn("broker memory", "its configuration cannot be read", "make sure that it has noeviction")
        return
    policy = chosen.get("maxmemory-policy", "")
    if policy == "noeviction":
        yield ok("broker memory", "noeviction")
    else:
        yield fail("broker memory", f"evicts ({policy})", "set maxmemory-policy noeviction")
    if chosen.get("appendonly") == "yes" or chosen.get("save"):
        yield ok("broker persistence", "on")
    else:
        yield warn(
            "broker persistence", "off: a restart empties it", "set appendonly yes; the sweeper recovers"
        )


def queues(installation: Installation) -> Iterator[Finding]:
    """The workers keep up."""
    from tasks.routes import DELIVERIES, EXPRESS, FINISH, lane
    from tasks.sweeper import LONG_QUEUE

    client = installation.broker
    if client is None:
        return
    names = (EXPRESS, FINISH, DELIVERIES, *map(lane, installation.settings.sources))
    depths = {name: int(client.llen(name)) for name in names}
    long = {name: depth for name, depth in depths.items() if depth > LONG_QUEUE}
    if long:
        seen = ", ".join(f"{name} {depth}" for name, depth in long.items())
        yield warn("queues", f"behind: {seen}", "start more workers (`celery -A tasks worker`)")
    else:
        yield ok("queues", f"{sum(depths.values())} waiting in {len(depths)}")


def workers(installation: Installation) -> Iterator[Finding]:
    """A worker answers."""
    if installation.broker is None:
        return
    # One that answers will do: to count them all would mean to wait out the time.
    answers = installation.app.control.inspect(timeout=PATIENCE, limit=1).ping()
    if answers:
        yield ok("workers", f"{next(iter(answers))} answers")
    else:
        yield fail("workers", f"none answered within {PATIENCE:.0f} s", "start one: `celery -A tasks worker`")


def steps(installation: Installation) -> Iterator[Finding]:
    """A sweeper sends what is due, and what is sent gets done."""
    from sqlalchemy import func, select

    from storage import tables
    from storage.memory import SqlMemory

    if installation.migrated is None:
        return
    with SqlMemory(installation.migrated).read() as tx:
        oldest: datetime | None = tx.connection.execute(select(func.min(tables.steps.c.due_at))).scalar_one()
        due = tx.ledger.backlog(datetime.now(UTC))
        stuck = tx.ledger.stuck(OFTEN)
    late = datetime.now(UTC) - oldest if oldest is not None else timedelta()
    if late > LATE:
        yield fail(
            "sweeper", f"a step is due for {late.total_seconds():.0f} s", "start one: `celery -A tasks beat`"
        )
    else:
        yield ok("sweeper", f"{due} steps due or about to be, none overdue")
    if stuck:
        names = ", ".join(sorted({step.reference for step in stuck})[:5])
        yield warn(
            "stuck steps",
            f"{len(stuck)} sent {OFTEN} times or more: {names}",
            "the worker's log says what ends them; `sekisho case show` shows the case",
        )
    else:
        yield ok("stuck steps", "none")


def journal(installation: Installation) -> Iterator[Finding]:
    """The journal's newest part is the chain that was written, and its head is signed now and then."""
    from storage.memory import SqlMemory
    from tasks.bootstrap import SystemClock, notary_of

    if installation.migrated is None:
        return
    memory, settings = SqlMemory(installation.migrated), installation.settings
    broken = notary_of(settings, memory, SystemClock()).broken_at(JOURNAL_LOOK)
    with memory.read() as tx:
        head, signed = tx.journal.head(), tx.journal.newest_signed()
    if broken is None:
        yield ok("journal", f"{head.position} entries, the newest {min(head.position, JOURNAL_LOOK)} whole")
    else:
        yield fail("journal", f"broken at {broken}", "`sekisho audit verify` looks at all; see docs/audit.md")
    if not settings.signing_keys:
        yield warn("signed head", "no key", "`sekisho keys new --signing` makes one for SEKISHO_SIGNING_KEYS")
        return
    seen = "none yet"
    late = head.position > 0
    if signed is not None:
        age = datetime.now(UTC) - signed.at
        unsigned = head.position - signed.head.position
        late = unsigned > 0 and age > 2 * timedelta(minutes=settings.head_minutes)
        seen = f"{age.total_seconds() / 60:.0f} min old, {unsigned} entries since"
    if late:
        yield fail("signed head", seen, "the sweeper signs: see its log; `sekisho audit head --sign`")
    else:
        yield ok("signed head", seen)


def deliveries(installation: Installation) -> Iterator[Finding]:
    """Subscribers take what they are told."""
    from pipeline.delivery import DisabledBecause, SubscriberState
    from storage.memory import SqlMemory

    if installation.migrated is None:
        return
    with SqlMemory(installation.migrated).read() as tx:
        standings = tx.deliveries.standings()
    now = datetime.now(UTC)
    active = [standing for standing in standings if standing.state is SubscriberState.ACTIVE]
    oldest = min((standing.oldest for standing in active if standing.oldest is not None), default=None)
    age = now - oldest if oldest is not None else timedelta()
    waiting = sum(standing.waiting + standing.behind for standing in active)
    seen = f"{waiting} waiting for {len(active)} active subscribers"
    remedy = "`sekisho subscribers list` and `show` say which and why"
    if age > LATE_DELIVERY:
        yield warn("deliveries", f"{seen}, the oldest for {age.total_seconds() / 60:.0f} min", remedy)
    else:
        yield ok("deliveries", seen)
    lost = [
        f"{standing.name} ({standing.reason})"
        for standing in standings
        if standing.state is SubscriberState.DISABLED and standing.reason != DisabledBecause.OPERATOR
    ]
    if lost:
        yield warn(
            "subscribers",
            f"disabled by themselves: {', '.join(lost[:5])}",
            "let them know by another way; `sekisho subscribers enable` when they are back",
        )
    if exhausted := sum(standing.exhausted for standing in standings):
        yield warn(
            "dead letters", f"{exhausted} were never taken", "`sekisho subscribers replay NAME --exhausted`"
        )
    if broken := [standing.name for standing in standings if standing.sends >= OFTEN]:
        yield warn(
            "stuck deliveries",
            f"begun {OFTEN} times or more: {', '.join(broken[:5])}",
            "the worker's log says what ends them",
        )


def clock(installation: Installation) -> Iterator[Finding]:
    """The clocks of this machine and of the broker agree."""
    client = installation.broker
    if client is None:
        return
    seconds, microseconds = client.time()
    there = datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)
    skew = abs(datetime.now(UTC) - there)
    if skew > SKEW:
        yield fail("clock", f"{skew.total_seconds():.0f} s away from the broker's", "let NTP set both clocks")
    else:
        yield ok("clock", "agrees with the broker's")


def disk(installation: Installation) -> Iterator[Finding]:
    """There is room for the database, or at least for what is written here."""
    folder = installation.state.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    seen = f"{free / (1 << 30):.1f} GiB free at {folder}"
    yield ok("disk", seen) if free >= LITTLE_DISK else warn("disk", seen, "make room")


def schemas(_installation: Installation) -> Iterator[Finding]:
    """The published schemas compile."""
    from pipeline.schemas import SCHEMAS

    for schema in SCHEMAS:
        schema.violations({})
    yield ok("schemas", ", ".join(f"{schema.name}/{schema.version}" for schema in SCHEMAS))


def policy(installation: Installation) -> Iterator[Finding]:
    """The policy in force loads."""
    from rules.policy import PackPolicy

    name = installation.settings.policy
    try:
        PackPolicy.load(name)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is not in force
        yield fail("policy", f"{name}: {error}".partition("\n")[0], "see SEKISHO_POLICY")
    else:
        yield ok("policy", name)


def sources(installation: Installation) -> Iterator[Finding]:
    """Every source in use answers."""
    from connectors.installed import connect
    from pipeline.errors import ConfigurationError

    try:
        connectors = connect(installation.settings.sources)
    except ConfigurationError as error:
        for fault in error.faults:
            yield fail("sources", fault, "see `sekisho config show`")
        return
    if not connectors:
        yield warn("sources", "none is asked", "name them in SEKISHO_SOURCES")
    for connector in connectors:
        yield _asked(connector, installation.settings.sources[connector.source].get("base_url", ""))
        close = getattr(connector, "close", None)
        if close is not None:
            close()


def _asked(connector: Connector, base_url: str) -> Finding:
    """What came of asking a source for a record that is known to be there."""
    from connectors.transport import is_this_machine
    from pipeline.errors import SourceChanged, SourceError
    from pipeline.identifiers import OrganisationId
    from pipeline.model import Inquiry, Presence

    source = connector.source
    name = f"source {source}"
    known = KNOWN_RECORDS.get(source)
    if known is None:
        return ok(name, "configured; no record is known to ask for")
    role, scheme, number, called = known
    try:
        capture = connector.fetch(Inquiry(source, role, OrganisationId(scheme, number), called))
    except SourceError as error:
        seen = f"{error.reason}: {error.detail}" if error.detail else str(error.reason)
        return fail(name, seen, REMEDIES.get(str(error.reason), "see docs/reasons.md"))
    try:
        presence = connector.parse(
            Inquiry(source, role, OrganisationId(scheme, number), called), capture
        ).presence
    except SourceChanged as error:
        layout = getattr(connector, "layout", None)
        remedy = REMEDIES["source_changed" if layout is None or layout.verified else "layout"]
        return fail(name, f"source_changed: {error.detail} ({capture.sha256})", remedy)
    seen = f"answers ({scheme} {number}: {presence})"
    if presence is Presence.FOUND or source in _NEED_NOT_BE_THERE or is_this_machine(base_url):
        return ok(name, seen)
    return warn(name, f"{seen}, which it should have", "see that base_url is that of the real source")


REMEDIES: Mapping[str, str] = {
    "refused": "see the key in SEKISHO_SOURCES; the source does not accept it, or the question",
    "rate_limited": "wait; another process may use the same key",
    "tls": "see the certificate authorities of this machine, and whether something intercepts TLS",
    "forbidden_address": "its name leads into a private network; see DNS and base_url",
    "unreachable": "see base_url, DNS, and whether the way out is open",
    "timeout": "see the way out; SEKISHO_SOURCE_TIMEOUT_SECONDS may be too short",
    "redirected": "see base_url: the source has moved",
    "wrong_media_type": "see base_url; else the source shows a page instead of data: wait",
    "server_error": "wait; the fault is the source's",
    "source_changed": "`sekisho connectors fetch --save` keeps the answer; report it",
    "layout": "its layout is unverified: correct it with a genuine page, docs/sources.md says how",
}
"""What to do about a source that gives no usable answer, by reason."""


def register(installation: Installation) -> Iterator[Finding]:
    """The mirror of the corporate-number register, where there is one, is whole and follows the agency's."""
    from tasks.mirror import mirror_if_there
    from tasks.upkeep import CHORE

    mirror = mirror_if_there(installation.settings)
    if mirror is None:
        return  # one can do without
    try:
        day = mirror.register_date()
    finally:
        mirror.close()
    chore = None
    if installation.migrated is not None:
        from storage.memory import SqlMemory

        with SqlMemory(installation.migrated).read() as tx:
            chore = tx.chores.named(CHORE)
    last = f"; last update: {chore.outcome}" if chore is not None and chore.outcome else ""
    if day is None:
        remedy = "import the full file of the whole country: `sekisho registry import`"
        yield warn("register", f"not whole{last}", remedy)
        return
    age = (datetime.now(UTC) + timedelta(hours=9)).date() - day
    if age > timedelta(days=installation.settings.mirror_age_days):
        yield warn(
            "register",
            f"its state is of {day}, {age.days} days ago{last}",
            "`sekisho registry update`; the Web-API is asked meanwhile, if jp.nta has an application ID",
        )
    else:
        yield ok("register", f"its state is of {day}{last}")


CHECKS: tuple[Check, ...] = (
    secret_keys,
    database,
    broker,
    queues,
    workers,
    steps,
    journal,
    deliveries,
    clock,
    disk,
    schemas,
    policy,
    register,
    sources,
)
