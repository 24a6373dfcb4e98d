"""A node under test: its parts as real processes, which a test starts, stops and kills."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine

import cli.node
from db.results import image_results, study_results
from db.session import LedgerUnavailable, open_ledger, reading
from db.upgrade import upgrade_ledger
from dicom_node.echo import verify_peer
from dicom_node.peer import Destination, PeerTrouble
from dicom_node.spool import FileSpool
from tests.servers import free_port
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
AE_TITLE = "OSTEON"
# All but the pages, which show what the others do.
PARTS = {name: arguments for name, arguments in cli.node.PARTS.items() if name != "web"}
START_SECONDS = 60
STOP_SECONDS = 30
# So that PostgreSQL can tell the processes apart.
_PROCESS_NUMBERS = itertools.count(1)
# Short waits, so that a test sees in seconds what a hospital sees in minutes.
_IMPATIENT = {
    "quiet_seconds": 1,
    "lease_seconds": 4,
    "disk_reserve_bytes": 1 << 20,
    "bind_address": "127.0.0.1",
}


@dataclass
class Node:
    """A node in `folder`; `settings` are those of `settings`, by name.

    `source` is where its processes load their code from: another release, or a build that a test
    has broken on purpose.
    """

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    source: Path = ROOT
    port: int = field(default_factory=free_port)
    processes: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def address(self) -> Destination:
        return Destination(AE_TITLE, "127.0.0.1", self.port)

    @property
    def spool(self) -> FileSpool:
        return FileSpool(self.data_dir / "spool")

    def kept_file(self, key: str) -> Path:
        return self.data_dir / "spool" / "kept" / key[:2] / key

    @property
    def ledger_url(self) -> str:
        own = f"sqlite:///{self.data_dir / 'ledger.sqlite'}"
        return str(self.settings.get("database_url", own))

    @cached_property
    def ledger(self) -> Engine:
        return open_ledger(self.ledger_url)

    def upgrade(self) -> None:
        """What `osteon db upgrade` does."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        upgrade_ledger(self.ledger_url)

    def ask(self, arguments: list[str]) -> int:
        """Run a command of `osteon` to its end, in this node's environment; its exit code."""
        return self._run("commands", arguments).wait(START_SECONDS)

    def start(self, *parts: str) -> None:
        for part in parts:
            self.processes[part] = self._run(part, cli.node.PARTS[part])

    def ended(self) -> list[str]:
        """The parts that have ended of themselves."""
        return [part for part in self.processes if not self.is_alive(part)]

    def start_up(self) -> None:
        """The whole node by its one command, which supervises its parts."""
        self.processes["up"] = self._run("up", ["up"])

    def kill(self, part: str) -> None:
        assert self.is_alive(part), f"{part} had ended of itself; it said:\n{self.log(part)}"
        process = self.processes.pop(part)
        process.kill()
        process.wait(STOP_SECONDS)

    def survivors(self) -> list[str]:
        """Processes of this node that run, whoever started them."""
        return [
            " ".join(process.cmdline())
            for process in psutil.process_iter()
            if _environment_of(process).get("OSTEON_DATA_DIR") == str(self.data_dir)
        ]

    def stop(self, part: str) -> int:
        """Ask the part to end, wait until it has, and give its exit code."""
        process = self.processes.pop(part)
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_SECONDS)

    def stop_all(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            _wait_or_kill(process)
        self.processes.clear()

    def is_alive(self, part: str) -> bool:
        return self.processes[part].poll() is None

    def wait_until_listening(self, limit_seconds: float = START_SECONDS) -> None:
        wait_for(self.answers_echo, f"the listener; it said:\n{self.log()}", limit_seconds)

    def answers_echo(self) -> bool:
        try:
            verify_peer(self.address, calling_ae_title="TESTER")
        except PeerTrouble:
            return False
        return True

    def images(self, study_instance_uid: str | None = None) -> list[dict[str, Any]]:
        with reading(self.ledger) as session:
            return image_results(session, study_instance_uid)

    def studies(self, study_instance_uid: str | None = None) -> list[dict[str, Any]]:
        with reading(self.ledger) as session:
            return study_results(session, study_instance_uid)

    def wait_for_studies(self, state: str, count: int, patience_seconds: float) -> None:
        """Until `count` studies are in `state`; the patience begins anew with each that gets there.

        A busy machine is slow, a node that is stuck stands still. What was delivered may be proved
        to be kept by the time one looks.
        """
        done = {"delivered", "committed"} if state == "delivered" else {state}
        arrived = 0
        while arrived < count:
            before = arrived

            def is_more(before: int = before) -> int:
                there = sum(one in done for one in self.study_states())
                return there if there > before else 0

            try:
                arrived = wait_for(is_more, f"more than {arrived} studies", patience_seconds)
            except AssertionError as late:
                raise AssertionError(f"{late}: {self.study_states()}\n{self.log()}") from None
        assert set(self.study_states()) <= done
        assert len(self.study_states()) == count

    def study_states(self) -> list[str]:
        try:
            return [str(study["state"]) for study in self.studies()]
        except LedgerUnavailable:
            return []

    def log(self, part: str = "*") -> str:
        """What the processes of this node have written, on stdout and stderr."""
        logs = sorted((self.folder / "logs").glob(f"{part}.log"))
        return "".join(path.read_text(errors="replace") for path in logs)

    def close(self) -> None:
        self.stop_all()
        if "ledger" in self.__dict__:
            self.ledger.dispose()

    def _run(self, name: str, arguments: list[str]) -> "subprocess.Popen[bytes]":
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cli", *arguments],
                stdout=log,
                stderr=log,
                env=self._environment(name),
                cwd=self.source,
                start_new_session=True,
            )

    def _environment(self, process: str = "part") -> dict[str, str]:
        ours = {"data_dir": self.data_dir, "ae_title": AE_TITLE}
        given = {**_IMPATIENT, **ours, "port": self.port, "web_port": free_port(), **self.settings}
        ours_by_name = {f"OSTEON_{key.upper()}": str(given[key]) for key in given}
        return {**os.environ, **ours_by_name, "PGAPPNAME": f"{process}-{next(_PROCESS_NUMBERS)}"}


@contextmanager
def running_node(folder: Path, *parts: str, **settings: Any) -> Iterator[Node]:
    """A node whose `parts` run (all of them where none is named) until the test is over."""
    source = settings.pop("source", ROOT)
    node = Node(folder, settings, source)
    chosen = parts or tuple(PARTS)
    try:
        node.upgrade()
        node.start(*chosen)
        if "listener" in chosen:
            node.wait_until_listening()
        yield node
    finally:
        node.close()


def _environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return {}


def _wait_or_kill(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
