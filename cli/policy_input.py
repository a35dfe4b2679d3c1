"""What the policy commands take in: policies, days, facts documents. All that is wrong with them is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Exit, Failure

if TYPE_CHECKING:
    from rules.pack import Fault
    from rules.ruleset import Ruleset

_LARGEST = 5_000_000
"""Bytes of a facts document."""

_DEEPEST = 40
"""Levels of nesting; a facts document needs five."""


class Day(click.ParamType[date]):
    """A day, ``YYYY-MM-DD``."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:  # noqa: ARG002
        """The day that the text names.

        :raises Failure: when it names none.
        """
        if isinstance(value, date):
            return value
        try:
            if len(value) == len("2026-11-02") and value.isascii():
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise Failure(Exit.INVALID, "policy.date_invalid", f"{value!r} is no day", "Write it as 2026-11-02.")


DAY = Day()

policy_option = click.option(
    "--policy",
    "base",
    required=True,
    metavar="NAME|FILE",
    help="A base pack by name, a pack file (.yaml), or a JSON Schema to assess by (.json).",
)
overlay_option = click.option(
    "--overlay",
    "overlays",
    multiple=True,
    metavar="NAME|FILE",
    help="A buyer's overlay; may be given several times.",
)
as_of_option = click.option(
    "--as-of", "as_of", required=True, type=DAY, help="The day that validity and age count from."
)
policy_date_option = click.option(
    "--policy-date",
    "policy_date",
    type=DAY,
    help="The day whose packs and parameters count; default: the as-of day.",
)
simulate_option = click.option(
    "--simulate",
    is_flag=True,
    help="Let evidence be newer than the policy date; the outcome then says that it is a simulation.",
)


@contextmanager
def policies_told(of: str = "") -> Iterator[None]:
    """Turn what is wrong with packs and dates into failures. ``of`` names what was judged.

    :raises Failure: with every fault named.
    """
    from rules.pack import PackError
    from rules.ruleset import PolicyDateError

    try:
        yield
    except PackError as error:
        raise Failure(
            Exit.INVALID,
            "policy.pack_invalid",
            "The policy does not load",
            members={"errors": [{**fault_of(fault), "detail": str(fault)} for fault in error.faults]},
        ) from None
    except PolicyDateError as error:
        detail = f"{of}: {error}" if of else str(error)
        raise Failure(Exit.INVALID, "policy.date_refused", "The dates do not allow it", detail) from None


def fault_of(fault: Fault) -> dict[str, Any]:
    """A fault for machines."""
    return {
        "file": fault.file,
        "line": fault.line,
        "at": fault.at,
        "problem": fault.problem,
        "remedy": fault.remedy,
    }


def chosen(base: str, overlays: Sequence[str]) -> Ruleset:
    """The policy of these names and files.

    :raises Failure: when it does not load.
    """
    from rules.selection import select

    with policies_told():
        return select(base, overlays)


def read_facts(name: str) -> dict[str, Any]:
    """The facts document in a file, or on standard input where the name is ``-``: JSON, or YAML as packs are.

    :raises Failure: when it is not there, or could be read in two ways.
    """
    from pipeline.documents import NotJson, read_json
    from rules.strict_yaml import NotYaml, read_yaml

    content = _content(name)
    try:
        value = read_json(content)
    except NotJson as error:
        # YAML holds JSON, but JSON's own errors say more where the document is meant to be JSON.
        if Path(name).suffix == ".json" or error.code != "json.syntax":
            raise _refused(name, f"{error.code}: {error}") from None
        try:
            value = read_yaml(content.decode("utf-8")).value
        except NotYaml as refused:
            raise _refused(name, str(refused)) from None
    if not isinstance(value, dict):
        raise _refused(name, "the document is no mapping of sections to facts")
    if _depth(value) > _DEEPEST:
        raise _refused(name, f"more than {_DEEPEST} levels of nesting")
    return value


def _depth(value: Any) -> int:
    """How deep lists and mappings are nested, up to just beyond what is taken."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        depth += 1
        containers = [item for item in level if isinstance(item, (dict, list))]
        level = [
            member for item in containers for member in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _content(name: str) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _refused(name, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _refused(name, "that is no file name") from None
    if len(content) > _LARGEST:
        raise _refused(name, f"more than {_LARGEST:,} bytes")
    return content


def _refused(name: str, detail: str) -> Failure:
    where = "standard input" if name == "-" else name
    return Failure(
        Exit.INVALID,
        "policy.facts_invalid",
        f"{where} is no facts document",
        detail,
        {"errors": [{"detail": detail}]},
    )
