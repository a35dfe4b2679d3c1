"""The page of the documents that lists the commands, made from the commands themselves.

``python -m cli.reference FILE`` writes it; a test keeps the page in ``docs/`` current.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import sekisho
from cli.output import MEANING, Command

_BEGINNING = """\
# The commands

Made from `cli/` by `make docs`; change the commands there, not this page.

Data goes to standard output, everything else to standard error. With `--json` the data is one JSON object, or
one a line for a list (`case list`, `policy list`, `policy lint`, `senders list`, `subscribers list`,
`config show`, `doctor`, `submit`), and an error is a problem object (RFC 9457) on standard error with the
exit status in it. There is neither colour nor progress unless a terminal reads; `NO_COLOR` takes the colour
from that as well.

Commands that need settings read them from the environment and, where that leaves them open, from the state
folder in which `sekisho up` runs or ran. `sekisho config show` says where each comes from.

"""


def page() -> str:
    """The page (Markdown)."""
    statuses = "\n".join(f"| {int(code)} | {meaning} |" for code, meaning in MEANING.items())
    table = f"| exit status | meaning |\n| --- | --- |\n{statuses}\n| 128 + n | ended by signal n |\n"
    return _BEGINNING + table + "".join(_section(path, command) for path, command in commands(sekisho))


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Every command with its words, in the order of the help."""
    for name, command in group.commands.items():
        path = (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, path)
        else:
            assert isinstance(command, Command)
            yield path, command


def _section(path: tuple[str, ...], command: Command) -> str:
    with click.Context(command, info_name=" ".join(("sekisho", *path))) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        options = [option for option in command.params if isinstance(option, click.Option)]
        records = [record for option in options if (record := option.get_help_record(context)) is not None]
    rows = "\n".join(f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in records)
    exits = ", ".join(f"{int(code)} {MEANING[code]}" for code in command.exits)
    return (
        f"\n## sekisho {' '.join(path)}\n\n"
        f"```\nsekisho {' '.join(path)} {usage}\n```\n\n"
        f"{inspect.cleandoc(command.help or '')}\n\n"
        f"| option | meaning |\n| --- | --- |\n{rows}\n\n"
        f"Exit status: {exits}.\n"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
