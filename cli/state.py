"""The state folder: what one machine's Sekisho keeps between two starts.

::

    .sekisho/
    ├── settings.env     the settings of the last start: commands read them from here
    ├── secrets/         made once, one file each
    ├── running          held locked by whoever runs here; says who that is
    ├── flowerconfig.py  Flower's configuration file
    ├── sekisho.db       the database, unless SEKISHO_DATABASE_URL names another
    ├── catalog.db       the index of the buyers' site, made anew from the feed when it is gone
    ├── broker/          the embedded broker's configuration and append-only file
    └── logs/            one file a process, and that of the run before

The folder and what holds secrets in it is readable by its owner only.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "SEKISHO_"


class InUse(Exception):
    """Somebody runs in this state folder. ``holder`` is what they say of themselves."""

    def __init__(self, holder: Mapping[str, Any]) -> None:
        super().__init__("in use")
        self.holder = holder


@dataclass(frozen=True)
class StateFolder:
    """A state folder, there or not yet."""

    path: Path

    @property
    def database(self) -> Path:
        """The embedded database's file."""
        return self.path / "sekisho.db"

    @property
    def catalog(self) -> Path:
        """The index of the buyers' site."""
        return self.path / "catalog.db"

    @property
    def settings(self) -> Path:
        """The settings of the last start."""
        return self.path / "settings.env"

    @property
    def broker(self) -> Path:
        """The embedded broker's folder."""
        return self.path / "broker"

    @property
    def flower_configuration(self) -> Path:
        """Flower's configuration file."""
        return self.path / "flowerconfig.py"

    @property
    def logs(self) -> Path:
        """Where the processes' output goes."""
        return self.path / "logs"

    def log(self, name: str) -> Path:
        """A process's log."""
        return self.logs / f"{name}.log"

    def secret(self, name: str) -> Path:
        """The file of a secret."""
        return self.path / "secrets" / name

    def make(self) -> None:
        """Make the folder and what belongs into it, for its owner only."""
        for folder in (self.path, self.path / "secrets", self.broker, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = self.path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# Data and secrets of one machine.\n*\n", encoding="utf-8")

    def keep_secret(self, name: str, make: Callable[[], str]) -> str:
        """The secret of this name, made now if there is none yet."""
        path = self.secret(name)
        if not path.exists():
            write_private(path, make())
        return path.read_text(encoding="utf-8")

    def keep_settings(self, values: Mapping[str, str]) -> None:
        """Write the settings of this start, in a form that a shell can read as well."""
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(values.items())]
        write_private(
            self.settings, "# Written by `sekisho up`; the environment goes before it.\n" + "".join(lines)
        )

    def kept_settings(self) -> dict[str, str]:
        """The settings of the last start; empty where nobody has started here."""
        try:
            text = self.settings.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        pairs = (word.partition("=") for word in shlex.split(text, comments=True))
        return {name: value for name, _, value in pairs if name.startswith(PREFIX)}

    @contextmanager
    def occupied(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Hold the folder for one run. Yields what tells others who runs here.

        The kernel lets go of the lock when the process ends, however it ends.

        :raises InUse: when somebody else holds it.
        """
        with (self.path / "running").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise InUse(_read_holder(file.read())) from None

            def tell(holder: Mapping[str, Any]) -> None:
                file.truncate(0)
                file.write(json.dumps(dict(holder)))
                file.flush()

            tell({"pid": os.getpid()})
            try:
                yield tell
            finally:
                file.truncate(0)


def _read_holder(text: str) -> dict[str, Any]:
    try:
        holder = json.loads(text)
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Put a text into a file that only its owner can read, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def fill(environment: MutableMapping[str, str], values: Mapping[str, str]) -> frozenset[str]:
    """Add the settings that an environment leaves open, and return their names.

    ``X`` and ``X_FILE`` are the same setting: whoever gave one of them has given it.
    """
    given = {name.removesuffix("_FILE") for name in environment if name.startswith(PREFIX)}
    added = {name: value for name, value in values.items() if name.removesuffix("_FILE") not in given}
    environment.update(added)
    return frozenset(added)
