"""``sekisho audit``: hand the journal out in a form that proves itself, and check such a file."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, in_language, note, state_folder

if TYPE_CHECKING:
    from pipeline.audit import Export, Report, Selection
    from pipeline.signing import KeySet
    from storage.memory import SqlMemory, SqlTransaction

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)


@click.group()
def audit() -> None:
    """Prove what happened: export the journal, verify an export."""


@audit.command("export", cls=Command, exits=_EXITS)
@click.option(
    "--from", "first", metavar="POSITION|DATE", help="The first entry: a position, a day in Japan, a moment."
)
@click.option("--to", "last", metavar="POSITION|DATE", help="The last entry; a day is included.")
@click.option("--case", "case", metavar="CASE", help="Only the entries of this case (SK-… or application).")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@state_folder
@as_json
def export(
    file: Path, state: Path, first: str | None, last: str | None, case: str | None, *, as_json: bool
) -> None:
    """Write the journal to FILE (- for standard output), one JSON object a line.

    All of it is shown by its hash chain and its signed heads; a part of it by a proof for each entry. With
    SEKISHO_SIGNING_KEYS set the journal's head is signed first, and the file at its end.
    """
    with _exporting(state) as (memory, exporter):
        with memory.read() as tx:
            selection = _selection(tx, first, last, case)
        lines = exporter.lines(selection)
        number = _write(file, lines)
        signed = exporter.notary.key is not None
    if as_json and str(file) != "-":
        emit({"file": str(file), "lines": number, "signed": signed})
    elif str(file) != "-":
        click.echo(f"{file}: {number} lines{'' if signed else ', unsigned: no signing key is set'}.")


@audit.command("verify", cls=Command, exits=(Exit.FINDINGS, *_EXITS))
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--keys",
    "keys",
    metavar="URL|FILE",
    help="The operator's published keys (JWKS). Without them the file's own are taken, which proves less.",
)
@click.option(
    "--head",
    "heads",
    metavar="FILE",
    multiple=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A signed head that was kept from earlier; may be given several times.",
)
@in_language
@state_folder
@as_json
def verify(
    file: Path | None, keys: str | None, heads: Sequence[Path], state: Path, lang: str, *, as_json: bool
) -> int:
    """Check an export: deletion, change, reordering and truncation are found, and where they are.

    FILE is what `sekisho audit export` wrote; without it the journal in the database is checked. Works
    without a network and, with FILE, without a database. Exits with 6 if anything is wrong.
    """
    from pipeline import audit as files

    trusted = None if keys is None else read_keys(keys)
    tokens = [token for path in heads for token in _tokens(path)]
    if file is None:
        with _exporting(state, sign=False) as (_, exporter):
            report = files.verify(exporter.lines(files.Selection()), trusted, tokens, live=True)
    else:
        with _reading(file) as lines:
            report = files.verify(lines, trusted, tokens)
    if as_json:
        emit(report.as_json())
    else:
        _print(report, lang)
    return Exit.DONE if report.sound else Exit.FINDINGS


@audit.command("head", cls=Command, exits=_EXITS)
@click.option("--sign", is_flag=True, help="Sign the head as it is now, if it is not signed.")
@state_folder
@as_json
def head(state: Path, *, sign: bool, as_json: bool) -> None:
    """Print the newest signed head, to be kept where the operator of the database cannot reach it.

    A journal that was cut short or made anew does not continue it: `sekisho audit verify --head` tells.
    """
    with _exporting(state) as (memory, exporter):
        if sign and exporter.notary.sign_as_it_is() is None:
            raise Failure(
                Exit.CONFLICT,
                "cli.head_not_signed",
                "The head cannot be signed",
                "There is no SEKISHO_SIGNING_KEYS, or the journal is broken: `sekisho audit verify` tells.",
            )
        with memory.read() as tx:
            signed = tx.journal.newest_signed()
    if signed is None:
        raise Failure(
            Exit.NOT_FOUND,
            "cli.no_signed_head",
            "No head was signed yet",
            "`sekisho audit head --sign` does.",
        )
    if as_json:
        emit({"position": signed.head.position, "sha256": signed.head.sha256, "head": signed.token})
    else:
        click.echo(signed.token)


@contextmanager
def _exporting(state: Path, *, sign: bool = True) -> Iterator[tuple[SqlMemory, Export]]:
    from cli.installation import open_memory, read_settings
    from pipeline.audit import Export
    from tasks.bootstrap import SystemClock, notary_of

    settings = read_settings(state)
    if not sign:
        settings = settings.model_copy(update={"signing_keys": ()})
    with open_memory(settings) as memory:
        clock = SystemClock()
        yield memory, Export(memory, clock, notary_of(settings, memory, clock))


def _selection(tx: SqlTransaction, first: str | None, last: str | None, case: str | None) -> Selection:
    from cli.finding import find
    from pipeline.audit import Selection

    return Selection(
        case_id=None if case is None else find(tx, case).case.id,
        first=1 if first is None else max(1, _position(tx, first, end=False)),
        last=None if last is None else _position(tx, last, end=True),
    )


def _position(tx: SqlTransaction, text: str, *, end: bool) -> int:
    """The position that is named, or the first from a time on, or with ``end`` the last before its end."""
    if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        return int(text)
    moment = _moment(text, end=end)
    return tx.journal.before(moment) if end else tx.journal.since(moment)


def _moment(text: str, *, end: bool) -> datetime:
    from zoneinfo import ZoneInfo

    japan = ZoneInfo("Asia/Tokyo")
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            day = date.fromisoformat(text) + timedelta(days=end)
            return datetime.combine(day, time(), japan).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{text} is neither a position nor a day nor a moment (ISO 8601)") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=japan)


def _write(file: Path, lines: Iterator[bytes]) -> int:
    """Write all of it, or nothing that could be taken for all of it."""
    if str(file) == "-":
        number = sum(1 for line in lines if sys.stdout.buffer.write(line))
        sys.stdout.flush()
        return number
    partial = file.with_name(file.name + ".partial")
    number = 0
    try:
        with partial.open("wb") as out:
            for line in lines:
                out.write(line)
                number += 1
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Failure(Exit.FAILED, "cli.not_written", f"{file}: {error.strerror}") from None
    return number


@contextmanager
def _reading(file: Path) -> Iterator[Iterator[bytes]]:
    from pipeline.audit import LONGEST_LINE

    if str(file) == "-":
        yield iter(lambda: sys.stdin.buffer.readline(LONGEST_LINE + 2), b"")
        return
    try:
        with file.open("rb") as lines:
            yield iter(lambda: lines.readline(LONGEST_LINE + 2), b"")
    except FileNotFoundError:
        raise Failure(Exit.NOT_FOUND, "cli.file_missing", f"There is no file {file}") from None
    except OSError as error:
        raise Failure(Exit.FAILED, "cli.not_readable", f"{file}: {error.strerror}") from None


def _tokens(path: Path) -> list[str]:
    """Signed heads in a file: as ``sekisho audit head`` prints them, plain or as JSON, one a line."""
    from pipeline.documents import NotJson, read_json
    from pipeline.signing import NotSigned, payload_of

    tokens = []
    for line in path.read_bytes().splitlines():
        text = line.strip().decode("ascii", "replace")
        if text.startswith("{"):
            try:
                value = read_json(line)
            except NotJson:
                value = None
            text = str(value.get("head")) if isinstance(value, dict) else ""
        if not text:
            continue
        try:
            payload_of(text)
        except NotSigned:
            raise Failure(
                Exit.INVALID,
                "cli.not_a_head",
                f"{path} holds something that is no signed head",
                "`sekisho audit head` prints one.",
            ) from None
        tokens.append(text)
    if not tokens:
        raise Failure(Exit.INVALID, "cli.not_a_head", f"{path} holds no signed head")
    return tokens


LARGEST_KEYS = 1 << 20


def read_keys(place: str) -> KeySet:
    """The keys of a JSON Web Key Set, at an address or in a file.

    :raises Failure: when it cannot be read, or is none.
    """
    from pipeline.documents import NotJson, read_json
    from pipeline.signing import KeySet

    body = _fetched(place) if place.startswith(("https://", "http://")) else _file(place)
    try:
        keys = KeySet.from_json(read_json(body))
    except (ValueError, NotJson) as error:
        raise Failure(Exit.INVALID, "cli.not_keys", f"{place} is no JSON Web Key Set", str(error)) from None
    if not len(keys):
        raise Failure(Exit.INVALID, "cli.not_keys", f"{place} holds no Ed25519 key")
    return keys


def _file(place: str) -> bytes:
    try:
        with Path(place).open("rb") as file:
            return file.read(LARGEST_KEYS)
    except FileNotFoundError:
        raise Failure(Exit.NOT_FOUND, "cli.file_missing", f"There is no file {place}") from None
    except OSError as error:
        raise Failure(Exit.FAILED, "cli.not_readable", f"{place}: {error.strerror}") from None


def _fetched(url: str) -> bytes:
    import requests

    from cli.client import TIMEOUT

    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False) as answer:
            body = answer.raw.read(LARGEST_KEYS, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise Failure(
            Exit.TRY_AGAIN, "cli.no_answer", f"{url} does not answer", type(error).__name__
        ) from None
    if answer.status_code != 200:
        raise Failure(Exit.TRY_AGAIN, "cli.no_answer", f"{url} answers {answer.status_code}")
    return bytes(body)


_SAID: dict[str, dict[str, str]] = {
    "ja": {
        "sound": "異常ありません。",
        "faulty": "異常があります（{number}件）。",
        "whole": "記録全体: {entries}件（{first}〜{last}）。",
        "part": "記録の一部: {entries}件（{first}〜{last}）。",
        "signed": "署名済み: {to}まで、{at}、鍵 {key}。",
        "unsigned": "署名された先頭値はありません。",
        "untrusted": "鍵はファイル内のものです。作成者は運営者の公開鍵（--keys）で確認してください。",
        "at": "行 {line}、位置 {position}",
    },
    "en": {
        "sound": "Nothing is wrong with it.",
        "faulty": "Something is wrong: {number} findings.",
        "whole": "The whole journal: {entries} entries, {first} to {last}.",
        "part": "A part of the journal: {entries} entries, {first} to {last}.",
        "signed": "Signed up to {to}, at {at}, with key {key}.",
        "unsigned": "No head in it is signed.",
        "untrusted": "The keys are the file's own: who made it is proved only with the operator's (--keys).",
        "at": "line {line}, position {position}",
    },
}


def _print(report: Report, lang: str) -> None:
    said = _SAID[lang]
    out = console()
    verdict = said["sound"] if report.sound else said["faulty"].format(number=len(report.findings))
    out.print(verdict, style="green" if report.sound else "red")
    counts: dict[str, Any] = {"entries": report.entries, "first": report.first, "last": report.last}
    out.print(said["whole" if report.whole else "part"].format(**counts))
    if report.signed_by:
        out.print(
            said["signed"].format(to=report.signed_to, at=report.signed_at, key=report.signed_by),
            soft_wrap=True,
        )
    else:
        out.print(said["unsigned"])
    if not report.trusted and report.signed_by:
        note(said["untrusted"])
    for finding in report.findings:
        from pipeline.audit import MEANING

        place = said["at"].format(line=finding.line, position=finding.position or "-")
        text = MEANING[finding.fault].as_json()[lang]
        detail = f" ({finding.detail})" if finding.detail else ""
        out.print(f"  {place}: {text} [{finding.fault}]{detail}", soft_wrap=True)
