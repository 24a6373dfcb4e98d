"""The audit trail as a chain: whatever is done to it in the database is found, and where."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from db.audit import Action, AuditRecord, record_event
from db.audit_chain import ChainBroken, check_chain, prune_trail, seal_events
from db.audit_files import Head
from db.session import open_ledger, reading, transaction
from db.tables import AuditForwarding
from db.upgrade import _config, upgrade_ledger

pytestmark = pytest.mark.requirement("R-AUDIT-2")

KEY = b"a key that no database knows"
EVENTS = 6


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    add(engine, EVENTS)
    seal_all(engine)
    yield engine
    engine.dispose()


def add(engine: Engine, count: int) -> None:
    with transaction(engine) as session:
        for number in range(count):
            event = AuditRecord("anna", "reader", Action.STUDY_VIEWED, "::1", detail=f"{number}")
            record_event(session, event)


def seal_all(engine: Engine, head: Head | None = None) -> Head:
    with transaction(engine) as session:
        return seal_events(session, KEY, head)


def check(engine: Engine, head: Head | None = None, key: bytes = KEY) -> tuple[int, int, int]:
    with reading(engine) as session:
        report = check_chain(session, key, head)
    return report.first, report.last, report.unsealed


def tamper(engine: Engine, *statements: str) -> None:
    """As somebody would who owns the database: the guards are no hindrance to them."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS audit_event_changed"))
            connection.execute(text("DROP TRIGGER IF EXISTS audit_event_removed"))
        for statement in statements:
            connection.execute(text(statement))


def test_whole_trail_is_found_whole(ledger: Engine) -> None:
    add(ledger, 2)
    assert check(ledger) == (1, EVENTS, 2)
    head = seal_all(ledger, None)
    assert head.sequence == EVENTS + 2
    assert check(ledger, head) == (1, EVENTS + 2, 0)


_SWAP = (
    "UPDATE audit_event SET sequence = -1 WHERE sequence = 3",
    "UPDATE audit_event SET sequence = 3 WHERE sequence = 4",
    "UPDATE audit_event SET sequence = 4 WHERE sequence = -1",
)
_INSERTION = (
    "INSERT INTO audit_event (happened_at, actor, role, action, outcome, address, sequence, seal)"
    " SELECT happened_at, 'mallory', role, action, outcome, address, {}, seal"
    " FROM audit_event WHERE sequence = 3"
)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("UPDATE audit_event SET actor = 'ben' WHERE sequence = 3",), "event 3 "),
        (
            ("UPDATE audit_event SET happened_at = '2026-01-01T00:00:00.000Z' WHERE sequence = 3",),
            "event 3 ",
        ),
        (("UPDATE audit_event SET detail = NULL WHERE sequence = 3",), "event 3 "),
        (("UPDATE audit_event SET sop_classes = '{\"1.2\": 1}' WHERE sequence = 3",), "event 3 "),
        (("UPDATE audit_event SET seal = NULL WHERE sequence = 3",), "event 3 "),
        (("DELETE FROM audit_event WHERE sequence = 3",), "event 3 is missing"),
        (("DELETE FROM audit_event WHERE sequence < 3",), "events 1 to 2 are missing"),
        (("DELETE FROM audit_event WHERE sequence > 3",), "events 4 to 6 are missing at the end"),
        (("DELETE FROM audit_event",), "events 1 to 6 are missing at the end"),
        ((_INSERTION.format(EVENTS + 1),), "event 7 "),
        ((_INSERTION.format("NULL"),), "without a place"),
        (_SWAP, "event 3 "),
        (
            (
                "DELETE FROM audit_event WHERE sequence = 3",
                "UPDATE audit_event SET sequence = sequence - 1 WHERE sequence = 4",
                "UPDATE audit_event SET sequence = sequence - 1 WHERE sequence = 5",
                "UPDATE audit_event SET sequence = sequence - 1 WHERE sequence = 6",
            ),
            "event 3 ",
        ),
        (
            (
                "INSERT INTO audit_anchor (sequence, seal, made_at, actor, signature)"
                " SELECT 2, seal, happened_at, 'mallory', seal FROM audit_event WHERE sequence = 2",
                "DELETE FROM audit_event WHERE sequence < 3",
            ),
            "anchor after event 2 is not of this node",
        ),
    ],
)
def test_what_is_done_to_the_trail_is_found(
    ledger: Engine, statements: tuple[str, ...], said: str
) -> None:
    head = seal_all(ledger)
    tamper(ledger, *statements)
    with pytest.raises(ChainBroken, match=said):
        check(ledger, head)


def test_row_of_another_history_does_not_fit(ledger: Engine) -> None:
    """A row that this very key sealed under this very number, before the ledger was set back."""
    add(ledger, 1)
    seal_all(ledger)
    other_history = "CREATE TABLE other_history AS SELECT * FROM audit_event WHERE sequence = 7"
    tamper(ledger, other_history, "DELETE FROM audit_event WHERE sequence = 7")
    add(ledger, 2)
    head = seal_all(ledger)
    tamper(
        ledger,
        "DELETE FROM audit_event WHERE sequence = 7",
        "INSERT INTO audit_event SELECT * FROM other_history",
    )
    with pytest.raises(ChainBroken, match="event 8 "):
        check(ledger, head)


def test_other_key_seals_nothing_of_ours(ledger: Engine) -> None:
    with pytest.raises(ChainBroken, match="event 1 "):
        check(ledger, key=b"another")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'ben' WHERE sequence = 3",
        "UPDATE audit_event SET seal = 'other' WHERE sequence = 3",
        "UPDATE audit_event SET actor = 'ben' WHERE sequence IS NULL",
        "DELETE FROM audit_event WHERE sequence = 3",
        "DELETE FROM audit_event WHERE sequence IS NULL",
        "UPDATE audit_anchor SET sequence = 6",
        "DELETE FROM audit_anchor",
    ],
)
def test_database_refuses_what_changes_the_trail(ledger: Engine, statement: str) -> None:
    with transaction(ledger) as session:
        prune_trail(session, KEY, datetime.now(UTC) + timedelta(days=1), "anna")
    add(ledger, 4)
    seal_all(ledger)
    add(ledger, 1)
    sealed = statement.replace("= 3", f"= {EVENTS + 3}")
    with pytest.raises(DBAPIError, match="audit events are"), ledger.begin() as connection:
        connection.execute(text(sealed))


def test_database_is_not_emptied_at_one_stroke(ledger: Engine) -> None:
    if ledger.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="never changed"), ledger.begin() as connection:
            connection.execute(text("TRUNCATE audit_event"))


def test_sealing_goes_no_further_than_the_end_it_was_told(ledger: Engine) -> None:
    tamper(ledger, "DELETE FROM audit_event WHERE sequence > 4")
    add(ledger, 1)
    with pytest.raises(ChainBroken, match="as far as event 6"):
        seal_all(ledger, Head(EVENTS, "its seal"))


def test_pruned_trail_begins_behind_its_anchor(ledger: Engine) -> None:
    middle = datetime.now(UTC)
    add(ledger, 3)
    head = seal_all(ledger)
    with transaction(ledger) as session:
        assert prune_trail(session, KEY, middle, "anna") == EVENTS
        assert prune_trail(session, KEY, middle, "anna") == 0
    assert check(ledger, head) == (EVENTS + 1, EVENTS + 3, 1)  # that it was pruned is an event too
    with transaction(ledger) as session:
        assert prune_trail(session, KEY, datetime.now(UTC) + timedelta(days=1), "anna") == 3
    assert check(ledger, head)[1] == EVENTS + 3
    assert seal_all(ledger, head).sequence == EVENTS + 5
    assert check(ledger)[:2] == (EVENTS + 4, EVENTS + 5)


def test_what_is_not_forwarded_yet_is_not_pruned(ledger: Engine) -> None:
    with transaction(ledger) as session:
        session.add(AuditForwarding(id=1, sequence=2))
    with transaction(ledger) as session:
        assert prune_trail(session, KEY, datetime.now(UTC) + timedelta(days=1), "anna") == 2


def test_eight_writers_and_two_sealers_make_one_chain(ledger: Engine) -> None:
    done = threading.Event()

    def write(_: int) -> None:
        for _turn in range(10):
            add(ledger, 1)

    def keep_sealing() -> None:
        while not done.is_set():
            seal_all(ledger)

    with ThreadPoolExecutor(10) as pool:
        sealers = [pool.submit(keep_sealing) for _ in range(2)]
        list(pool.map(write, range(8)))
        done.set()
        for sealer in sealers:
            sealer.result()
    head = seal_all(ledger)
    assert check(ledger, head) == (1, EVENTS + 80, 0)


def test_rows_of_the_release_before_are_sealed_as_they_come(ledger: Engine) -> None:
    """It knows of no sequence and no seal, and goes on writing while the node is upgraded."""
    with ledger.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO audit_event (happened_at, actor, role, action, outcome, address)"
                " SELECT happened_at, 'ben', role, action, outcome, address"
                " FROM audit_event WHERE sequence = 1"
            )
        )
    assert check(ledger, seal_all(ledger)) == (1, EVENTS + 1, 0)


def test_rows_from_before_the_chain_are_sealed(empty_url: str) -> None:
    engine = open_ledger(empty_url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0006")
        for number in range(3):
            connection.execute(
                text(
                    "INSERT INTO audit_event (happened_at, actor, role, action, outcome, address)"
                    f" VALUES ('2026-01-0{number + 1}T09:00:00.000Z', 'anna', 'reader',"
                    " 'sign-in', 'done', '')"
                )
            )
    upgrade_ledger(empty_url)
    assert check(engine, seal_all(engine)) == (1, 3, 0)
    with engine.begin() as connection:
        command.downgrade(_config(connection), "0006")
        assert connection.execute(text("SELECT COUNT(*) FROM audit_event")).scalar_one() == 3
    engine.dispose()
