"""Sending messages for steps. A message is a hint: what is lost here the sweeper sends again."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence

import structlog

from pipeline.model import Step
from tasks.app import app
from tasks.routes import message

log = structlog.get_logger()

_BATCH = 50
_WAITING = 10_000
_PAUSE_SECONDS = 0.01
"""Between two batches. A message on its own goes at once; under load five together cost half as much each."""


def send(steps: Sequence[Step]) -> None:
    """Send a message for each step, in one go.

    :raises Exception: what the broker's client raises when it cannot be reached.
    """
    with app.producer_pool.acquire(block=True, timeout=5) as producer, producer.batch():
        for step in steps:
            app.send_task(producer=producer, **message(step))


class Dispatcher:
    """Sends from a thread of its own, so that a request never waits for the broker."""

    def __init__(self) -> None:
        self._steps: queue.Queue[Step | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def notify(self, step: Step) -> None:
        """Have a message sent for a step that was just committed. Never blocks, never raises."""
        try:
            self._steps.put_nowait(step)
        except queue.Full:
            log.warning("dispatch.full")

    def close(self) -> None:
        """Send what waits and end."""
        self._steps.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        going = True
        while going:
            steps = [self._steps.get()]
            while len(steps) < _BATCH and not self._steps.empty():
                steps.append(self._steps.get())
            going = None not in steps
            due = [step for step in steps if step is not None]
            try:
                if due:
                    send(due)
            except Exception as error:  # noqa: BLE001 - whatever it was, the sweeper sends these steps again
                log.warning("dispatch.failed", steps=len(due), error=type(error).__name__)
            time.sleep(_PAUSE_SECONDS)
