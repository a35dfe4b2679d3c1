"""How a worker takes messages and tells of them: Celery's parts, less what the ledger makes needless.

Celery notes each message as not acknowledged, takes the note back when the task starts, and sends each event
at once: together as much CPU as carrying a case through a stage.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from celery import Task as CeleryTask
from celery.bootsteps import RUN
from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.request import Request as CeleryRequest

EVENTS_WAIT_SECONDS = 0.25
"""How long an event for Flower may wait for others to go with it."""


class Request(CeleryRequest):  # type: ignore[misc]  # Celery has no types
    """A message that left its queue for good when it was received (``no_ack``).

    A worker that dies with it loses a hint: the step is in the ledger, and the sweeper sends it again. With
    acknowledgements that would be no sooner, for a broker waits longer for them.
    """

    def acknowledge(self) -> None:
        """Nothing to take back."""
        self.acknowledged = True


class Task(CeleryTask):  # type: ignore[misc]  # Celery has no types
    """A task whose messages are not acknowledged."""

    Request = Request


class Consumer(CeleryConsumer):  # type: ignore[misc]  # Celery has no types
    """A consumer that sends events in batches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flush_due = 0.0

    def on_send_event_buffered(self) -> None:
        """Have the event sent soon. Called from any thread."""
        if self.blueprint.state == RUN:
            # It also wakes the loop: a thread that is free now can be given the next message.
            self.hub.call_soon(self._flush_soon)
        else:
            self._flush_events()

    def stop(self) -> None:
        """Send what waits, and stop; the events of tasks that end from now on are sent at once."""
        self._flush_events()
        super().stop()

    def _flush_soon(self) -> None:
        # By time and not by a mark that something waits: with a lost connection the loop's timers go too.
        now = monotonic()
        if now > self._flush_due:
            self._flush_due = now + EVENTS_WAIT_SECONDS
            self.hub.call_later(EVENTS_WAIT_SECONDS, self._flush_events)
