"""Real PostgreSQL and Redis servers in processes of their own, for the tests to use and to kill."""

import atexit
import contextlib
import itertools
import os
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis

from tests.services import require_program

READY_SECONDS = 20
_SERVER_PORTS = (15000, 32768)  # below those of net.ipv4.ip_local_port_range
_PASSWORD = secrets.token_hex(8)  # of the PostgreSQL servers of this process
_chance = random.SystemRandom()


def free_port() -> int:
    """A port that nobody has; none of those that the system gives to who connects from here.

    A server that is started again would else find it taken, now and then.
    """
    while True:
        port = _chance.randrange(*_SERVER_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@cache
def _new_cluster() -> Path:
    """A cluster that nobody has used: to make one takes half a second, to copy it a tenth."""
    folder = Path(tempfile.mkdtemp(prefix="osteon-test-cluster-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = require_program("initdb", "postgresql")
    password = folder / "password"
    password.write_text(_PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, password):
            shutil.chown(path, "postgres", "postgres")
    options = "-U osteon -A scram-sha-256 -E UTF8 --locale=C --no-sync"
    files = ["-D", str(folder / "data"), "--pwfile", str(password)]
    subprocess.run(
        [program, *files, *options.split()],
        check=True,
        stdout=subprocess.DEVNULL,
        **_as_postgres(folder),
    )
    return folder


def _as_postgres(folder: Path) -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return {"cwd": folder}
    return {"cwd": folder, "user": "postgres", "group": "postgres", "extra_groups": []}


class PostgresServer:
    """A cluster of its own in a temporary folder; `start` and `kill` as often as a test likes."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._settings = [part for setting in settings for part in ("-c", setting)]
        self._password = _PASSWORD
        self._names = (f"ledger_{number}" for number in itertools.count(1))
        self._process: subprocess.Popen[bytes] | None = None
        self._initialise()

    def start(self) -> None:
        program = require_program("postgres", "postgresql")
        options = f"-p {self.port} -h 127.0.0.1 -c max_connections=200 -c shared_buffers=32MB"
        quiet = "-c logging_collector=off -c log_min_messages=panic"
        folders = ["-D", str(self._folder / "data"), "-k", str(self._folder)]
        self._process = subprocess.Popen(
            [program, *folders, *options.split(), *quiet.split(), *self._settings],
            **_as_postgres(self._folder),
        )
        _until_ready(self._answers)

    def kill(self) -> None:
        """Stop at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: "immediate shutdown", children included
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def kill_outright(self) -> None:
        """kill -9; return when its children have missed it and ended."""
        if self._process is not None:
            children = psutil.Process(self._process.pid).children()
            self._process.kill()
            self._process.wait(timeout=READY_SECONDS)
            psutil.wait_procs(children, timeout=READY_SECONDS)
            self._process = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://osteon:{self._password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, *, like: str = "template1") -> str:
        """A fresh database's URL; `like` names the one it starts as a copy of."""
        name = next(self._names)
        with psycopg.connect(self.url(), autocommit=True) as connection:
            # By copying files: half the work of writing each block to the log, for small databases.
            asked = f'CREATE DATABASE "{name}" TEMPLATE "{like}" STRATEGY FILE_COPY'
            connection.execute(asked.encode())
        return self.url(name)

    def _initialise(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        subprocess.run(["cp", "-a", _new_cluster() / "data", self._folder], check=True)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url(), connect_timeout=2).close()
            return True
        return False


class RedisServer:
    """A Redis with a password and an append-only file, so that a restart forgets nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._password = secrets.token_hex(8)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = require_program("redis-server", "redis-server")
        options = f"--port {self.port} --bind 127.0.0.1 --requirepass {self._password}"
        durable = ["--appendonly", "yes", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            [program, *options.split(), *durable],
            stdout=subprocess.DEVNULL,
        )
        _until_ready(self._answers)

    def kill(self) -> None:
        """Stop at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


@contextlib.contextmanager
def running_postgres(*settings: str) -> Iterator[PostgresServer]:
    with _folder() as folder:
        server = PostgresServer(folder, *settings)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextlib.contextmanager
def running_redis() -> Iterator[RedisServer]:
    with _folder() as folder:
        server = RedisServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's tmp_path: that is closed to the user postgres.
    with tempfile.TemporaryDirectory(prefix="osteon-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _until_ready(answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not answers():
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not answer")
        time.sleep(0.05)
