"""How long the stages take and how much is done: as numpy has it, on either database."""

from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
from sqlalchemy import Engine, update

from db.clock import database_now
from db.jobs import JobKind
from db.self_test import self_test_instances, self_test_studies
from db.session import reading, transaction
from db.storage import (
    KeptSizes,
    first_received_at,
    kept_sizes,
    last_purged_at,
    ledger_bytes,
    newest_pictures,
    oldest_kept_at,
    purged_since,
    received_bytes_since,
)
from db.tables import Analysis, Instance, Job, WorklistEntry
from db.throughput import HourCount, StageTime, hourly_counts, percentile, stage_times
from db.worklist_refresh import refresh_worklist
from tests.db.ledger import FRACTURE, analyse, deliver, receive, received, report, rows

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SINCE = NOON - timedelta(hours=3)
# Received, and how many seconds after that: analysed, reported, delivered; None: not yet.
STORIES = (
    (timedelta(minutes=-170), (2.0, 10.0, 40.0)),
    (timedelta(minutes=-100), (4.0, 11.0, 41.5)),
    (timedelta(minutes=-95), (9.5, 30.0, None)),
    (timedelta(minutes=-5), (None, None, None)),
    (timedelta(hours=-30), (500.0, 900.0, 5000.0)),  # long ago
)


def told(ledger: Engine) -> dict[str, StageTime]:
    with reading(ledger) as session:
        return {one.stage: one for one in stage_times(session, SINCE)}


def write_stories(ledger: Engine) -> None:
    """A study for each story, with entries, answers and jobs at the times it tells."""
    for number in range(1, len(STORIES) + 1):
        receive(ledger, received(1, study=f"1.2.{number}"))
        analyse(ledger, FRACTURE)
        if number == 1:
            report(ledger, "PACS")
            deliver(ledger)
    refresh_worklist(ledger)
    for number, (received_after, seconds) in enumerate(STORIES, start=1):
        begun = NOON + received_after
        reached = [None if one is None else begun + timedelta(seconds=one) for one in seconds]
        moments = dict(zip(("analysed_at", "reported_at", "delivered_at"), reached, strict=True))
        with transaction(ledger) as session:
            entry = update(WorklistEntry).where(WorklistEntry.study_id == number)
            session.execute(entry.values(received_at=begun, **moments))
            answer = update(Analysis).where(Analysis.instance_id == number)
            session.execute(answer.values(analysed_at=reached[0] or begun))
            job = update(Job).where(Job.kind == JobKind.ANALYSE, Job.subject_id == number)
            claimed = begun + timedelta(seconds=number)
            session.execute(job.values(created_at=begun, first_claimed_at=claimed))


def test_an_empty_ledger_has_measured_nothing(ledger: Engine) -> None:
    assert all(one.measured == 0 and one.p50_seconds is None for one in told(ledger).values())
    with reading(ledger) as session:
        counted = hourly_counts(session, SINCE, NOON)
        assert [one.begins_at.hour for one in counted] == [9, 10, 11, 12]
        assert sum(one.studies + one.images for one in counted) == 0
        assert first_received_at(session) is None


def test_each_stage_is_measured_over_those_that_reached_it(ledger: Engine) -> None:
    write_stories(ledger)
    stages = told(ledger)
    assert {name: one.measured for name, one in stages.items()} == {
        "queued": 4,
        "analysed": 3,
        "reported": 3,
        "delivered": 2,
        "committed": 0,
        "total": 2,
    }
    assert stages["analysed"].p50_seconds == 4.0
    assert stages["queued"].p50_seconds == 2.5
    assert stages["delivered"].p95_seconds is not None
    assert np.isclose(stages["delivered"].p95_seconds, np.percentile([30.0, 30.5], 95))
    with reading(ledger) as session:
        assert hourly_counts(session, SINCE, NOON) == [
            HourCount(NOON - timedelta(hours=3), 1, 1),
            HourCount(NOON - timedelta(hours=2), 2, 2),
            HourCount(NOON - timedelta(hours=1), 1, 1),
            HourCount(NOON, 0, 0),
        ]


def test_the_self_test_counts_nowhere(ledger: Engine) -> None:
    write_stories(ledger)
    with transaction(ledger) as session:
        first = update(Instance).where(Instance.id == 1)
        session.execute(first.values(rule="self-test"))
    with reading(ledger) as session:
        assert list(session.scalars(self_test_studies())) == [1]
        assert list(session.scalars(self_test_instances())) == [1]
        first_hour = hourly_counts(session, SINCE, NOON)[0]
    assert (first_hour.studies, first_hour.images) == (0, 0)
    stages = told(ledger)
    assert [stages[name].measured for name in ("queued", "analysed", "total")] == [3, 2, 1]


def test_percentiles_are_numpys() -> None:
    random = Random(7)
    for size in (1, 2, 3, 10, 999):
        values = sorted(random.expovariate(1 / 60) for _ in range(size))
        for share in (0.0, 0.5, 0.95, 1.0):
            assert np.isclose(percentile(values, share), np.percentile(values, share * 100))


def test_what_is_kept_is_added_up_without_what_was_purged(ledger: Engine) -> None:
    receive(ledger, received(1, study="1.2.1", size_bytes=1000))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    with transaction(ledger) as session:
        session.execute(update(Analysis).values(heatmap_key="a" * 64))
    receive(ledger, received(2, study="1.2.1", size_bytes=500))
    with reading(ledger) as session:
        assert kept_sizes(session) == KeptSizes(1500, 2, 300, 3, pictures=1)
        assert received_bytes_since(session, NOON - timedelta(days=9999)) == 1500
        assert newest_pictures(session) == ["a" * 64]
        assert ledger_bytes(session) > 0
    with transaction(ledger) as session:
        session.execute(update(Instance).where(Instance.id == 1).values(purged_at=database_now()))
    with reading(ledger) as session:
        assert kept_sizes(session) == KeptSizes(500, 1, 300, 3, pictures=1)
        assert purged_since(session, NOON - timedelta(days=9999)) == (1, 1000)
        assert oldest_kept_at(session) == rows(ledger, Instance)[1].received_at
        assert last_purged_at(session) == rows(ledger, Instance)[0].purged_at
