"""A ledger as years leave it behind: for measuring what must stay fast however much there is.

    python -m benchmarks.ledger_of_many LEDGER_URL [--studies N]

The ledger must be empty and at the newest schema (`osteon db upgrade`). Each study has two images,
their answers, a report and what one destination got of it; the worklist's entries are made as the
window makes them.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Engine, delete, func, insert, select, text

from db.session import open_ledger, transaction
from db.states import AnalysisState, DeliveryState, JobKind, JobState, ObjectKind
from db.tables import (
    Analysis,
    Association,
    Base,
    Consignment,
    Delivery,
    Destination,
    Instance,
    Job,
    Report,
    ResultObject,
    Series,
    Study,
    WorklistStale,
)
from db.worklist_refresh import refresh_worklist

Row = dict[str, Any]
SOURCES = ("CR_ROOM_1", "CR_ROOM_2", "DX_TRAUMA", "DX_WARD", "PACS", "TELERAD")
REGIONS = ("wrist", "hand", "elbow", "shoulder", "ankle", "foot", "knee", "hip")
_FINDINGS = (
    *(AnalysisState.FRACTURE, AnalysisState.POSSIBLE, AnalysisState.NOT_ANALYSED),
    *[AnalysisState.NONE] * 7,
)
_PROBABILITIES = {AnalysisState.FRACTURE: 0.7, AnalysisState.POSSIBLE: 0.4, AnalysisState.NONE: 0.0}
_DESTINATION = "PACS@archive:104"
_SECONDS_APART = 300
_BATCH_STUDIES = 5000
_LARGEST = (
    *(Association, Study, Series, Instance, Analysis, Report, ResultObject, Consignment),
    *(Delivery, Job),
)


def fill_ledger(engine: Engine, studies: int) -> None:
    """Write so many studies, the newest received just now, and their worklist entries."""
    newest = datetime.now(UTC).replace(microsecond=0)
    with transaction(engine) as session:
        session.execute(insert(Destination), [{"name": _DESTINATION, "failures": 0}])
    for first in range(1, studies + 1, _BATCH_STUDIES):
        stories = [
            _Story(number, studies, newest)
            for number in range(first, min(first + _BATCH_STUDIES, studies + 1))
        ]
        with transaction(engine) as session:
            for table, rows in _ROWS:
                written = [row for story in stories for row in rows(story)]
                session.execute(insert(table.__table__), written)
            # One note a study is enough for its entry.
            session.execute(delete(WorklistStale))
    if engine.dialect.name == "postgresql":
        _continue_numbers(engine)
    _make_entries(engine)


class _Story:
    """Study `number` of so many: what came when, and what became of it."""

    def __init__(self, number: int, studies: int, newest: datetime) -> None:
        self.number = number
        self.uid = f"1.2.826.0.1.3680043.8.498.{number}"
        self.received_at = newest - timedelta(seconds=_SECONDS_APART * (studies - number))
        self.finding = _FINDINGS[number % len(_FINDINGS)]
        self.region = REGIONS[number % len(REGIONS)]
        self.is_sent = number <= studies - min(20, studies // 10)
        self.is_committed = self.is_sent and number % 3 == 0

    def after(self, seconds: float) -> datetime:
        return self.received_at + timedelta(seconds=seconds)

    def image_ids(self) -> tuple[int, int]:
        return 2 * self.number - 1, 2 * self.number

    def image_finding(self, image_id: int) -> AnalysisState:
        shows_it = image_id % 2 == 1 or self.finding is AnalysisState.NOT_ANALYSED
        return self.finding if shows_it else AnalysisState.NONE

    def probability(self, finding: AnalysisState) -> float | None:
        if finding is AnalysisState.NOT_ANALYSED:
            return None
        return round(_PROBABILITIES[finding] + self.number % 293 / 1000, 3)


def _associations(story: _Story) -> Iterator[Row]:
    yield {
        "id": f"association-{story.number}",
        "listener": "listener",
        "calling_ae_title": SOURCES[story.number % len(SOURCES)],
        "called_ae_title": "OSTEON",
        "address": "192.0.2.7",
        "opened_at": story.received_at,
        "closed_at": story.after(4),
    }


def _studies(story: _Story) -> Iterator[Row]:
    yield {
        "id": story.number,
        "study_instance_uid": story.uid,
        "patient_id": f"P{story.number % 70_000:06}",
        "issuer_of_patient_id": "",
        "patient_name": f"Family{story.number % 9973}^Given{story.number % 211}",
        "patient_birth_date": f"19{story.number % 100:02}0115",
        "patient_sex": "FM"[story.number % 2],
        "accession_number": f"A{story.number:08}",
        "study_date": story.received_at.strftime("%Y%m%d"),
        "study_time": story.received_at.strftime("%H%M%S"),
        "study_description": f"{story.region} two views",
        "received_at": story.received_at,
        "last_instance_at": story.after(2),
        "evidence_version": 4,
        "settled_evidence_version": 4,
        "priority": 10 if story.number % 50 == 0 else 0,
    }


def _series(story: _Story) -> Iterator[Row]:
    yield {
        "id": story.number,
        "study_id": story.number,
        "series_instance_uid": f"{story.uid}.1",
        "modality": "DX" if story.number % 3 else "CR",
        "series_number": 1,
        "series_description": "",
    }


def _instances(story: _Story) -> Iterator[Row]:
    for image_id in story.image_ids():
        yield {
            "id": image_id,
            "series_id": story.number,
            "association_id": f"association-{story.number}",
            "sop_instance_uid": f"{story.uid}.1.{image_id}",
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "is_image": True,
            "body_part": story.region.upper(),
            "laterality": "LR"[story.number % 2],
            "view_position": "AP" if image_id % 2 else "LATERAL",
            "spool_key": f"{image_id:064x}",
            "sha256": f"{image_id:064x}",
            "size_bytes": 8_000_000,
            "received_at": story.after(image_id % 2),
        }


def _analyses(story: _Story) -> Iterator[Row]:
    for image_id in story.image_ids():
        finding = story.image_finding(image_id)
        looked = finding is not AnalysisState.NOT_ANALYSED
        box = {"x0": 10.0, "y0": 20.0, "x1": 110.0, "y1": 140.0, "score": 0.8}
        yield {
            "id": image_id,
            "instance_id": image_id,
            "model_name": "osteon" if looked else "",
            "model_version": "1.0" if looked else "",
            "evidence_version": 3 + image_id % 2,
            "state": finding,
            "reason": None if looked else "modality CT",
            "probability": story.probability(finding),
            "region": story.region if looked else None,
            "boxes": [box] if finding is AnalysisState.FRACTURE else [],
            "notes": [],
            "stage_milliseconds": {"decode": 40.0, "infer": 120.0},
            "analysed_at": story.after(5),
        }


def _reports(story: _Story) -> Iterator[Row]:
    yield {
        "id": story.number,
        "study_id": story.number,
        "revision": 1,
        "evidence_version": 4,
        "state": story.finding,
        "probability": story.probability(story.finding),
        "created_at": story.after(20),
        "reported_at": story.after(20),
    }


def _objects(story: _Story) -> Iterator[Row]:
    yield {
        "id": story.number,
        "report_id": story.number,
        "kind": ObjectKind.SR,
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.33",
        "sop_instance_uid": f"2.25.{story.number}",
        "series_instance_uid": f"2.25.9{story.number}",
        "spool_key": f"{story.number:063x}f",
        "sha256": f"{story.number:063x}f",
        "size_bytes": 12_000,
    }


def _consignments(story: _Story) -> Iterator[Row]:
    yield {
        "id": story.number,
        "report_id": story.number,
        "destination": _DESTINATION,
        "created_at": story.after(20),
    }


def _deliveries(story: _Story) -> Iterator[Row]:
    sent = DeliveryState.COMMITTED if story.is_committed else DeliveryState.SENT
    yield {
        "id": story.number,
        "consignment_id": story.number,
        "object_id": story.number,
        "state": sent if story.is_sent else DeliveryState.QUEUED,
        "sendings": int(story.is_sent),
        "sent_at": story.after(25) if story.is_sent else None,
        "committed_at": story.after(40) if story.is_committed else None,
    }


def _jobs(story: _Story) -> Iterator[Row]:
    subjects = [(JobKind.ANALYSE, image_id) for image_id in story.image_ids()]
    subjects += [(JobKind.REPORT, story.number), (JobKind.DELIVER, story.number)]
    for place, (kind, subject_id) in enumerate(subjects):
        is_done = kind is not JobKind.DELIVER or story.is_sent
        yield {
            "id": 4 * story.number - 3 + place,
            "kind": kind,
            "subject_id": subject_id,
            "lane": _DESTINATION if kind is JobKind.DELIVER else None,
            "state": JobState.DONE if is_done else JobState.WAITING,
            "priority": 0,
            "attempt": int(is_done),
            "fence_token": int(is_done),
            "next_attempt_at": story.after(2),
            "created_at": story.after(2),
            "first_claimed_at": story.after(3) if is_done else None,
            "finished_at": story.after(25) if is_done else None,
        }


_ROWS: tuple[tuple[type[Base], Callable[[_Story], Iterator[Row]]], ...] = tuple(
    zip(
        _LARGEST,
        (
            *(_associations, _studies, _series, _instances, _analyses, _reports, _objects),
            *(_consignments, _deliveries, _jobs),
        ),
        strict=True,
    )
)


def _continue_numbers(engine: Engine) -> None:
    with transaction(engine) as session:
        for table in _LARGEST[1:]:
            name = table.__tablename__
            highest = select(func.max(text("id"))).select_from(table).scalar_subquery()
            session.execute(select(func.setval(func.pg_get_serial_sequence(name, "id"), highest)))


def _make_entries(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(insert(WorklistStale).from_select(["study_id"], select(Study.id)))
    while refresh_worklist(engine):
        pass
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def main(
    ledger_url: Annotated[str, typer.Argument(help="An empty ledger of the newest schema.")],
    studies: Annotated[int, typer.Option(help="How many studies, of two images each.")] = 100_000,
) -> None:
    began = time.perf_counter()
    fill_ledger(open_ledger(ledger_url), studies)
    typer.echo(f"{studies} studies in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    typer.run(main)
