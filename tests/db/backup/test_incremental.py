"""A backup that builds upon an earlier one has what came since, and is restored with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from db.backup.contents import BackupUnreadable, BackupUnsuitable
from db.backup.writing import FILES_SUFFIX
from db.session import open_ledger, transaction
from db.tables import Instance
from tests.db.backup.kept import Keeper
from tests.db.ledger import rows


@pytest.fixture
def keeper(tmp_path: Path, new_ledger: Callable[[str], str]) -> Keeper:
    return Keeper(tmp_path, new_ledger("sqlite"))


def test_a_chain_has_each_file_once(keeper: Keeper) -> None:
    first, second, third = _chain(keeper)
    assert keeper.end.files == 1 and keeper.end.files_before == 4
    assert third.stat().st_size < first.stat().st_size
    restored = keeper.restore([second, third, first])
    assert restored.files == 5
    engine = open_ledger(f"sqlite:///{keeper.folder}/new/ledger.sqlite")
    assert len(rows(engine, Instance)) == 5


def test_the_earlier_ones_have_to_be_named(keeper: Keeper) -> None:
    first, second, third = _chain(keeper)
    for named in ([third], [third, second], [third, first]):
        with pytest.raises(BackupUnsuitable, match="build"):
            keeper.restore(named)


def test_two_chains_are_no_chain(keeper: Keeper) -> None:
    keeper.receive(1)
    with pytest.raises(BackupUnsuitable, match="do not build upon each other"):
        keeper.restore([keeper.backup("one.age"), keeper.backup("two.age")])


def test_what_was_let_go_since_does_not_come_back(keeper: Keeper) -> None:
    """As of a patient who was forgotten between the two backups."""
    forgotten, _ = keeper.receive(1), keeper.receive(2)
    first = keeper.backup("1.age")
    with transaction(keeper.engine) as session:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        session.delete(session.get_one(Instance, 1))
    keeper.spool.remove(forgotten)
    second = keeper.backup("2.age", since=_list_of(first))
    keeper.restore([first, second])
    kept = {path.name for path in (keeper.folder / "new" / "spool" / "kept").glob("*/*")}
    assert forgotten not in kept and len(kept) == 1


def test_a_list_of_something_else_is_refused(keeper: Keeper) -> None:
    letter = keeper.folder / "letter"
    letter.write_text("dear hospital")
    with pytest.raises(BackupUnsuitable, match="not the list"):
        keeper.backup(since=letter)


def test_a_file_that_no_backup_of_the_chain_has_is_missed(keeper: Keeper) -> None:
    keeper.receive(1)
    first = keeper.backup("1.age")
    later = keeper.receive(2)
    head, *keys = _list_of(first).read_text().splitlines()
    _list_of(first).write_text("\n".join([head, *sorted([*keys, later])]))
    second = keeper.backup("2.age", since=_list_of(first))
    assert keeper.end.files == 0
    with pytest.raises(BackupUnreadable, match="1 files that its ledger names are missing"):
        keeper.restore([first, second])


def test_what_an_earlier_backup_lacked_is_tried_again(keeper: Keeper) -> None:
    """A file rots on the disk, a backup is made, and the PACS sends the object once more."""
    mended, rotten, gone = keeper.receive(1), keeper.receive(2), keeper.receive(3)
    for key in (mended, rotten):
        (keeper.spool.root / "kept" / key[:2] / key).write_bytes(b"noise")
    keeper.spool.remove(gone)
    first = keeper.backup("1.age")
    assert (sorted(keeper.end.damaged), keeper.end.gone) == (sorted([mended, rotten]), [gone])
    keeper.spool.write(b"1" * 3000)
    second = keeper.backup("2.age", since=_list_of(first))
    assert (keeper.end.damaged, keeper.end.gone) == ([rotten], [gone])
    keeper.restore([first, second])
    back = [path.name for path in (keeper.folder / "new" / "spool" / "kept").glob("*/*")]
    assert back == [mended]


def test_a_file_under_anothers_name_does_not_take_that_one_along(keeper: Keeper) -> None:
    sound, displaced = sorted([keeper.receive(1), keeper.receive(2)])
    kept = keeper.spool.root / "kept"
    (kept / displaced[:2] / displaced).write_bytes((kept / sound[:2] / sound).read_bytes())
    backup = keeper.backup()
    assert keeper.end.damaged == [displaced]
    keeper.restore([backup])
    back = [path.name for path in (keeper.folder / "new" / "spool" / "kept").glob("*/*")]
    assert back == [sound]


def _chain(keeper: Keeper) -> list[Path]:
    keeper.receive(1, size=100_000)
    keeper.receive(2, size=100_000)
    first = keeper.backup("1.age")
    keeper.receive(3)
    keeper.receive(4)
    second = keeper.backup("2.age", since=_list_of(first))
    keeper.receive(5)
    return [first, second, keeper.backup("3.age", since=_list_of(second))]


def _list_of(backup: Path) -> Path:
    return backup.with_name(backup.name + FILES_SUFFIX)
