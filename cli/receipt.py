"""``sekisho receipt``: show a decision's signed receipt, and check one that somebody brings."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, in_language, state_folder

LARGEST = 1 << 16
"""Bytes. A receipt has about two thousand."""


@click.group()
def receipt() -> None:
    """Prove what was decided: show a receipt, verify one."""


@receipt.command("show", cls=Command, exits=(Exit.NOT_FOUND, Exit.INVALID, Exit.TRY_AGAIN, Exit.CONFLICT))
@click.argument("case", metavar="CASE")
@click.option("--number", type=click.IntRange(1), help="The decision's number; default: the newest.")
@click.option("--raw", is_flag=True, help="The receipt itself, as it is handed out.")
@in_language
@state_folder
@as_json
def show(state: Path, case: str, number: int | None, lang: str, *, raw: bool, as_json: bool) -> None:
    """Show the receipt of a decision.

    CASE is a case reference (SK-…) or the application's id.
    """
    from cli.finding import find
    from cli.installation import open_memory, read_settings
    from pipeline.signing import payload_of

    with open_memory(read_settings(state)) as memory, memory.read() as tx:
        file = find(tx, case)
        wanted = number or (file.decision.number if file.decision is not None else 0)
        token = tx.receipts.of_case(file.case.id, wanted)
    if token is None:
        raise Failure(
            Exit.NOT_FOUND,
            "cli.no_receipt",
            f"There is no receipt of decision {wanted} of {file.case.reference}"
            if wanted
            else f"{file.case.reference} is not decided",
            "The sweeper signs receipts, with SEKISHO_SIGNING_KEYS.",
        )
    if raw:
        click.echo(token)
    elif as_json:
        emit({"receipt": token, "payload": payload_of(token)})
    else:
        _print(payload_of(token), lang)


@receipt.command("verify", cls=Command, exits=(Exit.FINDINGS, Exit.NOT_FOUND, Exit.INVALID, Exit.TRY_AGAIN))
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--keys",
    "keys",
    metavar="URL|FILE",
    required=True,
    help="The operator's published keys (JWKS): …/.well-known/jwks.json, or a copy of it.",
)
@click.option(
    "--document",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The application: is it the one that was judged? Needs --salt.",
)
@click.option("--salt", help="The salt that the status of the application names.")
@in_language
@as_json
def verify(
    file: Path, keys: str, document: Path | None, salt: str | None, lang: str, *, as_json: bool
) -> int:
    """Check a receipt: who signed it, and what it says.

    FILE holds the receipt as it was handed out (- for standard input). Exits with 6 unless it is genuine.
    """
    from cli.audit import read_keys
    from pipeline.receipts import RECEIPT_KIND
    from pipeline.schemas import find
    from pipeline.signing import NotSigned, key_of

    if (document is None) != (salt is None):
        raise click.UsageError("--document and --salt belong together")
    known, token = read_keys(keys), _read(file)
    findings: list[str] = []
    payload: Mapping[str, Any] = {}
    try:
        payload = known.verify(token, RECEIPT_KIND)
    except NotSigned as error:
        findings.append(error.reason)
    else:
        schema = find("receipt")
        assert schema is not None
        if schema.violations(payload):
            findings.append("other_kind")
        elif document is not None and salt is not None and _digest(document, salt) != payload["document"]:
            findings.append("other_document")
    if as_json:
        emit({"genuine": not findings, "findings": findings, "payload": payload or None})
    else:
        said = _SAID[lang]
        out = console()
        for finding in findings:
            out.print(f"{said[finding]} [{finding}]", style="red")
        if not findings:
            out.print(said["genuine"].format(key=key_of(token)), style="green", soft_wrap=True)
        if payload:
            _print(payload, lang)
    return Exit.FINDINGS if findings else Exit.DONE


def _read(file: Path) -> str:
    try:
        body = sys.stdin.buffer.read(LARGEST) if str(file) == "-" else file.read_bytes()[:LARGEST]
    except FileNotFoundError:
        raise Failure(Exit.NOT_FOUND, "cli.file_missing", f"There is no file {file}") from None
    except OSError as error:
        raise Failure(Exit.FAILED, "cli.not_readable", f"{file}: {error.strerror}") from None
    return body.strip().decode("ascii", "replace")


def _digest(file: Path, salt: str) -> str:
    """The sealed digest of an application, or of the message that carried it."""
    from pipeline.documents import NotJson, read_json
    from pipeline.personal import sealed_digest

    try:
        document = read_json(file.read_bytes())
    except NotJson as error:
        raise Failure(Exit.INVALID, "cli.not_json", f"{file} is no JSON", str(error)) from None
    try:
        material = base64.b64decode(salt + "=" * (-len(salt) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Failure(Exit.INVALID, "cli.not_a_salt", "The salt is not base64url") from None
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        document = document["data"]
    if not isinstance(document, dict):
        raise Failure(Exit.INVALID, "cli.not_json", f"{file} is no JSON object")
    return sealed_digest(document, material)


_SAID: dict[str, dict[str, str]] = {
    "ja": {
        "genuine": "真正な受領証です（鍵 {key}）。",
        "malformed": "受領証の形式ではありません。",
        "unknown_key": "運営者の鍵による署名ではありません。",
        "other_kind": "判定の受領証ではありません。",
        "signature": "署名が一致しません。改変されています。",
        "other_document": "申請書類が判定の対象と異なります。",
        "case": "案件",
        "decision": "判定",
        "by": "判定者",
        "reasons": "理由",
        "policy": "適用基準",
        "appeal": "異議申立期限",
        "journal": "記録位置",
        "document": "申請書類",
        "approve": "承認",
        "reject": "却下",
        "review": "担当者確認",
        "person": "担当者",
        "none": "なし",
    },
    "en": {
        "genuine": "Genuine; signed with key {key}.",
        "malformed": "This is no receipt.",
        "unknown_key": "It is not signed with a key of the operator.",
        "other_kind": "It is signed, but no receipt of a decision.",
        "signature": "The signature does not fit: it was changed.",
        "other_document": "The document is not the one that was judged.",
        "case": "case",
        "decision": "decision",
        "by": "decided by",
        "reasons": "reasons",
        "policy": "policy",
        "appeal": "appeal until",
        "journal": "journal",
        "document": "document",
        "approve": "approved",
        "reject": "rejected",
        "review": "referred to a person",
        "person": "a person",
        "none": "none",
    },
}


def _print(payload: Mapping[str, Any], lang: str) -> None:
    said = _SAID[lang]
    decision = payload.get("decision")
    if not isinstance(decision, Mapping):
        return
    by = said["person"] if decision["by"] == "person" else decision["by"]
    reasons = ", ".join(reason["code"] for reason in payload["reasons"]) or said["none"]
    rows = {
        "case": payload["case"],
        "decision": f"{decision['number']}: {said[decision['verdict']]}, {decision['at']}",
        "by": by,
        "reasons": reasons,
        "policy": ", ".join(policy["pack"] for policy in payload["policy"]),
        "appeal": payload.get("appeal_until", "–"),
        "document": payload["document"],
        "journal": f"{payload['journal']['position']}, {payload['journal']['sha256']}",
    }
    out = console()
    for name, value in rows.items():
        out.print(f"{said[name]}: {value}", soft_wrap=True)
