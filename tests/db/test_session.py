"""A ledger that would lose data is refused; one that is away is named so; readers never wait."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, select, text

from db.clock import database_now
from db.job_list import count_jobs
from db.jobs import JobKind, add_job
from db.session import LedgerUnavailable, LedgerUnsafe, open_ledger, reading, transaction
from db.tables import Job, Study
from db.upgrade import upgrade_ledger
from tests.db.ledger import receive, received, rows
from tests.faults.proxy import Proxy, Weather
from tests.servers import PostgresServer, running_postgres

SETTINGS = {
    "PRAGMA journal_mode": "wal",
    "PRAGMA synchronous": 2,
    "PRAGMA foreign_keys": 1,
    "PRAGMA busy_timeout": 10_000,
}


def test_sqlite_is_durable_on_every_connection(sqlite_ledger_url: str) -> None:
    engine = open_ledger(sqlite_ledger_url)
    with engine.connect(), engine.connect() as second:
        found = {pragma: second.execute(text(pragma)).scalar_one() for pragma in SETTINGS}
    assert found == SETTINGS


@pytest.mark.parametrize("is_there", [False, True])
def test_nobody_else_reads_a_ledger_in_a_folder_open_to_all(tmp_path: Path, is_there: bool) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "ledger.sqlite"
    if is_there:  # as an earlier release left it
        path.touch(mode=0o644)
        path.chmod(0o644)
    url = f"sqlite:///{path}"
    upgrade_ledger(url)
    engine = open_ledger(url)
    with engine.connect():
        modes = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
    engine.dispose()
    assert "ledger.sqlite-wal" in modes
    assert set(modes.values()) == {0o600}


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(LedgerUnsafe, match="in-memory"):
        open_ledger("sqlite://")


def test_postgresql_without_fsync_is_refused() -> None:
    with running_postgres("fsync=off") as server, pytest.raises(LedgerUnsafe, match="fsync"):
        open_ledger(server.create_database())


def test_a_database_that_goes_away_is_unavailable_and_comes_back() -> None:
    with running_postgres() as server:
        engine = open_ledger(server.url())
        server.kill()
        with pytest.raises(LedgerUnavailable), transaction(engine) as session:
            session.execute(text("SELECT 1"))
        with pytest.raises(LedgerUnavailable):
            open_ledger(server.url())
        server.start()
        with transaction(engine) as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1
        engine.dispose()


def test_a_connection_to_a_machine_that_is_gone_ends(postgres_url: str) -> None:
    engine = open_ledger(postgres_url)
    with engine.connect() as connection:
        given = connection.connection.driver_connection.info.get_parameters()
    engine.dispose()
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == ("10", "25000")


def test_a_database_that_takes_the_question_and_says_nothing_is_unavailable(
    postgres_server: PostgresServer,
) -> None:
    url = make_url(postgres_server.create_database())
    with Proxy(postgres_server.port) as proxy:
        through = url.set(port=proxy.port).render_as_string(hide_password=False)
        engine = open_ledger(through, answer_seconds=2)
        began = time.monotonic()
        with (
            pytest.raises(LedgerUnavailable, match="does not answer"),
            transaction(engine) as session,
        ):
            session.execute(text("SELECT 1"))
            proxy.weather = Weather(is_silent=True)
            session.execute(text("SELECT 1"))
        assert time.monotonic() - began < 8
        proxy.weather = Weather()
        with pytest.raises(LedgerUnavailable, match="just now"), transaction(engine) as session:
            session.execute(text("SELECT 1"))
        time.sleep(2)
        with transaction(engine) as session:
            session.execute(text("SELECT 1"))
        engine.dispose()


def test_a_folder_that_is_missing_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        open_ledger(f"sqlite:///{tmp_path}/nowhere/ledger.sqlite")


def test_an_error_undoes_the_whole_transaction(ledger: Engine) -> None:
    with pytest.raises(ZeroDivisionError), transaction(ledger) as session:
        add_job(session, JobKind.ANALYSE, 1)
        raise ZeroDivisionError
    assert rows(ledger, Job) == []


def test_an_outage_does_not_tell_the_values_it_was_given(ledger: Engine) -> None:
    with pytest.raises(LedgerUnavailable) as outage, transaction(ledger) as session:
        if ledger.dialect.name == "postgresql":
            session.execute(text("SET LOCAL statement_timeout = 1"))
            session.execute(text("SELECT pg_sleep(1), :name"), {"name": "DOE^JANE"})
        session.execute(text("SELECT * FROM nowhere WHERE name = :name"), {"name": "DOE^JANE"})
    assert "DOE" not in str(outage.value)


def test_a_reader_does_not_wait_for_a_writer(ledger: Engine) -> None:
    with transaction(ledger) as writer:
        add_job(writer, JobKind.ANALYSE, 1)
        start = time.monotonic()
        with reading(ledger) as session:
            assert sum(count_jobs(session)[JobKind.ANALYSE].values()) == 0
        assert time.monotonic() - start < 1


def test_writers_wait_their_turn(ledger: Engine) -> None:
    def write(number: int) -> None:
        with transaction(ledger) as session:
            session.execute(select(Job.id)).all()
            add_job(session, JobKind.ANALYSE, number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(rows(ledger, Job)) == 8


@pytest.mark.parametrize("offset_seconds", [0, -3600, 0.25, 1e-7, 86400 * 400])
def test_the_databases_clock_is_utc_and_offset_in_seconds(
    ledger: Engine, offset_seconds: float
) -> None:
    with reading(ledger) as session:
        moment = session.execute(select(database_now(offset_seconds))).scalar_one()
    assert abs(moment.timestamp() - time.time() - offset_seconds) < 2


def test_a_time_is_read_back_as_it_was_written(ledger: Engine) -> None:
    receive(ledger, received(1))
    (study,) = rows(ledger, Study)
    with transaction(ledger) as session:
        same = select(Study.id).where(Study.received_at == study.received_at)
        assert session.execute(same).scalar_one() == study.id
