"""Everything the ledger knows of one study, for the page that shows it.

Rows of the documented views come as they are, so that a page and `osteon results` agree; what only
the tables tell stands beside them.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from db.delivery_view import DeliveryView, read_deliveries
from db.holds import Hold, hold_on
from db.report_archive import ArchivedStudy, as_archived_study
from db.results import RESULT_IMAGE, RESULT_REPORT, RESULT_STUDY
from db.states import ObjectKind
from db.tables import (
    Analysis,
    Association,
    Instance,
    Report,
    ResultObject,
    Series,
    Study,
    WorklistEntry,
)
from db.worklist import Cursor, Order, WorklistQuery, WorklistRow, read_worklist

Row = dict[str, Any]


@dataclass(frozen=True)
class ReceivedView:
    """A received instance: its row of `result_image`, and what the tables say besides.

    `number` counts the study's images in reading order; None: no image, or kept apart.
    """

    row: Row
    number: int | None
    instance_id: int
    analysis_id: int | None
    series_number: int | None
    series_description: str
    instance_number: int | None
    rows: int | None
    columns: int | None
    size_bytes: int
    calling_ae_title: str


@dataclass(frozen=True)
class ObjectView:
    """A result object of a report; `shows` is the SOP Instance UID of the image it is of."""

    object_id: int
    kind: ObjectKind
    sop_instance_uid: str | None
    spool_key: str
    size_bytes: int
    is_fallback: bool
    shows: str | None
    purged_at: datetime | None = None  # its file is gone since then


@dataclass(frozen=True)
class RevisionView:
    """A report: its row of `result_report`, and its objects."""

    row: Row
    objects: tuple[ObjectView, ...]


@dataclass(frozen=True)
class StudyView:
    """A study: its row of `result_study`, and all that came of it; newest revision first."""

    study_id: int
    identity: ArchivedStudy
    priority: int
    row: Row
    hold: Hold | None  # why nothing of it may be removed
    received: tuple[ReceivedView, ...]
    revisions: tuple[RevisionView, ...]
    deliveries: tuple[DeliveryView, ...]

    @property
    def images(self) -> list[ReceivedView]:
        """In reading order, those kept apart left out."""
        return [one for one in self.received if one.number is not None]

    @property
    def not_analysed(self) -> list[ReceivedView]:
        """Images that have no finding, for good or until a person looks."""
        unlooked = ("not_analysed", "failed", "blocked")
        return [one for one in self.images if one.row["state"] in unlooked]

    @property
    def kept_apart(self) -> list[ReceivedView]:
        return [one for one in self.received if one.row["state"] == "quarantined"]

    @property
    def others(self) -> list[ReceivedView]:
        """Objects that are no images to be assessed."""
        return [
            one
            for one in self.received
            if not one.row["is_image"] and one.row["state"] != "quarantined"
        ]

    @property
    def sources(self) -> list[str]:
        """The AE titles that sent it, the first one first."""
        in_order = sorted(self.received, key=lambda one: one.instance_id)
        return list(dict.fromkeys(one.calling_ae_title for one in in_order))

    @property
    def newest_revision(self) -> int | None:
        return self.revisions[0].row["revision"] if self.revisions else None


def read_study(session: Session, study_instance_uid: str) -> StudyView | None:
    """None where the ledger knows no such study."""
    study = session.scalars(
        select(Study).where(Study.study_instance_uid == study_instance_uid)
    ).one_or_none()
    if study is None:
        return None
    asked = select(RESULT_STUDY).where(RESULT_STUDY.c.study_instance_uid == study_instance_uid)
    return StudyView(
        study_id=study.id,
        identity=as_archived_study(study),
        priority=study.priority,
        row=dict(session.execute(asked).mappings().one()),
        hold=hold_on(session, study_instance_uid),
        received=_received(session, study),
        revisions=_revisions(session, study.id),
        deliveries=read_deliveries(session, study),
    )


@dataclass(frozen=True)
class Neighbours:
    """The studies before and after one in the worklist's order, by Study Instance UID."""

    before: str | None
    after: str | None


def neighbours_of(session: Session, study_id: int, asked: WorklistQuery) -> Neighbours:
    """The studies before and after this one in the list that is asked for, were it in it or not."""
    entry = session.get(WorklistEntry, study_id)
    if entry is None:
        return Neighbours(None, None)
    here = Cursor(entry.urgency, entry.received_at, study_id)
    before = _first(session, replace(asked, before=here, after=None))
    after = _first(session, replace(asked, before=None, after=here))
    if asked.order is Order.URGENT and entry.opinion is not None:
        # It went down the list as it was judged: on with what nobody has judged.
        top = _first(session, replace(asked, before=None, after=None))
        after = top if top is not None and top.opinion is None else after
    return Neighbours(*(row.study_instance_uid if row else None for row in (before, after)))


def _first(session: Session, asked: WorklistQuery) -> WorklistRow | None:
    return next(iter(read_worklist(session, replace(asked, limit=1)).rows), None)


def find_object(
    session: Session, study_instance_uid: str, object_id: int
) -> tuple[ObjectView, int] | None:
    """A result object of this study, with its report's revision; None where there is none."""
    asked = (
        _objects()
        .add_columns(Report.revision)
        .join(Report, Report.id == ResultObject.report_id)
        .join(Study)
    )
    row = session.execute(
        asked.where(Study.study_instance_uid == study_instance_uid, ResultObject.id == object_id)
    ).one_or_none()
    return None if row is None else (_object(row), row.revision)


def _received(session: Session, study: Study) -> tuple[ReceivedView, ...]:
    view = RESULT_IMAGE.c
    latest = select(func.max(Analysis.id)).where(Analysis.instance_id == Instance.id)
    asked = (
        select(
            RESULT_IMAGE,
            Instance.id.label("instance_id"),
            latest.scalar_subquery().label("analysis_id"),
            Series.series_number,
            Series.series_description,
            Instance.instance_number,
            Instance.rows,
            Instance.columns,
            Instance.size_bytes,
            Association.calling_ae_title,
        )
        # Bytes that came under a UID that was taken are another row of the same UID.
        .join(
            Instance,
            and_(
                Instance.sop_instance_uid == view.sop_instance_uid,
                Instance.spool_key == view.file,
            ),
        )
        .join(Series, Series.id == Instance.series_id)
        .join(Association, Association.id == Instance.association_id)
        .where(view.study_instance_uid == study.study_instance_uid, Series.study_id == study.id)
        .order_by(
            func.coalesce(Series.series_number, 0),
            Series.series_instance_uid,
            func.coalesce(Instance.instance_number, 0),
            Instance.sop_instance_uid,
            Instance.id,
        )
    )
    names = [column.name for column in RESULT_IMAGE.columns]
    found, number = [], 0
    for said in session.execute(asked).mappings():
        is_image = said["is_image"] and said["state"] != "quarantined"
        number += is_image
        rest = {name: value for name, value in said.items() if name not in names}
        row = {name: said[name] for name in names}
        found.append(ReceivedView(row=row, number=number if is_image else None, **rest))
    return tuple(found)


def _revisions(session: Session, study_id: int) -> tuple[RevisionView, ...]:
    objects: defaultdict[int, list[ObjectView]] = defaultdict(list)
    of_study = (
        _objects()
        .join(Report, Report.id == ResultObject.report_id)
        .where(Report.study_id == study_id)
    )
    for row in session.execute(of_study.order_by(ResultObject.id)):
        objects[row.report_id].append(_object(row))
    asked = select(RESULT_REPORT).where(RESULT_REPORT.c.study_id == study_id)
    newest_first = asked.order_by(RESULT_REPORT.c.revision.desc())
    return tuple(
        RevisionView(dict(row), tuple(objects[row["report_id"]]))
        for row in session.execute(newest_first).mappings()
    )


def _objects() -> Select[*tuple[Any, ...]]:
    return select(
        ResultObject.id.label("object_id"),
        ResultObject.report_id,
        ResultObject.kind,
        ResultObject.sop_instance_uid,
        ResultObject.spool_key,
        ResultObject.size_bytes,
        ResultObject.fallback_of_id,
        ResultObject.purged_at,
        Instance.sop_instance_uid.label("shows"),
    ).outerjoin_from(ResultObject, Instance, Instance.id == ResultObject.instance_id)


def _object(row: Any) -> ObjectView:
    return ObjectView(
        object_id=row.object_id,
        kind=row.kind,
        sop_instance_uid=row.sop_instance_uid,
        spool_key=row.spool_key,
        size_bytes=row.size_bytes,
        is_fallback=row.fallback_of_id is not None,
        shows=row.shows,
        purged_at=row.purged_at,
    )
