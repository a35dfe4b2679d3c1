"""Flower's configuration: ``celery -A tasks flower`` reads it where it starts, or as ``--conf`` names it."""

from tasks.flower_options import options_or_exit

globals().update(options_or_exit())
