"""What the desk's handlers reach: the settings, the clock, the people and the database."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.ports import Clock
from storage.memory import SqlMemory
from tasks.accounts import Accounts
from tasks.bootstrap import desk_services
from tasks.flower_options import FlowerSettings


@dataclass(frozen=True)
class DeskServices:
    """The services of one Flower process."""

    settings: FlowerSettings
    clock: Clock
    memory: SqlMemory
    accounts: Accounts

    @classmethod
    def of(cls, settings: FlowerSettings) -> DeskServices:
        """Joined as the settings say."""
        joined = desk_services(settings)
        accounts = Accounts(joined.memory, joined.clock, settings.session_lifetime, settings.session_idle)
        return cls(settings, joined.clock, joined.memory, accounts)
