"""The DICOM objects that Osteon made, as a PACS asks for them: by study, series and instance.

The results are the primary objects of every revision. A report that a later one replaced stays, as
it stays in the PACS it was sent to; its successor names it. An object's fallback is left out: the
same report under another UID, which only a peer that refused the first was sent. So is what the
node made of its self-test's phantom: a PACS that asks must not fetch what it is never sent. So are
results whose files retention has removed: whoever was sent them has them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.self_test import self_test_studies
from db.tables import Report, ResultObject, Study

_SEARCHED_TEXTS: Mapping[str, InstrumentedAttribute[str]] = {
    "patient_name": Study.patient_name,
    "patient_id": Study.patient_id,
    "accession_number": Study.accession_number,
}


@dataclass(frozen=True)
class StudyNarrowing:
    """What the database leaves out before anyone looks closer; an empty value narrows nothing.

    `texts` are LIKE patterns by column. A study that lacks the value is never left out: to be
    unknown matches every key (PS3.4 C.2.2.1.2).
    """

    study_instance_uids: Sequence[str] = ()
    first_date: str = ""
    last_date: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CataloguedSeries:
    """The results of one class in one study; `spool_key` is the newest one's."""

    series_instance_uid: str
    sop_class_uid: str
    instance_count: int
    spool_key: str


@dataclass(frozen=True)
class CataloguedStudy:
    """A study that has results, with what the ledger knows of it."""

    id: int
    study_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    accession_number: str
    study_date: str
    study_time: str
    study_description: str
    series: tuple[CataloguedSeries, ...]


@dataclass(frozen=True)
class InstanceSelection:
    """Unique keys: each says which are wanted, an empty one that all are."""

    study_instance_uids: Sequence[str] = ()
    series_instance_uids: Sequence[str] = ()
    sop_instance_uids: Sequence[str] = ()


@dataclass(frozen=True)
class CataloguedInstance:
    """One result, to be told of or sent."""

    id: int
    sop_class_uid: str
    sop_instance_uid: str
    spool_key: str
    study_instance_uid: str


_DESCRIPTION = (
    Study.id,
    Study.study_instance_uid,
    Study.patient_id,
    Study.issuer_of_patient_id,
    Study.patient_name,
    Study.patient_birth_date,
    Study.patient_sex,
    Study.accession_number,
    Study.study_date,
    Study.study_time,
    Study.study_description,
)


def find_studies(
    session: Session, narrowing: StudyNarrowing, *, before_id: int | None, limit: int
) -> list[CataloguedStudy]:
    """The next page of studies with results, newest first: those before the last page's last."""
    results = _results(select(ResultObject.id)).where(Report.study_id == Study.id)
    page = select(*_DESCRIPTION).where(results.exists(), *_conditions(narrowing))
    if before_id is not None:
        page = page.where(Study.id < before_id)
    rows = session.execute(page.order_by(Study.id.desc()).limit(limit)).all()
    series = _series_of(session, [row.id for row in rows])
    return [CataloguedStudy(*row, series=tuple(series[row.id])) for row in rows]


def find_instances(
    session: Session, selection: InstanceSelection, *, after_id: int = 0, limit: int
) -> list[CataloguedInstance]:
    """The next page of the selected results, oldest first: those after the last page's last."""
    columns = (
        ResultObject.id,
        ResultObject.sop_class_uid,
        ResultObject.sop_instance_uid,
        ResultObject.spool_key,
        Study.study_instance_uid,
    )
    page = (
        _results(select(*columns))
        .join(Study, Study.id == Report.study_id)
        .where(ResultObject.id > after_id, *_chosen(selection))
        .order_by(ResultObject.id)
        .limit(limit)
    )
    return [CataloguedInstance(*row) for row in session.execute(page)]


def purged_at(session: Session, selection: InstanceSelection) -> datetime | None:
    """When the last of the selected results was purged; None where none was."""
    asked = _results(select(func.max(ResultObject.purged_at)), is_kept=False)
    chosen = asked.join(Study, Study.id == Report.study_id).where(*_chosen(selection))
    moment: datetime | None = session.scalar(chosen)
    return moment


def _results(
    statement: Select[*tuple[Any, ...]], *, is_kept: bool = True
) -> Select[*tuple[Any, ...]]:
    """Of the primary objects that are DICOM; a message in another form has no SOP Instance UID."""
    # Not `is None`: SQLite would look up all primary objects in that column's index, each time.
    is_primary = func.coalesce(ResultObject.fallback_of_id, 0) == 0
    return (
        statement.select_from(ResultObject)
        .join(Report, Report.id == ResultObject.report_id)
        .where(is_primary, ResultObject.sop_instance_uid.is_not(None))
        .where(ResultObject.purged_at.is_(None) if is_kept else ResultObject.purged_at.is_not(None))
        .where(Report.study_id.not_in(self_test_studies()))
    )


def _series_of(session: Session, study_ids: list[int]) -> dict[int, list[CataloguedSeries]]:
    grouped = (
        _results(
            select(
                Report.study_id,
                func.count().label("instance_count"),
                func.max(ResultObject.id).label("newest_id"),
            )
        )
        .where(Report.study_id.in_(study_ids))
        .group_by(Report.study_id, ResultObject.series_instance_uid, ResultObject.sop_class_uid)
        .subquery()
    )
    rows = session.execute(
        select(
            grouped.c.study_id,
            ResultObject.series_instance_uid,
            ResultObject.sop_class_uid,
            grouped.c.instance_count,
            ResultObject.spool_key,
        )
        .join(grouped, grouped.c.newest_id == ResultObject.id)
        .order_by(ResultObject.id)
    )
    series: dict[int, list[CataloguedSeries]] = defaultdict(list)
    for study_id, *values in rows:
        series[study_id].append(CataloguedSeries(*values))
    return series


def _conditions(narrowing: StudyNarrowing) -> list[ColumnElement[bool]]:
    conditions = [
        _may_match(_SEARCHED_TEXTS[name], pattern) for name, pattern in narrowing.texts.items()
    ]
    if narrowing.study_instance_uids:
        conditions.append(Study.study_instance_uid.in_(narrowing.study_instance_uids))
    # Dates were once written with points (PS3.5 6.2, DA of ACR-NEMA).
    date = func.trim(func.replace(Study.study_date, ".", ""))
    if narrowing.first_date:
        conditions.append(or_(date == "", date >= narrowing.first_date))
    if narrowing.last_date:
        conditions.append(date <= narrowing.last_date)
    return conditions


def _may_match(column: InstrumentedAttribute[str], pattern: str) -> ColumnElement[bool]:
    """What no database can compare is not left out: Weiß is WEISS in capital letters."""
    return or_(column == "", column.ilike(pattern), column.regexp_match("[^ -~]"))


def _chosen(selection: InstanceSelection) -> list[ColumnElement[bool]]:
    wanted = (
        (Study.study_instance_uid, selection.study_instance_uids),
        (ResultObject.series_instance_uid, selection.series_instance_uids),
        (ResultObject.sop_instance_uid, selection.sop_instance_uids),
    )
    return [column.in_(uids) for column, uids in wanted if uids]
