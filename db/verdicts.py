"""What readers say of the findings: each verdict is kept, a reader's latest on an image counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from db.self_test import self_test_studies
from db.states import AnalysisState, Opinion
from db.studies import lock_study
from db.tables import Analysis, Instance, Report, Series, Study, Verdict
from db.tables.base import storable

MAX_COMMENT = 2000  # characters


class NothingToJudge(Exception):
    """The study, or the image in it, is not in the ledger."""


@dataclass(frozen=True)
class Judgement:
    """A verdict as it is given; `sop_instance_uid` None: on the study as a whole.

    `analysis_id` and `report_revision` say what the reader had before them. Boxes are in pixels of
    the stored image, far edges exclusive.
    """

    study_instance_uid: str
    reader: str
    opinion: Opinion
    sop_instance_uid: str | None = None
    analysis_id: int | None = None
    report_revision: int | None = None
    corrected_finding: AnalysisState | None = None
    corrected_region: str | None = None
    corrected_type: str | None = None
    boxes: Sequence[dict[str, float]] = ()
    comment: str = ""


@dataclass(frozen=True)
class GivenVerdict:
    """A verdict as it is kept, and the answer it judged; `counts`: its reader said nothing since.

    `finding`, `region`, `type`, `model` and `node_boxes` are the node's: of the analysis that was
    judged, or of the report where the study was. None where that is no longer known.
    """

    verdict_id: int
    study_instance_uid: str
    sop_instance_uid: str | None
    reader: str
    opinion: Opinion
    corrected_finding: AnalysisState | None
    corrected_region: str | None
    corrected_type: str | None
    boxes: list[dict[str, Any]] | None
    comment: str
    report_revision: int | None
    given_at: datetime
    finding: AnalysisState | None
    probability: float | None
    region: str | None
    type: str | None
    model: str | None
    node_boxes: list[dict[str, Any]] | None
    frame: int | None
    counts: bool

    @property
    def said(self) -> AnalysisState | None:
        """What the reader sees: their correction, else the node's finding, unless they disagree."""
        if self.corrected_finding is not None or self.opinion is Opinion.DISAGREE:
            return self.corrected_finding
        return self.finding


VERDICT_COLUMNS = (
    *("given_at", "study_instance_uid", "sop_instance_uid", "reader", "opinion", "counts"),
    *("finding", "probability", "region", "type", "model", "report_revision"),
    *("corrected_finding", "corrected_region", "corrected_type", "boxes", "comment"),
)


def verdict_row(verdict: GivenVerdict) -> dict[str, Any]:
    """As it is exported."""
    return {name: getattr(verdict, name) for name in VERDICT_COLUMNS}


def save_verdict(session: Session, given: Judgement) -> int:
    """Its id; raises NothingToJudge. The study is locked, so that no analysis goes meanwhile."""
    uid = given.study_instance_uid
    study_id = session.scalar(select(Study.id).where(Study.study_instance_uid == uid))
    if study_id is None:
        raise NothingToJudge("there is no such study")
    lock_study(session, study_id)
    instance_id = _image(session, study_id, given.sop_instance_uid)
    verdict = Verdict(
        study_id=study_id,
        instance_id=instance_id,
        analysis_id=_judged_analysis(session, instance_id, given.analysis_id),
        report_revision=_judged_revision(session, study_id, given.report_revision),
        reader=given.reader,
        opinion=given.opinion,
        corrected_finding=given.corrected_finding,
        corrected_region=given.corrected_region,
        corrected_type=given.corrected_type,
        boxes=[dict(box) for box in given.boxes] or None,
        comment=storable(given.comment)[:MAX_COMMENT],
    )
    session.add(verdict)
    session.flush()
    return verdict.id


def verdicts_of_study(session: Session, study_instance_uid: str) -> list[GivenVerdict]:
    """All that was said of it, the newest first."""
    asked = _given().where(Study.study_instance_uid == study_instance_uid)
    return _read(session, asked.order_by(Verdict.id.desc()))


def list_verdicts(
    session: Session, *, before_id: int | None = None, limit: int | None = None
) -> list[GivenVerdict]:
    """The newest first, those before the one named."""
    asked = _given().order_by(Verdict.id.desc()).limit(limit)
    if before_id is not None:
        asked = asked.where(Verdict.id < before_id)
    return _read(session, asked)


def counting_verdicts(session: Session) -> list[GivenVerdict]:
    """Of each reader on each image and study the latest, oldest first; of patients alone."""
    of_patients = Verdict.study_id.not_in(self_test_studies())
    return _read(session, _given().where(_counts(), of_patients).order_by(Verdict.id))


def _image(session: Session, study_id: int, sop_instance_uid: str | None) -> int | None:
    if sop_instance_uid is None:
        return None
    asked = (
        select(Instance.id)
        .join(Series, Series.id == Instance.series_id)
        .where(
            Series.study_id == study_id,
            Instance.sop_instance_uid == sop_instance_uid,
            Instance.is_image,
            Instance.quarantine_reason.is_(None),
        )
    )
    instance_id = session.scalar(asked)
    if instance_id is None:
        raise NothingToJudge("the study has no such image")
    return instance_id


def _judged_analysis(
    session: Session, instance_id: int | None, analysis_id: int | None
) -> int | None:
    """The one the reader had before them; none where it is another image's, or gone meanwhile."""
    if instance_id is None or analysis_id is None:
        return None
    asked = select(Analysis.id).where(
        Analysis.id == analysis_id, Analysis.instance_id == instance_id
    )
    return session.scalar(asked)


def _judged_revision(session: Session, study_id: int, revision: int | None) -> int | None:
    asked = select(Report.revision).where(Report.study_id == study_id, Report.revision == revision)
    return None if revision is None else session.scalar(asked)


def _counts() -> ColumnElement[bool]:
    """Whether its reader said nothing later of the same image, or of the same study as a whole."""
    later = aliased(Verdict)
    # Ids of instances begin at 1: 0 stands for the study as a whole.
    same_subject = func.coalesce(later.instance_id, 0) == func.coalesce(Verdict.instance_id, 0)
    said_later = select(later.id).where(
        later.study_id == Verdict.study_id,
        later.reader == Verdict.reader,
        same_subject,
        later.id > Verdict.id,
    )
    return ~said_later.correlate(Verdict).exists()


def _given() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Verdict,
            Study.study_instance_uid,
            Instance.sop_instance_uid,
            Analysis,
            Report,
            _counts().label("counts"),
        )
        .join(Study, Study.id == Verdict.study_id)
        .outerjoin(Instance, Instance.id == Verdict.instance_id)
        .outerjoin(Analysis, Analysis.id == Verdict.analysis_id)
        .outerjoin(
            Report,
            (Report.study_id == Verdict.study_id)
            & (Report.revision == Verdict.report_revision)
            & Verdict.instance_id.is_(None),
        )
    )


def _read(session: Session, asked: Select[*tuple[Any, ...]]) -> list[GivenVerdict]:
    return [_verdict(*row) for row in session.execute(asked)]


def _verdict(  # noqa: PLR0913, PLR0917 - a row, column by column
    verdict: Verdict,
    study_instance_uid: str,
    sop_instance_uid: str | None,
    analysis: Analysis | None,
    report: Report | None,
    counts: bool,
) -> GivenVerdict:
    judged = analysis or report
    model = f"{analysis.model_name} {analysis.model_version}".strip() if analysis else ""
    return GivenVerdict(
        verdict_id=verdict.id,
        study_instance_uid=study_instance_uid,
        sop_instance_uid=sop_instance_uid,
        reader=verdict.reader,
        opinion=verdict.opinion,
        corrected_finding=verdict.corrected_finding,
        corrected_region=verdict.corrected_region,
        corrected_type=verdict.corrected_type,
        boxes=verdict.boxes,
        comment=verdict.comment,
        report_revision=verdict.report_revision,
        given_at=verdict.given_at,
        finding=judged.state if judged else None,
        probability=judged.probability if judged else None,
        region=analysis.region if analysis else None,
        type=analysis.fracture_type if analysis else None,
        model=model or None,
        node_boxes=analysis.boxes if analysis else None,
        frame=analysis.frame if analysis else None,
        counts=bool(counts),
    )
