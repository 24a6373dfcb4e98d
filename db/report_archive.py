"""The newest report of each study, read back with its images and objects and found by its traits.

A blocked study, which may mix two patients, is in no answer.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ScalarSelect, Text, and_, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import Function

from db.analyses import AnalysisRecord, as_record
from db.counted_answers import WITHDRAWN
from db.states import AnalysisState, ObjectKind
from db.tables import Analysis, Instance, Report, ResultObject, Series, Study, WithdrawnModel

Condition = ColumnElement[bool]


@dataclass(frozen=True)
class ArchivedStudy:
    """Who was examined, and when: the texts as they were received."""

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


@dataclass(frozen=True)
class ArchivedWithdrawal:
    """Why an answer does not count any more, and since when."""

    reason: str
    withdrawn_at: datetime


@dataclass(frozen=True)
class ArchivedImage:
    """An image the report has seen, with what it saw."""

    sop_instance_uid: str
    sop_class_uid: str
    instance_number: int | None
    series_instance_uid: str
    series_number: int | None
    series_description: str
    modality: str
    body_part: str
    laterality: str
    analysis: AnalysisRecord
    withdrawal: ArchivedWithdrawal | None = None


@dataclass(frozen=True)
class ArchivedObject:
    """A DICOM object of this report or of an earlier revision; fallbacks are not among them."""

    revision: int
    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True)
class ArchivedReport:
    """A report as it was given; `reported_at` is None until it has been saved."""

    study_id: int
    study: ArchivedStudy
    revision: int
    state: AnalysisState
    probability: float | None
    created_at: datetime
    reported_at: datetime | None
    images: tuple[ArchivedImage, ...]
    objects: tuple[ArchivedObject, ...]

    @property
    def withdrawals(self) -> tuple[ArchivedWithdrawal, ...]:
        """Of the models that it quotes; it stands where there is none."""
        found = [image.withdrawal for image in self.images if image.withdrawal is not None]
        return tuple(dict.fromkeys(found))

    @property
    def changed_at(self) -> datetime | None:
        """Since when it can be read as it is: saved, or a model that it quotes withdrawn."""
        if self.reported_at is None:
            return None
        return max([self.reported_at, *(one.withdrawn_at for one in self.withdrawals)])


def find_reports(
    session: Session, conditions: Sequence[Condition], *, from_study_id: int, limit: int
) -> list[ArchivedReport]:
    """The newest reports of the studies that meet every condition, oldest study first."""
    any_report = aliased(Report)
    newest = select(func.max(any_report.id)).where(any_report.study_id == Study.id)
    asked = (
        select(Study, Report)
        .join(Report, Report.id == newest.scalar_subquery())
        .where(Study.blocked_reason.is_(None), Study.id >= from_study_id, *conditions)
        .order_by(Study.id)
        .limit(limit)
    )
    found = [(study, report) for study, report in session.execute(asked)]
    images = _load_images(session, [report.id for _, report in found])
    objects = _load_objects(session, [study.id for study, _ in found])
    return [_archived(*pair, images, objects) for pair in found]


def archived_objects(session: Session, study_id: int) -> tuple[ArchivedObject, ...]:
    """Of all revisions so far, oldest first: a PACS keeps what has been superseded."""
    return tuple(_load_objects(session, [study_id])[study_id])


def algorithms_seen(session: Session) -> list[tuple[str, str]]:
    """Name and version of every network whose answers are kept."""
    names = select(Analysis.model_name, Analysis.model_version).distinct()
    asked = names.where(Analysis.model_version != "").order_by(*names.selected_columns)
    return [(name, version) for name, version in session.execute(asked)]


def is_study(uids: Collection[str]) -> Condition:
    return Study.study_instance_uid.in_(uids)


def has_image(sop_instance_uids: Collection[str]) -> Condition:
    holders = select(Series.study_id).join(Instance, Instance.series_id == Series.id)
    return Study.id.in_(holders.where(Instance.sop_instance_uid.in_(sop_instance_uids)))


def has_object(sop_instance_uids: Collection[str]) -> Condition:
    """Whether one of these objects belongs to the newest report."""
    holders = select(ResultObject.report_id)
    return Report.id.in_(holders.where(ResultObject.sop_instance_uid.in_(sop_instance_uids)))


def is_patient(patient_ids: Collection[str]) -> Condition:
    return Study.patient_id.in_(patient_ids)


def has_accession_number(numbers: Collection[str]) -> Condition:
    return Study.accession_number.in_(numbers)


def issued(earliest: datetime | None, before: datetime | None) -> Condition:
    return _within(Report.created_at, earliest, before)


def changed(earliest: datetime | None, before: datetime | None) -> Condition:
    """By the moment since when it can be read as it is: see `ArchivedReport.changed_at`."""
    saved = _within(Report.reported_at, earliest, None)
    bounds = [_within(Report.reported_at, None, before)]
    if earliest is not None:
        bounds.append(or_(saved, _quotes_model(WithdrawnModel.withdrawn_at >= earliest)))
    if before is not None:
        bounds.append(not_(_quotes_model(WithdrawnModel.withdrawn_at >= before)))
    return and_(*bounds)


def is_withdrawn() -> Condition:
    """Whether the report quotes a model that was withdrawn."""
    return _quotes_model(WithdrawnModel.id.is_not(None))


def stands() -> Condition:
    return not_(is_withdrawn())


def stands_in_part() -> Condition:
    """Whether it says something that is not withdrawn."""
    return or_(stands(), _quotes(WithdrawnModel.id.is_(None)))


def examined(earliest: str | None, before: str | None) -> Condition:
    """By study date and time as digits: YYYYMMDD, or more of YYYYMMDDHHMMSS."""
    digits = _without(_without(Study.study_date, "."), "-")
    moment = digits + _without(Study.study_time, ":")
    bounds: list[Condition] = [func.length(digits) == 8]
    if earliest is not None:
        bounds.append(moment >= earliest)
    if before is not None:
        bounds.append(moment < before)
    return and_(*bounds)


def any_of(conditions: Sequence[Condition]) -> Condition:
    return or_(false(), *conditions)


def always(answer: bool) -> Condition:
    """A condition on something that is the same of every report."""
    return true() if answer else false()


def _without(text: ColumnElement[str] | InstrumentedAttribute[str], mark: str) -> Function[str]:
    return func.replace(text, mark, "", type_=Text())


def _within(
    column: InstrumentedAttribute[datetime], earliest: datetime | None, before: datetime | None
) -> Condition:
    bounds: list[Condition] = [column.is_not(None)]
    if earliest is not None:
        bounds.append(column >= earliest)
    if before is not None:
        bounds.append(column < before)
    return and_(*bounds)


def _quotes_model(withdrawn: Condition) -> Condition:
    """Whether it quotes such a model: mostly there is none, and then no report is looked into."""
    return and_(select(WithdrawnModel.id).where(withdrawn).exists(), _quotes(withdrawn))


def _quotes(condition: Condition) -> Condition:
    """Whether an answer that the report has seen meets the condition, on its withdrawal."""
    answers = (
        select(Analysis.id)
        .join(Instance, Instance.id == Analysis.instance_id)
        .join(Series, Series.id == Instance.series_id)
        .outerjoin(WithdrawnModel, WithdrawnModel.model_version == Analysis.model_version)
    )
    seen = answers.where(
        Series.study_id == Report.study_id, _is_live_image(), Analysis.id == _answer_seen()
    )
    return seen.where(condition).correlate(Report).exists()


def _is_live_image() -> Condition:
    return and_(Instance.is_image, Instance.quarantine_reason.is_(None))


def _answer_seen() -> ScalarSelect[int | None]:
    """The analysis of `Instance` that counted in `Report`: it may be looked at anew since."""
    seen = aliased(Analysis)
    return (
        select(func.max(seen.id))
        .where(seen.instance_id == Instance.id, seen.evidence_version <= Report.evidence_version)
        .correlate(Instance, Report)
        .scalar_subquery()
    )


def _archived(
    study: Study,
    report: Report,
    images: dict[int, list[ArchivedImage]],
    objects: dict[int, list[ArchivedObject]],
) -> ArchivedReport:
    return ArchivedReport(
        study_id=study.id,
        study=as_archived_study(study),
        revision=report.revision,
        state=report.state,
        probability=report.probability,
        created_at=report.created_at,
        reported_at=report.reported_at,
        images=tuple(images[report.id]),
        objects=tuple(objects[study.id]),
    )


def as_archived_study(study: Study) -> ArchivedStudy:
    names = (item.name for item in fields(ArchivedStudy))
    return ArchivedStudy(**{name: getattr(study, name) for name in names})


def _load_images(session: Session, report_ids: list[int]) -> dict[int, list[ArchivedImage]]:
    """By report: an image that it has not seen analysed belongs to the next one."""
    asked = (
        select(Report.id, Series, Instance, Analysis, WithdrawnModel)
        .join(Series, Series.study_id == Report.study_id)
        .join(Instance, Instance.series_id == Series.id)
        .join(Analysis, Analysis.id == _answer_seen())
        .outerjoin(WithdrawnModel, WithdrawnModel.model_version == Analysis.model_version)
        .where(Report.id.in_(report_ids), _is_live_image())
        .order_by(Series.series_number, Series.id, Instance.instance_number, Instance.id)
    )
    images: defaultdict[int, list[ArchivedImage]] = defaultdict(list)
    for report_id, series, instance, analysis, withdrawn in session.execute(asked):
        images[report_id].append(_image(series, instance, analysis, withdrawn))
    return images


def _image(
    series: Series, instance: Instance, analysis: Analysis, withdrawn: WithdrawnModel | None
) -> ArchivedImage:
    return ArchivedImage(
        sop_instance_uid=instance.sop_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        instance_number=instance.instance_number,
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        series_description=series.series_description,
        modality=series.modality,
        body_part=instance.body_part,
        laterality=instance.laterality,
        analysis=as_record(analysis),
        withdrawal=None if withdrawn is None else _withdrawal(withdrawn),
    )


def _withdrawal(withdrawn: WithdrawnModel) -> ArchivedWithdrawal:
    reason = WITHDRAWN.format(withdrawn.model_version, withdrawn.reason)
    return ArchivedWithdrawal(reason, withdrawn.withdrawn_at)


def _load_objects(session: Session, study_ids: list[int]) -> dict[int, list[ArchivedObject]]:
    """By study, and of all revisions: the PACS keeps what has been superseded."""
    asked = (
        select(
            Report.study_id,
            Report.revision,
            ResultObject.kind,
            ResultObject.sop_class_uid,
            ResultObject.sop_instance_uid,
            ResultObject.series_instance_uid,
        )
        .join(Report, Report.id == ResultObject.report_id)
        .where(Report.study_id.in_(study_ids), ResultObject.fallback_of_id.is_(None))
        .order_by(Report.revision, ResultObject.id)
    )
    objects: defaultdict[int, list[ArchivedObject]] = defaultdict(list)
    for study_id, revision, kind, sop_class_uid, sop_uid, series_uid in session.execute(asked):
        if sop_class_uid and sop_uid and series_uid:  # a message is an object without UIDs
            made = ArchivedObject(revision, kind, sop_class_uid, sop_uid, series_uid)
            objects[study_id].append(made)
    return objects
