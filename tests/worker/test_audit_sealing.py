"""The beat seals the trail, keeps its end outside the database, and tells where it was cut off."""

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.audit import NODE, Action, AuditRecord, list_events, record_event
from db.audit_chain import ChainBroken, check_trail
from db.audit_files import AuditFiles, AuditKeyMissing, Head
from db.session import open_ledger, reading, transaction
from worker.audit_sealing import Sealer
from worker.audit_turns import Turns

pytestmark = pytest.mark.requirement("R-AUDIT-2")


@pytest.fixture
def ledger(sqlite_ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(sqlite_ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def files(tmp_path: Path) -> AuditFiles:
    return AuditFiles(tmp_path)


def add(engine: Engine, count: int = 1) -> None:
    with transaction(engine) as session:
        for _ in range(count):
            record_event(session, AuditRecord("anna", "reader", Action.SIGN_OUT, "::1"))


def sealer_of(engine: Engine, files: AuditFiles) -> Sealer:
    return Sealer(lambda: engine, files, "OSTEON")


def cut_off(engine: Engine, after: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_event_removed"))
        connection.execute(text(f"DELETE FROM audit_event WHERE sequence > {after}"))


def test_a_turn_seals_all_that_waits(ledger: Engine, files: AuditFiles, tmp_path: Path) -> None:
    add(ledger, 2300)
    sealer_of(ledger, files).turn()
    assert check_trail(ledger, files).last == 2300
    head = files.head()
    assert head is not None
    assert head.sequence == 2300
    for name in ("audit.key", "audit.head"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("*audit*")) == ["audit.head", "audit.key"]


def test_trail_that_nothing_was_written_into_is_whole(ledger: Engine, files: AuditFiles) -> None:
    assert check_trail(ledger, files).events == 0


def test_lost_key_is_not_replaced_by_a_new_one(
    ledger: Engine, files: AuditFiles, tmp_path: Path
) -> None:
    add(ledger)
    sealer_of(ledger, files).turn()
    (tmp_path / "audit.key").unlink()
    add(ledger)
    with pytest.raises(AuditKeyMissing):
        sealer_of(ledger, files).turn()
    with pytest.raises(AuditKeyMissing):
        check_trail(ledger, files)
    assert not (tmp_path / "audit.key").exists()


def test_end_that_is_gone_is_an_event_and_a_file_for_whoever_looks(
    ledger: Engine, files: AuditFiles
) -> None:
    add(ledger, 5)
    sealer_of(ledger, files).turn()
    cut_off(ledger, after=3)
    with pytest.raises(ChainBroken, match="4 to 5 are missing at the end"):
        check_trail(ledger, files)
    add(ledger)
    sealer_of(ledger, files).turn()
    with reading(ledger) as session:
        broken = next(one for one in list_events(session) if one.action == Action.CHAIN_BROKEN)
    assert "as far as event 5" in (broken.detail or "")
    [aside] = files.heads_set_aside()
    with pytest.raises(ChainBroken, match="was cut off once"):
        check_trail(ledger, files)
    aside.unlink()
    assert check_trail(ledger, files).last == 5  # the three, the new one, and that it was broken


def test_anchor_that_the_key_has_not_signed_excuses_no_end(
    ledger: Engine, files: AuditFiles
) -> None:
    """The database lets rows go behind any anchor, and whoever may add events may add one."""
    add(ledger, 5)
    sealer_of(ledger, files).turn()
    forged = "(5, 'seal', CURRENT_TIMESTAMP, 'anna', 'signature')"
    with ledger.begin() as connection:
        into = "audit_anchor (sequence, seal, made_at, actor, signature)"
        connection.execute(text(f"INSERT INTO {into} VALUES {forged}"))
        connection.execute(text("DELETE FROM audit_event"))
    add(ledger)
    sealer_of(ledger, files).turn()
    with reading(ledger) as session:
        broken = [one for one in list_events(session) if one.action == Action.CHAIN_BROKEN]
    assert [one.detail for one in broken] == ["the anchor after event 5 is not of this node"]
    assert files.heads_set_aside()


def test_end_is_found_cut_off_though_its_file_is_no_file_any_more(
    ledger: Engine, files: AuditFiles, tmp_path: Path
) -> None:
    add(ledger)
    sealer_of(ledger, files).turn()
    (tmp_path / "audit.head").write_text("half of")
    with pytest.raises(ChainBroken):
        check_trail(ledger, files)


def test_crash_between_sealing_and_keeping_the_end_costs_nothing(
    ledger: Engine, files: AuditFiles
) -> None:
    add(ledger, 2)
    sealer_of(ledger, files).turn()
    head = files.head()
    assert head is not None
    add(ledger)
    sealer_of(ledger, files).turn()
    files.keep_head(head)  # as it was before the crash
    assert check_trail(ledger, files).last == 3
    add(ledger)
    sealer_of(ledger, files).turn()
    assert files.head() == Head(4, files.head().seal)  # type: ignore[union-attr]


def test_two_beats_make_one_key(files: AuditFiles) -> None:
    keys: list[bytes] = []
    makers = [threading.Thread(target=lambda: keys.append(files.make_key())) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(set(keys)) == 1


def test_what_is_written_at_the_very_end_is_sealed(ledger: Engine, files: AuditFiles) -> None:
    with Turns("sealing", sealer_of(ledger, files).turn, at_end=True):
        add(ledger)
    assert check_trail(ledger, files).unsealed == 0


class _Changes:
    def __init__(self) -> None:
        self.remembered = 0

    def records(self, _key: bytes) -> list[AuditRecord]:
        return [AuditRecord("OSTEON", NODE, Action.SETTINGS_CHANGED, "", detail="peers")]

    def remember(self, _key: bytes) -> None:
        self.remembered += 1


def test_changes_since_the_last_start_are_noted_once(ledger: Engine, files: AuditFiles) -> None:
    changes = _Changes()
    sealer = Sealer(lambda: ledger, files, "OSTEON", changes)
    sealer.turn()
    sealer.turn()
    with reading(ledger) as session:
        assert [one.action for one in list_events(session)] == [Action.SETTINGS_CHANGED]
    assert changes.remembered == 1
    assert check_trail(ledger, files).last == 1
