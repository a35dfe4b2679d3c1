"""``sekisho``: the command line.

What a command needs is imported when it runs, so that ``sekisho --help`` and ``sekisho probe`` stay quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from cli.audit import audit
from cli.case import case
from cli.catalog import catalog
from cli.config import config
from cli.connectors import connectors_ as connectors
from cli.demo import demo
from cli.doctor import doctor
from cli.erase import erase
from cli.imports import imports
from cli.keys import keys
from cli.migrate import migrate
from cli.names import names
from cli.output import MEANING, Exit, Failure, report
from cli.policy import policy
from cli.probe import probe
from cli.processes import Interrupted
from cli.receipt import receipt
from cli.registry import registry
from cli.reviewers import reviewers
from cli.senders import senders
from cli.submit import submit
from cli.subscribers import subscribers
from cli.up import up
from cli.verify import verify


class Sekisho(click.Group):
    """The group of all commands, in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """As they were added."""
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """What an exit status means, once for all commands."""
        with formatter.section("Exit status"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANING.items()])


@click.group(cls=Sekisho, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sekisho")
def sekisho() -> None:
    """Sekisho verifies vendors: signed applications in, reasoned decisions and a catalog feed out.

    `sekisho demo` shows it; `sekisho up` starts it on this machine.
    """


_COMMANDS = (
    *(demo, up, submit, case, catalog, policy, names, registry, verify, connectors, imports, audit, receipt),
    *(erase, senders, subscribers, reviewers, doctor, migrate, config, keys, probe),
)
for _command in _COMMANDS:
    sekisho.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with what ``cli.output.Exit`` says of it, or 128 + n where signal n ended it."""
    wanted = list(sys.argv[1:] if arguments is None else arguments)
    json_wanted = "--json" in wanted
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a locale may lack the signs of a vendor's name
    try:
        sys.exit(_status(sekisho.main(wanted, prog_name="sekisho", standalone_mode=False)))
    except Failure as failure:
        report(failure, json_wanted=json_wanted)
        sys.exit(failure.status)
    except click.ClickException as error:
        status = Exit.USAGE if isinstance(error, click.UsageError) else Exit.FAILED
        if json_wanted:
            report(Failure(status, "cli.usage", error.format_message()), json_wanted=True)
        else:
            error.show()
        sys.exit(status)
    except Interrupted as interrupted:
        sys.exit(128 + interrupted.signum)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not fail again in flushing it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FAILED)


def _status(result: Any) -> int:
    return int(result) if isinstance(result, int) else Exit.DONE
