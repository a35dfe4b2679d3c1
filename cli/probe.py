"""``sekisho probe``: whether one process is well. For health checks, so it starts quickly."""

from __future__ import annotations

import time
from pathlib import Path

import click

from cli.output import Command, Exit, Failure, as_json, emit

OLDEST_HEARTBEAT = 30.0
"""Seconds: three beats of ``tasks.heartbeat`` missed."""


@click.command(cls=Command)
@click.argument("url", required=False)
@click.option(
    "--heartbeat",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that SEKISHO_HEARTBEAT_FILE names for a worker or the sweeper.",
)
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, help="Seconds.")
@as_json
def probe(url: str | None, heartbeat: Path | None, timeout: float, *, as_json: bool) -> None:
    """Ask a URL, or look at the age of a heartbeat file.

    Fails if the URL does not answer 200, or the file was not touched for 30 seconds.
    """
    if (url is None) == (heartbeat is None):
        raise click.UsageError("give a URL or --heartbeat FILE")
    fault = _answers(url, timeout) if url is not None else _beats(heartbeat)
    if fault:
        raise Failure(Exit.FAILED, "cli.probe_failed", fault)
    if as_json:
        emit({"probed": url or str(heartbeat), "well": True})


def _answers(url: str, timeout: float) -> str:
    import http.client
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if parts.scheme != "http" or not parts.hostname:
        raise click.UsageError("the URL begins with http:// and names a host")
    # Not urllib: it would go through the proxy that the environment names, and follow redirects.
    connection = http.client.HTTPConnection(parts.hostname, port, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    return "" if status == http.HTTPStatus.OK else f"answered {status}"


def _beats(file: Path | None) -> str:
    assert file is not None
    try:
        age = time.time() - file.stat().st_mtime
    except OSError:
        return "no heartbeat file"
    return "" if age <= OLDEST_HEARTBEAT else f"the last heartbeat was {age:.0f} seconds ago"
