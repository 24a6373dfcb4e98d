"""The trail is told to the repository: in order, nothing passed over, and nothing waits for it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import Engine, text

from db.audit import Action, AuditRecord, record_event
from db.audit_chain import seal_events
from db.audit_forwarding import backlog
from db.session import open_ledger, reading, transaction
from messages.audit_message import AuditSource
from messages.audit_syslog import AuditRepository
from tests.certificates import make_certificate
from tests.db.ledger import receive, received
from tests.messages.syslog_receiver import Receiver, syslog_receiver
from worker import audit_telling
from worker.audit_telling import Forwarder, Telling

pytestmark = pytest.mark.requirement("R-AUDIT-3")

KEY = b"key"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("repository"), "IP:127.0.0.1")


@pytest.fixture
def receiver(certificate: tuple[Path, Path]) -> Iterator[Receiver]:
    with syslog_receiver(certificate) as running:
        yield running


@pytest.fixture
def ledger(sqlite_ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(sqlite_ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_telling, "_RESTS_SECONDS", (0.0,))


def add_sealed(engine: Engine, count: int, study: str | None = None) -> None:
    with transaction(engine) as session:
        for _ in range(count):
            record_event(
                session,
                AuditRecord("anna", "reader", Action.STUDY_VIEWED, "::1", study_instance_uid=study),
            )
    with transaction(engine) as session:
        seal_events(session, KEY, None)


def forwarder_to(engine: Engine, repository: AuditRepository) -> Forwarder:
    return Forwarder(lambda: engine, Telling(repository, AuditSource("OSTEON"), "node"))


def waiting(engine: Engine) -> int:
    with reading(engine) as session:
        found = backlog(session)
    assert found is not None
    return found.waiting


def test_everything_is_told_once_and_in_order(ledger: Engine, receiver: Receiver) -> None:
    add_sealed(ledger, 450)
    forwarder = forwarder_to(ledger, receiver.repository())
    forwarder.turn()
    forwarder.turn()
    assert receiver.sequences == list(range(1, 451))
    add_sealed(ledger, 2)
    forwarder.turn()
    assert receiver.sequences == list(range(1, 453))
    assert waiting(ledger) == 0


def test_what_is_not_sealed_waits(ledger: Engine, receiver: Receiver) -> None:
    add_sealed(ledger, 1)
    with transaction(ledger) as session:
        record_event(session, AuditRecord("anna", "reader", Action.SIGN_OUT, "::1"))
    forwarder_to(ledger, receiver.repository()).turn()
    assert receiver.sequences == [1]


def test_patient_is_named_by_id_as_the_study_has_it(ledger: Engine, receiver: Receiver) -> None:
    receive(ledger, received(study="1.2.3", patient_id="MRN-4711", patient_name="CANARY^ANNA"))
    add_sealed(ledger, 1, study="1.2.3")
    forwarder_to(ledger, receiver.repository()).turn()
    message = receiver.messages[-1]
    assert b"CANARY" not in b"".join(receiver.messages)
    ids = etree.fromstring(message).xpath("//@ParticipantObjectID")
    assert "MRN-4711" in ids
    with ledger.connect() as connection:
        rows = connection.execute(text("SELECT * FROM audit_event")).all()
    assert "MRN-4711" not in repr(rows)


def test_repository_that_is_away_is_told_all_when_it_is_back(
    ledger: Engine, certificate: tuple[Path, Path]
) -> None:
    add_sealed(ledger, 3)
    with syslog_receiver(certificate) as receiver:
        gone = receiver.repository(timeout_seconds=1.0)
    away = forwarder_to(ledger, gone)
    for _ in range(3):
        away.turn()
    with reading(ledger) as session:
        found = backlog(session)
    assert found is not None
    assert found.waiting == 3
    assert "connection refused" in (found.last_error or "")
    with syslog_receiver(certificate) as back:
        forwarder_to(ledger, back.repository()).turn()
        assert back.sequences == [1, 2, 3]
    with reading(ledger) as session:
        assert backlog(session).last_error is None  # type: ignore[union-attr]


def test_repository_that_cuts_in_the_middle_gets_it_again(
    ledger: Engine, receiver: Receiver
) -> None:
    """Twice perhaps, told apart by their number; never less than once."""
    add_sealed(ledger, 150)
    forwarder = forwarder_to(ledger, receiver.repository())
    forwarder.turn()
    assert set(receiver.sequences) == set(range(1, 151))
    add_sealed(ledger, 150)
    receiver.cut_after = 20_000
    forwarder.turn()
    assert waiting(ledger) == 150
    assert 150 < len(receiver.frames) < 300
    forwarder.turn()
    assert set(receiver.sequences) == set(range(1, 301))
    assert receiver.sequences[-150:] == list(range(151, 301))
    assert waiting(ledger) == 0


def test_repository_that_fails_is_not_flooded(ledger: Engine, receiver: Receiver) -> None:
    """It ends TLS in its own way: it is told so, and not given the same events each minute."""
    receiver.answers_close_notify = False
    add_sealed(ledger, 5)
    forwarder = forwarder_to(ledger, receiver.repository())
    for _ in range(4):
        forwarder.turn()
    assert receiver.frames == []
    assert waiting(ledger) == 5


def test_slow_repository_holds_up_no_writer(ledger: Engine, certificate: tuple[Path, Path]) -> None:
    add_sealed(ledger, 1)
    with syslog_receiver(certificate) as receiver:
        receiver.delay_seconds = 1.5  # of each connection: to try it, and to tell
        forwarder = forwarder_to(ledger, receiver.repository())
        thread = threading.Thread(target=forwarder.turn)
        thread.start()
        while not receiver.connections:
            time.sleep(0.01)
        for _ in range(5):
            add_sealed(ledger, 1)
        assert thread.is_alive()
        thread.join()
        assert set(receiver.sequences) == set(range(1, 7))


def test_word_of_another_release_does_not_stop_the_rest(ledger: Engine, receiver: Receiver) -> None:
    with ledger.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO audit_event (happened_at, actor, role, action, outcome, address)"
                " VALUES ('2026-11-29T12:00:00.000Z', 'anna', 'reader', 'flown', 'maybe', '')"
            )
        )
    add_sealed(ledger, 1)
    forwarder_to(ledger, receiver.repository()).turn()
    assert receiver.sequences == [1, 2]
