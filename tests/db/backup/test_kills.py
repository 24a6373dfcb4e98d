"""kill -9 at each step of a backup and of a restore: what is whole is there, or nothing is."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect

from db.backup import ledger_copy, loading, writing
from db.backup.contents import RESTORE_MARK
from db.session import open_ledger
from db.tables import Instance
from tests.db.backup.kept import Keeper, Refilled
from tests.db.ledger import rows
from tests.servers import PostgresServer

pytestmark = pytest.mark.requirement("R-DATA-5")

Steps = tuple[object, str]


def _dying(*_given: object) -> object:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def _killed_at(step: Steps, act: Callable[[], object]) -> None:
    """Run in a child that dies when it comes to the step."""
    child = os.fork()
    if child == 0:
        setattr(*step, _dying)
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it never came to that step"


@pytest.mark.parametrize(
    "step",
    [
        (writing, "encrypt"),
        (writing, "_file_member"),
        (writing.BackupEnd, "encode"),
        (writing.Path, "rename"),
    ],
    ids=lambda step: step[1],
)
def test_a_killed_backup_is_no_backup(
    tmp_path: Path, new_ledger: Callable[[str], str], step: Steps
) -> None:
    keeper = Keeper(tmp_path, new_ledger("sqlite"))
    keeper.receive(1)
    keeper.engine.dispose()
    _killed_at(step, keeper.backup)
    assert not (tmp_path / "backup.age").exists()
    assert not list((tmp_path / "old").glob("**/ledger.sqlite"))
    keeper.restore([keeper.backup()])


def test_a_copy_of_the_ledger_that_was_left_is_cleared_away(
    tmp_path: Path, new_ledger: Callable[[str], str]
) -> None:
    """Killed while SQLite writes it, it still has a name."""
    keeper = Keeper(tmp_path, new_ledger("sqlite"))
    keeper.engine.dispose()
    _killed_at((ledger_copy, "_write_sqlite_keys"), keeper.backup)
    assert list((tmp_path / "old").glob("**/ledger.sqlite"))
    keeper.backup()
    assert not list((tmp_path / "old").glob("**/ledger.sqlite"))


@pytest.mark.parametrize(
    "step",
    [(Refilled, "keep"), (loading, "upgrade_ledger"), (loading, "_end_what_ran")],
    ids=lambda step: step[1],
)
def test_a_killed_restore_is_no_node(
    tmp_path: Path, new_ledger: Callable[[str], str], step: Steps
) -> None:
    keeper = Keeper(tmp_path, new_ledger("sqlite"))
    keeper.receive(1)
    backup = keeper.backup()
    keeper.engine.dispose()
    _killed_at(step, lambda: keeper.restore([backup]))
    new = tmp_path / "new"
    assert (new / RESTORE_MARK).exists() and not (new / "ledger.sqlite").exists()
    keeper.restore([backup])
    assert {path.name for path in new.iterdir()} == {"ledger.sqlite", "spool"}


@pytest.mark.parametrize("step", [(loading, "_go_on_counting"), (loading, "_end_what_ran")])
def test_a_killed_load_into_postgresql_leaves_it_empty(
    tmp_path: Path,
    new_ledger: Callable[[str], str],
    postgres_server: PostgresServer,
    step: Steps,
) -> None:
    keeper = Keeper(tmp_path, new_ledger("postgresql"))
    keeper.receive(1)
    backup = keeper.backup()
    keeper.engine.dispose()
    url = postgres_server.create_database()
    _killed_at(step, lambda: keeper.restore([backup], url))
    assert (tmp_path / "new" / RESTORE_MARK).exists()
    assert inspect(open_ledger(url)).get_table_names() == []
    keeper.restore([backup], url)
    assert len(rows(open_ledger(url), Instance)) == 1
