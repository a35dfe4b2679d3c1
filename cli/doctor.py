"""``sekisho doctor``: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cli.examination import Finding, Health, examine, fail, ok
from cli.output import Command, Exit, Failure, as_json, console, emit_all, state_folder

_COLOUR = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "red"}


@click.command(cls=Command, exits=(Exit.FINDINGS,))
@click.option("--offline", is_flag=True, help="Ask no source.")
@state_folder
@as_json
def doctor(state: Path, *, offline: bool, as_json: bool) -> int:
    """Look at everything that this installation needs, and say what to do.

    Exits with 6 unless all is well.
    """
    from cli.installation import read_settings

    try:
        settings = read_settings(state)
    except Failure as failure:
        findings = [
            fail("settings", error["detail"], "set it right; `sekisho config show` lists them all")
            for error in failure.members["errors"]
        ]
    else:
        findings = [ok("settings", "they hold together"), *examine(settings, state, offline=offline)]
    if as_json:
        emit_all(finding.as_json() for finding in findings)
    else:
        _print(findings)
    return Exit.DONE if all(finding.health is Health.OK for finding in findings) else Exit.FINDINGS


def _print(findings: Sequence[Finding]) -> None:
    from rich.text import Text

    out = console()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = Text.assemble(
            (f"{finding.health:<4}", _COLOUR[finding.health]), f"  {finding.name:<{width}}  {finding.seen}"
        )
        if finding.remedy:
            line.append(f"\n{'':{width + 6}}  → {finding.remedy}")
        out.print(line, soft_wrap=True)
