"""Taking back what a faulty model said: noted once, and each of its images looked at again."""

from dataclasses import dataclass

from sqlalchemy import Select, exists, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from db.counted_answers import WITHDRAWN, CountedAnswers
from db.jobs import JobKind, add_jobs
from db.priorities import Priority
from db.states import DeliveryState, ObjectKind
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
class SentObject:
    """An object that a destination holds."""

    object_id: int
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True)
class WithdrawnResults:
    """What destinations hold of a withdrawn model, and no report has taken back."""

    objects: tuple[SentObject, ...]
    reason: str


def count_results_of(session: Session, model_version: str) -> Withdrawal:
    """What withdrawing this version would take back."""
    found = session.execute(_latest_of(model_version)).all()
    return Withdrawal(studies=len({study_id for study_id, _ in found}), images=len(found))


def note_withdrawal(session: Session, model_version: str, reason: str) -> None:
    """From the commit on nothing that this version says counts; `ask_again` comes after it."""
    insert_unless_present(
        session, WithdrawnModel, {"model_version": model_version, "reason": reason}
    )


def ask_again(session: Session, model_version: str) -> None:
    """Another look at every image whose answer is by the withdrawn version.

    Again for the same version: what had no other model to look at it is asked for once more. What
    still waits to be sent is held back when its turn comes, and superseded by the next report.
    """
    _wait_for_savers(session)
    instances = _latest_of(model_version).with_only_columns(Instance.id, maintain_column_froms=True)
    # After all that comes in today: thousands of images may have to be looked at again.
    add_jobs(session, JobKind.ANALYSE, instances, priority=Priority.LOW)


def _wait_for_savers(session: Session) -> None:
    """Who saved an answer before the withdrawal was noted has committed it; SQLite has one writer.

    Who saves one later finds the note: see `db/analyses.py`.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE analysis IN SHARE MODE"))


def withdrawn_reason(session: Session, model_version: str) -> str | None:
    """Why nothing may be analysed with this version; None where it may."""
    asked = select(WithdrawnModel.reason).where(WithdrawnModel.model_version == model_version)
    reason = session.scalars(asked).one_or_none()
    return None if reason is None else WITHDRAWN.format(model_version, reason)


def withdrawn_results(session: Session, study_id: int) -> WithdrawnResults | None:
    """What the next report has to take back; None where there is nothing."""
    answers = CountedAnswers.of(session, study_id)
    found: dict[SentObject, str] = {}
    for made, evidence_version in session.execute(_sent_objects(study_id)):
        why = answers.why_withdrawn(made.kind, made.instance_id, evidence_version)
        if why is not None:
            found[_as_sent(made)] = why
    if not found:
        return None
    return WithdrawnResults(tuple(found), "; ".join(dict.fromkeys(found.values())))


def mark_taken_back(session: Session, report_id: int, withdrawn: WithdrawnResults) -> None:
    """A report says it of these objects: none after it says it again."""
    ids = [one.object_id for one in withdrawn.objects]
    named = update(ResultObject).where(ResultObject.id.in_(ids))
    session.execute(named.values(taken_back_in_id=report_id))


def _as_sent(made: ResultObject) -> SentObject:
    return SentObject(
        made.id,
        made.sop_class_uid or "",
        made.sop_instance_uid or "",
        made.series_instance_uid or "",
    )


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


def _sent_objects(study_id: int) -> Select[ResultObject, int]:
    is_sent = select(Delivery.id).where(
        Delivery.sent_object_id == ResultObject.id,
        Delivery.state.in_((DeliveryState.SENT, DeliveryState.COMMITTED)),
    )
    return (
        select(ResultObject, Report.evidence_version)
        .join(Report, Report.id == ResultObject.report_id)
        .where(
            Report.study_id == study_id,
            ResultObject.sop_instance_uid.is_not(None),
            ResultObject.taken_back_in_id.is_(None),
            ResultObject.kind != ObjectKind.REJECTION,
            is_sent.exists(),
        )
        .order_by(ResultObject.id)
    )
