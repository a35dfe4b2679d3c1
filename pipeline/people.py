"""The people who act in Sekisho: who they are, and what they may do."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

LONGEST_NAME = 100
"""Signs that a person's name may have."""

NOT_PEOPLE = frozenset(
    {"policy", "vendor", "sender", "operator", "oidc", "sweeper"}
    | {"intake", "collection", "adjudication", "publication", "review"}
)
"""What the journal and decisions call those who act and are no person; no account may pass for one."""


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


def normal_name(text: str) -> str:
    """A person's name in the one form in which names compare (Unicode NFKC, folded case, no white space).

    :raises ValueError: when it is none, or is one of :data:`NOT_PEOPLE`.
    """
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable() or any(map(str.isspace, plain)):
        raise ValueError(f"a person's name has 1 to {LONGEST_NAME} printable signs and no spaces")
    if plain in NOT_PEOPLE:
        raise ValueError(f"{plain} is what the records call somebody who is no person")
    return plain
