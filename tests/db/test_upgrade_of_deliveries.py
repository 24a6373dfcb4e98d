"""A ledger of version 0.2.0 with deliveries in every state is taken over, and goes on."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, text

from db.deliveries import load_consignment
from db.jobs import JobKind, add_job
from db.session import open_ledger, reading, transaction
from db.tables import Job
from db.upgrade import _config
from tests.db.ledger import rows
from tests.servers import PostgresServer

NOW = "2026-01-31T09:15:02.123Z"
OBJECTS = ("sr", "sc", "sr_fallback")


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """The schema before consignments."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/ledger.sqlite"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create_database()
    engine = open_ledger(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0003")
    return engine


def fill(engine: Engine) -> None:
    """Three reports: one on its way with its SR sent, one refused, one sent."""
    with engine.begin() as connection:

        def insert(table: str, **values: object) -> None:
            names = ", ".join(f'"{name}"' for name in values)
            places = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)

        texts = ("patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date")
        more = ("patient_sex", "accession_number", "study_date", "study_time", "study_description")
        insert(
            "study",
            id=1,
            study_instance_uid="1.2.3",
            received_at=NOW,
            last_instance_at=NOW,
            evidence_version=3,
            settled_evidence_version=3,
            **dict.fromkeys((*texts, *more), ""),
        )
        for number, states in enumerate((("sent", "queued"), ("refused", "sent"), ("sent",) * 2)):
            report_id, first = number + 1, 10 * (number + 1)
            insert(
                "report",
                id=report_id,
                study_id=1,
                revision=report_id,
                evidence_version=report_id,
                state="none",
                created_at=NOW,
                reported_at=NOW,
            )
            for place, kind in enumerate(OBJECTS):
                insert(
                    "result_object",
                    id=first + place,
                    report_id=report_id,
                    fallback_of_id=first if kind == "sr_fallback" else None,
                    kind=kind,
                    sop_class_uid="1.2",
                    sop_instance_uid=f"9.{first + place}",
                    series_instance_uid="9",
                    spool_key="key",
                    sha256="key",
                    size_bytes=1,
                )
            for place, state in enumerate(states):
                insert(
                    "delivery",
                    id=first + place,
                    object_id=first + place,
                    destination="PACS@a:1",
                    state=state,
                    created_at=NOW,
                    sent_at=NOW if state == "sent" else None,
                )
                insert(
                    "job",
                    id=100 + first + place,
                    kind="deliver",
                    subject_id=first + place,
                    state={"sent": "done", "queued": "waiting", "refused": "dead"}[state],
                    priority=0,
                    attempt=1,
                    fence_token=1,
                    next_attempt_at=NOW,
                    last_error="no such class" if state == "refused" else None,
                    created_at=NOW,
                    finished_at=None if state == "queued" else NOW,
                )


def test_what_was_on_its_way_goes_on_and_what_was_sent_stays_sent(old: Engine) -> None:
    fill(old)
    with old.begin() as connection:
        command.upgrade(_config(connection), "head")
    jobs = [job for job in rows(old, Job) if job.kind is JobKind.DELIVER]
    assert [job.state for job in jobs] == ["waiting", "dead", "done"]
    assert {job.lane for job in jobs} == {"PACS@a:1"}
    assert min(job.id for job in jobs) > 131, (
        "a call for an old job finds no other under its number"
    )
    with reading(old) as session:
        orders = [load_consignment(session, number) for number in (1, 2, 3)]
        told = session.execute(
            text("SELECT state FROM result_delivery ORDER BY report_id")
        ).scalars()
        assert list(told) == ["queued", "refused", "sent"]
        reasons = session.execute(text("SELECT reason FROM delivery ORDER BY id")).scalars()
        assert list(reasons) == [None, None, "no such class", None, None, None]
    assert [[item.state for item in order.items] for order in orders] == [
        ["sent", "queued"],
        ["refused", "sent"],
        ["sent", "sent"],
    ]
    assert [len(orders[0].items[0].candidates), len(orders[0].items[1].candidates)] == [2, 1]
    with transaction(old) as session:
        add_job(session, JobKind.DELIVER, 3, lane="PACS@a:1")
    assert len({job.id for job in rows(old, Job)}) == 4, "new rows get numbers of their own"


def test_the_way_back_keeps_what_the_older_schema_can_hold(old: Engine) -> None:
    fill(old)
    with old.begin() as connection:
        command.upgrade(_config(connection), "head")
        command.downgrade(_config(connection), "0003")
    with old.connect() as connection:
        states = connection.execute(text("SELECT state FROM delivery ORDER BY id")).scalars()
        assert list(states) == ["sent", "queued", "refused", "sent", "sent", "sent"]
        jobs = connection.execute(text("SELECT state FROM job ORDER BY subject_id")).scalars()
        assert list(jobs) == ["waiting" if s == "queued" else s for s in _job_states()]


def _job_states() -> list[str]:
    return ["done", "queued", "dead", "done", "done", "done"]


def test_the_way_back_wakes_no_dead_job(old: Engine) -> None:
    """A blocked study's job, say: its report may mix two patients."""
    fill(old)
    with old.begin() as connection:
        command.upgrade(_config(connection), "head")
        connection.execute(text("UPDATE job SET state = 'dead' WHERE state = 'waiting'"))
        command.downgrade(_config(connection), "0003")
    with old.connect() as connection:
        states = connection.execute(text("SELECT state FROM job ORDER BY subject_id")).scalars()
        assert "waiting" not in list(states)
