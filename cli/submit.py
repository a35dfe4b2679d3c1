"""``sekisho submit``: wrap an application, sign it, post it."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Command, Exit, Failure, as_json, emit, language, note, state_folder
from cli.state import StateFolder, fill

if TYPE_CHECKING:
    from cli.client import Client, Receipt, Standing
    from pipeline.webhook import SigningKey

DEFAULT_URL = "http://127.0.0.1:8000"
_STANDARD_INPUT = "-"


@click.command(
    cls=Command, exits=(Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.FINDINGS, Exit.TRY_AGAIN)
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--url", help=f"Of Sekisho; else SEKISHO_URL, else {DEFAULT_URL}.")
@click.option("--sender", help="Your name as a sender; else SEKISHO_SENDER.")
@click.option(
    "--secret-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with your secret (whsec_…, whsk_…); else SEKISHO_SENDER_SECRET, SEKISHO_SENDER_SECRET_FILE.",
)
@click.option("--id", "message_id", help="The webhook-id; default: one that belongs to the content.")
@click.option("--again", is_flag=True, help="Send as a new message what was sent before.")
@click.option("--wait", is_flag=True, help="Follow each application until it is decided.")
@click.option(
    "--timeout", type=click.FloatRange(1, 86400), default=120, show_default=True, help="Seconds for --wait."
)
@click.option("--dry-run", is_flag=True, help="Send nothing; print the signed request as a curl command.")
@state_folder
@as_json
def submit(
    files: Sequence[str],
    url: str | None,
    sender: str | None,
    secret_file: Path | None,
    message_id: str | None,
    timeout: float,
    state: Path,
    *,
    again: bool,
    wait: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Sign applications and post them.

    A FILE holds one application (schema application/1) or a whole submission; - is standard input. The same
    file sent again is the same message, and is taken once: after a failure simply repeat the command. (What
    comes by standard input has no time of its own and is new each time, unless it is a whole submission.)

    Where `sekisho up` runs, its address and a sender's secret are known from the state folder.

    With --wait the exit status is 6 unless every application was listed.
    """
    from cli.client import Client, message_id_of
    from pipeline.webhook import is_message_id

    if message_id is not None and len(files) > 1:
        raise click.UsageError("--id is for one file")
    if message_id is not None and not is_message_id(message_id):
        raise click.UsageError("--id has 1 to 255 letters, digits and signs of _ ~ : @ + / = -")
    environment = dict(os.environ)
    fill(environment, StateFolder(state).kept_settings())
    client = Client(
        url or environment.get("SEKISHO_URL") or DEFAULT_URL,
        sender or environment.get("SEKISHO_SENDER", ""),
        _signing_key(secret_file, environment),
    )
    outcomes = []
    try:
        for name in files:
            try:
                body = read_body(name, again=again)
                if dry_run:
                    _show(client, message_id or message_id_of(body), body, as_json=as_json)
                    continue
                receipt = client.submit(message_id or message_id_of(body), body)
                standing = follow(client, receipt, timeout) if wait else None
                outcome = Outcome(name, receipt, standing)
            except Failure as failure:
                outcome = Outcome(name, failure=failure)
            outcomes.append(outcome)
            outcome.tell(as_json=as_json)
    finally:
        client.close()
    return max((outcome.status for outcome in outcomes), default=Exit.DONE)


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    file: str
    receipt: Receipt | None = None
    standing: Standing | None = None
    failure: Failure | None = None

    @property
    def status(self) -> Exit:
        """The part of the exit status that is about this file."""
        if self.failure is not None:
            return self.failure.status
        return Exit.DONE if self.state in {"", "listed"} else Exit.FINDINGS

    @property
    def state(self) -> str:
        """Where the case stands, if that was asked for."""
        return "" if self.standing is None else self.standing.state

    def tell(self, *, as_json: bool) -> None:
        """Say it."""
        if as_json:
            emit(self._as_json())
        elif self.failure is not None:
            note(f"{self.file}:\n{self.failure.text()}")
        elif self.receipt is not None:
            came_before = " (came before)" if self.receipt.repeated else ""
            state = f": {self.state}" if self.state else ""
            click.echo(f"{self.file}: {self.receipt.case} {self.receipt.location}{came_before}{state}")
            for asked in self.standing.asked if self.standing is not None else ():
                click.echo(f"  {asked.rule} {asked.reason}: {asked.message.get(language(), '')}")
                click.echo(f"    {asked.remedy.get(language(), '')}")

    def _as_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"file": self.file, "exit_status": int(self.status)}
        if self.receipt is not None:
            said |= {
                "application": self.receipt.application,
                "case": self.receipt.case,
                "location": self.receipt.location,
                "repeated": self.receipt.repeated,
            }
        if self.standing is not None:
            said["standing"] = self.standing.document
        if self.failure is not None:
            said["problem"] = self.failure.problem()
        return said


def _show(client: Client, message_id: str, body: bytes, *, as_json: bool) -> None:
    headers = client.headers(message_id, body, datetime.now(UTC))
    url = f"{client.url}/v1/applications"
    if as_json:
        emit({"method": "POST", "url": url, "headers": headers, "body": body.decode()})
        return
    words = [
        "curl",
        "-sS",
        url,
        *(word for name, value in headers.items() for word in ("-H", f"{name}: {value}")),
    ]
    click.echo(shlex.join([*words, "--data-binary", body.decode()]))
    note("The signature counts for five minutes.")


def follow(client: Client, receipt: Receipt, patience: float) -> Standing:
    """How an application stands once the pipeline is done with it.

    :raises Failure: when that takes longer than ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        standing = client.status(receipt.application)
        if standing.is_settled:
            return standing
        if time.monotonic() > deadline:
            raise Failure(
                Exit.TRY_AGAIN,
                "cli.not_decided",
                f"{receipt.case} is not decided within {patience:.0f} seconds",
                "It goes on by itself; repeat the command to see how it stands.",
            )
        time.sleep(0.2)


def read_body(name: str, *, again: bool = False) -> bytes:
    """The webhook's body for a file: the submission in it as it is, or the application in it wrapped.

    The time in the wrapping is the file's own, so that the same file gives the same bytes.

    :raises Failure: when there is no JSON object in it.
    """
    from cli.client import wrap
    from pipeline.documents import NotJson, read_json

    now = datetime.now(UTC)
    try:
        if name == _STANDARD_INPUT:
            text, written_at = sys.stdin.buffer.read(), now
        else:
            text = Path(name).read_bytes()
            written_at = datetime.fromtimestamp(Path(name).stat().st_mtime, UTC)
    except OSError as error:
        raise Failure(Exit.NOT_FOUND, "cli.file_unreadable", f"{name}: {error.strerror}") from None
    try:
        document = read_json(text)
    except NotJson as error:
        raise Failure(Exit.INVALID, error.code, f"{name}: {error}") from None
    if not isinstance(document, dict):
        raise Failure(Exit.INVALID, "cli.not_an_object", f"{name}: not a JSON object")
    if "data" in document and "type" in document and not again:
        return text
    return wrap(
        document.get("data", document) if "type" in document else document, now if again else written_at
    )


def _signing_key(secret_file: Path | None, environment: Mapping[str, str]) -> SigningKey:
    from pipeline.webhook import MalformedKey, parse_signing_key

    text = environment.get("SEKISHO_SENDER_SECRET", "") if secret_file is None else ""
    named = secret_file or environment.get("SEKISHO_SENDER_SECRET_FILE")
    if not text and named:
        try:
            text = Path(named).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", "") or "not a text"
            raise Failure(Exit.NOT_FOUND, "cli.file_unreadable", f"{named}: {why}") from None
    if not text.strip():
        raise click.UsageError("no secret to sign with: give --secret-file, or set SEKISHO_SENDER_SECRET")
    try:
        return parse_signing_key(text.strip())
    except MalformedKey as error:
        raise Failure(Exit.INVALID, "cli.key_malformed", f"The secret is no key: {error}") from None
