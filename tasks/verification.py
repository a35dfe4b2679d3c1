"""The tasks: thin, named by stage and source, carrying ids only.

What a reviewer sees in Flower is the name, the case reference in the named arguments, and the word that each
task returns.
"""

from __future__ import annotations

from uuid import UUID

import structlog
from celery.signals import worker_process_shutdown, worker_shutdown

from tasks.app import app
from tasks.bootstrap import close_system, system
from tasks.deliveries import errand_of
from tasks.routes import ADJUDICATION, COLLECTION, PUBLICATION, REVIEW, SEND, VERIFICATION
from tasks.settings import settings
from tasks.upkeep import CHORE, update_register

log = structlog.get_logger()


def _carry_on(*, case: str, step: str) -> str:
    with structlog.contextvars.bound_contextvars(case=case, step=step):
        try:
            return system().verification.carry_on(UUID(step))
        except Exception:
            # The step stays in the ledger and is sent again, each time later. `sekisho doctor` tells of it.
            log.exception("step.failed")
            raise


def _send(*, endpoint: str, subscriber: str, lease: str) -> str:
    with structlog.contextvars.bound_contextvars(endpoint=endpoint):
        try:
            return system().sending(errand_of(endpoint, subscriber, lease))
        except Exception:
            # The endpoint's lease runs out and it is served again, each time later. Doctor tells of it.
            log.exception("delivery.failed")
            raise


def _update_register() -> str:
    try:
        return update_register(settings(), system().memory, system().clock)
    except Exception:
        log.exception("registry.update_failed")
        raise


def _close(**_: object) -> None:
    close_system()


# The signals hold weak references: the function must stay a name of this module.
worker_shutdown.connect(_close)
worker_process_shutdown.connect(_close)

for _name in (
    VERIFICATION,
    ADJUDICATION,
    PUBLICATION,
    REVIEW,
    *(COLLECTION + name for name in settings().sources),
):
    app.task(name=_name)(_carry_on)
app.task(name=SEND)(_send)
app.task(name=CHORE)(_update_register)
