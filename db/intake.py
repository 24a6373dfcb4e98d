"""Recording what arrives: associations, and each instance with its study, series and work."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.audit_receptions import Carried, carried_by, record_reception
from db.clock import database_now
from db.jobs import JobKind, add_job
from db.priorities import Priority, raise_priority
from db.purged import says_purged
from db.states import AnalysisState
from db.studies import add_evidence, block_study, lock_study
from db.tables import Analysis, Association, Instance, Series, Study
from db.tables.base import storable
from db.upsert import find_or_insert, insert_unless_present

TWO_PATIENTS = "two patients in one study: instance {} names another PatientID than the first did"
OTHER_BYTES = "the SOP Instance UID arrived again with other bytes: kept apart, not analysed"


class Intake(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"  # the very bytes we have: nothing changed
    RESTORED = "restored"  # the very bytes that were purged: here again
    CONFLICT = "conflict"  # a known SOP Instance UID with other bytes: kept apart
    BLOCKED = "blocked"  # stored, but its study waits for a person


@dataclass(frozen=True)
class OpenedAssociation:
    association_id: str
    listener: str
    calling_ae_title: str
    called_ae_title: str
    address: str


@dataclass(frozen=True)
class ReceivedInstance:
    """An instance safely in the spool; an absent element is '' (text) or None (number).

    `is_image` False (SR, KO, PR, or a result of our own) never leads to a report by itself.
    `not_analysed_reason` set: recorded with that reason, not analysed.
    """

    association_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    spool_key: str
    sha256: str
    size_bytes: int
    is_image: bool
    not_analysed_reason: str | None = None
    modality: str = ""
    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    issuer_of_patient_id: str = ""
    accession_number: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    series_number: int | None = None
    series_description: str = ""
    body_part: str = ""
    laterality: str = ""
    view_position: str = ""
    instance_number: int | None = None
    rows: int | None = None
    columns: int | None = None
    rule: str | None = None  # the routing rule that hit
    priority: int = Priority.NORMAL
    destinations: tuple[str, ...] | None = None  # none: all


def open_association(session: Session, opened: OpenedAssociation) -> None:
    """Record the association before its first instance; again for the same id changes nothing."""
    insert_unless_present(
        session,
        Association,
        {
            "id": opened.association_id,
            "listener": opened.listener,
            "calling_ae_title": opened.calling_ae_title,
            "called_ae_title": opened.called_ae_title,
            "address": opened.address,
        },
    )


def close_association(
    session: Session, association_id: str, carried: Carried | None = None
) -> None:
    """`carried` says what came, for the audit trail; without it the ledger tells."""
    _close(session, Association.id == association_id, carried)


def close_associations_of(session: Session, listener: str) -> None:
    """Close what a killed listener of this name left open; call it before accepting anew."""
    _close(session, Association.listener == listener)


def record_instance(session: Session, received: ReceivedInstance) -> Intake:
    """Keep one instance: study, series, instance and its analyse job, all or nothing.

    One instance per transaction: two could wait for each other's study.
    """
    study = _lock_study(session, received)
    series_id = _find_or_insert_series(session, study.id, received)
    instance_id = _insert_instance(session, series_id, received)
    if instance_id is None:
        return _receive_again(session, study, series_id, received)
    if study.blocked_reason is None and _is_other_patient(study, received):
        block_study(session, study, TWO_PATIENTS.format(received.sop_instance_uid))
    raise_priority(session, study, received.priority)
    study.last_instance_at = database_now()
    if received.is_image:
        add_evidence(study)
    _ask_for_analysis(session, study, instance_id, received)
    return Intake.STORED if study.blocked_reason is None else Intake.BLOCKED


def _lock_study(session: Session, received: ReceivedInstance) -> Study:
    find = select(Study.id).where(Study.study_instance_uid == received.study_instance_uid)
    values = {
        "study_instance_uid": received.study_instance_uid,
        "patient_id": received.patient_id,
        "issuer_of_patient_id": received.issuer_of_patient_id,
        "patient_name": received.patient_name,
        "patient_birth_date": received.patient_birth_date,
        "patient_sex": received.patient_sex,
        "accession_number": received.accession_number,
        "study_date": received.study_date,
        "study_time": received.study_time,
        "study_description": received.study_description,
        "priority": received.priority,
    }
    return lock_study(session, find_or_insert(session, Study, values, find))


def _find_or_insert_series(session: Session, study_id: int, received: ReceivedInstance) -> int:
    find = select(Series.id).where(
        Series.study_id == study_id, Series.series_instance_uid == received.series_instance_uid
    )
    values = {
        "study_id": study_id,
        "series_instance_uid": received.series_instance_uid,
        "modality": received.modality,
        "series_number": received.series_number,
        "series_description": received.series_description,
    }
    return find_or_insert(session, Series, values, find)


def _insert_instance(
    session: Session,
    series_id: int,
    received: ReceivedInstance,
    quarantine_reason: str | None = None,
) -> int | None:
    values = {
        "series_id": series_id,
        "association_id": received.association_id,
        "sop_instance_uid": received.sop_instance_uid,
        "sop_class_uid": received.sop_class_uid,
        "transfer_syntax_uid": received.transfer_syntax_uid,
        "is_image": received.is_image,
        "instance_number": received.instance_number,
        "body_part": received.body_part,
        "laterality": received.laterality,
        "view_position": received.view_position,
        "rows": received.rows,
        "columns": received.columns,
        "spool_key": received.spool_key,
        "sha256": received.sha256,
        "size_bytes": received.size_bytes,
        "quarantine_reason": quarantine_reason,
        "rule": received.rule,
        "destinations": None if received.destinations is None else list(received.destinations),
    }
    return insert_unless_present(session, Instance, values)


def _receive_again(
    session: Session, study: Study, series_id: int, received: ReceivedInstance
) -> Intake:
    live = select(Instance).where(
        Instance.sop_instance_uid == received.sop_instance_uid,
        Instance.quarantine_reason.is_(None),
    )
    instance = session.scalars(live).one()
    if instance.sha256 != received.sha256:
        _insert_instance(session, series_id, received, OTHER_BYTES)
        return Intake.CONFLICT
    if instance.purged_at is None:
        return Intake.DUPLICATE
    _restore(session, study, instance)
    return Intake.RESTORED


def _restore(session: Session, study: Study, instance: Instance) -> None:
    """Its file is here again. What was found on it stands: the same bytes would be answered alike.

    Only what was not looked at because the file was gone is looked at now.
    """
    instance.purged_at = None
    study.last_instance_at = database_now()
    latest = select(Analysis.reason).where(Analysis.instance_id == instance.id)
    reason = session.scalars(latest.order_by(Analysis.id.desc()).limit(1)).one_or_none()
    if says_purged(reason) and study.blocked_reason is None:
        add_job(session, JobKind.ANALYSE, instance.id, priority=study.priority)


def _is_other_patient(study: Study, received: ReceivedInstance) -> bool:
    # One issuer missing is common and no contradiction; a PatientID missing may be anybody's.
    named = storable(received.patient_id), storable(received.issuer_of_patient_id)
    patient_id, issuer = (text.strip() for text in named)
    issuers = {study.issuer_of_patient_id.strip(), issuer} - {""}
    return study.patient_id.strip() != patient_id or len(issuers) > 1


def _ask_for_analysis(
    session: Session, study: Study, instance_id: int, received: ReceivedInstance
) -> None:
    if received.not_analysed_reason is not None:
        not_analysed = Analysis(
            instance_id=instance_id,
            evidence_version=study.evidence_version,
            state=AnalysisState.NOT_ANALYSED,
            reason=received.not_analysed_reason,
        )
        session.add(not_analysed)
    elif study.blocked_reason is None:
        add_job(session, JobKind.ANALYSE, instance_id, priority=study.priority)


def _close(session: Session, which: ColumnElement[bool], carried: Carried | None = None) -> None:
    """Whoever closes a row writes its events, in one transaction: each is written once."""
    closed = (
        update(Association)
        .where(which, Association.closed_at.is_(None))
        .values(closed_at=database_now())
        .returning(Association.id, Association.calling_ae_title, Association.address)
        .execution_options(synchronize_session=False)
    )
    for association_id, calling_ae_title, address in session.execute(closed).all():
        found = carried or carried_by(session, association_id)
        record_reception(session, calling_ae_title, address, found)
