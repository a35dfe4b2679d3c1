"""What the desk's handlers reach: the settings, the clock, the people, the cases and what is done to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from pipeline.model import Step
from pipeline.ports import Clock
from pipeline.review.actions import Review
from storage.database import Database
from storage.memory import SqlMemory
from tasks.accounts import Accounts
from tasks.bootstrap import desk_services
from tasks.flower_options import FlowerSettings
from tasks.sources import SourceStanding
from web.desk.oidc import Provider


@dataclass(frozen=True)
class DeskServices:
    """The services of one Flower process.

    ``notify`` has a message sent for a step; it never blocks. ``sources`` tells how each source stands.
    """

    settings: FlowerSettings
    clock: Clock
    database: Database
    memory: SqlMemory
    accounts: Accounts
    review: Review
    notify: Callable[[Step], None]
    sources: Callable[[], list[SourceStanding]]

    @cached_property
    def provider(self) -> Provider | None:
        """The identity provider, where there is one."""
        return Provider(self.settings, self.clock) if self.settings.oidc_issuer else None

    @classmethod
    def of(cls, settings: FlowerSettings) -> DeskServices:
        """Joined as the settings say."""
        joined = desk_services(settings)
        accounts = Accounts(joined.memory, joined.clock, settings.session_lifetime, settings.session_idle)
        return cls(
            settings,
            joined.clock,
            joined.database,
            joined.memory,
            accounts,
            joined.review,
            joined.notify,
            joined.sources,
        )
