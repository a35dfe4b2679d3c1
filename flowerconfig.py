"""Flower's configuration: ``celery -A tasks flower`` reads it where it starts, or as ``--conf`` names it."""

from web.desk import install

globals().update(install())
