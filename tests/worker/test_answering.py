"""A peer that sent us images asks whether we keep them, and is told the truth when it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel
from sqlalchemy import select, update

from db.clock import database_now
from db.job_list import ListedJob, list_jobs, requeue_jobs
from db.jobs import JobKind, JobState
from db.session import reading, transaction
from db.tables import Job, PeerRequest
from dicom_node.commitment.messages import (
    CLASS_INSTANCE_CONFLICT,
    NO_SUCH_INSTANCE,
    PROCESSING_FAILURE,
    PUSH_MODEL_INSTANCE,
    Reference,
    request_message,
)
from dicom_node.peer import Destination
from dicom_node.spool import FileSpool
from messages.fhir_source import FhirSite
from model.decoding.decoder import DecodeLimits
from tests.dicom_node.listening import AE_TITLE, Node, associated, running_node, store
from tests.dicom_node.sent_objects import CR, radiograph
from tests.servers import free_port
from worker.job_runner import run_job
from worker.kitchen import Kitchen, KitchenPlan, Waits
from worker.pipeline import next_for_destination, offer_due_jobs
from worker.tasks import STEPS

DX = "1.2.840.10008.5.1.4.1.1.1.1"
QUESTION = "2.25.1"
OTHER = Destination("OTHER", "127.0.0.1", 1)  # nobody listens there


@dataclass
class Modality:
    """It sends images, asks about them, and is told on a port where it is not always there."""

    port: int = field(default_factory=free_port)
    status: int = 0x0000
    told: list[tuple[int, Dataset]] = field(default_factory=list)

    @property
    def address(self) -> Destination:
        return Destination("MODALITY", "127.0.0.1", self.port, connection_timeout_seconds=2)

    @contextmanager
    def there(self) -> Iterator[None]:
        ae = AE("MODALITY")
        ae.add_supported_context(PushModel, scu_role=True, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._hear)]
        server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        try:
            yield
        finally:
            server.shutdown()

    def reasons(self) -> dict[str, int | None]:
        """The Failure Reason of each object in the last answer; none: it is kept."""
        _, message = self.told[-1]
        kept = message.get("ReferencedSOPSequence", [])
        return {
            **{str(item.ReferencedSOPInstanceUID): None for item in kept},
            **{
                str(item.ReferencedSOPInstanceUID): int(item.FailureReason)
                for item in message.get("FailedSOPSequence", [])
            },
        }

    def _hear(self, event: Any) -> tuple[int, None]:
        self.told.append((event.event_type, event.event_information))
        return self.status, None


class WatchedSpool(FileSpool):
    """Notes what is read from it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, reserve_bytes=0)
        self.read: list[str] = []

    def open(self, key: str) -> BinaryIO:
        self.read.append(key)
        return super().open(key)


@dataclass
class Post:
    """A listener, and a kitchen that does nothing but answer."""

    node: Node
    kitchen: Kitchen
    spool: WatchedSpool

    def send(self, *datasets: Dataset) -> None:
        with associated(self.node.port, CR) as association:
            for dataset in datasets:
                assert store(association, dataset) == 0x0000

    def ask(
        self, references: list[Reference], transaction_uid: str = QUESTION, peer: str = "MODALITY"
    ) -> None:
        message = request_message(transaction_uid, references)
        with associated(self.node.port, PushModel, calling=peer) as association:
            status, _ = association.send_n_action(message, 1, PushModel, PUSH_MODEL_INSTANCE)
        assert status.Status == 0x0000

    def run_due(self, kitchen: Kitchen | None = None) -> ListedJob:
        """Everything due is answered; the last of those jobs."""
        kitchen = kitchen or self.kitchen
        for kind, job_id in offer_due_jobs(kitchen):
            if kind is JobKind.ANSWER:
                run_job(kitchen, job_id, STEPS[kind])
        return self.jobs()[-1]

    def jobs(self) -> list[ListedJob]:
        with reading(self.node.engine) as session:
            jobs = list_jobs(session, states=JobState)
        return [job for job in jobs if job.kind is JobKind.ANSWER]

    def let_time_pass(self) -> None:
        with transaction(self.node.engine) as session:
            session.execute(update(Job).values(next_attempt_at=database_now(), offered_until=None))

    def path(self, dataset: Dataset) -> Path:
        [row] = self.node.instances(dataset.SOPInstanceUID)
        return self.node.spool.root / "kept" / row.spool_key[:2] / row.spool_key


@pytest.fixture
def modality() -> Modality:
    return Modality()


@pytest.fixture
def post(sqlite_ledger_url: str, tmp_path: Path, modality: Modality) -> Iterator[Post]:
    peers = [modality.address, OTHER]
    with running_node(sqlite_ledger_url, tmp_path / "spool", destinations=peers) as node:
        spool = WatchedSpool(node.spool.root)
        kitchen = Kitchen(_plan(sqlite_ledger_url, spool, modality.address))
        yield Post(node, kitchen, spool)
        kitchen.close()


def _plan(ledger_url: str, spool: FileSpool, peer: Destination) -> KitchenPlan:
    return KitchenPlan(
        ledger_url=ledger_url,
        spool=spool,
        model_dir=spool.root,
        device="cpu",
        ae_title=AE_TITLE,
        time_zone=ZoneInfo("UTC"),
        destinations=(),
        waits=Waits(quiet_seconds=600, max_wait_seconds=600, lease_seconds=60),
        decode_limits=DecodeLimits(30, 1 << 30),
        fhir_site=FhirSite(AE_TITLE, UTC),
        peers=(OTHER, peer),
    )


def references(*datasets: Dataset) -> list[Reference]:
    return [Reference(one.SOPClassUID, one.SOPInstanceUID) for one in datasets]


def test_only_what_is_safe_here_is_said_to_be_and_sending_again_mends_the_rest(
    post: Post, modality: Modality
) -> None:
    sound, gone, damaged, other_class, claimed, never_sent = (radiograph() for _ in range(6))
    sent = (sound, gone, damaged, other_class, claimed)
    post.send(*sent, radiograph(SOPInstanceUID=claimed.SOPInstanceUID, InstanceNumber=9))
    paths = {one.SOPInstanceUID: post.path(one) for one in (gone, damaged)}
    contents = {uid: path.read_bytes() for uid, path in paths.items()}
    paths[gone.SOPInstanceUID].unlink()
    paths[damaged.SOPInstanceUID].write_bytes(contents[damaged.SOPInstanceUID][:-1] + b"!")
    asked = references(sound, gone, damaged, claimed, never_sent)
    with modality.there():
        post.ask([*asked, Reference(DX, other_class.SOPInstanceUID)])
        assert post.run_due().state is JobState.DONE
        assert modality.told[0][0] == 2
        assert modality.told[0][1].TransactionUID == QUESTION
        assert modality.reasons() == {
            sound.SOPInstanceUID: None,
            gone.SOPInstanceUID: NO_SUCH_INSTANCE,
            damaged.SOPInstanceUID: PROCESSING_FAILURE,
            other_class.SOPInstanceUID: CLASS_INSTANCE_CONFLICT,
            claimed.SOPInstanceUID: NO_SUCH_INSTANCE,
            never_sent.SOPInstanceUID: NO_SUCH_INSTANCE,
        }
        post.send(gone, damaged)
        post.ask(references(sound, gone, damaged, other_class), "2.25.2")
        post.run_due()
    assert {uid: path.read_bytes() for uid, path in paths.items()} == contents
    assert [event_type for event_type, _ in modality.told] == [2, 1]
    assert set(modality.reasons().values()) == {None}
    with reading(post.node.engine) as session:
        assert all(one.answered_at for one in session.scalars(select(PeerRequest)))


def test_a_peer_that_is_away_is_told_when_it_is_back(post: Post, modality: Modality) -> None:
    image = radiograph()
    post.send(image)
    post.ask(references(image))
    job = post.run_due()
    assert job.state is JobState.WAITING
    assert "connection refused" in (job.last_error or "")
    with modality.there():
        assert post.run_due().state is JobState.WAITING  # it is not yet time
        post.let_time_pass()
        modality.status = 0x0110
        assert "answers 0x0110" in (post.run_due().last_error or "")
        modality.status = 0x0000
        post.let_time_pass()
        assert post.run_due().state is JobState.DONE
    assert modality.reasons() == {image.SOPInstanceUID: None}


def test_for_a_peer_that_is_away_nothing_is_read_and_one_question_is_tried(
    post: Post, modality: Modality
) -> None:
    image = radiograph()
    post.send(image)
    for number in range(3):
        post.ask(references(image), f"2.25.{number}")
    for attempt in (1, 2):
        post.let_time_pass()
        post.run_due()
        assert [job.attempt for job in post.jobs()] == [attempt] * 3
    assert all("connection refused" in (job.last_error or "") for job in post.jobs())
    with reading(post.node.engine) as session:
        assert sum(session.scalars(select(Job.fence_token))) == 2
    assert post.spool.read == []
    post.let_time_pass()
    with modality.there():
        post.run_due()
        for _ in range(2):
            going_on = next_for_destination(post.kitchen, post.jobs()[0].job_id)
            assert going_on is not None
            run_job(post.kitchen, going_on, STEPS[JobKind.ANSWER])
    assert [job.state for job in post.jobs()] == [JobState.DONE] * 3
    assert len(post.spool.read) == 3


def test_a_peer_that_is_away_delays_no_other(post: Post, modality: Modality) -> None:
    image = radiograph()
    post.send(image)
    post.ask(references(image), peer="OTHER")
    post.ask(references(image))
    with modality.there():
        assert post.run_due().state is JobState.DONE
    assert [job.state for job in post.jobs()] == [JobState.WAITING, JobState.DONE]
    assert len(modality.told) == 1


def test_an_answer_that_is_refused_for_good_is_shown_to_a_person(
    post: Post, modality: Modality
) -> None:
    image = radiograph()
    post.send(image)
    post.ask(references(image))
    modality.status = 0x0115
    with modality.there():
        job = post.run_due()
    assert job.state is JobState.DEAD
    assert "answers 0x0115" in (job.last_error or "")


def test_a_peer_that_left_the_settings_needs_a_person(post: Post, modality: Modality) -> None:
    image = radiograph()
    post.send(image)
    post.ask(references(image))
    lonely = Kitchen(replace(post.kitchen.plan, peers=()))
    job = post.run_due(lonely)
    lonely.close()
    assert job.state is JobState.DEAD
    assert "no longer in the settings" in (job.last_error or "")
    with transaction(post.node.engine) as session:
        assert requeue_jobs(session, [job.job_id]) == 1
    with modality.there():
        assert post.run_due().state is JobState.DONE
    assert len(modality.told) == 1
