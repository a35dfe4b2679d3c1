"""The sources joined with the limits that all workers share, and how operators see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.circuit import CircuitState
from connectors.conformance.registry import Registry, message
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Stage, Step, Unanswered
from storage.memory import SqlMemory
from tasks import sweeper
from tasks.bootstrap import System, build, join, shared_limits
from tasks.mirror import open_mirror
from tasks.settings import OPEN_SOURCES, Settings
from tasks.sources import standings
from tests.connectors.conftest import valkey, valkey_url  # noqa: F401 - fixtures
from tests.registers import import_all, line, number, write

INQUIRY = Inquiry("no.brreg", "vendor", OrganisationId("NO-BRC", "923609016"))
NONE = dict.fromkeys(OPEN_SOURCES, False)
DOWN = message(b"", "500 Internal Server Error", "text/html")


@pytest.fixture
def systems(sqlite_database_url: str) -> Iterator[Callable[..., System]]:
    """``systems(broker, sources)``: what a worker has."""
    made: list[System] = []

    def make(broker: str, **sources: object) -> System:
        settings = Settings(
            database_url=SecretStr(sqlite_database_url),
            broker_url=SecretStr(broker),
            sources={**NONE, **{name.replace("_", "."): given for name, given in sources.items()}},
        )
        made.append(build(settings))
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.mark.parametrize("away", [False, True])
def test_a_source_that_is_down_is_left_alone_by_every_worker(
    systems: Callable[..., System],
    valkey: str,  # noqa: F811 - the fixture
    away: bool,
) -> None:
    registry = Registry([DOWN] * 20)
    broker = "redis://127.0.0.1:1/0" if away else valkey
    one, other = (systems(broker, no_brreg={"base_url": registry.url}) for _ in range(2))
    reasons = [one.sources.ask([INQUIRY])[0].reason for _ in range(6)]
    assert reasons == ["server_error"] * 5 + ["circuit_open"]
    [answer] = other.sources.ask([INQUIRY])
    # While the broker is away each keeps the limits for itself; nothing fails because of it.
    assert answer.reason == ("server_error" if away else "circuit_open")
    [standing] = standings(join(one.settings, one.limits, None), one.limits, one.memory)
    assert (standing.source, standing.state) == ("no.brreg", CircuitState.OPEN)
    assert standing.as_json()["until"] is not None
    registry.close()


def test_published_limits_hold_for_the_source_and_not_for_the_sandbox() -> None:
    here = Settings(sources={**NONE, "no.brreg": {"base_url": "http://127.0.0.1:9/brreg"}})
    there = Settings(sources={**NONE, "no.brreg": {}})
    limits = shared_limits(here)
    for settings, spacing in ((here, timedelta(0)), (there, timedelta(seconds=0.2))):
        [connector] = join(settings, limits, None)
        assert sum((rate.spacing for rate in connector.rates), timedelta(0)) == spacing
        connector.close()
    limits.close()


def test_the_mirror_has_no_limits_and_what_stands_behind_it_has(
    systems: Callable[..., System], sqlite_database_url: str, tmp_path: Path
) -> None:
    day = datetime.now(UTC).date()
    settings = Settings(
        database_url=SecretStr(sqlite_database_url),
        sources={**NONE, "jp.nta": {"application_id": "x"}},
    )
    limits = shared_limits(settings)
    mirror = open_mirror(settings, create=True)
    [behind] = join(settings, limits, mirror)
    assert [rate.requests for rate in behind.rates] == [1]
    assert behind.asked_by == ("subject",)
    import_all(mirror, [write(tmp_path, f"00_zenkoku_all_{day:%Y%m%d}.csv", [line(number(1))])])
    [mirrored] = join(settings, limits, mirror)
    assert mirrored.rates == ()
    # What is here is asked each time: it may have been brought up to date since.
    assert mirrored.asked_by is None
    about = Inquiry("jp.nta", "vendor", OrganisationId("JP-JCN", number(1)))
    assert all(isinstance(mirrored.fetch(about), Capture) for _ in range(20))
    behind.close()
    mirrored.close()
    limits.close()
    mirror.close()


def test_an_answer_and_those_who_wait_are_seen(systems: Callable[..., System], valkey: str) -> None:  # noqa: F811
    system = systems(valkey, no_brreg={"base_url": "http://127.0.0.1:9"})
    connectors = join(system.settings, system.limits, None)
    [standing] = standings(connectors, system.limits, SqlMemory(system.database))
    assert standing.activity.last_answer is None
    assert standing.activity.waiting == {}
    assert isinstance(system.sources.ask([INQUIRY])[0], Unanswered)


def test_one_message_is_sent_for_what_goes_into_one_request(
    systems: Callable[..., System], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = systems("redis://127.0.0.1:1/0", jp_nta={"application_id": "x"}, no_brreg={})
    monkeypatch.setattr(sweeper, "system", lambda: system)
    now = datetime.now(UTC)

    def step(source: str | None, sends: int = 0) -> Step:
        from pipeline.identifiers import new_id

        return Step(new_id(), new_id(), "SK-1", Stage.COLLECTION, now, source, source and "vendor", sends)

    steps = [
        *(step("jp.nta") for _ in range(25)),
        *(step("no.brreg") for _ in range(3)),
        *(step(None) for _ in range(2)),
        *(step("jp.nta", sends=1) for _ in range(4)),
    ]
    sent = list(sweeper.one_a_request(steps))
    lanes = [(one.source, one.sends) for one in sent]
    assert [lanes.count(lane) for lane in [("jp.nta", 0), ("no.brreg", 0), (None, 0), ("jp.nta", 1)]] == [
        3,
        3,
        2,
        4,
    ]
