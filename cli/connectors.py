"""``sekisho connectors``: what is asked of whom, how the sources stand, what an answer says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, in_language, note, state_folder

if TYPE_CHECKING:
    from connectors.conformance import Specimen
    from connectors.limits import SharedLimits
    from pipeline.model import Capture, Evidence
    from pipeline.ports import Connector
    from tasks.settings import Settings
    from tasks.sources import SourceStanding

_EXITS = (Exit.NOT_FOUND, Exit.INVALID, Exit.FINDINGS, Exit.TRY_AGAIN)


@click.group("connectors")
def connectors_() -> None:
    """Look into the sources: how they stand, what they answer, what a saved answer says."""


@connectors_.command("list", cls=Command, exits=_EXITS)
@in_language
@state_folder
@as_json
def list_(state: Path, lang: str, *, as_json: bool) -> None:
    """List the sources that are asked: state, limits, latest answer, licence, what their silence means."""
    with _joined(state) as joined:
        found = joined.standings()
    if as_json:
        click.echo(json.dumps([standing.as_json() for standing in found], ensure_ascii=False))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("source", "state", "limits", "latest answer", "waiting", "licence", "its silence"):
        table.add_column(column)
    for standing in found:
        table.add_row(*_row(standing, lang))
    console().print(table)


def _row(standing: SourceStanding, lang: str) -> Sequence[str]:
    state = str(standing.state)
    if standing.until is not None:
        state += f" until {standing.until:%H:%M:%S}Z"
    if standing.layout_verified is False:
        state += ", layout unverified"
    limits = ", ".join(f"{rate.requests} in {rate.seconds} s" for rate in standing.rates) or "none"
    if standing.batch > 1:
        limits += f", {standing.batch} a request"
    last = standing.activity.last_answer
    waiting = ", ".join(f"{count} {reason}" for reason, count in sorted(standing.activity.waiting.items()))
    terms = standing.terms
    return (
        standing.source,
        state,
        limits,
        "none yet" if last is None else f"{last:%Y-%m-%d %H:%M}Z",
        waiting or "nobody",
        terms.licence.as_json()[lang],
        terms.silence.as_json()[lang],
    )


@connectors_.command("fetch", cls=Command, exits=_EXITS)
@click.argument("source")
@click.option(
    "--identifier", required=True, metavar="SCHEME:ID", help="Whom to ask about, as JP-JCN:7000012050002."
)
@click.option("--name", default="", help="Its name, for sources that are searched by name.")
@click.option(
    "--role",
    default="vendor",
    show_default=True,
    help="The party; at a source of several lists, which of them.",
)
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Keep the raw answer in this file."
)
@state_folder
@as_json
def fetch(
    state: Path, source: str, identifier: str, name: str, role: str, save: Path | None, *, as_json: bool
) -> None:
    """Ask a source now, within its limits: show the raw answer's particulars and what is read in it.

    Nothing is kept in the database.
    """
    from pipeline.errors import SourceChanged, SourceUnavailable
    from pipeline.model import Inquiry

    inquiry = Inquiry(source, role, _identifier(identifier), name)
    with _joined(state) as joined:
        connector = joined.named(source)
        try:
            capture = connector.fetch(inquiry)
        except SourceUnavailable as error:
            raise _unavailable(error) from None
        if save is not None:
            save.write_bytes(capture.body)
        try:
            evidence = connector.parse(inquiry, capture)
        except SourceChanged as error:
            raise _changed(error, {"capture": _shown_capture(capture)}) from None
    if as_json:
        emit({"capture": _shown_capture(capture), "evidence": _shown(evidence)})
        return
    for key, value in _shown_capture(capture).items():
        click.echo(f"{key}: {value}")
    _print(evidence)


@connectors_.command("read", cls=Command, exits=_EXITS)
@click.argument("source")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--layout", type=click.Path(dir_okay=False), help="A layout of your own, for pages.")
@as_json
def read(source: str, files: Sequence[Path], layout: str | None, *, as_json: bool) -> None:
    """Read saved answers, and files that a source publishes: everything that they say, without a network.

    JSON, XML, CSV in UTF-8 or Shift_JIS, pages, and zips of these. With --json one list of evidence, each
    with its facts. A file that is none of these, or says that the question was not met, is named with its
    reason; the others are read, and the exit status is 6.
    """
    from connectors.saved import UnknownSource, read_saved
    from pipeline.errors import ConfigurationError, SourceError

    failures: list[Failure] = []
    found: list[dict[str, Any]] = []
    for path in files:
        try:
            for evidence in read_saved(source, path, {"layout": layout} if layout else None):
                if as_json:
                    found.append({**_shown(evidence), "file": path.name})
                else:
                    _print(evidence)
        except UnknownSource as error:
            raise Failure(Exit.NOT_FOUND, "connectors.unknown", error.faults[0]) from None
        except ConfigurationError as error:
            raise Failure(Exit.INVALID, "connectors.settings_invalid", error.faults[0]) from None
        except SourceError as error:
            failures.append(_unread(path, error))
        except OSError as error:
            detail = f"{path}: {error.strerror or type(error).__name__}"
            raise Failure(Exit.NOT_FOUND, "connectors.no_file", "The file cannot be opened", detail) from None
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise Failure(
            Exit.FINDINGS,
            failures[0].kind,
            f"{len(failures)} of {len(files)} files say nothing that can be read",
            members={"errors": [{"code": each.kind, "detail": each.detail} for each in failures]},
        )


def _unread(path: Path, error: Any) -> Failure:
    """The failure that a file is which is no answer, or an answer that is an error."""
    return Failure(
        Exit.FINDINGS,
        f"connectors.{error.reason}",
        "The file says nothing that can be read",
        f"{path.name}: {error.reason}" + (f" ({error.detail})" if error.detail else ""),
        {"file": path.name, "reason": str(error.reason)},
    )


@connectors_.command("test", cls=Command, exits=_EXITS)
@click.argument("package")
@as_json
def test(package: str, *, as_json: bool) -> None:
    """Put the connectors of an installed package before a registry that misbehaves in every way.

    PACKAGE is a module with SPECIMENS: connectors.conformance.Specimen objects, one for each connector. They
    may stand in PACKAGE itself, in PACKAGE.specimens or in PACKAGE.conformance. Exit status 6 says that a
    connector does otherwise than promised.
    """
    from connectors.conformance import examine

    specimens = _specimens(package)
    faults = 0
    for specimen in specimens:
        for finding in examine(specimen):
            faults += bool(finding.fault)
            if as_json:
                emit({"source": specimen.inquiry.source, "case": finding.case, "fault": finding.fault})
            else:
                click.echo(f"{specimen.inquiry.source}: {finding}")
    if faults:
        raise Failure(
            Exit.FINDINGS,
            "connectors.nonconformance",
            f"{faults} cases found the connectors to do otherwise than promised",
        )


def _specimens(package: str) -> list[Specimen]:
    import importlib

    from connectors.conformance import Specimen

    for name in (f"{package}.specimens", f"{package}.conformance", package):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                continue
            raise _unusable_package(package, error) from None
        except Exception as error:  # noqa: BLE001 - importing runs code that may raise anything
            raise _unusable_package(package, error) from None
        found = getattr(module, "SPECIMENS", None)
        if found is not None:
            specimens = list(found)
            if specimens and all(isinstance(one, Specimen) for one in specimens):
                return specimens
    raise Failure(
        Exit.NOT_FOUND,
        "connectors.no_specimens",
        f"There are no specimens in {package}",
        "A module with SPECIMENS, a list of connectors.conformance.Specimen; see docs/extending.md.",
    )


def _unusable_package(package: str, error: Exception) -> Failure:
    return Failure(
        Exit.INVALID, "connectors.package_broken", f"{package} cannot be imported", type(error).__name__
    )


class _Joined:
    """The connectors of these settings, behind their limits."""

    def __init__(self, settings: Settings, connectors: list[Connector], limits: SharedLimits) -> None:
        self._settings = settings
        self._connectors = connectors
        self._limits = limits

    def named(self, source: str) -> Connector:
        """The connector of a source.

        :raises Failure: when it is not asked.
        """
        for connector in self._connectors:
            if connector.source == source:
                return connector
        raise Failure(
            Exit.NOT_FOUND,
            "connectors.not_asked",
            f"{source} is not among the sources that are asked",
            "`sekisho connectors list` shows them; SEKISHO_SOURCES names them.",
        )

    def standings(self) -> list[SourceStanding]:
        """How they stand; without a database, as far as is known without one."""
        from cli.installation import open_memory
        from tasks.sources import standings

        try:
            with open_memory(self._settings) as memory:
                found = standings(self._connectors, self._limits, memory)
        except Failure as failure:
            note(f"sekisho: {failure.title}; latest answers are not known")
            found = standings(self._connectors, self._limits, None)
        if not self._limits.are_shared:
            note("sekisho: the broker does not answer; how the workers find the sources is not known")
        return found


@contextmanager
def quiet() -> Iterator[None]:
    """Standard output is for data: what workers log is left out, for the command says it itself."""
    import logging

    import structlog

    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def _joined(state: Path) -> Iterator[_Joined]:
    from cli.installation import joined, read_register_settings

    settings = read_register_settings(state)
    with quiet(), joined(settings) as (connectors, limits, _):
        yield _Joined(settings, connectors, limits)


def _identifier(text: str) -> Any:
    from pipeline.identifiers import OrganisationId

    scheme, colon, number = text.strip().partition(":")
    if not (scheme and colon and number.strip()):
        raise Failure(
            Exit.INVALID,
            "connectors.identifier_malformed",
            "An identifier is SCHEME:ID",
            "JP-JCN:7000012050002",
        )
    return OrganisationId(scheme.strip().upper(), number.strip())


def _unavailable(error: Any) -> Failure:
    wait = error.retry_after
    return Failure(
        Exit.TRY_AGAIN,
        f"connectors.{error.reason}",
        f"{error.source} gave no usable answer: {error.reason}",
        error.detail,
        {"reason": str(error.reason), **({} if wait is None else {"retry_after": wait.total_seconds()})},
    )


def _changed(error: Any, members: dict[str, Any]) -> Failure:
    return Failure(
        Exit.FINDINGS,
        f"connectors.{error.reason}",
        f"{error.source} answered in a shape that is not known",
        f"{error.detail}; with --save the answer is kept in a file",
        {"reason": str(error.reason), **members},
    )


def _shown_capture(capture: Capture) -> dict[str, Any]:
    return {
        "url": capture.url,
        "status": capture.status,
        "media_type": capture.media_type,
        "fetched_at": capture.fetched_at.isoformat(),
        "sha256": capture.sha256,
        "bytes": len(capture.body),
    }


def _shown(evidence: Evidence) -> dict[str, Any]:
    """Evidence, with its record under the name that it has for readers."""
    shown = evidence.as_json()
    return {**{key: value for key, value in shown.items() if key != "record"}, "facts": shown["record"]}


def _print(evidence: Evidence) -> None:
    click.echo(f"{evidence.subject}  {evidence.presence}")
    for key, value in evidence.record.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        click.echo(f"    {key}: {text}")
