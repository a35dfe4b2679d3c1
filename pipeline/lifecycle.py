"""The life cycle of a case: one table of allowed transitions.

``python -m pipeline.lifecycle FILE`` writes its page for the documents; a test keeps that page current.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.errors import LifecycleError


class State(StrEnum):
    """Where a case stands."""

    RECEIVED = "received"
    COLLECTING = "collecting"
    ADJUDICATING = "adjudicating"
    APPROVED = "approved"
    LISTED = "listed"
    REJECTED = "rejected"
    REFERRED = "referred"
    ASKED = "asked"
    APPEALED = "appealed"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


MEANING: dict[State, tuple[str, str]] = {
    State.RECEIVED: ("受付済み", "accepted and waiting for its first check"),
    State.COLLECTING: ("照会中", "a source has yet to answer; it is asked again by itself"),
    State.ADJUDICATING: ("審査中", "every source has answered or was given up on; the rules judge"),
    State.APPROVED: ("承認済み", "approved; its listing is about to appear"),
    State.LISTED: ("掲載済み", "approved and in the catalog"),
    State.REJECTED: ("却下", "rejected, with reasons"),
    State.REFERRED: ("担当者確認中", "a person decides what the rules cannot"),
    State.ASKED: ("回答待ち", "the vendor is asked for something; the clock is stopped"),
    State.APPEALED: ("異議申立て中", "the vendor appealed; somebody else decides"),
    State.SUSPENDED: ("掲載停止中", "approved, but taken out of the catalog for now"),
    State.WITHDRAWN: ("取下げ", "withdrawn by the vendor"),
    State.SUPERSEDED: ("差替え済み", "replaced by a corrected application"),
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed move. ``by`` is the stage or person that may make it."""

    source: State
    target: State
    by: str
    when: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition(State.RECEIVED, State.COLLECTING, "collection", "some source has yet to answer"),
    Transition(State.RECEIVED, State.ADJUDICATING, "collection", "every source answered at once"),
    Transition(State.COLLECTING, State.ADJUDICATING, "collection", "the last source settled"),
    Transition(State.ADJUDICATING, State.COLLECTING, "adjudication", "an answer could not be read"),
    Transition(State.ADJUDICATING, State.APPROVED, "adjudication", "the rules approve"),
    Transition(State.ADJUDICATING, State.REJECTED, "adjudication", "a rule rejects"),
    Transition(State.ADJUDICATING, State.REFERRED, "adjudication", "a rule asks for a person"),
    Transition(State.REFERRED, State.APPROVED, "reviewer", "a person approves"),
    Transition(State.REFERRED, State.REJECTED, "reviewer", "a person rejects"),
    Transition(State.REFERRED, State.ASKED, "reviewer", "a person asks the vendor"),
    Transition(State.REFERRED, State.COLLECTING, "reviewer", "a person has a source asked again"),
    Transition(State.REFERRED, State.ADJUDICATING, "reviewer", "a rule is overridden"),
    Transition(State.ASKED, State.REFERRED, "vendor", "the vendor answered, or its time is over"),
    Transition(State.APPROVED, State.LISTED, "publication", "the listing is in the feed"),
    Transition(State.LISTED, State.SUSPENDED, "reviewer", "two officers suspend the listing"),
    Transition(State.LISTED, State.ADJUDICATING, "review", "an override ended"),
    Transition(State.SUSPENDED, State.LISTED, "reviewer", "two officers put the listing back"),
    Transition(State.REJECTED, State.APPEALED, "vendor", "the vendor appealed in time"),
    Transition(State.SUSPENDED, State.APPEALED, "vendor", "the vendor appealed in time"),
    Transition(State.APPEALED, State.ADJUDICATING, "reviewer", "the appeal is granted"),
    Transition(State.APPEALED, State.REJECTED, "reviewer", "the appeal against a rejection is dismissed"),
    Transition(State.APPEALED, State.LISTED, "reviewer", "the appeal against a suspension is granted"),
    Transition(State.APPEALED, State.SUSPENDED, "reviewer", "the appeal against a suspension is dismissed"),
    *(
        Transition(state, State.SUPERSEDED, "intake", "the vendor sent a correction")
        for state in (State.RECEIVED, State.COLLECTING, State.ADJUDICATING, State.REFERRED, State.ASKED)
    ),
    *(
        Transition(state, State.WITHDRAWN, "vendor", "the vendor withdrew")
        for state in (
            State.RECEIVED,
            State.COLLECTING,
            State.ADJUDICATING,
            State.REFERRED,
            State.ASKED,
            State.APPROVED,
            State.APPEALED,
            State.LISTED,
            State.SUSPENDED,
        )
    ),
)

_ALLOWED = frozenset((move.source, move.target) for move in TRANSITIONS)

OPEN = frozenset({State.RECEIVED, State.COLLECTING, State.ADJUDICATING, State.APPROVED})
"""States from which the pipeline itself still moves a case on."""

SUPERSEDABLE = frozenset(move.source for move in TRANSITIONS if move.target is State.SUPERSEDED)
"""States in which a corrected application may take a case's place."""

WITHDRAWABLE = frozenset(move.source for move in TRANSITIONS if move.target is State.WITHDRAWN)
"""States in which the vendor may withdraw."""

IN_REVIEW = frozenset({State.REFERRED, State.ASKED, State.APPEALED})
"""States in which people, or those whom they asked, have the case."""

FINAL = frozenset({State.LISTED, State.REJECTED, State.WITHDRAWN, State.SUPERSEDED})
"""Ends of the way. Only something new leads on: an appeal, a suspension, the end of an override."""


def check(source: State, target: State) -> None:
    """Pass if the move is in the table.

    :raises LifecycleError: if it is not; whoever asks for it has a fault.
    """
    if (source, target) not in _ALLOWED:
        raise LifecycleError(f"no transition from {source} to {target}")


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RECEIVED}"]
    lines += [f"    {move.source} --> {move.target}: {move.by}" for move in TRANSITIONS]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines)


def page() -> str:
    """The life cycle as a page of the documents (Markdown)."""
    rows = "\n".join(f"| `{m.source}` | `{m.target}` | {m.by} | {m.when} |" for m in TRANSITIONS)
    words = "\n".join(f"| `{state}` | {ja} | {en} |" for state, (ja, en) in MEANING.items())
    return (
        "# The life cycle of a case\n\n"
        "Made from `pipeline/lifecycle.py` by `make docs`; change the table there, not this page.\n\n"
        f"```mermaid\n{mermaid()}\n```\n\n"
        f"| state | 日本語 | meaning |\n| --- | --- | --- |\n{words}\n\n"
        f"| from | to | by | when |\n| --- | --- | --- | --- |\n{rows}\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
