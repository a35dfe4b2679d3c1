"""The tasks: thin, named by stage and source, carrying ids only.

What a reviewer sees in Flower is the name, the case reference in the named arguments, and the word that each
task returns.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog

from pipeline.model import Stage, Step
from tasks.app import EXPRESS, FINISH, app, lane
from tasks.bootstrap import system
from tasks.settings import settings

log = structlog.get_logger()


def _carry_on(*, case: str, step: str) -> str:
    with structlog.contextvars.bound_contextvars(case=case, step=step):
        try:
            return system().verification.carry_on(UUID(step))
        except Exception:
            # The step stays in the ledger and is sent again, each time later. `sekisho doctor` tells of it.
            log.exception("step.failed")
            raise


app.task(name="verification.express")(_carry_on)
app.task(name=str(Stage.ADJUDICATION))(_carry_on)
app.task(name=str(Stage.PUBLICATION))(_carry_on)
for _source in settings().sources:
    app.task(name=f"{Stage.COLLECTION}.{_source}")(_carry_on)


def route(step: Step) -> tuple[str, str]:
    """The task's name and queue for a step."""
    if step.stage is not Stage.COLLECTION:
        return str(step.stage), FINISH
    if step.source is None or step.source not in settings().sources:
        # A source that the operator has taken out has no lane; there its check is given up in due course.
        return "verification.express", EXPRESS
    return f"{Stage.COLLECTION}.{step.source}", lane(step.source)


def message(step: Step) -> dict[str, Any]:
    """What is sent for a step: ids, nothing else."""
    name, queue = route(step)
    return {
        "name": name,
        "kwargs": {"case": step.reference, "step": str(step.id)},
        "queue": queue,
        "ignore_result": True,
        "retry": False,
    }
