"""Every instance is kept once, with its work; nothing is mixed up and nothing is refused."""

import threading
from collections import Counter

import pytest
from sqlalchemy import Engine

from db.intake import (
    Intake,
    ReceivedInstance,
    close_associations_of,
    record_instance,
)
from db.jobs import JobKind, JobState
from db.session import open_ledger, transaction
from db.tables import Analysis, Association, Instance, Job, Series, Study
from tests.db.ledger import associate, receive, received, rows


@pytest.mark.requirement("R-KEEP-1")
def test_an_instance_brings_its_study_its_series_and_its_analyse_job(ledger: Engine) -> None:
    assert receive(ledger, received(1, patient_name="A^B")) == [Intake.STORED]
    (study,) = rows(ledger, Study)
    (series,) = rows(ledger, Series)
    (instance,) = rows(ledger, Instance)
    (job,) = rows(ledger, Job)
    assert (study.study_instance_uid, study.patient_name) == ("1.2.3", "A^B")
    assert series.study_id == study.id
    assert instance.series_id == series.id
    assert study.unreported_since is not None
    assert (job.kind, job.subject_id, job.state) == (JobKind.ANALYSE, instance.id, "waiting")


@pytest.mark.requirement("R-KEEP-2")
def test_the_same_bytes_again_change_nothing(ledger: Engine) -> None:
    receive(ledger, received(1))
    before = [vars(study) for study in rows(ledger, Study)]
    assert receive(ledger, received(1)) == [Intake.DUPLICATE]
    after = [vars(study) for study in rows(ledger, Study)]
    assert [study.pop("_sa_instance_state") and study for study in after] == [
        study.pop("_sa_instance_state") and study for study in before
    ]
    assert len(rows(ledger, Instance)) == len(rows(ledger, Job)) == 1


@pytest.mark.requirement("R-KEEP-4")
def test_other_bytes_under_a_known_uid_are_kept_apart_once(ledger: Engine) -> None:
    other = received(1, sha256="f" * 64)
    assert receive(ledger, received(1), other, other) == [
        Intake.STORED,
        Intake.CONFLICT,
        Intake.CONFLICT,
    ]
    live, quarantined = rows(ledger, Instance)
    assert live.quarantine_reason is None
    assert quarantined.quarantine_reason is not None
    assert [job.subject_id for job in rows(ledger, Job)] == [live.id]


@pytest.mark.requirement("R-WORK-1")
def test_an_instance_not_to_be_analysed_has_its_reason_instead_of_a_job(ledger: Engine) -> None:
    receive(ledger, received(1, not_analysed_reason="modality CT"))
    (analysis,) = rows(ledger, Analysis)
    assert (analysis.state, analysis.reason) == ("not_analysed", "modality CT")
    assert rows(ledger, Job) == []


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ({"patient_id": "P1"}, {"patient_id": "P2"}, Intake.BLOCKED),
        ({"patient_id": "P1"}, {"patient_id": ""}, Intake.BLOCKED),
        ({"issuer_of_patient_id": "A"}, {"issuer_of_patient_id": "B"}, Intake.BLOCKED),
        ({"issuer_of_patient_id": "A"}, {"issuer_of_patient_id": ""}, Intake.STORED),
        ({"patient_id": ""}, {"patient_id": ""}, Intake.STORED),
        ({"patient_id": "P1 "}, {"patient_id": "P1"}, Intake.STORED),
    ],
)
@pytest.mark.requirement("R-KEEP-4")
def test_two_patients_in_one_study_block_it(
    ledger: Engine, first: dict[str, str], second: dict[str, str], outcome: Intake
) -> None:
    assert receive(ledger, received(1, **first), received(2, **second))[1] == outcome
    (study,) = rows(ledger, Study)
    assert (study.blocked_reason is not None) == (outcome is Intake.BLOCKED)


def test_a_blocked_study_keeps_what_comes_but_does_no_work(ledger: Engine) -> None:
    outcomes = receive(ledger, received(1), received(2, patient_id="P2"), received(3))
    assert outcomes == [Intake.STORED, Intake.BLOCKED, Intake.BLOCKED]
    assert len(rows(ledger, Instance)) == 3
    (job,) = rows(ledger, Job)
    assert job.state is JobState.DEAD
    assert job.last_error is not None and "PatientID" in job.last_error


def test_header_text_no_database_can_hold_refuses_no_image(ledger: Engine) -> None:
    odd = received(1, patient_name="A\0B\udce4", series_number=10**12, study_description="x" * 9999)
    assert receive(ledger, odd) == [Intake.STORED]
    assert rows(ledger, Study)[0].patient_name == "AB?"


@pytest.mark.parametrize("senders", [6, 20])
def test_first_instances_of_one_study_at_once_are_all_stored(ledger_url: str, senders: int) -> None:
    instances = [
        received(number, series_instance_uid=f"1.2.3.{number % 3}") for number in range(senders)
    ]
    engine, outcomes = _record_at_once(ledger_url, instances)
    assert Counter(outcomes) == {Intake.STORED: senders}
    assert len(rows(engine, Study)) == 1
    assert len(rows(engine, Series)) == 3
    assert len(rows(engine, Instance)) == senders
    assert len({job.subject_id for job in rows(engine, Job)}) == senders
    assert rows(engine, Study)[0].evidence_version == senders


@pytest.mark.requirement("R-KEEP-4")
def test_a_race_of_duplicates_and_conflicts_leaves_one_live_instance(ledger_url: str) -> None:
    instances = [received(1, sha256=f"{number % 2}" * 64) for number in range(12)]
    engine, outcomes = _record_at_once(ledger_url, instances)
    assert Counter(outcomes) == {
        Intake.STORED: 1,
        Intake.DUPLICATE: 5,
        Intake.CONFLICT: 6,
    }
    live = [instance.quarantine_reason is None for instance in rows(engine, Instance)]
    assert sorted(live) == [False, True]
    assert len(rows(engine, Job)) == 1


def test_what_no_database_holds_makes_no_other_patient(ledger: Engine) -> None:
    """A NUL within, and half a surrogate pair."""
    odd = {"patient_id": "P\x001\udc80", "issuer_of_patient_id": "H\x00"}
    outcomes = receive(ledger, received(1, **odd), received(2, **odd))
    assert outcomes == [Intake.STORED, Intake.STORED]


@pytest.mark.requirement("R-KEEP-4")
def test_a_race_of_two_patients_blocks_their_study(ledger_url: str) -> None:
    instances = [received(number, patient_id=f"P{number % 2}") for number in range(10)]
    engine, outcomes = _record_at_once(ledger_url, instances)
    assert Intake.BLOCKED in outcomes
    assert rows(engine, Study)[0].blocked_reason is not None
    assert {job.state for job in rows(engine, Job)} <= {JobState.DEAD}


def test_a_restarted_listener_closes_what_its_predecessor_left_open(ledger: Engine) -> None:
    associate(ledger, "a1", "listener-1")
    associate(ledger, "a2", "listener-2")
    with transaction(ledger) as session:
        close_associations_of(session, "listener-1")
    closed = {row.id: row.closed_at is not None for row in rows(ledger, Association)}
    assert closed == {"a1": True, "a2": False}


def _record_at_once(
    url: str, instances: list[ReceivedInstance]
) -> tuple[Engine, list[Intake | Exception]]:
    engine = open_ledger(url)
    associate(engine)
    outcomes: list[Intake | Exception] = []
    start = threading.Barrier(len(instances))

    def send(instance: ReceivedInstance) -> None:
        start.wait()
        try:
            with transaction(engine) as session:
                outcome: Intake | Exception = record_instance(session, instance)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            outcome = error
        outcomes.append(outcome)

    senders = [threading.Thread(target=send, args=(instance,)) for instance in instances]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return engine, outcomes
