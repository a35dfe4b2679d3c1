"""``python -m bench [throughput] [intake]``: measure, print a table each. See ``docs/bench.md``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import intake, throughput
from bench.client import Fault
from bench.machines import Site, postgres
from cli.output import Failure
from cli.processes import Interrupted, Signals

PARTS = ("throughput", "intake")


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure; docs/bench.md explains.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="few conditions, one round: to see that it runs")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sekisho-bench-")))
        try:
            signals = stack.enter_context(Signals())
            site = Site(folder, signals)
            site.postgres_url = stack.enter_context(postgres(folder))
            measured = _measure(site, options.parts or PARTS, quick=options.quick, as_json=options.json)
        except Interrupted as interruption:
            return 128 + interruption.signum
        except Failure as failure:
            _note(failure.text())
            return int(failure.status)
        except Fault as fault:
            _note(f"bench: {fault}")
            return 1
    if options.json:
        print(json.dumps({**_circumstances(time.monotonic() - began), **measured}))
    return 0


def _measure(site: Site, parts: list[str], *, quick: bool, as_json: bool) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    if "throughput" in parts:
        pairs = list(throughput.measure(site, throughput.QUICK if quick else throughput.FULL, _note))
        measured["throughput"] = [pair.as_json() for pair in pairs]
        if not as_json:
            print(throughput.table(pairs).markdown(), end="\n\n", flush=True)
    if "intake" in parts:
        doors = list(intake.measure(site, intake.QUICK if quick else intake.FULL, _note))
        measured["intake"] = [cell.as_json() for cell in doors]
        if not as_json:
            print(intake.table(doors).markdown(), end="\n\n", flush=True)
    return measured


def _circumstances(seconds: float) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
