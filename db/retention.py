"""Letting go of files whose study owes nobody anything and that nobody holds; the rows stay.

A study is locked, then looked at again, then let go of as a whole: what came or was asked for
meanwhile keeps it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, func, literal, select, tuple_, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.audit import record_deletion
from db.clock import database_now
from db.leaving_files import note_leaving
from db.retention_rule import RetentionRule, may_be_purged, results_are_elsewhere
from db.tables import Analysis, Instance, Report, ResultObject, Series, Study

_EXAMINED_AT_ONCE = 400


@dataclass(frozen=True)
class Purged:
    """How much was let go of."""

    studies: int = 0
    files: int = 0
    size_bytes: int = 0  # of pictures the ledger knows none

    def __add__(self, other: "Purged") -> "Purged":
        return Purged(
            self.studies + other.studies,
            self.files + other.files,
            self.size_bytes + other.size_bytes,
        )


@dataclass(frozen=True)
class Walk:
    """How far a walk through the kept files has come; from the last of them it begins anew."""

    received_at: datetime | None = None
    row_id: int = 0


@dataclass(frozen=True)
class Examined:
    """Studies whose files may go, those whose files are oldest first, and how far the walk is.

    `walk` None: it is at its end.
    """

    study_ids: tuple[int, ...]
    walk: Walk | None


def examine_received(session: Session, rule: RetentionRule, walk: Walk) -> Examined:
    """The next few hundred received files, oldest first: which of their studies may let them go."""
    keys = (Instance.received_at, Instance.id)
    asked = (
        select(Series.study_id, *keys)
        .join(Series, Series.id == Instance.series_id)
        .where(Instance.purged_at.is_(None), Instance.received_at <= rule.cutoff)
    )
    if walk.received_at is not None:
        asked = asked.where(tuple_(*keys) > tuple_(*_place(walk)))
    rows = session.execute(asked.order_by(*keys).limit(_EXAMINED_AT_ONCE)).all()
    last = Walk(rows[-1].received_at, rows[-1].id) if len(rows) == _EXAMINED_AT_ONCE else None
    return Examined(_eligible(session, rule, (row.study_id for row in rows)), last)


def examine_results(session: Session, rule: RetentionRule, walk: Walk) -> Examined:
    """The next few hundred result objects, in the order they were made in."""
    asked = (
        select(Report.study_id, ResultObject.id, (Report.reported_at <= rule.cutoff).label("due"))
        .join(Report, Report.id == ResultObject.report_id)
        .where(ResultObject.purged_at.is_(None), ResultObject.id > walk.row_id)
        .order_by(ResultObject.id)
        .limit(_EXAMINED_AT_ONCE)
    )
    rows = session.execute(asked).all()
    due = [row for row in rows if row.due]
    # They are as old as their numbers are small: what is not due yet is followed by no other.
    goes_on = len(due) == _EXAMINED_AT_ONCE
    last = Walk(row_id=rows[-1].id) if goes_on else None
    eligible = _eligible(session, rule, (row.study_id for row in due), results_are_elsewhere())
    return Examined(eligible, last)


def received_of(session: Session, study_ids: Sequence[int]) -> dict[int, Purged]:
    """How much letting go of each study's received files would remove."""
    asked = (
        select(Series.study_id, func.count(), func.sum(Instance.size_bytes))
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id.in_(study_ids), Instance.purged_at.is_(None))
        .group_by(Series.study_id)
    )
    return {study_id: Purged(1, *found) for study_id, *found in session.execute(asked)}


def results_of(session: Session, study_ids: Sequence[int]) -> dict[int, Purged]:
    """The same of their result objects, without the pictures."""
    asked = (
        select(Report.study_id, func.count(), func.sum(ResultObject.size_bytes))
        .join(Report, Report.id == ResultObject.report_id)
        .where(Report.study_id.in_(study_ids), ResultObject.purged_at.is_(None))
        .group_by(Report.study_id)
    )
    return {study_id: Purged(1, *found) for study_id, *found in session.execute(asked)}


def purge_received(
    session: Session, study_ids: Collection[int], rule: RetentionRule, *, why: str, actor: str
) -> Purged:
    """Let go of the received files of those studies that still may; their rows say so from now on.

    The files themselves are removed after the commit, by the notes that are left of them.
    """
    studies = _locked(session, study_ids, rule)
    gone = session.execute(
        update(Instance)
        .where(_is_in_series_of(studies), Instance.purged_at.is_(None))
        .values(purged_at=database_now())
        .returning(Instance.spool_key, Instance.size_bytes)
        .execution_options(synchronize_session=False)
    ).all()
    return _noted(session, studies, gone, f"received files purged: {why}", actor)


def purge_results(
    session: Session, study_ids: Collection[int], rule: RetentionRule, *, why: str, actor: str
) -> Purged:
    """The same for what was made of them: result objects, messages, heatmaps, annotated images."""
    studies = _locked(session, study_ids, rule, results_are_elsewhere())
    of_studies = select(Report.id).where(Report.study_id.in_([one.id for one in studies]))
    gone = session.execute(
        update(ResultObject)
        .where(ResultObject.report_id.in_(of_studies), ResultObject.purged_at.is_(None))
        .values(purged_at=database_now())
        .returning(ResultObject.spool_key, ResultObject.size_bytes)
        .execution_options(synchronize_session=False)
    ).all()
    pictures = _purge_pictures(session, studies)
    note_leaving(session, pictures)
    noted = _noted(session, studies, gone, f"results' files purged: {why}", actor)
    return noted + Purged(files=len(pictures))


def _purge_pictures(session: Session, studies: Sequence[Row[int, str]]) -> list[str]:
    of_studies = select(Instance.id).where(_is_in_series_of(studies))
    asked = select(Analysis.id, Analysis.heatmap_key, Analysis.annotated_key).where(
        Analysis.instance_id.in_(of_studies),
        func.coalesce(Analysis.heatmap_key, Analysis.annotated_key).is_not(None),
    )
    rows = session.execute(asked).all()
    session.execute(
        update(Analysis)
        .where(Analysis.id.in_([row.id for row in rows]))
        .values(heatmap_key=None, annotated_key=None, pictures_purged_at=database_now())
        .execution_options(synchronize_session=False)
    )
    keys = (key for row in rows for key in (row.heatmap_key, row.annotated_key))
    return [key for key in keys if key is not None]


def _eligible(
    session: Session,
    rule: RetentionRule,
    study_ids: Iterable[int],
    *more: ColumnElement[bool],
) -> tuple[int, ...]:
    in_order = list(dict.fromkeys(study_ids))
    asked = select(Study.id).where(Study.id.in_(in_order), *may_be_purged(rule), *more)
    found = set(session.scalars(asked))
    return tuple(study_id for study_id in in_order if study_id in found)


def _locked(
    session: Session,
    study_ids: Collection[int],
    rule: RetentionRule,
    *more: ColumnElement[bool],
) -> Sequence[Row[int, str]]:
    """Those that nobody else is at work on, and that may be purged now that they are locked."""
    lock = select(Study.id).where(Study.id.in_(study_ids)).order_by(Study.id)
    lock = lock.with_for_update(key_share=True, skip_locked=True)
    ids = list(session.scalars(lock))
    # A statement of its own: what others committed while the lock was waited for, it sees.
    asked: Select[int, str] = select(Study.id, Study.study_instance_uid).where(Study.id.in_(ids))
    return session.execute(asked.where(*may_be_purged(rule), *more).order_by(Study.id)).all()


def _noted(
    session: Session,
    studies: Sequence[Row[int, str]],
    gone: Sequence[Row[str, int]],
    why: str,
    actor: str,
) -> Purged:
    note_leaving(session, [row.spool_key for row in gone])
    for study in studies:
        record_deletion(session, study.study_instance_uid, actor=actor, reason=why)
    return Purged(len(studies), len(gone), sum(row.size_bytes for row in gone))


def _is_in_series_of(studies: Sequence[Row[int, str]]) -> ColumnElement[bool]:
    series = select(Series.id).where(Series.study_id.in_([one.id for one in studies]))
    return Instance.series_id.in_(series)


def _place(walk: Walk) -> tuple[ColumnElement[datetime | None], int]:
    # Without its column's type a moment would be written as the driver likes.
    return literal(walk.received_at, Instance.received_at.type), walk.row_id
