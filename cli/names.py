"""``sekisho names``: are two company names the same, and why."""

from __future__ import annotations

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, in_language

LONGEST = 1000
"""Characters of a name; the longest in any register known has about 300."""


@click.group()
def names() -> None:
    """Compare company names."""


@names.command("compare", cls=Command, exits=(Exit.INVALID,))
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@in_language
@as_json
def compare(one: str, other: str, lang: str, *, as_json: bool) -> None:
    """Say whether A and B are the same company name: same, different, or unclear, with the reasons.

    The same name is not the same company; a name only ever confirms a number.
    """
    from rules.names import compare as compared

    for name in (one, other):
        if not name.strip() or len(name) > LONGEST or any("\ud800" <= sign <= "\udfff" for sign in name):
            raise Failure(
                Exit.INVALID, "cli.name_invalid", f"A name has 1 to {LONGEST} characters and is valid UTF-8"
            )
    comparison = compared(one, other)
    if as_json:
        emit(comparison.as_json())
        return
    out = console()
    out.print(comparison.result, style="bold")
    for reason in comparison.reasons:
        out.print(f"  {reason.text.as_json()[lang]} ({reason.detail})" if reason.detail else reason.text.en)
