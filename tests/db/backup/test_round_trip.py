"""What is restored is what was backed up, on either database."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text

from db.backup.ledger_copy import FILE_COLUMNS
from db.backup.loading import ledger_keys
from db.session import open_ledger, transaction
from db.states import Role
from db.tables import AppUser, Base, Instance, Presence, Study, UserSession
from tests.db.backup.kept import Keeper, content_of
from tests.db.ledger import FRACTURE, analyse, receive, received, rows, settle
from tests.servers import PostgresServer

pytestmark = pytest.mark.requirement("R-DATA-5")


@pytest.fixture
def keeper(ledger_url: str, tmp_path: Path) -> Keeper:
    return Keeper(tmp_path, ledger_url)


@pytest.fixture
def new_url(ledger_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Of an empty database of the same kind."""
    if ledger_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/new/ledger.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database()


def test_every_row_and_file_comes_back(keeper: Keeper, new_url: str) -> None:
    keys = [keeper.receive(number) for number in range(1, 6)]
    analyse(keeper.engine, FRACTURE)
    settle(keeper.engine)
    backup = keeper.backup()
    before = content_of(keeper.engine)
    restored = keeper.restore([backup], new_url)
    engine = open_ledger(new_url)
    after = content_of(engine)
    assert after == before
    assert before["job"] and before["worklist_stale"]
    assert (restored.files, restored.gone, restored.damaged) == (5, [], [])
    for key in keys:
        with keeper.spool.open(key) as old:
            path = keeper.folder / "new" / "spool" / "kept" / key[:2] / key
            assert path.read_bytes() == old.read()
            assert path.stat().st_mode & 0o777 == 0o600


def test_a_restored_ledger_goes_on_counting(keeper: Keeper, new_url: str) -> None:
    """New rows get new numbers, triggers note what changes, and nobody is signed in any more."""
    keeper.receive(1)
    with transaction(keeper.engine) as session:
        session.add(AppUser(name="anna", role=Role.READER))
        session.flush()
        session.add(UserSession(token_sha256="x", user_id=1))
        session.add(Presence(part="web", host="here", process_id=1))
    keeper.restore([keeper.backup()], new_url)
    engine = open_ledger(new_url)
    receive(engine, received(7), received(8))
    assert [one.id for one in rows(engine, Instance)] == [1, 2, 3]
    assert [one.study_instance_uid for one in rows(engine, Study)] == ["1.2.3"]
    assert rows(engine, AppUser) and not rows(engine, UserSession) and not rows(engine, Presence)
    with engine.connect() as connection:
        assert len(connection.execute(text("SELECT id FROM worklist_stale")).all()) > 2


def test_what_comes_while_it_is_made_is_in_no_half(keeper: Keeper, new_url: str) -> None:
    """The ledger first, then its files: each row that is restored has its file."""
    keeper.receive(1)
    numbers = iter(range(100, 200))

    def open_while_more_comes(key: str) -> object:
        keeper.receive(next(numbers))
        return keeper.open(key)

    backup = keeper.backup(open_file=open_while_more_comes)
    keeper.receive(2)
    keeper.restore([backup], new_url)
    engine = open_ledger(new_url)
    spool = keeper.folder / "new" / "spool" / "kept"
    kept = {path.name for path in spool.glob("*/*")}
    assert {one.spool_key for one in rows(engine, Instance)} == kept
    assert len(kept) == 1


def test_a_file_that_was_purged_meanwhile_is_called_purged(keeper: Keeper, new_url: str) -> None:
    keys = sorted(keeper.receive(number) for number in (1, 2))
    removed = threading.Event()

    def open_and_remove(key: str) -> object:
        if not removed.is_set():
            keeper.spool.remove(keys[1])
            removed.set()
        return keeper.open(key)

    backup = keeper.backup(open_file=open_and_remove)
    assert keeper.end.gone == [keys[1]]
    assert keeper.restore([backup], new_url).gone == [keys[1]]
    engine = open_ledger(new_url)
    purged = {one.spool_key: one.purged_at for one in rows(engine, Instance)}
    assert purged[keys[0]] is None and purged[keys[1]] is not None
    assert ledger_keys(engine) == {keys[0]}


def test_rows_whose_files_were_purged_ask_for_none(keeper: Keeper, new_url: str) -> None:
    gone, kept = keeper.receive(1), keeper.receive(2)
    with transaction(keeper.engine) as session:
        row = session.scalars(select(Instance).where(Instance.spool_key == gone)).one()
        row.purged_at = row.received_at
    keeper.spool.remove(gone)
    backup = keeper.backup()
    assert (keeper.end.files, keeper.end.gone) == (1, [])
    keeper.restore([backup], new_url)
    assert ledger_keys(open_ledger(new_url)) == {kept}


def test_a_file_that_rotted_is_told_of(keeper: Keeper, new_url: str) -> None:
    key = keeper.receive(1)
    keeper.receive(2)
    path = keeper.folder / "old" / "spool" / "kept" / key[:2] / key
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    backup = keeper.backup()
    assert keeper.end.damaged == [key]
    restored = keeper.restore([backup], new_url)
    assert (restored.files, restored.damaged) == (1, [key])
    assert not (keeper.folder / "new" / "spool" / "kept" / key[:2] / key).exists()


def test_the_seal_of_the_audit_trail_comes_along(keeper: Keeper, new_url: str) -> None:
    old, new = keeper.folder / "old", keeper.folder / "new"
    (old / "audit.key").write_text("a" * 64)
    (old / "audit.head").write_text('{"sequence": 0, "seal": ""}')
    (keeper.folder / "osteon.toml").write_text('ae_title = "OLD"')
    keeper.restore([keeper.backup(settings_file=keeper.folder / "osteon.toml")], new_url)
    assert (new / "audit.key").read_text() == "a" * 64
    assert (new / "audit.head").read_bytes() == (old / "audit.head").read_bytes()
    assert (new / "osteon.toml.restored").read_text() == 'ae_title = "OLD"'
    assert {path.stat().st_mode & 0o777 for path in new.glob("[ao]*")} == {0o600}


def test_every_column_that_names_a_file_is_known() -> None:
    named = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_key") and table.name != "leaving_file"
    }
    assert named == {(table, key) for table, key, _ in FILE_COLUMNS}


def test_nothing_that_was_deleted_is_copied(
    tmp_path: Path, new_ledger: Callable[[str], str]
) -> None:
    """SQLite keeps deleted rows in its free pages; a backup of it has none."""
    keeper = Keeper(tmp_path, new_ledger("sqlite"))
    receive(keeper.engine, received(1, patient_name="VERGISSMEIN"))
    with keeper.engine.connect() as connection:
        path = connection.execute(text("PRAGMA database_list")).one()[2]
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "PRAGMA secure_delete=OFF; PRAGMA foreign_keys=OFF; DELETE FROM instance;"
            " DELETE FROM study; PRAGMA wal_checkpoint(TRUNCATE);"
        )
    assert b"VERGISSMEIN" in Path(path).read_bytes()
    keeper.restore([keeper.backup()])
    assert b"VERGISSMEIN" not in (tmp_path / "new" / "ledger.sqlite").read_bytes()
