"""A worker's sign of life: a file that its own timer touches.

A probe looks at the file's age. It asks neither the broker nor the worker, so a broker that is away does not
get healthy workers restarted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

INTERVAL_SECONDS = 10.0


def start(consumer: Any) -> None:
    """Touch the file that ``SEKISHO_HEARTBEAT_FILE`` names, now and from the worker's timer."""
    name = os.environ.get("SEKISHO_HEARTBEAT_FILE")
    if not name:
        return
    path = Path(name)
    path.touch()
    consumer.timer.call_repeatedly(INTERVAL_SECONDS, path.touch)
