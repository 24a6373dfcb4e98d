"""Reading the results as people and programs are shown them: the ledger's documented views."""

from typing import Any

from sqlalchemy import JSON, Boolean, Column, Double, Integer, MetaData, Select, Table, Text, select
from sqlalchemy.orm import Session

from db.clock import UtcDateTime
from db.tables import Consignment, Report, Study

_VIEWS = MetaData()  # apart from the tables': migrations alone make the views


def _view(name: str, *columns: Column[Any]) -> Table:
    return Table(name, _VIEWS, *columns)


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names]


def _counts(*names: str) -> list[Column[Any]]:
    return [Column(name, Integer) for name in names]


def _moments(*names: str) -> list[Column[Any]]:
    return [Column(name, UtcDateTime) for name in names]


RESULT_IMAGE = _view(
    "result_image",
    *_texts("study_instance_uid", "series_instance_uid", "sop_instance_uid", "sop_class_uid"),
    *_texts("patient_id", "accession_number", "study_date", "modality"),
    *_texts("body_part", "laterality", "view_position"),
    Column("is_image", Boolean),
    *_texts("file", "rule", "state"),
    Column("probability", Double),
    Column("region", Text),
    Column("region_probability", Double),
    Column("type", Text),
    Column("type_probability", Double),
    Column("severity", Text),
    Column("hardware_probability", Double),
    Column("notes", JSON),
    Column("boxes", JSON),
    Column("frame", Integer),
    *_texts("model", "reason", "withdrawn"),
    *_moments("received_at", "analysed_at", "reported_at", "delivered_at", "committed_at"),
    *_moments("purged_at"),
)

RESULT_STUDY = _view(
    "result_study",
    *_texts("study_instance_uid", "patient_id", "accession_number"),
    *_texts("study_date", "study_description", "state", "finding"),
    Column("probability", Double),
    *_counts("images", "images_analysed", "images_not_analysed", "images_pending"),
    *_counts("quarantined", "other_objects", "report_revision"),
    *_counts("deliveries", "deliveries_sent", "deliveries_committed", "deliveries_refused"),
    Column("reason", Text),
    *_moments("received_at", "last_instance_at", "analysed_at"),
    *_moments("reported_at", "delivered_at", "committed_at"),
)

RESULT_REPORT = _view(
    "result_report",
    *_counts("report_id", "study_id", "revision", "evidence_version"),
    Column("finding", Text),
    Column("probability", Double),
    *_moments("created_at", "reported_at"),
    *_counts("deliveries", "deliveries_sent", "deliveries_committed", "deliveries_refused"),
    *_moments("delivered_at", "committed_at"),
    Column("delivery_error", Text),
)

RESULT_DELIVERY = _view(
    "result_delivery",
    *_counts("consignment_id", "report_id"),
    Column("study_instance_uid", Text),
    Column("revision", Integer),
    *_texts("destination", "state", "rung", "why", "proof"),
    *_counts("objects", "sent", "committed", "refused"),
    Column("error", Text),
    *_moments("created_at", "sent_at", "committed_at"),
)


def image_results(session: Session, study_instance_uid: str | None = None) -> list[dict[str, Any]]:
    """One row per received instance, oldest first; times as UTC datetimes."""
    return _rows(session, RESULT_IMAGE.c.received_at, study_instance_uid)


def study_results(session: Session, study_instance_uid: str | None = None) -> list[dict[str, Any]]:
    """One row per study, oldest first; times as UTC datetimes."""
    return _rows(session, RESULT_STUDY.c.received_at, study_instance_uid)


def delivery_results(
    session: Session, study_instance_uid: str | None = None
) -> list[dict[str, Any]]:
    """One row per report and destination, oldest first: what was sent, why that, and its fate."""
    return _rows(session, RESULT_DELIVERY.c.consignment_id, study_instance_uid)


def delivery_page(
    session: Session,
    *,
    study_instance_uid: str = "",
    destination: str = "",
    after_id: int = 0,
    limit: int,
) -> list[dict[str, Any]]:
    """So many of them after the one named, narrowed by what is not empty."""
    asked = (
        select(Consignment.id)
        .join(Report, Report.id == Consignment.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(Consignment.id > after_id)
    )
    if study_instance_uid:
        asked = asked.where(Study.study_instance_uid == study_instance_uid)
    if destination:
        asked = asked.where(Consignment.destination == destination)
    # Asked for one by one: sorted and cut, the view would compute every row.
    ids = list(session.scalars(asked.order_by(Consignment.id).limit(limit)))
    key = RESULT_DELIVERY.c.consignment_id
    rows = session.execute(select(RESULT_DELIVERY).where(key.in_(ids)).order_by(key))
    return [dict(row) for row in rows.mappings()]


def _rows(
    session: Session, order: Column[Any], study_instance_uid: str | None
) -> list[dict[str, Any]]:
    view = order.table
    asked: Select[Any] = select(view).order_by(order)
    if study_instance_uid is not None:
        asked = asked.where(view.c.study_instance_uid == study_instance_uid)
    return [dict(row) for row in session.execute(asked).mappings()]
