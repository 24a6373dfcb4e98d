"""A hospital's installation on this machine: the Compose file's services as processes.

What a container would be given is given to a process: the image's files, the service's very command
line, its environment, its secrets and its user. Only names of containers, ports and mounted folders
are replaced by what stands for them here.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from tests.hospital.compose import BASE, ON_CPU, ROOT, seconds, services, substitute
from tests.hospital.dockerfile import copy_as_built, read_stages
from tests.servers import free_port
from tests.services import require_program
from tests.waiting import wait_for

SERVICES = services(BASE, ON_CPU)


@dataclass
class Site:
    """The services of the CPU profile, run in `folder`."""

    folder: Path
    own_settings: dict[str, str] = field(default_factory=dict)
    own_tables: str = ""
    ports: dict[str, int] = field(
        default_factory=lambda: (
            {name: free_port() for name in ("listener", "web", "gateway", "redis", "orthanc")}
            | {"ledger": 5432}
        )
    )
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def prepare(self, database_url: str) -> None:
        """Do what docs/operations.md asks for before the first start."""
        self.ports["ledger"] = make_url(database_url).port or self.ports["ledger"]
        for name in ("image", "data", "broker", "logs"):
            (self.folder / name).mkdir()
        copy_as_built(self.folder / "image")
        subprocess.run([ROOT / "deploy/make-secrets", self.folder / "secrets"], check=True)
        example = (ROOT / "deploy/osteon.toml.example").read_text()
        (self.folder / "osteon.toml").write_text(self.here(example) + self.own_tables)
        self._rewrite_secret("osteon_broker_url", self.here)
        self._rewrite_secret("osteon_database_url", lambda _: database_url)

    def here(self, text: str) -> str:
        """The text with what it names of the containers' world replaced by what is here."""
        redis, orthanc = self.ports["redis"], self.ports["orthanc"]
        for there, stand_in in {
            "redis:6379": f"127.0.0.1:{redis}",
            "-p 6379": f"-p {redis}",
            ":18EB ": f":{redis:04X} ",
            ":1538 ": f":{self.ports['ledger']:04X} ",
            "127.0.0.1:11112": f"127.0.0.1:{self.ports['listener']}",
            "127.0.0.1:8042": f"127.0.0.1:{self.ports['web']}",
            "127.0.0.1:8044": f"127.0.0.1:{self.ports['gateway']}",
            "listener.inside": "127.0.0.1",
            "orthanc:4242": f"127.0.0.1:{orthanc}",
            "127.0.0.1/4242": f"127.0.0.1/{orthanc}",
            "/run/secrets": str(self.folder / "secrets"),
            "/var/lib/osteon": str(self.folder / "data"),
            "/etc/osteon.toml": str(self.folder / "osteon.toml"),
        }.items():
            text = text.replace(there, stand_in)
        return text

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        """Start a part of the node."""
        (entry_point,) = read_stages()["base"].arguments("ENTRYPOINT")
        program = Path(sys.executable).with_name(shlex.split(entry_point.strip("[]"))[0])
        return self.run(name, [str(program), *SERVICES[name]["command"]], **self._container(name))

    def start_redis(self) -> None:
        program, *options = SERVICES["redis"]["command"]
        mounted = {"/data": str(self.folder / "broker")}
        command = [require_program(program, "redis-server")]
        command += [mounted.get(option, self.here(option)) for option in options]
        self.run("redis", [*command, "--port", str(self.ports["redis"]), "--bind", "127.0.0.1"])

    def run(self, name: str, command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        with (self.folder / "logs" / name).open("ab") as log:
            rights = _without_rights()
            process = subprocess.Popen([*rights, *command], stdout=log, stderr=log, **options)
        self.processes[name] = process
        return process

    def is_healthy(self, name: str) -> bool:
        """Whether the service runs and its own health check passes."""
        assert self.processes[name].poll() is None, f"{name} ended:\n{self.log(name)}"
        return self.passes_check(name)

    def passes_check(self, name: str) -> bool:
        """Whether the service's health check passes, be it running or not."""
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        command = [self.here(substitute(word, {})) for word in words]
        command = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
        options = self._container(name) if "env_file" in SERVICES[name] else {}
        return subprocess.run(command, capture_output=True, check=False, **options).returncode == 0

    def wait_until_healthy(self, *names: str, limit_seconds: float = 90) -> None:
        for name in names:
            wait_for(partial(self.is_healthy, name), f"{name} to be well", limit_seconds)

    def stop(self, name: str) -> None:
        """Stop a service as Docker does: it ends within its grace, and with exit code 0."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            exit_code = process.wait(timeout=seconds(SERVICES[name]["stop_grace_period"]))
        finally:
            process.kill()
        assert exit_code == 0, f"{name} ended with {exit_code}:\n{self.log(name)}"

    def execute(self, name: str, *command: str, stdin: str = "") -> str:
        """What a command says in the service's container, as `docker compose exec` runs it."""
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            **self._container(name),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self, name: str) -> str:
        return (self.folder / "logs" / name).read_text()

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _container(self, name: str) -> dict[str, Any]:
        """What the service's container has: its environment and working directory."""
        given = {
            variable: self.here(substitute(value, {}))
            for variable, value in SERVICES[name]["environment"].items()
        }
        given["OSTEON_PORT"] = str(self.ports["listener"])
        given["OSTEON_WEB_PORT"] = str(self.ports["web"])
        given["OSTEON_GATEWAY_PORT"] = str(self.ports["gateway"])
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(self.folder / "image"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/tmp",
        }
        return {"env": environment | self.own_settings | given, "cwd": self.folder / "image"}

    def _rewrite_secret(self, name: str, change: Callable[[str], str]) -> None:
        path = self.folder / "secrets" / name
        changed = change(path.read_text())
        path.unlink()
        path.write_text(changed)


def _without_rights() -> list[str]:
    """What takes the rights from a command that the services drop: `cap_drop`, `security_opt`."""
    if os.geteuid() != 0:
        return []
    return [require_program("setpriv", "util-linux"), "--no-new-privs", "--bounding-set=-all"]
