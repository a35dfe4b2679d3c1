"""``sekisho policy backtest``: what another policy would have said of everything that was judged."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Command, Exit, Failure, as_json, console, in_language, state_folder
from cli.policy_input import DAY, policies_told
from cli.spool import Spool

if TYPE_CHECKING:
    from pipeline.model import Dossier
    from rules.backtest import Backtest

_SHOWN = 30
"""Flips that the terminal lists; the other reports have all."""
_CHARTED = 20

_PACKS = "[FOLDER:]NAME[+OVERLAY…]"
_SIMULATION = {
    "ja": "【シミュレーション】方針の日付より新しい証拠を用いています。実際の判定ではありません。",
    "en": "SIMULATION: evidence newer than the policy date is used. No case was or will be decided so.",
}
_TITLE = {"ja": "方針の遡及試行", "en": "Back-test of a policy"}
_COMPARED = {"ja": "変更前 {} → 変更後 {}", "en": "from {} to {}"}
_COUNTED = {
    "ja": "{:,}件のうち{:,}件の判定が変わります。",
    "en": "{1:,} of {0:,} decisions change.",
}
_DATES = {"ja": "証拠の日付 {} 〜 {}、方針の日付 {}", "en": "evidence of {} to {}; policy date {}"}
_OWN_DAY = {"ja": "各件の判定日", "en": "that of each dossier"}
_BY_RULE = {"ja": "判定を変える要件", "en": "Rules that flip decisions"}
_EACH = {"ja": "変わる判定", "en": "Decisions that change"}
_COLUMNS = {
    "ja": ("案件", "変更前", "変更後", "要件"),
    "en": ("case", "before", "after", "rules that flip it"),
}
_MORE = {
    "ja": "ほか{:,}件は --json 又は --html の報告書にあります。",
    "en": "{:,} more: --json and --html name all.",
}


@click.command("backtest", cls=Command, exits=(Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN))
@click.option(
    "--from",
    "before",
    required=True,
    metavar=_PACKS,
    help="The policy to compare with: names, files or a folder.",
)
@click.option("--to", "after", required=True, metavar=_PACKS, help="The policy to try.")
@click.option(
    "--policy-date",
    "policy_date",
    type=DAY,
    help="The day whose packs and parameters count; default: each dossier's own.",
)
@click.option(
    "--simulate",
    is_flag=True,
    help="Let evidence be newer than the policy date; every report then says that it is a simulation.",
)
@click.option("--dossiers", metavar="FILE", help="Dossiers as NDJSON instead of those of the database.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report with a chart to this file.",
)
@in_language
@state_folder
@as_json
def backtest(
    before: str,
    after: str,
    policy_date: date | None,
    dossiers: str | None,
    page: Path | None,
    lang: str,
    state: Path,
    *,
    simulate: bool,
    as_json: bool,
) -> None:
    """Run stored dossiers through two policies; name each decision that flips and the rules that flip it.

    Changes nothing. A folder stands for its only base; FOLDER:NAME chooses one.
    """
    from rules.backtest import Backtest
    from rules.selection import select_packs

    with policies_told():
        run = Backtest(select_packs(before), select_packs(after), policy_date, simulate)
    with Spool() as flips:
        with _stored(state, dossiers) as (found, total), _progress(total) as advance:
            for name, dossier in found:
                with policies_told(name):
                    flip = run.compare(dossier)
                if flip is not None:
                    flips.add({"case": name, **flip.as_json()})
                advance()
        if page is not None:
            _write_page(page, run, flips, lang)
        if as_json:
            flips.emit(run.report(), "flips")
        else:
            _print(run, flips, lang)


@contextmanager
def _stored(state: Path, file: str | None) -> Iterator[tuple[Iterable[tuple[str, Dossier]], int | None]]:
    """The dossiers with their names, and how many there are where that is known."""
    from rules.dossiers import NotADossier, read_dossiers

    if file is None:
        from cli.installation import open_database, read_settings
        from storage.decisions import SqlHistory

        with open_database(read_settings(state)) as database:
            history = SqlHistory(database)
            yield ((stored.reference, stored.dossier) for stored in history.dossiers()), history.count
        return
    try:
        with Path(file).open("rb") as opened:
            yield read_dossiers(opened), None
    except NotADossier as error:
        raise _refused(file, str(error)) from None
    except (OSError, ValueError) as error:
        raise _refused(file, str(getattr(error, "strerror", None) or "that is no file name")) from None


def _refused(file: str, detail: str) -> Failure:
    return Failure(
        Exit.INVALID,
        "policy.dossiers_invalid",
        f"{file} holds no dossiers",
        detail,
        {"errors": [{"detail": detail}]},
    )


@contextmanager
def _progress(total: int | None) -> Iterator[Any]:
    """Progress for whoever watches standard error."""
    from rich.progress import Progress

    with Progress(console=console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("dossiers", total=total)
        yield lambda: progress.advance(task)


def _lead(run: Backtest, lang: str) -> list[str]:
    report = run.report()
    evidence = report["evidence"]
    lines = [_SIMULATION[lang]] if run.simulation else []
    return [
        *lines,
        _COMPARED[lang].format(*(", ".join(_short(report[side])) for side in ("from", "to"))),
        _DATES[lang].format(
            evidence["from"] or "–", evidence["to"] or "–", report["policy_date"] or _OWN_DAY[lang]
        ),
        _COUNTED[lang].format(run.dossiers, run.flips),
    ]


def _short(citations: Iterable[str]) -> Iterator[str]:
    """Citations with as much of the digest as tells two packs apart."""
    return (citation.replace("#sha256:", "#")[: citation.index("#") + 9] for citation in citations)


def _changed(run: Backtest, lang: str) -> list[tuple[str, int]]:
    """The rules that flip decisions, the most frequent first, each with from what to what."""
    return [
        (
            f"{cause['rule']}: {_decision(cause['before'], lang)} → {_decision(cause['after'], lang)}",
            cause["count"],
        )
        for cause in run.report()["causes"]
    ]


def _decision(name: str, lang: str) -> str:
    from rules.prose import DECISIONS

    return DECISIONS[name].as_json()[lang]


def _row(flip: Mapping[str, Any], lang: str) -> tuple[str, str, str, str]:
    causes = [
        f"{cause['rule']} {cause['title'][lang]} "
        f"({cause['before'] or '–'} → {cause['after'] or '–'}, {cause['reason']})"
        for cause in flip["causes"]
    ]
    return flip["case"], _decision(flip["before"], lang), _decision(flip["after"], lang), "\n".join(causes)


def _print(run: Backtest, flips: Spool, lang: str) -> None:
    from rich.table import Table

    out = console()
    out.print(_TITLE[lang], style="bold")
    for line in _lead(run, lang):
        out.print(line)
    table = Table(box=None, pad_edge=False, show_header=False)
    for label, count in _changed(run, lang):
        table.add_row(f"  {label}", f"{count:,}")
    out.print(table)
    listed = Table(box=None, pad_edge=False)
    for column in _COLUMNS[lang]:
        listed.add_column(column, overflow="fold")
    for number, flip in enumerate(flips.rows()):
        if number == _SHOWN:
            break
        listed.add_row(*_row(flip, lang))
    if run.flips:
        out.print(listed)
    if run.flips > _SHOWN:
        out.print(_MORE[lang].format(run.flips - _SHOWN))


def _write_page(page: Path, run: Backtest, flips: Spool, lang: str) -> None:
    """The report as one HTML file, written piece by piece."""
    from html import escape

    from rules.charts import bars
    from rules.sheets import PAGE_FOOT, Sheet, html_row, html_table, page_head

    title = _TITLE[lang] + (f" – {_SIMULATION[lang]}" if run.simulation else "")
    changed = _changed(run, lang)
    transitions = Sheet(
        _TITLE[lang],
        (*_COLUMNS[lang][1:3], ""),
        tuple(
            (_decision(one["before"], lang), _decision(one["after"], lang), f"{one['count']:,}")
            for one in run.report()["transitions"]
        ),
    )
    try:
        with page.open("w", encoding="utf-8") as file:
            file.write(page_head(title, lang))
            file.writelines(f"<p>{escape(line)}</p>\n" for line in _lead(run, lang))
            file.write(html_table(transitions))
            if changed:
                file.write(f"<h2>{escape(_BY_RULE[lang])}</h2>\n")
                file.write(bars(_BY_RULE[lang], changed[:_CHARTED]))
                head = html_table(Sheet(_EACH[lang], _COLUMNS[lang], ()))
                before, after = head.split("</tbody>")
                file.write(before)
                file.writelines(html_row(_row(flip, lang)) for flip in flips.rows())
                file.write("</tbody>" + after)
            file.write(PAGE_FOOT)
    except OSError as error:
        raise Failure(
            Exit.FAILED, "policy.report_unwritten", f"{page} cannot be written", str(error.strerror)
        ) from None
