"""Legal holds: why nothing of a study may be removed, and who lifted that again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from db.audit import Action, AuditRecord, record_event
from db.clock import database_now
from db.studies import lock_study
from db.tables import LegalHold, Study, WorklistStale

_OPEN = LegalHold.released_at.is_(None)


class NoSuchStudy(Exception):
    """The ledger knows no study of this UID."""


class AlreadyHeld(Exception):
    """The study is held already: one hold at a time, so that one release lifts it."""


class StudyHeld(Exception):
    """Nothing of the study may be removed; the message is its UID."""


class NotHeld(Exception):
    """There is no hold on the study to be released."""


@dataclass(frozen=True)
class Hold:
    """A hold that stands."""

    study_instance_uid: str
    reason: str
    placed_by: str
    placed_at: datetime


def place_hold(session: Session, study_instance_uid: str, *, reason: str, person: str) -> None:
    """From the commit on nothing of the study is removed, neither by retention nor by a person.

    NoSuchStudy, AlreadyHeld.
    """
    study = _lock(session, study_instance_uid)
    if hold_on(session, study_instance_uid) is not None:
        raise AlreadyHeld(study_instance_uid)
    session.add(LegalHold(study_id=study.id, reason=reason, placed_by=person))
    _tell(session, study, Action.STUDY_HELD, person, reason)


def release_hold(session: Session, study_instance_uid: str, *, reason: str, person: str) -> None:
    """NoSuchStudy, NotHeld."""
    study = _lock(session, study_instance_uid)
    asked = select(LegalHold).where(LegalHold.study_id == study.id, _OPEN)
    hold = session.scalars(asked).one_or_none()
    if hold is None:
        raise NotHeld(study_instance_uid)
    hold.released_by, hold.release_reason = person, reason
    hold.released_at = database_now()
    _tell(session, study, Action.HOLD_RELEASED, person, reason)


def hold_on(session: Session, study_instance_uid: str) -> Hold | None:
    asked = _holds().where(Study.study_instance_uid == study_instance_uid)
    row = session.execute(asked).one_or_none()
    return None if row is None else Hold(*row)


def require_unheld(session: Session, study: Study) -> None:
    """StudyHeld; the study is locked, so that no hold comes before what the caller commits."""
    if hold_on(session, study.study_instance_uid) is not None:
        raise StudyHeld(study.study_instance_uid)


def standing_holds(session: Session) -> list[Hold]:
    """The oldest first."""
    rows = session.execute(_holds().order_by(LegalHold.placed_at, LegalHold.id))
    return [Hold(*row) for row in rows]


def count_holds(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(LegalHold).where(_OPEN)) or 0


def is_held() -> ColumnElement[bool]:
    """Whether `Study` is held, as a condition."""
    return select(LegalHold.id).where(LegalHold.study_id == Study.id, _OPEN).exists()


def _holds() -> Select[str, str, str, datetime]:
    return (
        select(Study.study_instance_uid, LegalHold.reason, LegalHold.placed_by, LegalHold.placed_at)
        .join(Study, Study.id == LegalHold.study_id)
        .where(_OPEN)
    )


def _lock(session: Session, study_instance_uid: str) -> Study:
    asked = select(Study.id).where(Study.study_instance_uid == study_instance_uid)
    study_id = session.scalars(asked).one_or_none()
    if study_id is None:
        raise NoSuchStudy(study_instance_uid)
    return lock_study(session, study_id)


def _tell(session: Session, study: Study, action: Action, person: str, reason: str) -> None:
    """The audit trail, and the pages that show the study."""
    session.add(WorklistStale(study_id=study.id))
    record_event(
        session,
        AuditRecord(
            actor=person,
            role="administrator",
            action=action,
            address="",
            study_instance_uid=study.study_instance_uid,
            detail=reason,
        ),
    )
