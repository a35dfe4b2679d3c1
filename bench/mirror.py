"""``python -m bench.mirror``: the register's mirror, against merely reading or storing the same file.

Every figure is of one process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from bench.machines import postgres
from bench.register import write_full
from bench.report import Table
from connectors.nta_bulk import inspect
from pipeline.register import COLUMNS
from storage.mirror import Mirror
from tasks.mirror import KEYS, take

LOOKUPS = 20_000
SEARCHES = 600
_KEEP = 5_000


def main(arguments: list[str] | None = None) -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.mirror", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="companies in the register")
    parser.add_argument("--file", type=Path, help="a full file made before, instead of making one")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    parser.add_argument("--step", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.step:
        name, url = options.step
        print(json.dumps(_STEPS[name](options.file, url)))
        return 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sekisho-bench-")))
        file = options.file or folder / "00_zenkoku_all_20260731.csv"
        if options.file is None:
            write_full(file, options.rows)
        places = {"sqlite": f"sqlite:///{folder}/mirror.db"}
        if options.postgres:
            places["postgresql"] = stack.enter_context(postgres(folder))
        measured = list(_measure(file, places))
    if options.json:
        print(json.dumps(measured))
        return 0
    rows = [
        (
            figure["what"],
            figure["database"],
            f"{figure['rate']:,.0f} /s",
            f"{figure['seconds']:.1f} s",
            f"{figure['cpu_seconds']:.1f} s",
            figure["memory"],
        )
        for figure in measured
    ]
    print(
        Table("The register's mirror", ("what", "on", "rate", "time", "CPU", "peak memory"), rows).markdown()
    )
    return 0


def _measure(file: Path, places: dict[str, str]) -> Iterator[dict[str, Any]]:
    yield _step("csv module alone", "", file, "csv", "")
    for database, url in places.items():
        if database == "sqlite":
            yield _step("executemany of all columns, no index", database, file, "executemany", url)
        else:
            yield _step("COPY of the file, no index", database, file, "copy", url)
        yield _step("import", database, file, "import", url)
        yield _step("import again, under another name", database, file, "again", url)
        for step in ("numbers", "names", "beginnings", "slips"):
            yield _step(_ASKED[step], database, file, step, url)


_ASKED = {
    "numbers": "look up a number",
    "names": "search a name as registered",
    "beginnings": "search the beginning of a name",
    "slips": "search a name with a wrong character",
}


def _step(what: str, database: str, file: Path, name: str, url: str) -> dict[str, Any]:
    command = (sys.executable, "-m", "bench.mirror", "--file", str(file), "--step", name, url)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    figure: dict[str, Any] = {"what": what, "database": database, **json.loads(done.stdout)}
    print(f"{what} {database}: {figure['rate']:,.0f}/s, {figure['memory']}", file=sys.stderr, flush=True)
    return figure


def _timed(work: Callable[[], int]) -> dict[str, Any]:
    began, used = time.perf_counter(), time.process_time()
    count = work()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "count": count,
        "seconds": seconds,
        "cpu_seconds": time.process_time() - used,
        "rate": count / seconds,
        "memory": f"{peak // 1024} MB",
    }


def _csv(file: Path, _url: str) -> dict[str, Any]:
    def work() -> int:
        with file.open(encoding="utf-8", newline="") as lines:
            return sum(1 for _ in csv.reader(lines))

    return _timed(work)


def _executemany(file: Path, url: str) -> dict[str, Any]:
    path = Path(url.removeprefix("sqlite:///")).with_name("floor.db")

    def work() -> int:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"CREATE TABLE floor ({', '.join(COLUMNS)})")
        with connection, file.open(encoding="utf-8", newline="") as lines:
            connection.executemany(f"INSERT INTO floor VALUES ({','.join('?' * 30)})", csv.reader(lines))  # noqa: S608
        count: int = connection.execute("SELECT count(*) FROM floor").fetchone()[0]
        connection.close()
        return count

    try:
        return _timed(work)
    finally:
        for left in path.parent.glob("floor.db*"):
            left.unlink()


def _copy(file: Path, url: str) -> dict[str, Any]:

    def work() -> int:
        with psycopg.connect(url.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE floor ({' text, '.join(COLUMNS)} text)")
            with file.open("rb") as data, cursor.copy("COPY floor FROM STDIN (FORMAT csv)") as copy:
                while piece := data.read(1 << 20):
                    copy.write(piece)
            connection.commit()
            count = cursor.execute("SELECT count(*) FROM floor").fetchone()
            cursor.execute("DROP TABLE floor")
            return int(count[0]) if count else 0

    return _timed(work)


def _import(file: Path, url: str) -> dict[str, Any]:
    mirror = Mirror(url, KEYS, create=True)

    def work() -> int:
        with mirror.importing() as importer:
            taken, _ = take(importer, file, _tell)
        return taken.lines

    return _timed(work)


def _again(file: Path, url: str) -> dict[str, Any]:
    """The next month's full file, in which nothing has happened: one more byte, all rows known."""
    other = file.with_name("00_zenkoku_all_20260831.csv")
    with other.open("wb") as copy, file.open("rb") as data:
        while piece := data.read(1 << 20):
            copy.write(piece)
        copy.seek(-1, 2)
        copy.write(b"\r\n")
    try:
        return _import(other, url)
    finally:
        other.unlink()


def _tell(_file: object, rows: int) -> None:
    if rows % 500_000 == 0:
        print(f"{rows:,} rows", file=sys.stderr, flush=True)


def _numbers(file: Path, url: str) -> dict[str, Any]:
    known = [row.number for row in _sample(file)]
    chance = random.Random(2)
    asked = [str(number) for number in chance.choices(known, k=LOOKUPS)]
    mirror = Mirror(url, KEYS)

    def work() -> int:
        return sum(mirror.history(number) is not None for number in asked)

    return _timed(work)


def _searching(change: Callable[[str], str]) -> Callable[[Path, str], dict[str, Any]]:
    def step(file: Path, url: str) -> dict[str, Any]:
        asked = [change(row.name) for row in islice(_sample(file), SEARCHES)]
        mirror = Mirror(url, KEYS)
        return _timed(lambda: sum(1 for name in asked if mirror.names(name) is not None))

    return step


def _sample(file: Path) -> Iterator[Any]:
    taken = inspect(file)
    wanted = set(random.Random(3).sample(range(1, taken.lines + 1), min(_KEEP, taken.lines)))
    rows = [row for row in taken.rows() if row.place in wanted]
    random.Random(4).shuffle(rows)
    yield from rows


_STEPS: dict[str, Callable[[Path, str], dict[str, Any]]] = {
    "csv": _csv,
    "executemany": _executemany,
    "copy": _copy,
    "import": _import,
    "again": _again,
    "numbers": _numbers,
    "names": _searching(lambda name: name),
    "beginnings": _searching(lambda name: name.replace("株式会社", "")[:3]),
    "slips": _searching(
        lambda name: name[:-2] + "亜" + name[-1:] if name.startswith("株式会社") else "亜" + name[1:]
    ),
}


if __name__ == "__main__":
    sys.exit(main())
