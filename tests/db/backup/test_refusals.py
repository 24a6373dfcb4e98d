"""What cannot be restored is refused in plain words, and leaves nothing that looks like a node."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from db.backup.contents import RESTORE_MARK, BackupUnreadable, BackupUnsuitable, RecipientRefused
from db.backup.encryption import new_identity, read_identities, read_recipients
from db.session import open_ledger
from db.tables import Instance
from tests.db.backup.kept import Keeper
from tests.db.ledger import rows

pytestmark = pytest.mark.requirement("R-DATA-5")


@pytest.fixture
def keeper(tmp_path: Path, new_ledger: Callable[[str], str]) -> Keeper:
    return Keeper(tmp_path, new_ledger("sqlite"))


@pytest.fixture
def backup(keeper: Keeper) -> Path:
    for number in range(1, 5):
        keeper.receive(number, size=60_000)
    return keeper.backup()


def test_another_key_opens_nothing(keeper: Keeper, backup: Path) -> None:
    other = keeper.folder / "other"
    other.write_text(new_identity()[0])
    with pytest.raises(BackupUnreadable, match="this key does not open it"):
        keeper.restore([backup], identities=read_identities(other))
    assert not (keeper.folder / "new").exists()


def test_nothing_of_it_is_legible(keeper: Keeper, backup: Path) -> None:
    content = backup.read_bytes()
    for plain in (b"SQLite format", b"1.2.3.1", b"spool/", b"ustar"):
        assert plain not in content
    assert backup.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.99999])
def test_one_that_is_cut_short_is_refused(keeper: Keeper, backup: Path, share: float) -> None:
    content = backup.read_bytes()
    backup.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BackupUnreadable):
        keeper.restore([backup])
    assert not (keeper.folder / "new" / "ledger.sqlite").exists()


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.6, 0.8, 0.99999])
def test_one_altered_bit_is_noticed(keeper: Keeper, backup: Path, share: float) -> None:
    content = bytearray(backup.read_bytes())
    content[int(len(content) * share)] ^= 0x40
    backup.write_bytes(content)
    with pytest.raises(BackupUnreadable):
        keeper.restore([backup])
    assert not (keeper.folder / "new" / "ledger.sqlite").exists()


def test_what_is_no_backup_is_refused(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear hospital")
    with pytest.raises(BackupUnreadable):
        keeper.restore([tmp_path / "letter"])


def test_a_folder_that_holds_anything_is_left_alone(keeper: Keeper, backup: Path) -> None:
    folder = keeper.folder / "taken"
    folder.mkdir()
    (folder / "letter").write_text("dear hospital")
    with pytest.raises(BackupUnsuitable, match="not empty"):
        keeper.restore([backup], folder=folder)
    assert [path.name for path in folder.iterdir()] == ["letter"]


def test_a_ledger_that_is_there_is_left_alone(keeper: Keeper, backup: Path) -> None:
    with pytest.raises(BackupUnsuitable, match="there is a ledger already"):
        keeper.restore([backup], keeper.url)
    assert len(rows(keeper.engine, Instance)) == 4


def test_a_database_of_the_other_kind_is_refused(
    keeper: Keeper, backup: Path, new_ledger: Callable[[str], str]
) -> None:
    with pytest.raises(BackupUnsuitable, match="another kind of database"):
        keeper.restore([backup], new_ledger("postgresql"))


def test_a_database_with_tables_is_refused(
    tmp_path: Path, new_ledger: Callable[[str], str]
) -> None:
    keeper = Keeper(tmp_path, new_ledger("postgresql"))
    with pytest.raises(BackupUnsuitable, match="holds tables already"):
        keeper.restore([keeper.backup()], keeper.url)


def test_a_backup_of_a_later_release_is_refused(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from db.backup import writing

    head = writing._head
    monkeypatch.setattr(writing, "_head", lambda *given: replace(head(*given), revision="9999"))
    with pytest.raises(BackupUnsuitable, match="a later release"):
        keeper.restore([keeper.backup()])


def test_a_broken_restore_can_be_run_again(keeper: Keeper, backup: Path) -> None:
    class Tired:
        def keep(self, _pieces: object) -> str:
            raise KeyboardInterrupt

        def remove(self, _key: str) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        keeper.restore([backup], spool=Tired())
    assert (keeper.folder / "new" / RESTORE_MARK).exists()
    assert not (keeper.folder / "new" / "ledger.sqlite").exists()
    keeper.restore([backup])
    assert not (keeper.folder / "new" / RESTORE_MARK).exists()
    engine = open_ledger(f"sqlite:///{keeper.folder}/new/ledger.sqlite")
    assert len(rows(engine, Instance)) == 4


def test_a_backup_that_fails_leaves_none(keeper: Keeper) -> None:
    keeper.receive(1)

    def refuse(key: str) -> object:
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        keeper.backup("other.age", open_file=refuse)
    assert not (keeper.folder / "other.age").exists()
    assert not list((keeper.folder / "old").glob("backup-*"))


def test_recipients_and_keys_are_checked_first(keeper: Keeper) -> None:
    with pytest.raises(RecipientRefused):
        read_recipients(["ssh-rsa AAAA"])
    (keeper.folder / "empty").write_text("# nothing\n")
    with pytest.raises(RecipientRefused):
        read_identities(keeper.folder / "empty")
    with pytest.raises(RecipientRefused):
        keeper.backup(recipients=("age1nobody",))
    assert not list(keeper.folder.glob("backup.age*"))
