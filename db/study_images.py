"""A study's images as a viewer shows them: what was found on each, and where its pixels lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from db.results import RESULT_IMAGE
from db.tables import Analysis, Instance, Series, Study


@dataclass(frozen=True)
class StudyImage:
    """An image and the latest answer to it; boxes in stored pixels, far edges exclusive.

    With `quarantine_reason` it is kept apart: its SOP Instance UID is another's.
    """

    instance_id: int
    sop_instance_uid: str
    spool_key: str
    quarantine_reason: str | None
    modality: str
    body_part: str
    laterality: str
    view_position: str
    rows: int | None
    columns: int | None
    state: str
    reason: str | None
    probability: float | None
    boxes: Sequence[Mapping[str, float]]
    frame: int | None  # the one that was analysed
    heatmap_key: str | None
    purged_at: datetime | None  # its file is gone since then
    pictures_purged_at: datetime | None


def study_images(
    session: Session, study_instance_uid: str, *, with_quarantined: bool = False
) -> list[StudyImage]:
    """In reading order, as the study's documents have it; those kept apart come last, if asked."""
    asked = _images().where(Study.study_instance_uid == study_instance_uid)
    if not with_quarantined:
        asked = asked.where(Instance.quarantine_reason.is_(None))
    return _read(session, asked)


def find_study_image(
    session: Session,
    study_instance_uid: str,
    sop_instance_uid: str,
    *,
    quarantined_id: int | None = None,
) -> StudyImage | None:
    """The image of these UIDs; one kept apart is found by the id of its instance alone."""
    asked = _images().where(
        Study.study_instance_uid == study_instance_uid,
        Instance.sop_instance_uid == sop_instance_uid,
    )
    if quarantined_id is None:
        asked = asked.where(Instance.quarantine_reason.is_(None))
    else:
        asked = asked.where(Instance.quarantine_reason.is_not(None), Instance.id == quarantined_id)
    return next(iter(_read(session, asked)), None)


def _images() -> Select[*tuple[Any, ...]]:
    of_instance = select(func.max(Analysis.id)).where(Analysis.instance_id == Instance.id)
    latest = of_instance.correlate(Instance).scalar_subquery()
    view = RESULT_IMAGE.c
    same = and_(
        view.study_instance_uid == Study.study_instance_uid,
        view.sop_instance_uid == Instance.sop_instance_uid,
        view.file == Instance.spool_key,
    )
    return (
        select(
            Instance.id,
            Instance.sop_instance_uid,
            Instance.spool_key,
            Instance.quarantine_reason,
            Series.modality,
            Instance.body_part,
            Instance.laterality,
            Instance.view_position,
            Instance.rows,
            Instance.columns,
            view.state,
            view.reason,
            view.probability,
            view.boxes,
            view.frame,
            Analysis.heatmap_key,
            Instance.purged_at,
            Analysis.pictures_purged_at,
        )
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .join(RESULT_IMAGE, same)
        .outerjoin(Analysis, Analysis.id == latest)
        .where(Instance.is_image)
        .order_by(
            Instance.quarantine_reason.is_not(None),
            func.coalesce(Series.series_number, 0),
            Series.series_instance_uid,
            func.coalesce(Instance.instance_number, 0),
            Instance.sop_instance_uid,
            Instance.id,
        )
    )


def _read(session: Session, asked: Select[*tuple[Any, ...]]) -> list[StudyImage]:
    rows = (dict(row) for row in session.execute(asked).mappings())
    return [_image(row) for row in rows]


def _image(row: dict[str, Any]) -> StudyImage:
    instance_id, boxes = row.pop("id"), tuple(row.pop("boxes") or ())
    return StudyImage(instance_id=instance_id, boxes=boxes, **row)
