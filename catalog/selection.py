"""The selection record: how a buyer came from the catalog to a short list, in a form that can be gone
through again.

A record names its criteria, the day, and the position of the catalog with the digest of its state there.
The *long list* is everything in scope (the words and the category asked for). Whatever lacks a requirement
(the other facets) is excluded by it; of the rest a person says what goes to the *short list*, and of what
does not, why.

Because the index keeps every version by position, :func:`verify` can make the long list and the exclusions by
requirement again, years later, and tell whether the record says what the catalog said.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from catalog import reading
from catalog.client import Json, canonical, state_digest
from catalog.facets import CATEGORY
from catalog.index import Index, Stored
from catalog.labels import EXCLUSIONS
from catalog.reading import Offer
from catalog.search import Question, Search

SCHEMA = "selection/1"
LONGEST_LIST = 100
LONGEST_NOTE = 500
LONGEST_TITLE = 200


class TooMany(ValueError):
    """The scope has more listings than a person can give reasons for."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class Unknown(ValueError):
    """The index does not know the catalog as it was at this position."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One listing of the long list. ``lacking`` are the requirements that it does not meet, by facet."""

    stored: Stored
    lacking: tuple[str, ...]

    @property
    def id(self) -> str:
        """The listing's id."""
        return self.stored.listing_id

    @property
    def offer(self) -> Offer:
        """What it offers."""
        assert self.stored.document is not None
        return Offer(self.stored.document)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person says of a listing that meets every requirement: short-listed, or why not."""

    shortlisted: bool
    reason: str = ""
    note: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether an exclusion has its reason, and "other" its words."""
        return self.shortlisted or (self.reason in EXCLUSIONS and (self.reason != "other" or bool(self.note)))


def scope_of(question: Question) -> Question:
    """What is looked at at all: the words and the category."""
    facets = tuple((name, codes) for name, codes in question.facets if name == CATEGORY.name)
    return replace(question, facets=facets, after="")


def requirements_of(question: Question) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What a listing must meet to be chosen."""
    return tuple((name, codes) for name, codes in question.facets if name != CATEGORY.name)


def candidates(search: Search, index: Index, question: Question, day: date, position: int) -> list[Candidate]:
    """The long list of a question, in the order of its sort.

    :raises TooMany: when it is too long to reason about.
    """
    rows = search.rows_of(scope_of(question), day, position)
    if len(rows) > LONGEST_LIST:
        raise TooMany(len(rows))
    required = replace(question, facets=requirements_of(question))
    lacking = search.lacking(required, rows, day, position)
    return [Candidate(stored, tuple(lacking[stored.row])) for stored in index.stored(rows)]


def digest_at(index: Index, position: int) -> str:
    """The digest of the catalog's state at a position, the same that Sekisho's snapshot has there."""
    return state_digest(index.digests(position))


def record(
    question: Question,
    found: Sequence[Candidate],
    choices: Mapping[str, Choice],
    *,
    title: str,
    made_at: str,
    day: date,
    catalog_url: str,
    position: int,
    state: str,
) -> dict[str, Any]:
    """The record. Every candidate that lacks nothing needs a complete choice."""
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "title": title,
        "made_at": made_at,
        "day": day.isoformat(),
        "catalog": {"url": catalog_url, "position": position, "digest": state},
        "reading": reading.VERSION,
        "criteria": {
            "scope": [
                list(pair) for pair in scope_of(question).parameters() if pair[0] not in {"basis", "sort"}
            ],
            "requirements": [[name, code] for name, codes in requirements_of(question) for code in codes],
            "basis": "verified" if question.verified else "declared",
            "sort": question.sort,
        },
        "long_list": [_item(candidate, choices) for candidate in found],
    }
    body["short_list"] = [
        item["listing_id"] for item in body["long_list"] if item["outcome"] == "shortlisted"
    ]
    return {**body, "digest": _digest(body)}


def _item(candidate: Candidate, choices: Mapping[str, Choice]) -> dict[str, Any]:
    offer = candidate.offer
    item: dict[str, Any] = {
        "listing_id": candidate.id,
        "version": candidate.stored.version,
        "digest": candidate.stored.digest,
        "name": {language: offer.name(language) for language in ("ja", "en")},
        "seller": offer.seller.name,
        "seller_id": [list(identifier) for identifier in offer.seller.identifiers],
        "lowest_price_jpy": offer.lowest_price,
    }
    if candidate.lacking:
        reasons = [{"code": "requirement", "facet": name} for name in candidate.lacking]
        return {**item, "outcome": "excluded", "reasons": reasons}
    choice = choices[candidate.id]
    if choice.shortlisted:
        return {
            **item,
            "outcome": "shortlisted",
            "reasons": [],
            **({"note": choice.note} if choice.note else {}),
        }
    reason = {"code": choice.reason, **({"note": choice.note} if choice.note else {})}
    return {**item, "outcome": "excluded", "reasons": [reason]}


def _digest(body: Json) -> str:
    return "sha256:" + hashlib.sha256(canonical(dict(body))).hexdigest()


def verify(document: Any, search: Search, index: Index) -> list[str]:
    """What does not hold of a record; empty where all of it does.

    :raises Unknown: when the index does not know the catalog at the record's position.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return ["not_a_record"]
    try:
        findings = [] if document["digest"] == _digest(_without_digest(document)) else ["digest"]
        position, day = int(document["catalog"]["position"]), date.fromisoformat(document["day"])
        criteria = document["criteria"]
        parameters = [
            (str(name), str(code)) for name, code in (*criteria["scope"], *criteria["requirements"])
        ]
        parameters += [("sort", str(criteria["sort"]))]
        parameters += [("basis", "verified")] if criteria["basis"] == "verified" else []
        question = Question.from_parameters(parameters)
        told = [_checked(item) for item in document["long_list"]]
        short = list(document["short_list"])
        told_as = [(item["listing_id"], item["version"], item["digest"]) for item in told]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return ["not_a_record"]
    if document.get("reading") != reading.VERSION:
        findings.append("reading")
    known = index.position()
    if known is None or position > known or position < index.known_since():
        raise Unknown(position)
    if digest_at(index, position) != document["catalog"]["digest"]:
        findings.append("catalog")
    try:
        again = candidates(search, index, question, day, position)
    except TooMany:
        return [*findings, "long_list"]
    if [(one.id, one.stored.version, one.stored.digest) for one in again] != told_as:
        findings.append("long_list")
    lacking = {one.id: one.lacking for one in again}
    if any(_required(item) != list(lacking.get(item["listing_id"], ())) for item in told):
        findings.append("requirements")
    if any(not _has_reason(item) for item in told):
        findings.append("reasons")
    if short != [item["listing_id"] for item in told if item.get("outcome") == "shortlisted"]:
        findings.append("short_list")
    return findings


def _without_digest(document: Json) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "digest"}


def _required(item: Json) -> list[str]:
    return [reason.get("facet", "") for reason in item["reasons"] if reason["code"] == "requirement"]


def _checked(item: Json) -> Json:
    """An item in the shape that ours have; KeyError or TypeError for another."""
    for reason in item["reasons"]:
        if not isinstance(reason["code"], str):
            raise TypeError("a reason without a code")
    if not isinstance(item["listing_id"], str) or item["outcome"] not in {"shortlisted", "excluded"}:
        raise TypeError("an item without id or outcome")
    return item


def _has_reason(item: Json) -> bool:
    reasons = item["reasons"]
    if item["outcome"] == "shortlisted":
        return not reasons
    return bool(reasons) and all(
        reason["code"] == "requirement"
        or (reason["code"] in EXCLUSIONS and (reason["code"] != "other" or bool(reason.get("note"))))
        for reason in reasons
    )


def as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """A table for spreadsheets: UTF-8 with a mark, because theirs is what opens it; no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8")


def _harmless(cell: str) -> str:
    # A spreadsheet takes these for the beginning of a formula (OWASP, CSV injection).
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
