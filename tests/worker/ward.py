"""A node without broker and beat: a listener, a ledger and a kitchen whose steps a test runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select, update

from db.clock import database_now
from db.job_list import ListedJob, list_jobs
from db.jobs import JobKind, JobState
from db.results import image_results, study_results
from db.session import reading, transaction
from db.states import ObjectKind
from db.tables import Association, Base, Job, ResultObject
from db.tables import Destination as DestinationRow
from dicom_node.ladder import Wishes
from dicom_node.listener import Listener, ListenerConfig
from dicom_node.outbox import send_datasets
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy
from dicom_node.routing.rules import Rule
from dicom_node.spool import FileSpool
from messages.fhir_source import FhirSite
from model.classifier import FractureClassifier
from model.decoding.decoder import DecodeLimits, Decoder
from worker.destinations import PacsDestination, ResultDestination
from worker.job_runner import run_job
from worker.kitchen import Kitchen, KitchenPlan, Waits
from worker.pipeline import offer_due_jobs
from worker.tasks import STEPS

Row = TypeVar("Row", bound=Base)
_AE_TITLE = "OSTEON"


@dataclass(frozen=True)
class Eye:
    """What is dear to make and knows nothing of ledger or spool."""

    artefact_folder: Path
    classifier: FractureClassifier
    decoder: Decoder


@dataclass
class Ward:
    """The listener that receives, the kitchen that works, and short ways to look at the ledger."""

    listener: Listener
    kitchen: Kitchen

    def receive(self, *datasets: Dataset) -> None:
        """By C-STORE, on one association, which is closed on return."""
        here = Destination(_AE_TITLE, "127.0.0.1", self.listener.port)
        send_datasets(here, "MODALITY", datasets)
        while any(one.closed_at is None for one in self.rows(Association)):
            time.sleep(0.01)

    def run_due(self) -> int:
        """What a second of a node does: everything due is offered, and all of it is done."""
        due = offer_due_jobs(self.kitchen)
        for kind, job_id in due:
            run_job(self.kitchen, job_id, STEPS[kind])
        return len(due)

    def run_until_quiet(self) -> None:
        while self.run_due():
            pass

    def run_kind(self, kind: JobKind) -> None:
        """Everything due of one kind."""
        for due, job_id in offer_due_jobs(self.kitchen):
            if due is kind:
                run_job(self.kitchen, job_id, STEPS[kind])

    def images(self) -> list[dict[str, Any]]:
        with reading(self.kitchen.ledger) as session:
            return image_results(session)

    def study(self) -> dict[str, Any]:
        with reading(self.kitchen.ledger) as session:
            [row] = study_results(session)
        return row

    def jobs(self, kind: JobKind, *states: JobState) -> list[ListedJob]:
        with reading(self.kitchen.ledger) as session:
            listed = list_jobs(session, states=states or tuple(JobState))
        return [job for job in listed if job.kind is kind]

    def rows(self, table: type[Row]) -> list[Row]:
        with reading(self.kitchen.ledger) as session:
            found = list(session.scalars(select(table).order_by("id")))
            session.expunge_all()
            return found

    def made(self, *kinds: ObjectKind) -> list[Dataset]:
        """The result objects of these kinds as they lie in the spool, oldest first."""
        rows = [row for row in self.rows(ResultObject) if row.kind in kinds]
        return [dcmread(BytesIO(self.content(row.spool_key))) for row in rows]

    def content(self, spool_key: str) -> bytes:
        with self.kitchen.spool.open(spool_key) as stream:
            return stream.read()

    def let_time_pass(self) -> None:
        """All waits and leases are over."""
        with transaction(self.kitchen.ledger) as session:
            session.execute(
                update(Job).values(
                    next_attempt_at=database_now(),
                    lease_until=database_now(-1),
                    offered_until=None,
                )
            )
            session.execute(update(DestinationRow).values(rests_until=None))

    def close(self) -> None:
        self.listener.stop(drain_seconds=1)
        self.kitchen.sender.close()
        self.kitchen.ledger.dispose()


def _with_pictures(destination: Destination | ResultDestination) -> ResultDestination:
    """A plain address gets all that the ladder has for it."""
    if not isinstance(destination, Destination):
        return destination
    return PacsDestination(str(destination), destination, Wishes(pictures_of_negatives=True))


def running_ward(
    ledger_url: str,
    spool_folder: Path,
    eye: Eye,
    destinations: Sequence[Destination | ResultDestination] = (),
    rules: Sequence[Rule] = (),
    **plan: Any,
) -> Ward:
    """A ward in which a study is quiet at once; `plan` are fields of KitchenPlan."""
    planned = KitchenPlan(
        ledger_url=ledger_url,
        spool=FileSpool(spool_folder),
        model_dir=eye.artefact_folder,
        device="cpu",
        ae_title=_AE_TITLE,
        time_zone=ZoneInfo("UTC"),
        destinations=tuple(_with_pictures(one) for one in destinations),
        fhir_site=FhirSite(_AE_TITLE, UTC),
        waits=Waits(quiet_seconds=0, max_wait_seconds=600, lease_seconds=60),
        decode_limits=DecodeLimits(30, 1 << 30),
    )
    kitchen = Kitchen(replace(planned, **plan))
    kitchen.decoder, kitchen._classifier = eye.decoder, eye.classifier
    config = ListenerConfig(AssociationPolicy(_AE_TITLE), "ward", port=0, rules=rules)
    listener = Listener(config, kitchen.ledger, kitchen.spool)
    listener.start()
    return Ward(listener, kitchen)
