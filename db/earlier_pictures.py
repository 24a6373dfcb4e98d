"""Pictures that earlier revisions made and a destination never got, because it joined later."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.states import ObjectKind
from db.tables import Analysis, Consignment, Delivery, Report, ResultObject


def pictures_owed(
    session: Session, study_id: int, wanted: Mapping[ObjectKind, Collection[str]]
) -> dict[str, list[int]]:
    """Objects by destination: of the kinds each wants, those that show what still counts."""
    made = session.execute(
        select(ResultObject.id, ResultObject.kind)
        .join(Report, Report.id == ResultObject.report_id)
        .where(
            Report.study_id == study_id,
            ResultObject.kind.in_(wanted),
            ResultObject.purged_at.is_(None),
            Report.evidence_version
            >= select(func.max(Analysis.evidence_version))
            .where(Analysis.instance_id == ResultObject.instance_id)
            .scalar_subquery(),
        )
        .order_by(ResultObject.id)
    ).all()
    consigned = _consigned(session, [object_id for object_id, _ in made])
    owed: defaultdict[str, list[int]] = defaultdict(list)
    for object_id, kind in made:
        for destination in wanted[kind]:
            if (destination, object_id) not in consigned:
                owed[destination].append(object_id)
    return owed


def _consigned(session: Session, object_ids: Sequence[int]) -> set[tuple[str, int]]:
    asked = (
        select(Consignment.destination, Delivery.object_id)
        .join(Delivery, Delivery.consignment_id == Consignment.id)
        .where(Delivery.object_id.in_(object_ids))
    )
    return {(destination, object_id) for destination, object_id in session.execute(asked)}
