"""Fixtures every room may use: real database and broker servers, and migrated ledgers."""

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from db.upgrade import upgrade_ledger
from tests.servers import PostgresServer, RedisServer, running_postgres, running_redis

if TYPE_CHECKING:
    from tests.faults.nursery import Nursery

BOTH_DATABASES = ["sqlite", "postgresql"]
# Where the files are whose tests take longest: no process is left with them at the end.
_LONGEST_FIRST = (
    *("witness", "upgrade", "faults", "end_to_end", "fuzzing", "demo", "hospital"),
    *("attacks", "training", "evaluation", "worker"),
)


gc.disable()  # until all is loaded


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _place(item.path))


def pytest_collection_finish() -> None:
    """What was loaded stays, and is a lot: a tenth of the time went into looking at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    gc.enable()


def _place(path: Path) -> int:
    folders = [place for place, name in enumerate(_LONGEST_FIRST) if name in path.parts]
    return min(folders, default=len(_LONGEST_FIRST))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The tests' PostgreSQL; a test that kills one starts its own by `running_postgres`."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def postgres_url(postgres_server: PostgresServer) -> str:
    """A fresh and empty PostgreSQL database per module."""
    return postgres_server.create_database()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The tests' Redis; a test that kills one starts its own by `running_redis`."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "ledger.sqlite"
    upgrade_ledger(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    upgrade_ledger(url)
    return str(make_url(url).database)


@pytest.fixture(scope="session")
def new_ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Make the URL of a fresh migrated ledger on "sqlite" or "postgresql"."""

    def create(backend: str) -> str:
        if backend == "postgresql":
            like: str = request.getfixturevalue("migrated_postgres")
            server: PostgresServer = request.getfixturevalue("postgres_server")
            return server.create_database(like=like)
        path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"

    return create


@pytest.fixture(params=BOTH_DATABASES)
def ledger_url(request: pytest.FixtureRequest, new_ledger: Callable[[str], str]) -> str:
    """A fresh migrated ledger per test, on either database."""
    return new_ledger(request.param)


@pytest.fixture(scope="module", params=BOTH_DATABASES)
def module_ledger_url(request: pytest.FixtureRequest, new_ledger: Callable[[str], str]) -> str:
    """A migrated ledger per module, on either database."""
    return new_ledger(request.param)


@pytest.fixture
def sqlite_ledger_url(new_ledger: Callable[[str], str]) -> str:
    """A fresh migrated ledger per test where the kind of database does not matter."""
    return new_ledger("sqlite")


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Nursery"]:
    """Where the parts of a node are forked from, so that they start in tenths of a second."""
    from tests.faults.nursery import Nursery

    with Nursery(tmp_path_factory.mktemp("nursery")) as opened:
        yield opened
