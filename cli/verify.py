"""``sekisho verify``: a list of companies against chosen sources, without an application."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.connectors import quiet
from cli.output import Command, Exit, Failure, as_json, console, in_language, note, state_folder
from cli.roster_file import Roster, RosterRow, read_roster

if TYPE_CHECKING:
    from pipeline.model import Evidence, Gap, Inquiry
    from rules.roster import Candidate, Remark, Standing
    from storage.mirror import Mirror
    from tasks.roster import Heard, Inquirer
    from tasks.settings import Settings

_EXITS = (Exit.NOT_FOUND, Exit.INVALID, Exit.FINDINGS, Exit.TRY_AGAIN)

RESULT_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "row": ("行", "row"),
    "standing": ("結果", "result"),
    "codes": ("理由コード", "codes"),
    "reasons": ("理由", "reasons"),
    "registered_name": ("登録名称", "registered name"),
    "registered_address": ("登録所在地", "registered address"),
    "sources": ("情報源", "sources"),
    "observed_at": ("確認日時", "observed at"),
    "candidates": ("候補", "candidates"),
}
"""What the result adds to the list's own columns."""

STANDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "invalid": ("要修正", "invalid"),
    "attention": ("要確認", "attention"),
    "not_checked": ("未確認", "not checked"),
    "confirmed": ("確認済み", "confirmed"),
    "nothing_found": ("該当なし", "nothing found"),
}


@click.command("verify", cls=Command, exits=_EXITS)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.csv")
@click.option("--sources", "wanted", metavar="A,B", help="Only these sources; default: all that are asked.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the result there: JSON for a name that ends in .json, else CSV in UTF-8.",
)
@click.option("--again", is_flag=True, help="Ask anew: neither fresh answers nor an unfinished run count.")
@in_language
@state_folder
@as_json
def verify(
    state: Path, file: Path, wanted: str | None, output: Path | None, lang: str, *, again: bool, as_json: bool
) -> None:
    """Check a list of companies against the sources, without an application.

    Columns are known by their headings, Japanese or English: 法人番号 (corporate number), 商号 (name),
    登録番号 (invoice issuer's number), LEI, VAT, identifier (SCHEME:ID), …; others are kept. CSV in UTF-8 or
    Shift_JIS. The result has the same rows with what the sources say, and reasons in words. A run that was
    ended goes on where it was. Exit status 6: something needs attention; 75: a source did not answer, run it
    again.
    """
    roster = read_roster(file)
    with (
        quiet(),
        _opened(state, wanted, again=again) as survey,
        _unfinished(state, file, survey, again=again) as progress,
    ):
        results = survey.results(roster, progress)
    written = [result.as_json(roster.headings) for result in results]
    if output is not None:
        _write(output, roster, results, written, lang)
    elif as_json:
        for one in written:
            click.echo(json.dumps(one, ensure_ascii=False))
    else:
        click.echo(_csv(roster, results, lang), nl=False)
    _finish(results, lang)


def _finish(results: Sequence[Result], lang: str) -> None:
    counts = Counter(str(result.standing) for result in results)
    told = ", ".join(
        f"{STANDINGS[standing][lang == 'en']} {counts[standing]}"
        for standing in STANDINGS
        if counts[standing]
    )
    note(f"sekisho: {len(results)} rows: {told or 'none'}")
    if counts["invalid"] or counts["attention"]:
        raise click.exceptions.Exit(Exit.FINDINGS)
    if counts["not_checked"]:
        raise click.exceptions.Exit(Exit.TRY_AGAIN)


@dataclass(frozen=True)
class Result:
    """What became of a row."""

    row: RosterRow
    standing: Standing
    remarks: tuple[Remark, ...]
    heard: tuple[Heard, ...]
    candidates: tuple[Candidate, ...]

    @property
    def evidence(self) -> list[Evidence]:
        """What sources answered."""
        from pipeline.model import Evidence

        return [one.said for one in self.heard if isinstance(one.said, Evidence)]

    def as_json(self, headings: Sequence[str]) -> dict[str, Any]:
        """The row with all that was heard."""
        from pipeline.model import Evidence

        company = self.row.company
        return {
            "row": self.row.number,
            "declared": {
                "name": company.name,
                "identifiers": [str(each) for each in company.identifiers],
                **({"invoice_number": company.invoice_number} if company.invoice_number else {}),
            },
            "cells": dict(zip(headings, self.row.cells, strict=False)),
            "standing": str(self.standing),
            "remarks": [remark.as_json() for remark in self.remarks],
            "candidates": [candidate.as_json() for candidate in self.candidates],
            "evidence": [
                {**one.said.as_json(), "reused": one.reused}
                for one in self.heard
                if isinstance(one.said, Evidence)
            ],
        }

    def cells(self, lang: str) -> list[str]:
        """What the result adds to the row, in the order of :data:`RESULT_COLUMNS`."""
        found = [one for one in self.evidence if one.presence == "found"]
        named = next((one.record for one in found if one.record.get("name")), {})
        moments = [f"{one.observed_at:%Y-%m-%dT%H:%M:%SZ}" for one in self.evidence]
        reasons = [
            remark.text.as_json()[lang] + (f" [{remark.detail}]" if remark.detail else "")
            for remark in self.remarks
        ]
        return [
            str(self.row.number),
            STANDINGS[str(self.standing)][lang == "en"],
            " ".join(dict.fromkeys(remark.code for remark in self.remarks)),
            " / ".join(reasons),
            str(named.get("name", "")),
            str(named.get("address") or named.get("address_abroad") or ""),
            " ".join(f"{one.source}:{one.presence}" for one in self.evidence),
            min(moments, default=""),
            " / ".join(f"{each.identifier} {each.name} ({each.state})" for each in self.candidates),
        ]


class Progress:
    """What was heard so far, in a file: a run that is ended at any moment goes on there.

    Only answers are kept, one a line; a line that was cut short is asked again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.known = dict(self._lines())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "a", encoding="utf-8")
        if path.stat().st_size:
            self._file.write("\n")  # behind what may have been cut short

    def _lines(self) -> Iterator[tuple[str, Heard]]:
        from tasks.roster import Heard, evidence_from_json

        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                kept = json.loads(line)
                said = evidence_from_json(kept["evidence"])
                inquiry = _inquiry(kept["evidence"], kept["name"])
            except (ValueError, KeyError, TypeError):
                continue
            yield _identity(inquiry), Heard(inquiry, said, kept["reused"])

    def keep(self, heard: Heard) -> None:
        """Remember an answer."""
        from pipeline.model import Evidence

        if isinstance(heard.said, Evidence):
            kept = {"name": heard.inquiry.name, "reused": heard.reused, "evidence": heard.said.as_json()}
            self._file.write(json.dumps(kept, ensure_ascii=False) + "\n")
            self._file.flush()

    def forget(self) -> None:
        """Forget it all: the run is finished."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _inquiry(evidence: Mapping[str, Any], name: str) -> Inquiry:
    from pipeline.identifiers import OrganisationId
    from pipeline.model import Inquiry

    subject = evidence["subject"]
    return Inquiry(
        evidence["source"], evidence["role"], OrganisationId(subject["scheme"], subject["id"]), name
    )


def _identity(inquiry: Inquiry) -> str:
    return json.dumps([inquiry.source, inquiry.role, str(inquiry.subject), inquiry.name], ensure_ascii=False)


class Survey:
    """The sources and the mirror, put to a list."""

    def __init__(self, inquirer: Inquirer, mirror: Mirror | None, chosen: frozenset[str], today: str) -> None:
        self.chosen = chosen
        self._inquirer = inquirer
        self._mirror = mirror
        self._today = today

    def results(self, roster: Roster, progress: Progress) -> list[Result]:
        """What became of each row."""
        from pipeline.model import Evidence, Gap
        from tasks.roster import Heard, inquiries_about

        asked = [
            () if row.fault else inquiries_about(self._inquirer.sources, row.company, self.chosen)
            for row in roster.rows
        ]
        unique = {_identity(inquiry): inquiry for inquiries in asked for inquiry in inquiries}
        heard = {key: one for key, one in progress.known.items() if key in unique}
        left = [inquiry for key, inquiry in unique.items() if key not in heard]
        if heard:
            note(f"sekisho: {len(heard)} of {len(unique)} answers are here from an unfinished run")
        with _bar(len(unique), len(heard)) as advance:
            for one in self._inquirer(left):
                progress.keep(one)
                heard[_identity(one.inquiry)] = one
                advance()
        if len(heard) == len(unique) and all(isinstance(one.said, Evidence) for one in heard.values()):
            progress.forget()
        for key, inquiry in unique.items():
            if key not in heard:
                gap = Gap(inquiry.source, inquiry.role, inquiry.subject, "fault")
                heard[key] = Heard(inquiry, gap)
        return [
            self._result(row, [heard[_identity(inquiry)] for inquiry in inquiries])
            for row, inquiries in zip(roster.rows, asked, strict=True)
        ]

    def _result(self, row: RosterRow, heard: Sequence[Heard]) -> Result:
        from pipeline.model import Evidence, Gap
        from rules.roster import Remark, remarks_on, standing_of

        evidence = [one.said for one in heard if isinstance(one.said, Evidence)]
        gaps: list[Gap] = [one.said for one in heard if isinstance(one.said, Gap)]
        remarks = [Remark(row.fault, "", row.detail)] if row.fault else []
        candidates: tuple[Candidate, ...] = ()
        company = row.company
        if not row.fault and not (company.identifiers or company.invoice_number):
            candidates = self._candidates(company.name)
            remarks.append(Remark("NAME_ONLY", "", f"{len(candidates)}"))
        elif not row.fault and not heard:
            remarks.append(Remark("NO_SOURCE", ""))
        remarks += remarks_on(company, evidence, gaps, self._today)
        return Result(row, standing_of(remarks, evidence), tuple(remarks), tuple(heard), candidates)

    def _candidates(self, name: str) -> tuple[Candidate, ...]:
        """Companies of the mirror that bear the name."""
        from pipeline.identifiers import OrganisationId
        from rules.roster import Candidate

        if self._mirror is None:
            return ()
        found = []
        for hit in self._mirror.names(name, limit=5):
            latest = hit.entry.fields()
            state = "closed" if latest.get("closeDate") else "live"
            match = f"{hit.match}, former name" if hit.former else str(hit.match)
            found.append(Candidate(OrganisationId("JP-JCN", hit.number), latest["name"], state, match))
        return tuple(found)


@contextmanager
def _opened(state: Path, wanted: str | None, *, again: bool) -> Iterator[Survey]:
    from datetime import timedelta, timezone

    from cli.installation import joined, read_register_settings
    from connectors.sources import ConcurrentSources
    from pipeline.freshness import NEVER, Freshness
    from tasks.bootstrap import SystemClock
    from tasks.roster import Inquirer

    settings = read_register_settings(state)
    with ExitStack() as stack:
        connectors, _, mirror = stack.enter_context(joined(settings))
        chosen = _chosen(wanted, [connector.source for connector in connectors])
        used = [connector for connector in connectors if connector.source in chosen]
        sources = ConcurrentSources(used, in_flight=1)
        stack.callback(sources.close)
        clock = SystemClock()
        memory = stack.enter_context(_memory(settings))
        freshness = Freshness(NEVER) if again else settings.freshness
        today = clock.now().astimezone(timezone(timedelta(hours=9))).date().isoformat()
        yield Survey(Inquirer(sources, clock, memory, freshness), mirror, chosen, today)


def _chosen(wanted: str | None, asked: Sequence[str]) -> frozenset[str]:
    if wanted is None:
        return frozenset(asked)
    chosen = [name.strip() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in asked]
    if unknown or not chosen:
        raise Failure(
            Exit.NOT_FOUND,
            "connectors.not_asked",
            f"{', '.join(unknown) or 'Nothing'} is not among the sources that are asked",
            f"These are: {', '.join(asked)}. SEKISHO_SOURCES names them.",
        )
    return frozenset(chosen)


@contextmanager
def _memory(settings: Settings) -> Iterator[Any]:
    """The database with fresh answers, or None where there is none that can be used."""
    from cli.installation import open_database
    from storage import migrations
    from storage.memory import SqlMemory

    with ExitStack() as stack:
        memory = None
        try:
            database = stack.enter_context(open_database(settings))
            if migrations.current(database) == migrations.head():
                memory = SqlMemory(database)
        except Failure:
            pass
        yield memory


@contextmanager
def _unfinished(state: Path, file: Path, survey: Survey, *, again: bool) -> Iterator[Progress]:
    """What a run over this very list and these sources has heard so far."""
    digest = hashlib.sha256(file.read_bytes())
    digest.update("\0".join(sorted(survey.chosen)).encode())
    path = state / "verify" / f"{digest.hexdigest()[:32]}.ndjson"
    if again:
        path.unlink(missing_ok=True)
    with closing(Progress(path)) as progress:
        yield progress


@contextmanager
def _bar(total: int, done: int) -> Iterator[Any]:
    """How far the run is, on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("answers", total=total, completed=done)
        yield lambda: progress.advance(task)


def _write(
    output: Path, roster: Roster, results: Sequence[Result], written: Sequence[Mapping[str, Any]], lang: str
) -> None:
    """The result in a file, which is there whole or not at all."""
    if output.suffix.lower() == ".json":
        body = json.dumps({"rows": list(written)}, ensure_ascii=False, indent=1).encode()
    else:
        body = b"\xef\xbb\xbf" + _csv(roster, results, lang).encode()  # spreadsheets take the mark for UTF-8
    part = output.with_name(f"{output.name}.part")
    try:
        part.write_bytes(body)
        part.replace(output)
    except OSError as error:
        raise Failure(
            Exit.FAILED, "verify.not_written", "The result cannot be written", f"{output}: {error.strerror}"
        ) from None


def _csv(roster: Roster, results: Iterable[Result], lang: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    english = lang == "en"
    writer.writerow(
        [*map(_harmless, roster.headings), *(names[english] for names in RESULT_COLUMNS.values())]
    )
    for result in results:
        own = [*result.row.cells, *[""] * (len(roster.headings) - len(result.row.cells))]
        writer.writerow([*map(_harmless, own[: len(roster.headings)]), *map(_harmless, result.cells(lang))])
    return text.getvalue()


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (CWE-1236)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
