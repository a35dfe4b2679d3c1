"""Which task and which queue a step goes to."""

from __future__ import annotations

from typing import Any

from pipeline.model import Stage, Step
from tasks.settings import settings

EXPRESS = "express"
"""The queue of new cases."""

FINISH = "finish"
"""The queue of cases that only have to be judged or published: they do not wait behind new ones."""

DELIVERIES = "deliveries"
"""The queue of endpoints that something is to be sent to."""

SEND = "deliveries.send"
"""The task that serves one of them."""

VERIFICATION = "verification.express"
"""The task of the express lane. Tasks have the names that reviewers read in Flower: stage, then source."""

ADJUDICATION = str(Stage.ADJUDICATION)
PUBLICATION = str(Stage.PUBLICATION)
REVIEW = str(Stage.REVIEW)
COLLECTION = f"{Stage.COLLECTION}."


def lane(source: str) -> str:
    """The queue of a source: a slow source holds up its own queue only."""
    return f"source.{source}"


def route(step: Step) -> tuple[str, str]:
    """The task's name and queue for a step."""
    if step.stage is not Stage.COLLECTION:
        return str(step.stage), FINISH
    if step.source is None or step.source not in settings().sources:
        # A source that the operator has taken out has no lane; here its check is given up in due course.
        return VERIFICATION, EXPRESS
    return COLLECTION + step.source, lane(step.source)


def message(step: Step) -> dict[str, Any]:
    """What is sent for a step: ids, nothing else."""
    name, queue = route(step)
    return {
        "name": name,
        "kwargs": {"case": step.reference, "step": str(step.id)},
        # What Flower shows. Celery would work it out for each message, at a fifth of the cost of sending.
        "argsrepr": "()",
        "kwargsrepr": f"{{'case': '{step.reference}', 'step': '{step.id}'}}",
        "queue": queue,
        "ignore_result": True,
        "retry": False,
    }
