"""The node tries itself: each step passes or says what hangs, and nothing of it is sent."""

import threading
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import update

from db.presence import RunningProcess, note_presence
from db.session import transaction
from db.states import AnalysisState
from db.tables import Analysis, Consignment, Instance, Job
from dicom_node.listener import Listener, ListenerConfig
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy, Peer
from dicom_node.self_test import SelfTest, Step, StepOutcome
from dicom_node.self_test_study import new_study_uid, self_test_study
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward

OpenWard = Callable[..., Ward]


def self_test_of(ward: Ward, limit_seconds: float) -> SelfTest:
    here = Destination("OSTEON", "127.0.0.1", ward.listener.port)
    return SelfTest(lambda: ward.kitchen.ledger, here, "OSTEON", limit_seconds)


def run_beside(ward: Ward, test: SelfTest) -> list[StepOutcome]:
    """The test in a thread of its own, while the ward does what is due."""
    outcomes: list[StepOutcome] = []
    thread = threading.Thread(target=lambda: outcomes.extend(test.run(new_study_uid())))
    thread.start()
    while thread.is_alive():
        ward.run_due()
        thread.join(0.05)
    return outcomes


def test_a_node_that_is_well_passes_each_step_and_sends_nothing(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        outcomes = run_beside(ward, self_test_of(ward, limit_seconds=60))
        ward.run_until_quiet()
        assert [(one.step, one.passed) for one in outcomes] == [(step, True) for step in Step]
        assert pacs.received == []
        assert ward.rows(Consignment) == []
        assert {one.rule for one in ward.rows(Instance)} == {"self-test"}
        said = {one.step: one.said for one in outcomes}
        assert said[Step.STORED] == "2 images, each answered 0x0000"
        assert "fracture 0." in said[Step.ANALYSED]
        assert said[Step.KEPT_BACK] == "nothing of it goes to any destination"

        # The same patient from anybody else is a patient.
        ward.receive(*self_test_study(new_study_uid()))
        ward.run_until_quiet()
        assert len(ward.rows(Consignment)) == 1
        assert pacs.received != []


def test_it_says_what_hangs(open_ward: OpenWard) -> None:
    ward = open_ward()
    test = self_test_of(ward, limit_seconds=0.1)
    *_, last = test.run(new_study_uid())
    assert (last.step, last.passed) == (Step.ANALYSED, False)
    assert "no beat has been heard of" in last.said
    assert "no worker that analyses has been heard of" in last.said

    with transaction(ward.kitchen.ledger) as session:
        note_presence(session, RunningProcess("beat"))
        note_presence(session, RunningProcess("worker", ("analyse",)))
    *_, last = test.run(new_study_uid())
    assert last.said == "after 0 s not yet: it waits for a worker, with 2 before it"


def test_another_finding_is_not_passed_over(open_ward: OpenWard) -> None:
    ward = open_ward()
    steps = self_test_of(ward, limit_seconds=30).run(new_study_uid())
    for _ in (Step.ECHO, Step.STORED, Step.RECORDED):
        assert next(steps).passed
    ward.run_until_quiet()
    with transaction(ward.kitchen.ledger) as session:
        session.execute(update(Analysis).values(state=AnalysisState.NONE, probability=0.03))
    outcome = next(steps)
    assert not outcome.passed
    assert "a fracture was expected in each image, and found was: none 0.03, none 0.03" in (
        outcome.said
    )
    assert list(steps) == []


def test_a_listener_that_does_not_admit_us_or_is_away_is_explained(open_ward: OpenWard) -> None:
    ward = open_ward()
    policy = AssociationPolicy("OSTEON", allowed_peers=(Peer("PACS"),))
    strict = Listener(
        ListenerConfig(policy, "strict", port=0), ward.kitchen.ledger, ward.kitchen.spool
    )
    strict.start()
    try:
        test = self_test_of(ward, limit_seconds=1)
        refused = replace(test, listener=replace(test.listener, port=strict.port))
        [outcome] = refused.run(new_study_uid())
        assert (outcome.step, outcome.passed) == (Step.ECHO, False)
        assert "name this machine in `own_hosts` of the listener's settings" in outcome.said
    finally:
        strict.stop(drain_seconds=1)
    away = replace(test, listener=replace(test.listener, port=strict.port))
    [outcome] = away.run(new_study_uid())
    assert "connection refused; is the peer running, and is the port right?" in outcome.said
    assert ward.rows(Job) == []
