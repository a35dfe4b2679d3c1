"""What the door needs, in one frozen value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from pipeline.model import Step
from pipeline.ports import Clock, Fitting
from pipeline.review.policy import ReviewTimes
from storage.memory import SqlMemory
from storage.senders import Cipher
from storage.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken.

    ``body_bytes`` is the largest body and ``body_seconds`` how long it may take to arrive;
    ``submissions_per_minute`` counts a sender's valid submissions in this process; ``backlog`` is the number
    of open steps beyond which nothing new is taken.
    """

    body_bytes: int = 65536
    body_seconds: float = 30.0
    submissions_per_minute: int = 600
    backlog: int = 20_000


class WebSettings(Protocol):
    """The settings that concern the door."""

    @property
    def lease(self) -> timedelta: ...
    @property
    def body_limit_bytes(self) -> int: ...
    @property
    def rate_limit_per_minute(self) -> int: ...
    @property
    def backlog_limit(self) -> int: ...
    @property
    def review_times(self) -> ReviewTimes: ...


class Bootstrap(Protocol):
    """What ``tasks.bootstrap`` has joined for a web process."""

    @property
    def settings(self) -> WebSettings: ...
    @property
    def memory(self) -> SqlMemory: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def cipher(self) -> Cipher: ...
    @property
    def snapshots(self) -> Snapshots: ...
    @property
    def fitting(self) -> Fitting: ...
    @property
    def notify(self) -> Callable[[Step], None]: ...
    @property
    def readiness(self) -> Callable[[], list[str]]: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes are built over.

    ``notify`` is called after the commit with a new case's first step; it neither blocks nor raises.
    ``readiness`` says what keeps this process from serving, one sentence each, without secrets. ``times``
    says how long vendors have.
    """

    memory: SqlMemory
    clock: Clock
    cipher: Cipher
    snapshots: Snapshots
    fitting: Fitting
    notify: Callable[[Step], None]
    readiness: Callable[[], list[str]]
    lease: timedelta
    limits: Limits
    times: ReviewTimes = field(default_factory=ReviewTimes)

    @classmethod
    def of(cls, bootstrap: Bootstrap) -> Services:
        """The services as the settings say."""
        settings = bootstrap.settings
        return cls(
            memory=bootstrap.memory,
            clock=bootstrap.clock,
            cipher=bootstrap.cipher,
            snapshots=bootstrap.snapshots,
            fitting=bootstrap.fitting,
            notify=bootstrap.notify,
            readiness=bootstrap.readiness,
            lease=settings.lease,
            times=settings.review_times,
            limits=Limits(
                body_bytes=settings.body_limit_bytes,
                submissions_per_minute=settings.rate_limit_per_minute,
                backlog=settings.backlog_limit,
            ),
        )
