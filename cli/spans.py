"""Lengths of time as commands take them."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST_OVERLAP = timedelta(days=90)


class Span(click.ParamType[timedelta]):
    """A length of time: a number and ``m``, ``h`` or ``d``."""

    name = "SPAN"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"([0-9]{1,5})([mhd])", str(value), re.ASCII)
        if match is None:
            self.fail("a number and m, h or d, such as 24h", param, ctx)
        span = int(match[1]) * _UNITS[match[2]]
        if span > _LONGEST_OVERLAP:
            self.fail("90d at most", param, ctx)
        return span
