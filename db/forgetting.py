"""Forgetting a patient: which rows are theirs, and their removal, study by study."""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from db.clock import database_now
from db.holds import is_held, require_unheld
from db.states import JobState
from db.studies import job_concerns, lock_study
from db.tables import (
    Analysis,
    Delivery,
    Forgetting,
    Instance,
    Job,
    Report,
    ResultObject,
    Series,
    Study,
    Verdict,
)

BEING_FORGOTTEN = "the patient is being forgotten: `osteon forget` goes on where it was stopped"


@dataclass(frozen=True)
class Patient:
    """By Patient ID and who issued it; `issuer` None: whoever did."""

    patient_id: str
    issuer: str | None = None

    def is_named_by(self, patient_id: str, issuer: str) -> bool:
        """By the texts of a header, which may be padded."""
        same_issuer = self.issuer is None or issuer.strip() == self.issuer
        return patient_id.strip() == self.patient_id and same_issuer


@dataclass(frozen=True)
class PatientStudy:
    study_id: int
    study_instance_uid: str
    issuer: str
    is_held: bool


@dataclass(frozen=True)
class DoubtfulObject:
    """An object whose own header says whose it is: its study may be another patient's."""

    instance_id: int
    study_id: int
    spool_key: str
    is_apart: bool  # kept apart; else its study is blocked


@dataclass(frozen=True)
class RowCounts:
    """How much would go, or went."""

    studies: int = 0
    objects: int = 0
    analyses: int = 0
    reports: int = 0
    result_objects: int = 0
    deliveries: int = 0
    verdicts: int = 0


@dataclass(frozen=True)
class ForgottenPatient:
    """What is left of one: enough to know them again, too little to name them at a glance."""

    salt: str
    patient_sha256: str
    any_issuer: bool
    forgotten_at: datetime

    def is_of(self, patient_id: str, issuer: str) -> bool:
        named = Patient(patient_id.strip(), None if self.any_issuer else issuer.strip())
        return _digest(self.salt, named) == self.patient_sha256


def studies_of(session: Session, patient: Patient) -> list[PatientStudy]:
    """The studies whose first instance named the patient."""
    asked = select(
        Study.id, Study.study_instance_uid, func.trim(Study.issuer_of_patient_id), is_held()
    ).where(func.trim(Study.patient_id) == patient.patient_id)
    if patient.issuer is not None:
        asked = asked.where(func.trim(Study.issuer_of_patient_id) == patient.issuer)
    return [PatientStudy(*row) for row in session.execute(asked.order_by(Study.id))]


def study_described(session: Session, study_id: int) -> PatientStudy:
    asked = select(
        Study.id, Study.study_instance_uid, func.trim(Study.issuer_of_patient_id), is_held()
    )
    return PatientStudy(*session.execute(asked.where(Study.id == study_id)).one())


def doubtful_objects(session: Session) -> list[DoubtfulObject]:
    """What is kept apart, and all of blocked studies: few, and each has to be asked."""
    is_apart = Instance.quarantine_reason.is_not(None)
    asked = (
        select(Instance.id, Study.id, Instance.spool_key, is_apart)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(is_apart | Study.blocked_reason.is_not(None), Instance.purged_at.is_(None))
    )
    return [DoubtfulObject(*row) for row in session.execute(asked.order_by(Instance.id))]


def count_rows(session: Session, study_ids: Collection[int]) -> RowCounts:
    def count(asked: Select[int]) -> int:
        return session.scalar(asked) or 0

    of_studies = Series.study_id.in_(study_ids)
    reports = select(Report.id).where(Report.study_id.in_(study_ids))
    instances = select(Instance.id).join(Series, Series.id == Instance.series_id).where(of_studies)
    objects = select(ResultObject.id).where(ResultObject.report_id.in_(reports))
    return RowCounts(
        studies=len(study_ids),
        objects=count(instances.with_only_columns(func.count())),
        analyses=count(select(func.count()).where(Analysis.instance_id.in_(instances))),
        reports=count(reports.with_only_columns(func.count())),
        result_objects=count(objects.with_only_columns(func.count())),
        deliveries=count(select(func.count()).where(Delivery.object_id.in_(objects))),
        verdicts=count(select(func.count()).where(Verdict.study_id.in_(study_ids))),
    )


def stop_work_on(session: Session, study_id: int) -> None:
    """Nothing new is begun on the study; what runs is let end, or it would leave files behind.

    StudyHeld.
    """
    study = lock_study(session, study_id)
    require_unheld(session, study)
    study.blocked_reason = BEING_FORGOTTEN
    session.flush()
    waiting = update(Job).where(Job.state == JobState.WAITING, job_concerns(Study.id == study_id))
    session.execute(
        waiting.values(
            state=JobState.DEAD, last_error=BEING_FORGOTTEN, finished_at=database_now()
        ).execution_options(synchronize_session=False)
    )


def is_worked_on(session: Session, study_ids: Collection[int]) -> bool:
    """Whether a worker holds a job of one of the studies; whose lease ran out holds none."""
    running = select(Job.id).where(
        Job.state == JobState.RUNNING,
        Job.lease_until > database_now(),
        job_concerns(Study.id.in_(study_ids)),
    )
    return session.execute(running.limit(1)).first() is not None


def note_forgotten(session: Session, patient: Patient, *, studies: int, person: str) -> None:
    salt = secrets.token_hex(16)
    session.add(
        Forgetting(
            salt=salt,
            patient_sha256=_digest(salt, patient),
            any_issuer=patient.issuer is None,
            studies=studies,
            forgotten_by=person,
        )
    )


def forgotten_patients(session: Session) -> list[ForgottenPatient]:
    columns = (Forgetting.salt, Forgetting.patient_sha256, Forgetting.any_issuer)
    asked = select(*columns, Forgetting.forgotten_at).order_by(Forgetting.id)
    return [ForgottenPatient(*row) for row in session.execute(asked)]


def was_forgotten(session: Session, patient: Patient) -> bool:
    return any(
        one.any_issuer == (patient.issuer is None)
        and one.patient_sha256 == _digest(one.salt, patient)
        for one in forgotten_patients(session)
    )


def patients_to_forget_again(
    session: Session, forgotten: Sequence[ForgottenPatient]
) -> list[Patient]:
    """Those who came back by a backup: with studies received before they were forgotten."""
    asked = select(
        Study.patient_id, Study.issuer_of_patient_id, func.min(Study.received_at)
    ).group_by(Study.patient_id, Study.issuer_of_patient_id)
    return [
        Patient(patient_id.strip(), issuer.strip())
        for patient_id, issuer, first in session.execute(asked)
        if _is_among(forgotten, patient_id, issuer, first)
    ]


def _is_among(
    forgotten: Iterable[ForgottenPatient], patient_id: str, issuer: str, first: datetime
) -> bool:
    return any(first <= one.forgotten_at and one.is_of(patient_id, issuer) for one in forgotten)


def _digest(salt: str, patient: Patient) -> str:
    named = "\n".join([salt, patient.patient_id, patient.issuer or ""])
    return hashlib.sha256(named.encode()).hexdigest()
