"""The people who act in Sekisho: who they are, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do.

    A viewer reads cases, a reviewer decides them, an officer decides on policies and suspensions besides. An
    operator runs the machines: controls workers and tasks, and reads cases as a viewer does.
    """

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    OFFICER = "officer"
    OPERATOR = "operator"


_MAY: dict[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.REVIEWER: frozenset({Role.VIEWER, Role.REVIEWER}),
    Role.OFFICER: frozenset({Role.VIEWER, Role.REVIEWER, Role.OFFICER}),
    Role.OPERATOR: frozenset({Role.VIEWER, Role.OPERATOR}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts under a name of their own. ``name`` is the account's, unique, in its normal form."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether this person may do what takes ``role``."""
        return role in _MAY[self.role]
