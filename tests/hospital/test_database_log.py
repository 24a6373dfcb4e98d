"""What PostgreSQL writes of a failing statement: with the settings of the containers no row."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.hospital.compose import BASE, services
from tests.servers import PostgresServer, running_postgres
from tests.waiting import wait_for

pytestmark = pytest.mark.requirement("R-DATA-1")

CANARY = "KANARIVOGEL"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    words = services(BASE)["postgres"]["command"]
    settings = [word for word in words[1:] if word != "-c"]
    with running_postgres("logging_collector=on", "log_min_messages=info", *settings) as server:
        yield server


def _fail(server: PostgresServer, statement: str) -> str:
    """What the log has, once it tells of a row that was refused."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS study")
        connection.execute("CREATE TABLE study (patient_name text, uid text NOT NULL UNIQUE)")
        connection.execute(statement.encode())
        with pytest.raises(psycopg.errors.NotNullViolation):
            connection.execute("INSERT INTO study VALUES (%s, NULL)", [CANARY])
        with pytest.raises(psycopg.errors.UniqueViolation):
            for _ in range(2):
                connection.execute("INSERT INTO study VALUES ('', %s)", [CANARY])
    return wait_for(lambda: _log(server._folder), "the line of the log", 20)


def _log(folder: Path) -> str:
    text = "".join(path.read_text() for path in folder.rglob("log/*.log"))
    return text if "duplicate key" in text else ""


def test_a_failing_row_is_not_in_the_log(server: PostgresServer) -> None:
    assert CANARY not in _fail(server, "SELECT 1")


def test_without_the_settings_it_would_be(server: PostgresServer) -> None:
    _fail(server, "SET log_error_verbosity = 'default'")
    wait_for(lambda: CANARY in _log(server._folder), "the row in the log", 20)
