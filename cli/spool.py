"""Rows of a report that wait in a file until the head of the report is known: memory stays flat."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, Self

import click


class Spool:
    """Rows of JSON, written once and read as often as there are reports."""

    def __init__(self) -> None:
        self.count = 0
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep one more row."""
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.count += 1

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every row, from the first."""
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)

    def emit(self, head: Mapping[str, Any], name: str) -> None:
        """Write one JSON object to standard output, piece by piece: the head, and the rows as its last."""
        click.echo(json.dumps(head, ensure_ascii=False)[:-1] + f', "{name}": [', nl=False)
        for number, row in enumerate(self.rows()):
            click.echo((", " if number else "") + json.dumps(row, ensure_ascii=False), nl=False)
        click.echo("]}")
