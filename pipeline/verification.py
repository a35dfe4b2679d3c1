"""The way of a case: stage after stage, each in its own transaction, as far as it can go now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from pipeline.errors import StaleCase
from pipeline.model import CaseFile, Progress, Stage, Step
from pipeline.ports import Memory

Work = Callable[[CaseFile, Step], Progress]
"""A stage: does the step in one transaction and returns what can follow at once."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The stages in their order."""

    memory: Memory
    stages: Mapping[Stage, Work]

    def carry_on(self, step_id: UUID) -> str:
        """Do a step and all that can follow it at once; say in a word what became of the case.

        Safe to run twice, late, or at the same time as another: a step is done by whoever takes it off the
        ledger in the transaction that does the work. Killed in between, the next step is in the ledger.
        """
        with self.memory.read() as tx:
            loaded = tx.ledger.load(step_id)
        if loaded is None:
            return "done already"
        step: Step | None
        step, file = loaded
        word = ""
        while step is not None:
            try:
                progress = self.stages[step.stage](file, step)
            except StaleCase:
                # Somebody moved the case between our reading and our writing. Nothing of ours was written.
                # If the step is still due, the sweeper sends it again and the case is read afresh.
                return "overtaken"
            file, step, word = progress.file, progress.next_step, progress.word
        return word
