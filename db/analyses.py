"""What an analysis needs to know of its image, and what it found, saved once."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.jobs import Claim, finish_job, hold
from db.states import AnalysisState
from db.studies import add_evidence, lock_study
from db.tables import Analysis, Instance, Series, Study, Verdict
from db.withdrawal import withdrawn_reason


@dataclass(frozen=True)
class AnalysisInput:
    instance_id: int
    study_id: int
    study_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    spool_key: str
    modality: str
    body_part: str
    laterality: str
    view_position: str
    purged_at: datetime | None = None  # its file is gone


@dataclass(frozen=True)
class AnalysisRecord:
    """What was found on one image; boxes in pixels of the stored image, far edges exclusive."""

    state: AnalysisState
    model_name: str = ""
    model_version: str = ""
    reason: str | None = None
    probability: float | None = None
    region: str | None = None
    region_probability: float | None = None
    fracture_type: str | None = None
    type_probability: float | None = None
    severity: str | None = None
    hardware_probability: float | None = None
    notes: Sequence[str] = ()  # what makes the answer less sure
    boxes: Sequence[Mapping[str, float]] = ()
    frame: int | None = None
    heatmap_key: str | None = None
    annotated_key: str | None = None
    started_at: datetime | None = None
    stage_milliseconds: Mapping[str, float] = field(default_factory=dict)


def load_analysis_input(session: Session, instance_id: int) -> AnalysisInput:
    row = session.execute(
        select(
            Instance.id,
            Study.id,
            Study.study_instance_uid,
            Instance.sop_instance_uid,
            Instance.sop_class_uid,
            Instance.transfer_syntax_uid,
            Instance.spool_key,
            Series.modality,
            Instance.body_part,
            Instance.laterality,
            Instance.view_position,
            Instance.purged_at,
        )
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Instance.id == instance_id)
    ).one()
    return AnalysisInput(*row)


def save_analysis(session: Session, claim: Claim, record: AnalysisRecord) -> None:
    """Save what was found and finish the job; ClaimLost, and nothing saved, for a stale claim.

    What a model says that was withdrawn while it looked does not count.
    """
    study = _lock_study_of(session, claim.subject_id)
    hold(session, claim)
    saved = _replace(session, study, claim.subject_id, record)
    # Looked up once the row is written: whoever withdraws the model waits for such rows.
    reason = withdrawn_reason(session, record.model_version)
    if reason is not None:
        _forget(session, Analysis.id == saved.id)
        unsaid = AnalysisRecord(state=AnalysisState.NOT_ANALYSED, reason=reason)
        _replace(session, study, claim.subject_id, unsaid)
    finish_job(session, claim)


def save_unanalysable(session: Session, instance_id: int, reason: str) -> None:
    """Record that the image of a buried job is not analysed, and why."""
    study = _lock_study_of(session, instance_id)
    record = AnalysisRecord(state=AnalysisState.NOT_ANALYSED, reason=reason)
    _replace(session, study, instance_id, record)


def as_record(analysis: Analysis) -> AnalysisRecord:
    names = (item.name for item in fields(AnalysisRecord))
    return AnalysisRecord(**{name: getattr(analysis, name) for name in names})


def _lock_study_of(session: Session, instance_id: int) -> Study:
    of_instance = select(Series.study_id).join(Instance, Instance.series_id == Series.id)
    study_id = session.execute(of_instance.where(Instance.id == instance_id)).scalar_one()
    return lock_study(session, study_id)


def _replace(session: Session, study: Study, instance_id: int, record: AnalysisRecord) -> Analysis:
    add_evidence(study)
    # A new row even for a model that looked before: the latest row is the one that counts.
    same_model = and_(
        Analysis.instance_id == instance_id,
        Analysis.model_name == record.model_name,
        Analysis.model_version == record.model_version,
    )
    judged = _forget(session, same_model)
    lists = {"boxes": [dict(box) for box in record.boxes], "notes": list(record.notes)}
    values = asdict(record) | lists
    version = study.evidence_version
    saved = Analysis(instance_id=instance_id, evidence_version=version, **values)
    session.add(saved)
    session.flush()
    # Of the same model and to the same answer: what a reader said of it still stands.
    said_the_same = [verdict_id for verdict_id, state in judged if state == record.state]
    _judge(session, said_the_same, saved.id)
    return saved


def _forget(session: Session, those: ColumnElement[bool]) -> list[tuple[int, AnalysisState]]:
    """Delete these analyses; the verdicts on them, by id, and what they judged."""
    asked = select(Verdict.id, Analysis.state).join(Analysis, Analysis.id == Verdict.analysis_id)
    judged = [(verdict_id, state) for verdict_id, state in session.execute(asked.where(those))]
    _judge(session, [verdict_id for verdict_id, _ in judged], None)
    session.execute(delete(Analysis).where(those))
    return judged


def _judge(session: Session, verdict_ids: list[int], analysis_id: int | None) -> None:
    if verdict_ids:
        chosen = update(Verdict).where(Verdict.id.in_(verdict_ids))
        session.execute(chosen.values(analysis_id=analysis_id))
