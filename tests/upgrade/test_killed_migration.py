"""`osteon db upgrade` killed at any of its statements: the schema is the old one or the new one."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from db.upgrade import upgrade_ledger
from tests.conftest import BOTH_DATABASES
from tests.servers import PostgresServer
from tests.upgrade.previous_release import migrate_as_before
from tests.witness.ledger import Ledger, open_for_witness

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-NODE-1")]
STUDIES = 200
FEW = 6
_HEADER = (
    "patient_id",
    "issuer_of_patient_id",
    "patient_name",
    "patient_birth_date",
    "patient_sex",
    "accession_number",
    "study_date",
    "study_time",
    "study_description",
)
_MOMENT = "2026-01-02T03:04:05.000Z"


@pytest.fixture(scope="module", params=BOTH_DATABASES)
def fresh_old_ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, old_source: Path
) -> Callable[[], str]:
    """Each call gives the URL of another ledger of the previous release, with studies in it."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        template = server.create_database()
        migrate_as_before(old_source, template)
        _fill(template)
        return lambda: server.create_database(like=template.rpartition("/")[2])
    folder = tmp_path_factory.mktemp("old-ledgers")
    first = folder / "first.sqlite"
    migrate_as_before(old_source, f"sqlite:///{first}")
    _fill(f"sqlite:///{first}")
    numbers = iter(range(1000))

    def copy() -> str:
        path = folder / f"{next(numbers)}.sqlite"
        shutil.copy(first, path)
        return f"sqlite:///{path}"

    return copy


def test_killed_anywhere_it_has_done_nothing_or_all(fresh_old_ledger: Callable[[], str]) -> None:
    _kill_at(fresh_old_ledger, FEW)


@pytest.mark.soak
def test_killed_at_every_statement(fresh_old_ledger: Callable[[], str]) -> None:
    _kill_at(fresh_old_ledger, 1000)


def _kill_at(fresh_old_ledger: Callable[[], str], most: int) -> None:
    before = _seen(fresh_old_ledger())
    whole = fresh_old_ledger()
    statements = _statements_of_upgrade(whole)
    after = _seen(whole)
    assert before != after, "the two releases have the same schema: nothing is tried here"
    step = max(1, statements // most)
    for place in (*range(1, statements + 1, step), statements):
        url = fresh_old_ledger()
        assert _upgrade_that_dies(url, place) == -signal.SIGKILL
        assert _seen(url) == before, f"killed at statement {place} of {statements}"
        upgrade_ledger(url)
        assert _seen(url) == after


def _statements_of_upgrade(url: str) -> int:
    """How many statements the whole upgrade is; it is done on this ledger."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(Engine, "before_cursor_execute", note)
    try:
        upgrade_ledger(url)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return count


def _upgrade_that_dies(url: str, place: int) -> int:
    """In a fork that kills itself before the statement of that number; how it ended."""
    child = os.fork()
    if child == 0:
        left = place

        def die(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "before_cursor_execute", die)
        try:
            upgrade_ledger(url)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _seen(url: str) -> tuple[str, list[object], int]:
    """The revision; every table, index, view and trigger as the database has it; the studies."""
    with open_for_witness(url) as ledger:
        [revision] = ledger.values("SELECT version_num FROM alembic_version")
        [studies] = ledger.values("SELECT count(*) FROM study")
        return str(revision), _schema(ledger), int(studies)


def _schema(ledger: Ledger) -> list[object]:
    if ledger.is_sqlite:
        return ledger.values("SELECT sql FROM sqlite_master ORDER BY name, sql")
    return [
        *ledger.values(
            "SELECT table_name || ' ' || column_name || ' ' || data_type || is_nullable"
            " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1"
        ),
        *ledger.values("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
        *ledger.values("SELECT definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1"),
        *ledger.values("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"),
    ]


def _fill(url: str) -> None:
    columns = ", ".join(_HEADER)
    values = ", ".join("'X'" for _ in _HEADER)
    with open_for_witness(url) as ledger:
        ledger.run(
            *(
                f"INSERT INTO study (study_instance_uid, {columns}, received_at, last_instance_at,"
                " evidence_version, settled_evidence_version, priority)"
                f" VALUES ('2.25.{number}', {values}, '{_MOMENT}', '{_MOMENT}', 0, 0, 0)"
                for number in range(STUDIES)
            )
        )


def test_a_later_release_s_schema_is_left_alone(fresh_old_ledger: Callable[[], str]) -> None:
    """So this release's parts and its `osteon up` start on it: the way back."""
    url = fresh_old_ledger()
    upgrade_ledger(url)
    with open_for_witness(url) as ledger:
        ledger.run("UPDATE alembic_version SET version_num = '9999'")
    later = _seen(url)
    upgrade_ledger(url)
    assert _seen(url) == later
