"""A study's priority only rises, urgent work is offered first, and nothing starves for ever."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine, Select, and_, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.jobs import JobKind, JobState, Lane, _is_due, add_job, claim_job, finish_job
from db.priorities import (
    OfferRoom,
    Priority,
    offer_room,
    pick_urgent,
    raise_priority,
)
from db.reports import save_report
from db.session import open_ledger, transaction
from db.studies import lock_study
from db.tables import OPEN_JOB, Consignment, Job
from tests.db.ledger import (
    FRACTURE,
    analyse,
    in_transaction,
    open_claimed_report,
    outcome_of,
    receive,
    received,
    rows,
    settle,
)

ANALYSE = JobKind.ANALYSE


def lift(ledger: Engine, study_id: int, priority: int) -> int:
    """The study's priority afterwards."""
    with transaction(ledger) as session:
        study = lock_study(session, study_id)
        raise_priority(session, study, priority)
        return study.priority


def priorities(ledger: Engine) -> list[int]:
    return [job.priority for job in rows(ledger, Job)]


def due(kind: JobKind = ANALYSE) -> Select[int]:
    """What the offering of jobs asks for."""
    return select(Job.id).where(text(OPEN_JOB), Lane(kind).condition, _is_due())


def offered(kind: JobKind = ANALYSE) -> ColumnElement[bool]:
    return and_(Job.kind == kind, Job.offered_until > database_now())


def add_jobs(ledger: Engine, *waits: tuple[int, float]) -> None:
    """Jobs 1, 2, …, each of this priority and due for so many seconds."""
    with transaction(ledger) as session:
        for number, (priority, waited_seconds) in enumerate(waits, start=1):
            add_job(session, ANALYSE, number, priority=priority)
            moment = database_now(-waited_seconds)
            session.execute(update(Job).where(Job.id == number).values(next_attempt_at=moment))


def picked(ledger: Engine, room: OfferRoom) -> list[int]:
    return in_transaction(ledger, lambda session: pick_urgent(session, due(), room))


def test_a_lift_reaches_the_studys_open_jobs_and_no_others(ledger: Engine) -> None:
    receive(ledger, received(1), received(2), received(3, study="1.9"))
    analyse(ledger, FRACTURE)
    assert lift(ledger, 1, Priority.STAT) == Priority.STAT
    assert priorities(ledger) == [0, 20, 0]
    assert lift(ledger, 1, Priority.HIGH) == Priority.STAT
    assert priorities(ledger) == [0, 20, 0]


def test_a_job_that_is_more_urgent_than_its_study_stays_so(ledger: Engine) -> None:
    receive(ledger, received(1))
    in_transaction(ledger, lambda s: add_job(s, JobKind.REPORT, 1, priority=Priority.STAT))
    assert lift(ledger, 1, Priority.HIGH) == Priority.HIGH
    assert priorities(ledger) == [10, 20]


def test_a_report_and_what_goes_out_of_it_are_lifted_too(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    lift(ledger, 1, Priority.HIGH)
    assert [(job.kind, job.priority) for job in rows(ledger, Job)][1:] == [(JobKind.REPORT, 10)]
    ours, subject = open_claimed_report(ledger)
    with transaction(ledger) as session:
        save_report(session, ours, subject, outcome_of(subject, "PACS"))
        add_job(session, JobKind.CONFIRM, session.scalars(select(Consignment.id)).one())
    lift(ledger, 1, Priority.STAT)
    lifted = {job.kind: job.priority for job in rows(ledger, Job) if job.finished_at is None}
    assert lifted == {JobKind.DELIVER: 20, JobKind.CONFIRM: 20}


def test_the_urgent_come_first_and_among_them_the_oldest(ledger: Engine) -> None:
    add_jobs(ledger, (0, 10), (20, 10), (-10, 500), (20, 30), (0, 300))
    assert picked(ledger, OfferRoom(5, 5)) == [4, 2, 5, 1, 3]
    assert picked(ledger, OfferRoom(2, 2)) == [4, 2]
    assert picked(ledger, OfferRoom(0, 0)) == []


def test_what_has_starved_comes_before_any_priority(ledger: Engine) -> None:
    add_jobs(ledger, (20, 10), (-10, 601), (0, 700), (20, 20))
    assert picked(ledger, OfferRoom(4, 4)) == [3, 2, 4, 1]
    assert picked(ledger, OfferRoom(4, 1)) == [3, 4, 1, 2]
    assert picked(ledger, OfferRoom(2, 0)) == [4, 1]


def test_a_job_that_is_not_due_does_not_starve(ledger: Engine) -> None:
    add_jobs(ledger, (-10, -60), (0, 1))
    with transaction(ledger) as session:
        session.execute(update(Job).values(created_at=database_now(-5000)))
    assert picked(ledger, OfferRoom(9, 9)) == [2]


def test_a_flood_of_starved_jobs_leaves_room_for_an_emergency(ledger: Engine) -> None:
    add_jobs(ledger, *[(-10, 1000 - number) for number in range(12)], (20, 0))
    with transaction(ledger) as session:
        room = offer_room(session, [offered()], window=8)
        assert room == OfferRoom(8, 2)
        assert pick_urgent(session, due(), room)[:3] == [1, 2, 13]
        sent = update(Job).where(Job.id.in_([1, 2, 13]))
        session.execute(sent.values(offered_until=database_now(30)))
        assert offer_room(session, [offered()], window=8) == OfferRoom(5, 0)
        assert offer_room(session, [offered()], window=3) == OfferRoom(0, 0)
        assert offer_room(session, [offered(JobKind.REPORT)], window=3) == OfferRoom(3, 1)
        assert claim_job(session, 1, lease_seconds=60) is not None
        assert offer_room(session, [offered()], window=8) == OfferRoom(6, 1)


def test_a_lost_offer_takes_no_room(ledger: Engine) -> None:
    add_jobs(ledger, (0, 1))
    with transaction(ledger) as session:
        session.execute(update(Job).values(offered_until=database_now(-1)))
        assert offer_room(session, [offered()], window=8) == OfferRoom(8, 2)


def test_each_half_of_the_choice_follows_an_index_of_its_lane(sqlite_ledger_url: str) -> None:
    engine = open_ledger(sqlite_ledger_url)
    by_priority = due().order_by(Job.priority.desc(), Job.next_attempt_at, Job.id).limit(9)
    by_age = due().order_by(Job.next_attempt_at, Job.id).limit(9)
    for lane in (Job.lane.is_(None), Job.lane == "PACS"):
        for asked, index in ((by_priority, "ix_job_lane"), (by_age, "ix_job_lane_oldest")):
            compiled = asked.where(lane).compile(engine, compile_kwargs={"literal_binds": True})
            with engine.connect() as connection:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
            assert [row[-1] for row in plan] == [
                f"SEARCH job USING INDEX {index} (kind=? AND lane=?)"
            ]
    engine.dispose()


IMAGES = 6
STEPS = st.lists(
    st.tuples(st.sampled_from(["image", "lift", "done"]), st.sampled_from(Priority)), max_size=10
)


def test_whatever_happens_no_priority_falls(ledger: Engine) -> None:
    receive(ledger, *(received(n, not_analysed_reason="a document") for n in range(IMAGES)))

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def check(steps: list[tuple[str, Priority]]) -> None:
        with Session(ledger) as session:  # rolled back: every example starts from the images alone
            expect_no_fall(session, steps)

    check()


def expect_no_fall(session: Session, steps: list[tuple[str, Priority]]) -> None:
    """Images arrive, are done, and are called urgent or idle; the highest word so far counts."""
    study = lock_study(session, 1)
    instance_ids, highest, seen = iter(range(1, IMAGES + 1)), study.priority, dict[int, int]()
    for step, priority in steps:
        if step == "done":
            finish_oldest(session)
        else:
            raise_priority(session, study, priority)
            highest = max(highest, priority)
            assert study.priority == highest
        if step == "image" and (instance_id := next(instance_ids, None)) is not None:
            add_job(session, ANALYSE, instance_id, priority=study.priority)
        jobs = list(session.execute(select(Job.id, Job.priority, Job.state)))
        assert all(job.priority >= seen.get(job.id, job.priority) for job in jobs)
        assert all(job.priority == highest for job in jobs if job.state == JobState.WAITING)
        seen = {job.id: job.priority for job in jobs}


def finish_oldest(session: Session) -> None:
    waiting = select(Job.id).where(Job.state == JobState.WAITING).order_by(Job.id).limit(1)
    for job_id in session.scalars(waiting).all():
        finish_job(session, claim_job(session, job_id, lease_seconds=9) or pytest.fail())
