"""``sekisho policy``: read, try, compare and publish policy packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.backtest import backtest
from cli.output import (
    Command,
    Exit,
    Failure,
    as_json,
    console,
    emit,
    emit_all,
    in_language,
    note,
    state_folder,
)
from cli.policy_input import (
    DAY,
    as_of_option,
    chosen,
    fault_of,
    overlay_option,
    policies_told,
    policy_date_option,
    policy_option,
    read_facts,
    simulate_option,
)
from cli.publishing import approve, packs, propose, shadow

if TYPE_CHECKING:
    from rules.pack import Fault, Pack
    from rules.ruleset import Ruleset
    from rules.sheets import Sheet

_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "html"]),
    default="terminal",
    show_default=True,
    help="How the page is written.",
)


@click.group()
def policy() -> None:
    """Read, try, compare and publish policies."""


@policy.command("evaluate", cls=Command, exits=(Exit.INVALID,))
@policy_option
@overlay_option
@as_of_option
@click.option(
    "--facts", required=True, metavar="FILE", help="A facts document, YAML or JSON; - reads standard input."
)
@policy_date_option
@simulate_option
@in_language
@as_json
def evaluate(
    base: str,
    overlays: Sequence[str],
    as_of: date,
    facts: str,
    policy_date: date | None,
    lang: str,
    *,
    simulate: bool,
    as_json: bool,
) -> None:
    """Judge a facts document and print the outcome document.

    Exit status 0 whatever the decision.
    """
    from cli.outcomes import print_decision, print_results

    outcome = _judged(chosen(base, overlays), facts, as_of, policy_date, simulate=simulate)
    if as_json:
        emit(outcome)
        return
    print_decision(outcome, lang)
    print_results(outcome, lang)


@policy.command("explain", cls=Command, exits=(Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN))
@click.option("--case", "name", metavar="CASE", help="A case of the database (SK-… or the application's id).")
@click.option("--facts", metavar="FILE", help="A facts document, judged as by `policy evaluate`.")
@click.option("--policy", "base", metavar="NAME|FILE", help="With --facts: the base pack.")
@overlay_option
@click.option("--as-of", "as_of", type=DAY, help="With --facts: the day that validity and age count from.")
@click.option("--all", "every", is_flag=True, help="Also the rules that have no effect.")
@in_language
@state_folder
@as_json
def explain(
    name: str | None,
    facts: str | None,
    base: str | None,
    overlays: Sequence[str],
    as_of: date | None,
    lang: str,
    state: Path,
    *,
    every: bool,
    as_json: bool,
) -> None:
    """Say rule by rule, in words, what was found and what settled it."""
    from cli.outcomes import explained, print_decision, print_explanation

    if (name is None) == (facts is None):
        raise click.UsageError("give either --case or --facts")
    if name is not None:
        outcome = _of_case(state, name)
    elif base is None or as_of is None:
        raise click.UsageError("--facts needs --policy and --as-of")
    else:
        outcome = _judged(chosen(base, overlays), str(facts), as_of, None, simulate=False)
    if as_json:
        emit(explained(outcome))
        return
    print_decision(outcome, lang)
    print_explanation(outcome, lang, every=every)


@policy.command("list", cls=Command, exits=(Exit.INVALID,))
@in_language
@as_json
def list_(lang: str, *, as_json: bool) -> None:
    """List the packs that come with Sekisho."""
    from rules.pages import KINDS, period
    from rules.sheets import Sheet

    packs = _shipped().values()
    if as_json:
        emit_all(
            {
                "pack": pack.name,
                "kind": pack.kind.value,
                "version": pack.version,
                "status": pack.status.value,
                "effective": period(pack.period),
                "extends": pack.extends,
                "rules": len(pack.rules) or len(pack.selects),
                "changes": len(pack.changes),
                "digest": pack.digest,
            }
            for pack in packs
        )
        return
    _print_sheet(
        Sheet(
            "",
            ("pack", "kind", "version", "status", "effective", "rules", "changes"),
            tuple(
                (
                    pack.name,
                    KINDS[pack.kind].as_json()[lang],
                    pack.version,
                    pack.status.value,
                    period(pack.period),
                    str(len(pack.rules) or len(pack.selects)),
                    str(len(pack.changes)),
                )
                for pack in packs
            ),
        )
    )


@policy.command("show", cls=Command, exits=(Exit.INVALID,))
@click.argument("name", metavar="NAME|FILE")
@_FORMAT
@in_language
@as_json
def show(name: str, form: str, lang: str, *, as_json: bool) -> None:
    """Show a pack as the table that officers read: what each rule asks, its effects, basis and messages."""
    from rules import pages

    pack = _pack(name)
    lead, sheets = pages.lead(pack, lang), pages.sheets(pack, lang)
    if as_json:
        emit({"pack": pack.citation, "lead": lead, "sheets": [asdict(sheet) for sheet in sheets]})
    else:
        _write(f"{pack.name} {pack.version}", lead, sheets, form, lang)


@policy.command("lint", cls=Command, exits=(Exit.INVALID, Exit.FINDINGS))
@click.argument("names", metavar="[NAME|FILE]…", nargs=-1)
@as_json
def lint(names: Sequence[str], *, as_json: bool) -> int:
    """Check packs: their form, their conditions, the law of layers, their bases and words.

    Without names all packs that come with Sekisho are checked. Exit status 6 if something is wrong.
    """
    faults = [fault for name in names for fault in _faults(name)] if names else _faults(None)
    if as_json:
        emit_all(fault_of(fault) for fault in faults)
    else:
        for fault in faults:
            click.echo(str(fault))
        note(f"{len(faults)} faults" if faults else "Nothing was found.")
    return Exit.FINDINGS if faults else Exit.DONE


@policy.command("test", cls=Command, exits=(Exit.INVALID, Exit.FINDINGS))
@click.argument("names", metavar="[NAME]…", nargs=-1)
@click.option(
    "--cases",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of case files; default: those that come with Sekisho.",
)
@click.option(
    "--pack",
    "files",
    multiple=True,
    metavar="FILE",
    help="A pack file in the place of the one of its name; may be given several times.",
)
@as_json
def test(names: Sequence[str], folder: Path | None, files: Sequence[str], *, as_json: bool) -> int:
    """Run the cases beside the packs; exit status 6 if one comes out otherwise than it says.

    With NAMEs only cases whose policy has one of these packs.
    """
    from rules.cases import CASES, read_cases
    from rules.library import Library
    from rules.selection import read_policy_file

    failed = 0
    results: list[dict[str, Any]] = []
    rulesets: dict[tuple[str, ...], Ruleset] = {}
    with policies_told():
        library = Library.read().including([read_policy_file(Path(file)) for file in files])
        for name in names:
            library.pack(name)
        cases = [
            case
            for case in read_cases(folder or CASES)
            if not names or {case.base, *case.overlays} & set(names)
        ]
        for case in cases:
            policy_names = (case.base, *case.overlays)
            if policy_names not in rulesets:
                rulesets[policy_names] = library.ruleset(case.base, case.overlays)
            mismatches = case.mismatches(rulesets[policy_names].evaluate(case.dossier))
            failed += bool(mismatches)
            results.append(
                {
                    "file": case.file,
                    "line": case.line,
                    "case": case.name,
                    "policy": list(policy_names),
                    "ok": not mismatches,
                    "mismatches": mismatches,
                }
            )
    if as_json:
        emit_all(results)
    else:
        for result in results:
            for mismatch in result["mismatches"]:
                click.echo(f"{result['file']}:{result['line']}: {result['case']}: {mismatch}")
        note(f"{len(results)} cases, {failed} failed")
    return Exit.FINDINGS if failed else Exit.DONE


@policy.command("diff", cls=Command, exits=(Exit.INVALID,))
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@_FORMAT
@in_language
@as_json
def diff(before: str, after: str, form: str, lang: str, *, as_json: bool) -> None:
    """Say in words what differs between A and B: rules, parameters, effects, dates, texts.

    A and B are packs by name, pack files, or folders of packs.
    """
    from rules import differences

    if Path(before).is_dir() != Path(after).is_dir():
        raise click.UsageError("compare a folder with a folder, or a pack with a pack")
    if Path(before).is_dir():
        found = differences.between_sets(_folder(before), _folder(after), lang)
    else:
        found = differences.between(_pack(before), _pack(after), lang)
    if as_json:
        emit_all(one.as_json() for one in found)
        return
    title = f"{before} → {after}"
    sheets = [differences.sheet(title, found, lang)] if found else []
    _write(title, [] if found else [differences.nothing(lang)], sheets, form, lang)


for _command in (backtest, propose, approve, packs, shadow):
    policy.add_command(_command)


def _judged(
    ruleset: Ruleset, facts: str, as_of: date, policy_date: date | None, *, simulate: bool
) -> dict[str, Any]:
    from rules.assessment import Assessment
    from rules.facts import dossier_of, unknown_paths

    document = read_facts(facts)
    if not isinstance(ruleset, Assessment) and (ignored := unknown_paths(document)):
        note("No rule can name these facts (docs/facts.md): " + ", ".join(ignored[:20]))
    with policies_told():
        return ruleset.evaluate(dossier_of(document, as_of), policy_date=policy_date, simulation=simulate)


def _of_case(state: Path, name: str) -> Mapping[str, Any]:
    """The outcome document of a case's decision."""
    from cli.finding import find
    from cli.installation import open_memory, read_settings

    with open_memory(read_settings(state)) as memory, memory.read() as tx:
        decision = find(tx, name).decision
    if decision is None:
        raise Failure(Exit.NOT_FOUND, "policy.case_undecided", f"{name} is not decided yet")
    return decision.judgement.outcome


def _shipped() -> dict[str, Pack]:
    from rules.library import Library

    with policies_told():
        return Library.read().packs


def _folder(name: str) -> dict[str, Pack]:
    from rules.library import Library

    with policies_told():
        return Library.read(Path(name)).packs


def _pack(name: str) -> Pack:
    from rules.library import Library
    from rules.selection import is_file, read_policy_file

    with policies_told():
        return read_policy_file(Path(name)) if is_file(name) else Library.read().pack(name)


def _faults(name: str | None) -> list[Fault]:
    """What is wrong with a pack, together with those that come with Sekisho; or with all of these."""
    from rules.library import Library
    from rules.pack import PackError
    from rules.selection import is_file, read_policy_file

    try:
        library = Library.read()
        if name is None:
            library.check()
        elif is_file(name):
            pack = read_policy_file(Path(name))
            library.including([pack]).check([pack.name])
        else:
            library.check([library.pack(name).name])
    except PackError as error:
        return list(error.faults)
    return []


def _write(title: str, lead: Sequence[str], sheets: Sequence[Sheet], form: str, lang: str) -> None:
    from rules.sheets import html, markdown

    if form == "markdown":
        click.echo(markdown(title, lead, sheets), nl=False)
    elif form == "html":
        click.echo(html(title, lead, sheets, lang), nl=False)
    else:
        out = console()
        out.print(title, style="bold")
        for line in lead:
            out.print(line)
        for sheet in sheets:
            _print_sheet(sheet)


def _print_sheet(sheet: Sheet) -> None:
    from rich.table import Table

    table = Table(title=sheet.title or None, title_justify="left", show_lines=len(sheet.columns) > 7)
    for column in sheet.columns:
        table.add_column(column, overflow="fold")
    for row in sheet.rows:
        table.add_row(*row)
    console().print(table)
