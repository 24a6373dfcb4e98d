"""Taking back what a faulty model said: noted once, and each of its images looked at again."""

from dataclasses import dataclass

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.jobs import JobKind, add_jobs
from db.priorities import Priority
from db.states import ObjectKind
from db.superseding import WITHDRAWN
from db.tables import (
    Analysis,
    Delivery,
    Instance,
    Report,
    ResultObject,
    Series,
    Study,
    WithdrawnModel,
)
from db.upsert import insert_unless_present


@dataclass(frozen=True)
class Withdrawal:
    """How much a model version has said that still counts."""

    studies: int
    images: int


@dataclass(frozen=True)
class WithdrawnResults:
    """What destinations hold of a withdrawn model, as SOP class, instance and series UIDs."""

    objects: tuple[tuple[str, str, str], ...]
    reason: str


def count_results_of(session: Session, model_version: str) -> Withdrawal:
    """What withdrawing this version would take back."""
    found = session.execute(_latest_of(model_version)).all()
    return Withdrawal(studies=len({study_id for study_id, _ in found}), images=len(found))


def withdraw_model(session: Session, model_version: str, reason: str) -> None:
    """Note it, and ask for another look at every image whose answer is by this version.

    Again for the same version: what had no other model to look at it is asked for once more.
    """
    insert_unless_present(
        session, WithdrawnModel, {"model_version": model_version, "reason": reason}
    )
    # After all that comes in today: thousands of images may have to be looked at again. What still
    # waits to be sent is held back when its turn comes, and superseded by the next report.
    instances = _latest_of(model_version).with_only_columns(Instance.id, maintain_column_froms=True)
    add_jobs(session, JobKind.ANALYSE, instances, priority=Priority.LOW)


def withdrawn_reason(session: Session, model_version: str) -> str | None:
    """Why nothing may be analysed with this version; None where it may."""
    asked = select(WithdrawnModel.reason).where(WithdrawnModel.model_version == model_version)
    reason = session.scalars(asked).one_or_none()
    return None if reason is None else WITHDRAWN.format(model_version, reason)


def withdrawn_results(
    session: Session, study_id: int, latest: Report | None
) -> WithdrawnResults | None:
    """What the first report after a withdrawal has to take back; None where there is nothing."""
    if latest is None:
        return None
    rows = session.execute(_withdrawn_since(study_id, latest)).all()
    if not rows:
        return None
    first_seen = min(row.evidence_version for row in rows)
    objects = session.execute(_sent_objects(study_id, first_seen)).all()
    words = "; ".join(dict.fromkeys(WITHDRAWN.format(row[0], row[1]) for row in rows))
    return WithdrawnResults(tuple(_uids(*one) for one in objects), words)


def _uids(*uids: str | None) -> tuple[str, str, str]:
    sop_class_uid, sop_instance_uid, series_instance_uid = (uid or "" for uid in uids)
    return sop_class_uid, sop_instance_uid, series_instance_uid


def _latest_of(model_version: str) -> Select[int, int]:
    """Study and instance ids where this version's answer is the one that counts, or was last."""
    newer = aliased(Analysis)
    prefix = WITHDRAWN.format(model_version, "")
    return (
        select(Study.id, Instance.id)
        .join(Series, Series.study_id == Study.id)
        .join(Instance, Instance.series_id == Series.id)
        .join(Analysis, Analysis.instance_id == Instance.id)
        .where(
            Study.blocked_reason.is_(None),
            or_(
                Analysis.model_version == model_version,
                Analysis.reason.startswith(prefix, autoescape=True),
            ),
            ~exists().where(newer.instance_id == Instance.id, newer.id > Analysis.id),
        )
        .order_by(Instance.id)
    )


def _withdrawn_since(study_id: int, latest: Report) -> Select[str, str, int]:
    """Versions withdrawn after the latest report was opened, that it or an earlier one quotes."""
    return (
        select(
            WithdrawnModel.model_version,
            WithdrawnModel.reason,
            func.min(Analysis.evidence_version).label("evidence_version"),
        )
        .join(Analysis, Analysis.model_version == WithdrawnModel.model_version)
        .join(Instance, Instance.id == Analysis.instance_id)
        .join(Series, Series.id == Instance.series_id)
        .where(
            and_(
                Series.study_id == study_id,
                Analysis.evidence_version <= latest.evidence_version,
                WithdrawnModel.withdrawn_at > latest.created_at,
            )
        )
        .group_by(WithdrawnModel.model_version, WithdrawnModel.reason)
        .order_by(WithdrawnModel.model_version)
    )


def _sent_objects(
    study_id: int, evidence_version: int
) -> Select[str | None, str | None, str | None]:
    sent = select(Delivery.sent_object_id).where(Delivery.sent_object_id.is_not(None))
    return (
        select(
            ResultObject.sop_class_uid,
            ResultObject.sop_instance_uid,
            ResultObject.series_instance_uid,
        )
        .join(Report, Report.id == ResultObject.report_id)
        .where(
            Report.study_id == study_id,
            Report.evidence_version >= evidence_version,
            ResultObject.sop_instance_uid.is_not(None),
            ResultObject.kind != ObjectKind.REJECTION,
            ResultObject.id.in_(sent),
        )
        .order_by(ResultObject.id)
    )
