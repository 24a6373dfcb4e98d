"""What a network on trial says beside the one in service: kept, compared, and never sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.clock import database_now
from db.self_test import self_test_instances
from db.states import AnalysisState
from db.tables import Analysis, Instance, Series, ShadowAnalysis, Study
from db.upsert import insert_or_update

FINDINGS = (AnalysisState.FRACTURE, AnalysisState.POSSIBLE, AnalysisState.NONE)
_DIFFERENCE = ShadowAnalysis.probability - Analysis.probability


@dataclass(frozen=True)
class ShadowRecord:
    """What the network on trial says of one image, and how long that took it alone."""

    model_name: str
    model_version: str
    state: AnalysisState
    reason: str | None = None
    probability: float | None = None
    region: str | None = None
    milliseconds: float | None = None


@dataclass(frozen=True)
class ShadowVersion:
    """A network that is or was on trial."""

    model_name: str
    model_version: str
    images: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Disagreement:
    """One image of which the two networks say different things."""

    study_instance_uid: str
    sop_instance_uid: str
    state: AnalysisState
    probability: float
    shadow_state: AnalysisState
    shadow_probability: float


@dataclass(frozen=True)
class ShadowComparison:
    """Two networks on the same images; `crossed[(in service, on trial)]` are images of both states.

    `images`: of which both say something; `unanswered`: of which one or neither does.
    """

    images: int
    unanswered: int
    crossed: Mapping[tuple[AnalysisState, AnalysisState], int]
    mean_difference: float | None  # of the probabilities: on trial minus in service
    disagreements: Sequence[Disagreement]  # the greatest first


def save_shadow_analysis(session: Session, instance_id: int, record: ShadowRecord) -> None:
    """In place of what this network said of the image before; nothing else is changed."""
    key = {
        "instance_id": instance_id,
        "model_name": record.model_name,
        "model_version": record.model_version,
    }
    changes = {
        "state": record.state,
        "reason": record.reason,
        "probability": record.probability,
        "region": record.region,
        "milliseconds": record.milliseconds,
        "analysed_at": database_now(),
    }
    insert_or_update(session, ShadowAnalysis, key | changes, key=tuple(key), changes=changes)


def shadow_versions(session: Session) -> list[ShadowVersion]:
    """The network that looked last comes first."""
    last_at = func.max(ShadowAnalysis.analysed_at)
    asked = (
        select(
            ShadowAnalysis.model_name,
            ShadowAnalysis.model_version,
            func.count(),
            func.min(ShadowAnalysis.analysed_at),
            last_at,
        )
        .group_by(ShadowAnalysis.model_name, ShadowAnalysis.model_version)
        .order_by(last_at.desc(), ShadowAnalysis.model_name, ShadowAnalysis.model_version)
    )
    return [ShadowVersion(*row) for row in session.execute(asked)]


def shadow_comparison(
    session: Session, model_version: str, since: datetime, *, most: int = 20
) -> ShadowComparison:
    """This version beside the latest analysis in service of all that it has looked at since then.

    Self-tests are left out: of phantoms nothing is to be learned. So is what this very version has
    analysed in service meanwhile, and so are disagreements beyond the `most` greatest.
    """
    pairs = _pairs(model_version, since)
    ours, its = Analysis.state, ShadowAnalysis.state
    asked = pairs.add_columns(ours, its, func.count(), func.sum(_DIFFERENCE))
    counts, differences = {}, []
    for state, shadow_state, images, difference in session.execute(asked.group_by(ours, its)):
        counts[state, shadow_state] = images
        differences.append(difference or 0.0)
    crossed = {(one, other): counts.get((one, other), 0) for one in FINDINGS for other in FINDINGS}
    answered = sum(crossed.values())
    return ShadowComparison(
        images=answered,
        unanswered=sum(counts.values()) - answered,
        crossed=crossed,
        mean_difference=sum(differences) / answered if answered else None,
        disagreements=_greatest(session, pairs, most),
    )


def _pairs(model_version: str, since: datetime) -> Select[Any]:
    """Each answer on trial joined to the one in service that counts; no columns yet."""
    newer = aliased(Analysis)
    return (
        select()
        .select_from(ShadowAnalysis)
        .join(Analysis, Analysis.instance_id == ShadowAnalysis.instance_id)
        .where(
            ShadowAnalysis.model_version == model_version,
            ShadowAnalysis.analysed_at >= since,
            Analysis.model_version != model_version,
            ShadowAnalysis.instance_id.not_in(self_test_instances()),
            ~exists().where(newer.instance_id == Analysis.instance_id, newer.id > Analysis.id),
        )
    )


def _greatest(session: Session, pairs: Select[Any], most: int) -> list[Disagreement]:
    asked = (
        pairs.add_columns(
            Study.study_instance_uid,
            Instance.sop_instance_uid,
            Analysis.state,
            Analysis.probability,
            ShadowAnalysis.state,
            ShadowAnalysis.probability,
        )
        .join(Instance, Instance.id == Analysis.instance_id)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(_DIFFERENCE != 0)
        .order_by(func.abs(_DIFFERENCE).desc(), Analysis.id.desc())
        .limit(most)
    )
    return [Disagreement(*row) for row in session.execute(asked)]
