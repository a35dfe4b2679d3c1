"""Each stage's steps go to a task that a worker knows, in a queue that it reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.identifiers import new_id, new_reference
from pipeline.model import Stage, Step
from tasks import verification
from tasks.app import app
from tasks.routes import message


@pytest.mark.parametrize("stage", list(Stage))
def test_a_step_has_a_task_and_a_queue(stage: Stage) -> None:
    step = Step(new_id(), new_id(), new_reference(), stage, datetime.now(UTC), role="deferral")
    sent = message(step)
    assert verification.__name__ in app.conf.include
    assert sent["name"] in app.tasks
    assert sent["queue"] in {queue.name for queue in app.conf.task_queues}
    assert sent["kwargs"] == {"case": step.reference, "step": str(step.id)}
