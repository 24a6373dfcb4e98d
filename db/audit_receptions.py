"""What an association carried, for the audit trail: one event a study, never one an instance."""

from typing import TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.audit import PEER, Action, AuditRecord, record_event
from db.tables import Instance, Series, Study

# By Study Instance UID: how many instances of which SOP class.
Carried: TypeAlias = dict[str, dict[str, int]]


def record_reception(
    session: Session, calling_ae_title: str, address: str, carried: Carried
) -> None:
    for study_instance_uid, sop_classes in carried.items():
        record_event(
            session,
            AuditRecord(
                actor=calling_ae_title,
                role=PEER,
                action=Action.INSTANCES_RECEIVED,
                address=address,
                study_instance_uid=study_instance_uid,
                sop_classes=dict(sop_classes),
            ),
        )


def carried_by(session: Session, association_id: str) -> Carried:
    """As far as the ledger tells: what was here already is not in it."""
    asked = (
        select(Study.study_instance_uid, Instance.sop_class_uid, func.count())
        .join(Series, Series.study_id == Study.id)
        .join(Instance, Instance.series_id == Series.id)
        .where(Instance.association_id == association_id)
        .group_by(Study.study_instance_uid, Instance.sop_class_uid)
    )
    carried: Carried = {}
    for study_instance_uid, sop_class_uid, count in session.execute(asked):
        carried.setdefault(study_instance_uid, {})[sop_class_uid] = count
    return carried
