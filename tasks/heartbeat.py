"""A process's sign of life: a file that its own timer touches.

A probe looks at the file's age. It asks neither the broker nor the process, so a broker that is away does not
get healthy workers restarted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

INTERVAL_SECONDS = 10.0
"""How often a worker touches its file. Three of these without a touch mean that it hangs."""


def beat() -> None:
    """Touch the file that ``SEKISHO_HEARTBEAT_FILE`` names, if any."""
    name = os.environ.get("SEKISHO_HEARTBEAT_FILE")
    if name:
        Path(name).touch()


def start(consumer: Any) -> None:
    """Beat now, and from a Celery worker's own timer."""
    beat()
    consumer.timer.call_repeatedly(INTERVAL_SECONDS, beat)
