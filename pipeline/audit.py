"""The audit file: the journal, or a part of it, in a form that proves itself without us.

A file is NDJSON, each line one JSON object in canonical form (RFC 8785): first ``export``, last ``end``, and
between them a line for each ``entry`` and each signed ``head``, in their places. A whole journal is shown by
its chain. A part of it, a range or one case, is shown by an inclusion proof for each entry (RFC 9162): the
digests of all that is left out would make a file as long as the journal, a proof grows with its logarithm.

:func:`verify` reads such a file and trusts nothing in it. ``docs/audit.md`` says what that proves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from pipeline import merkle
from pipeline.documents import Json, NotJson, canonical, read_json, sha256
from pipeline.journal import GENESIS, Head, Kept, SignedHead
from pipeline.model import Text, isoformat
from pipeline.notary import HEAD_KIND, Notary
from pipeline.ports import Clock, Memory
from pipeline.signing import KeySet, NotSigned, key_of

FORMAT = "sekisho-journal/1"

END_KIND = "sekisho-journal-export"
"""The ``typ`` of the signature that ends an audit file."""

LONGEST_LINE = 1 << 20
"""Bytes. An entry of ours has a few hundred."""

MOST_FINDINGS = 100

_PAGE = 1000
_ENTRY_MEMBERS = {"at", "by", "case", "data", "name", "position", "previous", "previous_of_case"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: those of one case or of all, from a position to another, both included."""

    case_id: UUID | None = None
    first: int = 1
    last: int | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()


@dataclass(frozen=True, slots=True)
class Export:
    """Writes audit files. With a notary that has a key everything in them is under a signature of now."""

    memory: Memory
    clock: Clock
    notary: Notary

    def lines(self, selection: Selection) -> Iterator[bytes]:
        """The lines of a file, each with its line feed."""
        digest = hashlib.sha256()
        number = 0
        for line in self._body(selection):
            digest.update(line)
            number += 1
            yield line
        end = {"lines": number, "sha256": f"sha256:{digest.hexdigest()}"}
        yield _line({"end": end if self.notary.key is None else self.notary.key.sign(END_KIND, end)})

    def _body(self, selection: Selection) -> Iterator[bytes]:
        head = self.notary.sign_as_it_is() or self._head()
        last = head.position if selection.last is None else min(selection.last, head.position)
        last = max(last, selection.first - 1)  # where nothing is selected
        if selection.whole:
            growth = merkle.Growth()
            for page in self._digests(head.position):
                growth = growth.grown(merkle.leaf(each) for each in page)
            root, tree = growth.root, None
        else:
            tree = merkle.Tree([merkle.leaf(each) for page in self._digests(head.position) for each in page])
            root = tree.root
        with self.memory.read() as tx:
            keys = self.notary.published(tx.journal.signing_keys())
            signed = tx.journal.signed_heads()
            reaches = tx.journal.head().position
        # What was signed while this ran is left out. What was signed and is not there any more is not.
        signed = [each for each in signed if not head.position < each.head.position <= reaches]
        yield _line(
            {
                "export": {
                    "format": FORMAT,
                    "at": isoformat(self.clock.now()),
                    "case": None if selection.case_id is None else str(selection.case_id),
                    "first": selection.first,
                    "last": last,
                    "whole": selection.whole,
                    "head": {"position": head.position, "sha256": head.sha256, "root": _name(root)},
                    "keys": keys.as_json()["keys"],
                }
            }
        )
        if tree is None:
            yield from self._whole(last, signed)
        else:
            yield from (self._proved(kept, tree) for kept in self._entries(selection, last))
            # A proof leads to the root of the whole: that is the one head which says something here.
            yield from (_line({"head": each.token}) for each in signed if each.head == head)

    def _whole(self, last: int, signed: Sequence[SignedHead]) -> Iterator[bytes]:
        tokens = {each.head.position: each.token for each in signed}
        for kept in self._entries(Selection(), last):
            yield _line({"entry": _entry(kept), "sha256": kept.sha256})
            token = tokens.pop(kept.entry.position, None)
            if token is not None:
                yield _line({"head": token})
        # What was signed and is not there any more: the file says so itself.
        for position in sorted(tokens):
            yield _line({"head": tokens[position]})

    def _proved(self, kept: Kept, tree: merkle.Tree) -> bytes:
        proof = [_name(node) for node in tree.proof(kept.entry.position - 1)]
        return _line({"entry": _entry(kept), "sha256": kept.sha256, "proof": proof})

    def _entries(self, selection: Selection, last: int) -> Iterator[Kept]:
        after = selection.first - 1
        while True:
            with self.memory.read() as tx:
                page = tx.journal.entries(after, _PAGE, selection.case_id)
            for kept in page:
                if kept.entry.position > last:
                    return
                yield kept
            if len(page) < _PAGE:
                return
            after = page[-1].entry.position

    def _digests(self, last: int) -> Iterator[list[str]]:
        after = 0
        while after < last:
            with self.memory.read() as tx:
                page = tx.journal.digests(after, min(after + 10 * _PAGE, last))
            after = min(after + 10 * _PAGE, last)
            yield page

    def _head(self) -> Head:
        with self.memory.read() as tx:
            return tx.journal.head()


def _line(value: Json) -> bytes:
    return canonical(value) + b"\n"


def _entry(kept: Kept) -> Any:
    return read_json(kept.entry.document)


def _name(node: bytes) -> str:
    return f"sha256:{node.hex()}"


class Fault(StrEnum):
    """What can be wrong with an audit file."""

    NOT_AN_EXPORT = "not_an_export"
    LINE_MALFORMED = "line_malformed"
    ENTRY_CHANGED = "entry_changed"
    ENTRIES_MISSING = "entries_missing"
    OUT_OF_ORDER = "out_of_order"
    LINK_BROKEN = "link_broken"
    CASE_LINK_BROKEN = "case_link_broken"
    NOT_OF_SELECTION = "not_of_selection"
    PROOF_WRONG = "proof_wrong"
    TRUNCATED = "truncated"
    HEAD_NOT_SIGNED = "head_not_signed"
    HEAD_DIFFERS = "head_differs"
    HEAD_NOT_COMPARABLE = "head_not_comparable"
    UNSIGNED_END = "unsigned_end"
    FILE_CHANGED = "file_changed"


MEANING: dict[Fault, Text] = {
    Fault.NOT_AN_EXPORT: Text(
        "監査ファイルの見出し行がありません。", "The file does not begin as an audit file does."
    ),
    Fault.LINE_MALFORMED: Text(
        "行が監査ファイルの形式ではありません。", "The line is not in the form of an audit file."
    ),
    Fault.ENTRY_CHANGED: Text(
        "記録の内容がハッシュ値と一致しません（改変）。", "The entry is not what its digest says: changed."
    ),
    Fault.ENTRIES_MISSING: Text("記録が欠落しています。", "Entries before this one are missing."),
    Fault.OUT_OF_ORDER: Text(
        "記録の順序が誤っているか、重複しています。", "The entry is out of order, or there twice."
    ),
    Fault.LINK_BROKEN: Text(
        "直前の記録のハッシュ値と一致しません。", "The entry does not follow on the one before it."
    ),
    Fault.CASE_LINK_BROKEN: Text(
        "同じ案件の直前の記録のハッシュ値と一致しません。",
        "The entry does not follow on the one before it of its case.",
    ),
    Fault.NOT_OF_SELECTION: Text(
        "見出し行が示す範囲・案件の記録ではありません。",
        "The entry is not of the case or range that the file says it holds.",
    ),
    Fault.PROOF_WRONG: Text(
        "記録が全体に含まれることの証明が成立しません。",
        "The proof that the entry belongs to the journal does not hold.",
    ),
    Fault.TRUNCATED: Text("末尾が失われています。", "The end is missing."),
    Fault.HEAD_NOT_SIGNED: Text(
        "先頭値の署名を確認できません。", "The signature of the head cannot be confirmed."
    ),
    Fault.HEAD_DIFFERS: Text(
        "署名済みの先頭値と記録が一致しません。", "The entries are not those that the signed head stands for."
    ),
    Fault.HEAD_NOT_COMPARABLE: Text(
        "一部のみのファイルでは、この先頭値と比べられません。全体のファイルで確認してください。",
        "A part of the journal cannot be compared with this head; verify a whole export.",
    ),
    Fault.UNSIGNED_END: Text(
        "ファイルまたは末尾の記録に、確認できる署名がありません。",
        "The file, or its last entries, are under no signature that can be confirmed.",
    ),
    Fault.FILE_CHANGED: Text(
        "ファイルの内容が末尾行のハッシュ値と一致しません。",
        "The file is not the one that its last line stands for.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what, in which line of the file, at which position of the journal."""

    fault: Fault
    line: int
    position: int | None = None
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the command line."""
        found: dict[str, Any] = {"code": str(self.fault), "line": self.line, "position": self.position}
        return {**found, **MEANING[self.fault].as_json(), **({"detail": self.detail} if self.detail else {})}


@dataclass
class Report:
    """What a file was found to be.

    ``trusted`` says whether signatures were checked with keys that the reader brought. Otherwise they were
    checked with those in the file, which whoever made the file could have put there.
    """

    trusted: bool
    whole: bool = False
    case: str | None = None
    entries: int = 0
    first: int | None = None
    last: int | None = None
    heads: int = 0
    signed_to: int = 0
    signed_at: str | None = None
    signed_by: str | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found wanting."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "sound": self.sound,
            "whole": self.whole,
            "case": self.case,
            "entries": self.entries,
            "first": self.first,
            "last": self.last,
            "heads": self.heads,
            "signed_to": self.signed_to,
            "signed_at": self.signed_at,
            "signed_by": self.signed_by,
            "trusted_keys": self.trusted,
            "findings": [finding.as_json() for finding in self.findings],
        }


def verify(
    lines: Iterable[bytes], trusted: KeySet | None = None, heads: Sequence[str] = (), *, live: bool = False
) -> Report:
    """Read an audit file, given line by line, and say what is wrong with it.

    ``trusted`` are the keys that the reader knows to be the operator's. ``heads`` are signed heads that the
    reader kept from earlier: the journal must still be the continuation of each. ``live``: it is no file but
    the journal as it stands, whose newest entries need not be signed yet.
    """
    return _Reading(trusted, heads, live=live).read(lines)


class _Reading:
    def __init__(self, trusted: KeySet | None, heads: Sequence[str], *, live: bool) -> None:
        self._trusted = trusted
        self._to_be_signed = trusted is not None and not live
        self._keys = trusted or KeySet()
        self._kept = heads
        self._report = Report(trusted is not None)
        self._line = 0
        self._header: Json = {}
        self._last = Head(0, GENESIS)
        self._known = True  # whether the digest of the entry before the next one is known
        self._of_case: dict[str, str] = {}
        self._growth = merkle.Growth()
        self._passed: dict[int, tuple[str, str]] = {}
        self._wanted: set[int] = set()
        self._digest = hashlib.sha256()
        self._ended = False

    def read(self, lines: Iterable[bytes]) -> Report:
        for line in lines:
            self._line += 1
            self._take(line)
            if self._line == 1 and not self._header:
                self._find(Fault.NOT_AN_EXPORT)
                return self._report
            if len(self._report.findings) >= MOST_FINDINGS:
                return self._report
        if not self._line:
            self._find(Fault.NOT_AN_EXPORT)
            return self._report
        self._finish()
        return self._report

    def _find(self, fault: Fault, position: int | None = None, detail: str = "") -> None:
        self._report.findings.append(Finding(fault, self._line, position, detail))

    def _take(self, line: bytes) -> None:
        before = self._digest.copy()
        self._digest.update(line)
        try:
            value = _read_line(line)
        except ValueError as error:
            self._find(Fault.LINE_MALFORMED, detail=str(error))
            return
        if self._ended:
            self._find(Fault.OUT_OF_ORDER, detail="a line after the last one")
        kind = next((name for name in ("export", "entry", "head", "end") if name in value), "")
        try:
            if kind == "export" and self._line == 1:
                self._begin(value["export"])
            elif kind == "entry":
                self._entry(value)
            elif kind == "head":
                self._head(value["head"])
            elif kind == "end":
                self._end(value["end"], before.hexdigest())
            else:
                self._find(Fault.LINE_MALFORMED, detail="a line of no known kind")
        except (KeyError, TypeError, ValueError, AttributeError):
            # Foreign input of another shape. Whatever it is, it is not what we write.
            self._find(Fault.LINE_MALFORMED)

    def _begin(self, header: Json) -> None:
        if header["format"] != FORMAT:
            return
        head = header["head"]
        _position(head["position"]), _position(header["last"]), _position(header["first"])
        _bytes(head["sha256"]), _bytes(head["root"])
        in_file = KeySet.from_json({"keys": header["keys"]})
        self._keys = in_file if self._trusted is None else self._trusted
        self._header = header
        self._report.whole = bool(header["whole"])
        self._report.case = header["case"]
        if self._report.whole and (header["first"] != 1 or header["case"] is not None):
            self._find(Fault.NOT_OF_SELECTION)
        self._last = Head(header["first"] - 1, GENESIS)
        self._known = header["first"] == 1 and header["case"] is None
        for token in self._kept:
            try:
                self._wanted.add(int(self._keys.verify(token, HEAD_KIND)["position"]))
            except NotSigned as error:
                self._find(Fault.HEAD_NOT_SIGNED, detail=error.reason)

    def _entry(self, value: Json) -> None:
        entry, claimed = value["entry"], value["sha256"]
        position, case = _position(entry["position"]), entry["case"]
        _bytes(claimed)
        if set(entry) != _ENTRY_MEMBERS or set(value) - {"proof"} != {"entry", "sha256"}:
            self._find(Fault.LINE_MALFORMED, position)
        computed = sha256(canonical(entry))
        if computed != claimed:
            self._find(Fault.ENTRY_CHANGED, position)
        if not self._header["first"] <= position <= self._header["last"]:
            self._find(Fault.NOT_OF_SELECTION, position)
        self._place(entry, position)
        of_case = self._of_case.get(case)
        if self._report.case is not None and case != self._report.case:
            self._find(Fault.NOT_OF_SELECTION, position)
        # A range from the middle may begin within a case.
        unknown = of_case is None and self._header["first"] > 1
        if not unknown and entry["previous_of_case"] != of_case:
            self._find(Fault.CASE_LINK_BROKEN, position)
        if self._report.whole:
            self._growth = self._growth.grown([merkle.leaf(claimed)])
            if position in self._wanted:
                self._passed[position] = (claimed, _name(self._growth.root))
        else:
            self._prove(value, computed, position)
        self._of_case[case] = claimed
        self._last, self._known = Head(position, claimed), True
        report = self._report
        report.entries += 1
        report.first = position if report.first is None else report.first
        report.last = position

    def _place(self, entry: Json, position: int) -> None:
        expected = self._last.position + 1
        if position < expected:
            self._find(Fault.OUT_OF_ORDER, position)
            return
        if self._report.case is not None:
            return
        if position > expected:
            self._find(Fault.ENTRIES_MISSING, position, f"{expected}-{position - 1}")
        elif self._known and entry["previous"] != self._last.sha256:
            self._find(Fault.LINK_BROKEN, position)

    def _prove(self, value: Json, computed: str, position: int) -> None:
        head = self._header["head"]
        proof = [_bytes(node) for node in value["proof"]]
        leaf = merkle.leaf(computed)
        if not merkle.included(leaf, position - 1, head["position"], proof, _bytes(head["root"])):
            self._find(Fault.PROOF_WRONG, position)

    def _head(self, token: str) -> None:
        try:
            payload = self._keys.verify(token, HEAD_KIND)
        except NotSigned as error:
            self._find(Fault.HEAD_NOT_SIGNED, self._last.position, error.reason)
            return
        report, head = self._report, self._header["head"]
        position = _position(payload["position"])
        if report.whole:
            here = (self._last.position, self._last.sha256, _name(self._growth.root))
        else:
            here = (head["position"], head["sha256"], head["root"])
        if (position, payload["sha256"], payload["root"]) != here:
            self._find(Fault.HEAD_DIFFERS, position)
            return
        report.heads += 1
        report.signed_to, report.signed_at, report.signed_by = position, payload["at"], key_of(token)

    def _end(self, end: Any, before: str) -> None:
        self._ended = True
        if isinstance(end, str):
            try:
                end = self._keys.verify(end, END_KIND)
            except NotSigned as error:
                self._find(Fault.UNSIGNED_END, detail=error.reason)
                return
        elif self._to_be_signed:
            self._find(Fault.UNSIGNED_END)
        if end["lines"] != self._line - 1 or end["sha256"] != f"sha256:{before}":
            self._find(Fault.FILE_CHANGED)

    def _finish(self) -> None:
        report, header = self._report, self._header
        head = header["head"]
        if not self._ended:
            self._find(Fault.TRUNCATED, self._last.position)
        elif report.case is None and self._last.position != header["last"]:
            self._find(Fault.TRUNCATED, self._last.position, f"the file should reach {header['last']}")
        if report.whole:
            reached = (self._last.position, self._last.sha256, _name(self._growth.root))
            if reached != (head["position"], head["sha256"], head["root"]):
                self._find(Fault.HEAD_DIFFERS, head["position"])
        if self._to_be_signed and report.signed_to < head["position"]:
            self._find(Fault.UNSIGNED_END, report.signed_to, "entries beyond this position are not signed")
        for token in self._kept:
            self._continues(token)

    def _continues(self, token: str) -> None:
        try:
            payload = self._keys.verify(token, HEAD_KIND)
        except NotSigned:
            return  # told when the file began
        position, head = int(payload["position"]), self._header["head"]
        if position > head["position"]:
            self._find(Fault.TRUNCATED, position, f"the journal once reached {position}")
        elif not self._report.whole:
            if position != head["position"]:
                self._find(Fault.HEAD_NOT_COMPARABLE, position)
            elif (payload["sha256"], payload["root"]) != (head["sha256"], head["root"]):
                self._find(Fault.HEAD_DIFFERS, position)
        elif self._passed.get(position) != (payload["sha256"], payload["root"]):
            self._find(Fault.HEAD_DIFFERS, position)


def _read_line(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise ValueError("too long")
    if not line.endswith(b"\n"):
        raise ValueError("cut short")
    try:
        value = read_json(line[:-1])
    except NotJson as error:
        raise ValueError(str(error)) from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    try:
        written = canonical(value)
    except ValueError:
        written = b""
    if written != line[:-1]:
        raise ValueError("not in canonical form")
    return value


def _position(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("not a position")
    return value


def _bytes(digest: object) -> bytes:
    if not isinstance(digest, str) or len(digest) != 71 or not digest.startswith("sha256:"):
        raise ValueError("not a digest")
    return bytes.fromhex(digest.removeprefix("sha256:"))
