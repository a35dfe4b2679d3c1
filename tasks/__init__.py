"""The queue door and the wiring: the Celery application, thin tasks, the sweeper, settings, bootstrap.

``celery -A tasks worker|beat|flower`` finds the application here.
"""

from tasks.app import app

__all__ = ["app"]
