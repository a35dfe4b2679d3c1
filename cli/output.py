"""What every command has in common: how it answers, how it fails, and what its exit status says.

Data goes to standard output, everything else to standard error. With ``--json`` the data is one JSON object,
or one a line where it is a list, and an error is a problem object (RFC 9457).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_OF_A_FILE = 160
"""Columns of a table that goes to a file or a pipe, which have no width of their own."""


class Exit(IntEnum):
    """What an exit status says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    INVALID = 5
    FINDINGS = 6
    TRY_AGAIN = 75


MEANING: dict[Exit, str] = {
    Exit.DONE: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "wrong usage",
    Exit.NOT_FOUND: "not found",
    Exit.CONFLICT: "in conflict with what is there",
    Exit.INVALID: "invalid input",
    Exit.FINDINGS: "done, and something was found wanting",
    Exit.TRY_AGAIN: "not now; try again",
}


class Failure(Exception):
    """A command cannot do what it was asked.

    ``kind`` names the problem's type, ``detail`` says what to do, ``members`` are further members of the
    problem object, such as ``errors``.
    """

    def __init__(
        self, status: Exit, kind: str, title: str, detail: str = "", members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(title)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.members = dict(members or {})

    def problem(self) -> dict[str, Any]:
        """The problem object (RFC 9457). ``exit_status`` stands where HTTP would have a status code."""
        problem = {"type": f"urn:sekisho:problem:{self.kind}", "title": self.title, "code": self.kind}
        if self.detail:
            problem["detail"] = self.detail
        return {**problem, **self.members, "exit_status": int(self.status)}

    def text(self) -> str:
        """The same for people; what a server says in both languages is said in theirs."""
        lines = [f"sekisho: {self.title}"]
        said = str(self.members.get(language(), ""))
        lines += [f"  {line}" for line in dict.fromkeys([*said.splitlines(), *self.detail.splitlines()])]
        for error in self.members.get("errors", ()):
            lines.append(f"  - {_error_line(error)}")
        return "\n".join(lines)


def _error_line(error: Any) -> str:
    """A setting's fault, or a violation that intake found: where, what in the reader's language, its code."""
    if not isinstance(error, Mapping) or "pointer" not in error:
        return str(error.get("detail", "") if isinstance(error, Mapping) else error)
    return f"{error['pointer'] or '/'}: {error.get(language(), '')} [{error.get('code', '')}]"


class Command(click.Command):
    """A command whose help says what its exit status means."""

    def __init__(self, *args: Any, exits: Sequence[Exit] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exits = tuple(sorted({Exit.DONE, Exit.FAILED, Exit.USAGE, *exits}))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The exit statuses, below the options."""
        with formatter.section("Exit status"):
            formatter.write_dl([(str(int(code)), MEANING[code]) for code in self.exits])


as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")

state_folder = click.option(
    "--state-dir",
    "state",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="SEKISHO_STATE_DIR",
    default=".sekisho",
    show_default=True,
    help="The state folder of this machine (environment: SEKISHO_STATE_DIR).",
)


def language() -> str:
    """``ja`` under a Japanese locale, else ``en``."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ja" if locale.lower().startswith("ja") else "en"


in_language = click.option(
    "--lang",
    "lang",
    type=click.Choice(["ja", "en"]),
    default=language,
    help="Language of what is said to people; default: that of your locale.",
)


def emit(value: Mapping[str, Any]) -> None:
    """Write one JSON object to standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def emit_all(values: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON objects to standard output, one a line."""
    for value in values:
        emit(value)


def note(text: str) -> None:
    """Say something to whoever watches, on standard error."""
    click.echo(text, err=True)


def report(failure: Failure, *, json_wanted: bool) -> None:
    """Write a failure to standard error."""
    if json_wanted:
        note(json.dumps(failure.problem(), ensure_ascii=False, default=str))
    else:
        note(failure.text())


def console(*, stderr: bool = False) -> Console:
    """A rich console for tables; honours NO_COLOR, and neither wraps nor colours what goes to a file."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_OF_A_FILE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
