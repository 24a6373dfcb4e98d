"""Whether a destination keeps what it took: asked by Storage Commitment, else looked for."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.commitments import MAX_SENDINGS
from db.destinations import DestinationState, destination_states
from db.job_list import requeue_jobs
from db.jobs import JobKind, JobState
from db.results import delivery_results
from db.session import reading, transaction
from db.states import DeliveryState, ObjectKind
from db.tables import Delivery, ResultObject
from dicom_node.peer import Destination
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import Commitment, Pacs, running_pacs
from tests.worker.ward import Eye, Ward, running_ward
from worker.destinations import PacsDestination

pytestmark = pytest.mark.requirement("R-SEND-4")

OpenReported = Callable[..., Ward]
SHORT_SECONDS = 0.2
NOWHERE = Destination("NOWHERE", "127.0.0.1", 1)


@pytest.fixture(scope="module")
def reported(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, eye: Eye) -> Path:
    """Ledger and spool of a node with a report for the destination `pacs`, and nothing sent."""
    folder = tmp_path_factory.mktemp("reported")
    shutil.copy(migrated_sqlite, folder / "ledger.sqlite")
    ward = _ward(folder, eye, NOWHERE)
    image = study_of_two_views()[0]
    image.BodyPartExamined = "SKULL"
    ward.receive(image)
    ward.run_kind(JobKind.ANALYSE)
    ward.run_kind(JobKind.REPORT)
    ward.close()
    return folder


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a PACS that does not answer on the association that asked."""
    monkeypatch.setattr("worker.confirming._ANSWER_WAIT_SECONDS", SHORT_SECONDS)


@pytest.fixture
def open_reported(reported: Path, tmp_path: Path, eye: Eye) -> Iterator[OpenReported]:
    """Open that node with a PACS as its destination."""
    opened = []

    def open_with(pacs: Pacs, *, prove: bool = True) -> Ward:
        shutil.copytree(reported, tmp_path / "node")
        ward = _ward(tmp_path / "node", eye, pacs.destination, prove=prove)
        opened.append(ward)
        return ward

    yield open_with
    for ward in opened:
        ward.close()


def _ward(folder: Path, eye: Eye, pacs: Destination, *, prove: bool = True) -> Ward:
    destination = PacsDestination("pacs", pacs, prove=prove)
    return running_ward(
        f"sqlite:///{folder / 'ledger.sqlite'}", folder / "spool", eye, [destination]
    )


def _fate(ward: Ward) -> tuple[str, str | None]:
    """State and proof, as a person is told."""
    with reading(ward.kitchen.ledger) as session:
        [row] = delivery_results(session)
    return row["state"], row["proof"]


def test_a_pacs_that_says_at_once_that_it_keeps_it(open_reported: OpenReported) -> None:
    with running_pacs(commitment=Commitment.ANSWERS_HERE) as pacs:
        ward = open_reported(pacs)
        ward.run_until_quiet()
        [question] = pacs.questions
    asked = {
        (one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID)
        for one in question.ReferencedSOPSequence
    }
    assert asked == {(one.SOPClassUID, one.SOPInstanceUID) for one in pacs.received}
    assert _fate(ward) == ("committed", "commitment")
    assert [job.state for job in ward.jobs(JobKind.CONFIRM)] == [JobState.DONE]


@pytest.mark.usefixtures("short_wait")
def test_a_pacs_that_calls_back_to_say_that_it_keeps_it(open_reported: OpenReported) -> None:
    with running_pacs(commitment=Commitment.ANSWERS_LATER) as pacs:
        ward = open_reported(pacs)
        ward.run_until_quiet()
        assert _fate(ward) == ("sent", None)
        assert pacs.call_back(_here(ward)) == 0x0000
        assert _fate(ward) == ("committed", "commitment")
        ward.run_until_quiet()  # the job that waited is woken, and has nothing left to ask
    assert len(pacs.questions) == 1
    assert [job.state for job in ward.jobs(JobKind.CONFIRM)] == [JobState.DONE]


def test_what_is_not_kept_is_sent_again_the_same_bytes_and_then_shown_to_a_person(
    open_reported: OpenReported,
) -> None:
    with running_pacs(commitment=Commitment.ANSWERS_HERE) as pacs:
        ward = open_reported(pacs)
        uid = _report_uid(ward)
        pacs.lost = {uid}
        ward.run_until_quiet()
        assert len(pacs.sendings[uid]) == MAX_SENDINGS
        assert len(set(pacs.sendings[uid])) == 1
        assert {len(sent) for other, sent in pacs.sendings.items() if other != uid} <= {1}
        assert _fate(ward) == ("refused", "commitment")
        said = "3 times accepted and not kept: the peer does not have the object"
        [refused] = [one for one in ward.rows(Delivery) if one.state is DeliveryState.REFUSED]
        assert refused.reason == said
        # It is among what `osteon jobs --dead` shows, and can be requeued once it is mended.
        [dead] = [job for job in ward.jobs(JobKind.DELIVER) if job.state is JobState.DEAD]
        assert dead.last_error == said
        pacs.lost = set()
        with transaction(ward.kitchen.ledger) as session:
            assert requeue_jobs(session, [dead.job_id]) == 1
        ward.run_until_quiet()
    assert _fate(ward) == ("committed", "commitment")


@pytest.mark.usefixtures("short_wait")
def test_a_question_without_an_answer_is_asked_again_the_next_day_and_then_looked_into(
    open_reported: OpenReported,
) -> None:
    with running_pacs(commitment=Commitment.ANSWERS_LATER, answers_queries=True) as pacs:
        ward = open_reported(pacs)
        for day in (1, 2, 3):
            ward.run_until_quiet()
            assert len(pacs.questions) == day
            assert _fate(ward) == ("sent", None)
            [job] = ward.jobs(JobKind.CONFIRM, JobState.WAITING)
            waits = job.next_attempt_at - job.created_at
            assert waits.total_seconds() > 23 * 3600
            ward.let_time_pass()
        assert len({one.TransactionUID for one in pacs.questions}) == 3
        ward.run_until_quiet()
    assert len(pacs.questions) == 3
    assert _fate(ward) == ("committed", "query")


@pytest.mark.usefixtures("short_wait")
def test_what_an_answer_leaves_out_is_asked_about_the_next_day(
    open_reported: OpenReported,
) -> None:
    with running_pacs(commitment=Commitment.ANSWERS_LATER) as pacs:
        ward = open_reported(pacs)
        pacs.lost = pacs.unmentioned = {_report_uid(ward)}
        ward.run_until_quiet()
        assert pacs.call_back(_here(ward)) == 0x0000
        ward.run_until_quiet()
    assert len(pacs.questions) == 1
    assert _fate(ward) == ("sent", "commitment")


def test_a_pacs_that_leaves_something_out_each_time_is_searched(
    open_reported: OpenReported,
) -> None:
    with running_pacs(commitment=Commitment.ANSWERS_HERE, answers_queries=True) as pacs:
        ward = open_reported(pacs)
        uid = _report_uid(ward)
        pacs.lost = pacs.unmentioned = {uid}
        for _ in range(3):
            ward.run_until_quiet()
            ward.let_time_pass()
        pacs.lost = set()
        ward.run_until_quiet()
    assert len(pacs.questions) == 3
    assert _fate(ward) == ("committed", "query")


@pytest.mark.parametrize("refusal", [Commitment.REFUSES, Commitment.BREAKS_OFF])
def test_a_pacs_that_refuses_to_answer_is_searched(
    open_reported: OpenReported, refusal: Commitment
) -> None:
    with running_pacs(commitment=refusal, answers_queries=True) as pacs:
        ward = open_reported(pacs)
        ward.run_until_quiet()
    assert len(pacs.questions) == 1
    assert _fate(ward) == ("committed", "query")


def test_a_pacs_that_breaks_off_at_every_question_is_asked_no_more_after_a_while(
    open_reported: OpenReported,
) -> None:
    with running_pacs(commitment=Commitment.BREAKS_OFF, answers_queries=True) as pacs:
        pacs.can_search = False
        ward = open_reported(pacs)
        for _ in range(5):
            assert _fate(ward)[1] is None
            ward.run_until_quiet()
            assert _destination(ward).state == "up"  # results may go there all the same
            ward.let_time_pass()
    assert _fate(ward) == ("sent", "none")
    assert [job.state for job in ward.jobs(JobKind.CONFIRM)] == [JobState.DONE]


def test_a_pacs_without_commitment_is_searched_on_the_association_that_showed_it(
    open_reported: OpenReported,
) -> None:
    with running_pacs(answers_queries=True) as pacs:
        ward = open_reported(pacs)
        ward.run_kind(JobKind.DELIVER)
        assert pacs.associations == 1
        ward.run_until_quiet()
    assert _fate(ward) == ("committed", "query")
    assert pacs.associations == 2


def test_what_a_search_does_not_find_is_looked_for_again_and_then_sent_again(
    open_reported: OpenReported,
) -> None:
    with running_pacs(answers_queries=True) as pacs:
        ward = open_reported(pacs)
        uid = _report_uid(ward)
        pacs.lost = {uid}
        for _ in range(2):
            ward.run_until_quiet()
            [job] = ward.jobs(JobKind.CONFIRM, JobState.WAITING)
            assert "does not show 1 of what it took" in (job.last_error or "")
            assert len(pacs.sendings[uid]) == 1
            # It answered: a slow index is no reason to let others' results wait.
            assert _destination(ward).state == "up"
            ward.let_time_pass()
        ward.run_due()
        ward.run_due()
        assert len(pacs.sendings[uid]) == 2
        pacs.lost = set()
        ward.run_until_quiet()
    assert _fate(ward) == ("committed", "query")


def test_an_outage_uses_up_no_look(open_reported: OpenReported) -> None:
    with running_pacs(answers_queries=True) as pacs:
        ward = open_reported(pacs)
        ward.run_kind(JobKind.DELIVER)
    for _ in range(4):
        ward.let_time_pass()
        ward.run_kind(JobKind.CONFIRM)
        [job] = ward.jobs(JobKind.CONFIRM)
        assert "connection refused" in (job.last_error or "")
    with running_pacs(answers_queries=True, port=pacs.destination.port) as slow:
        ward.let_time_pass()
        ward.run_until_quiet()
        [job] = ward.jobs(JobKind.CONFIRM)
        assert "does not show" in (job.last_error or "")
        assert slow.sendings == {}, "it may yet show what it took"


def test_a_pacs_that_offers_no_way_to_ask_has_it_unproved(open_reported: OpenReported) -> None:
    with running_pacs() as pacs:
        ward = open_reported(pacs)
        ward.run_until_quiet()
    assert _fate(ward) == ("sent", "none")
    assert ward.study()["state"] == "delivered"
    assert [job.state for job in ward.jobs(JobKind.CONFIRM)] == [JobState.DONE]


def test_a_pacs_that_is_not_to_be_asked_is_not(open_reported: OpenReported) -> None:
    with running_pacs(commitment=Commitment.ANSWERS_HERE) as pacs:
        ward = open_reported(pacs, prove=False)
        ward.run_until_quiet()
    assert pacs.questions == []
    assert _fate(ward) == ("sent", None)


def _report_uid(ward: Ward) -> str:
    [report] = [row for row in ward.rows(ResultObject) if row.kind is ObjectKind.SR]
    return str(report.sop_instance_uid)


def _destination(ward: Ward) -> DestinationState:
    with reading(ward.kitchen.ledger) as session:
        [state] = destination_states(session)
    return state


def _here(ward: Ward) -> Destination:
    return Destination("OSTEON", "127.0.0.1", ward.listener.port)


def test_a_question_without_an_answer_holds_no_delivery_up(
    open_ward: Callable[..., Ward],
) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(study_of_two_views()[0])
        for kind in (JobKind.ANALYSE, JobKind.REPORT, JobKind.DELIVER):
            ward.run_kind(kind)
    ward.run_kind(JobKind.CONFIRM)
    [job] = ward.jobs(JobKind.CONFIRM)
    assert "connection refused" in (job.last_error or "")
    with reading(ward.kitchen.ledger) as session:
        [fares] = destination_states(session)
    assert (fares.state, fares.failures) == ("up", 0)
