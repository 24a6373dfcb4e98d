"""Forgetting a patient: rows, files, and what a database leaves of deleted rows.

What was sent to others is theirs: a PACS keeps what it was given. What a backup holds is not
reached either; `reapply_forgettings` is for whoever restores one.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from db.erasing import erase_remains
from db.forgetting import (
    ForgottenPatient,
    Patient,
    PatientStudy,
    RowCounts,
    count_rows,
    doubtful_objects,
    is_worked_on,
    note_forgotten,
    patients_to_forget_again,
    stop_work_on,
    studies_of,
    study_described,
)
from db.holds import StudyHeld
from db.leaving_files import leaving_keys
from db.session import reading, transaction
from db.study_removal import remove_instance_kept_apart, remove_study
from dicom_node.header_reading import UNREADABLE, NotUnderstood, element_value
from dicom_node.keeping.leaving import remove_leaving
from dicom_node.results.evidence import read_elements
from dicom_node.spool import Spool, SpoolError

log = structlog.get_logger(__name__)

WHY = "the patient was forgotten"
# Longer than from the moment that a listener writes a file to the commit of its row.
SETTLED_SECONDS = 60.0
_PATIENCE_SECONDS = 900.0
_LOOKS_EVERY_SECONDS = 0.5
_IDENTITY = ("PatientID", "IssuerOfPatientID")


class SeveralIssuers(Exception):
    """The Patient ID was given by several issuers, so that it may be several people's."""


class PatientHeld(Exception):
    """A study of the patient is held: nothing of it may be removed. Names the studies."""


class StillWorkedOn(Exception):
    """A worker goes on with a study of the patient; ask again when it has ended."""


@dataclass(frozen=True)
class PatientTraces:
    """All that the node has of a patient.

    `mixed` are blocked studies of somebody else that hold an object of theirs: they go as a whole.
    `apart` are objects of theirs that are kept apart in somebody else's study, by instance id.
    """

    patient: Patient
    studies: tuple[PatientStudy, ...]
    mixed: tuple[PatientStudy, ...]
    apart: tuple[int, ...]
    rows: RowCounts
    unreadable: int  # objects of blocked studies, or kept apart, that cannot say whose they are

    @property
    def all_studies(self) -> tuple[PatientStudy, ...]:
        return (*self.studies, *self.mixed)

    @property
    def is_empty(self) -> bool:
        return not (self.all_studies or self.apart)


def find_traces(ledger: Engine, spool: Spool, patient: Patient) -> PatientTraces:
    """SeveralIssuers, PatientHeld; nothing is changed."""
    with reading(ledger) as session:
        studies = studies_of(session, patient)
        doubtful = doubtful_objects(session)
    if len({study.issuer for study in studies} - {""}) > 1:
        raise SeveralIssuers(", ".join(sorted({study.issuer or "none" for study in studies})))
    own = {study.study_id for study in studies}
    mixed, apart, around, unreadable = set[int](), [], set[int](), 0
    for one in doubtful:
        if one.study_id in own:
            continue
        is_theirs = _is_of(spool, one.spool_key, patient)
        unreadable += is_theirs is None
        if is_theirs and one.is_apart:
            apart.append(one.instance_id)
            around.add(one.study_id)
        elif is_theirs:
            mixed.add(one.study_id)
    with reading(ledger) as session:
        described = tuple(study_described(session, one) for one in sorted(mixed))
        others = [study_described(session, one) for one in sorted(around - mixed)]
        rows = count_rows(session, own | mixed)
    traces = PatientTraces(patient, tuple(studies), described, tuple(apart), rows, unreadable)
    touched = (*traces.all_studies, *others)
    held = [study.study_instance_uid for study in touched if study.is_held]
    if held:
        raise PatientHeld(", ".join(held))
    return traces


def forget(
    ledger: Engine,
    spool: Spool,
    traces: PatientTraces,
    *,
    person: str,
    settled_seconds: float = SETTLED_SECONDS,
) -> int:
    """Remove it all; how many files went. StillWorkedOn, LedgerUnavailable, SpoolError: ask again.

    What is half done is finished by the next call, or by `finish_forgetting` once no row is left.
    PatientHeld: a hold was placed since they were looked for, and what it holds stays.
    """
    study_ids = [study.study_id for study in traces.all_studies]
    with _holds_named():
        for study_id in study_ids:
            with transaction(ledger) as session:
                stop_work_on(session, study_id)
        _wait_for_workers(ledger, study_ids)
        # Noted with what goes first: whoever is stopped from here on can say whom it was about.
        with transaction(ledger) as session:
            files = sum(remove_instance_kept_apart(session, one) for one in traces.apart)
            note_forgotten(session, traces.patient, studies=len(study_ids), person=person)
        for study_id in study_ids:
            with transaction(ledger) as session:
                files += remove_study(session, study_id, why=WHY, actor=person)
    finish_forgetting(ledger, spool, settled_seconds=settled_seconds)
    log.info("patient_forgotten", studies=len(study_ids), files=files)
    return files


def finish_forgetting(
    ledger: Engine, spool: Spool, *, settled_seconds: float = SETTLED_SECONDS
) -> None:
    """Once the rows are gone: their files go, and what the database has left of them.

    StillWorkedOn, LedgerUnavailable, SpoolError: ask again.
    """
    _remove_files(ledger, spool, settled_seconds)
    erase_remains(ledger)


def reapply_forgettings(
    ledger: Engine,
    spool: Spool,
    forgotten: Sequence[ForgottenPatient],
    *,
    person: str,
    settled_seconds: float = SETTLED_SECONDS,
) -> int:
    """Forget again whom a restored backup brought back; how many patients.

    They are only looked for where something is older than their being forgotten.
    """
    with reading(ledger) as session:
        patients = patients_to_forget_again(session, forgotten)
    for patient in patients:
        traces = find_traces(ledger, spool, patient)
        forget(ledger, spool, traces, person=person, settled_seconds=settled_seconds)
    return len(patients)


@contextmanager
def _holds_named() -> Iterator[None]:
    try:
        yield
    except StudyHeld as error:
        raise PatientHeld(str(error)) from error


def _is_of(spool: Spool, spool_key: str, patient: Patient) -> bool | None:
    """Whether the object names the patient; None where it cannot be read."""
    try:
        header = read_elements(spool, spool_key, _IDENTITY)
    except (NotUnderstood, SpoolError, *UNREADABLE):
        return None
    patient_id, issuer = (str(element_value(header, keyword) or "") for keyword in _IDENTITY)
    return patient.is_named_by(patient_id, issuer)


def _wait_for_workers(ledger: Engine, study_ids: Collection[int]) -> None:
    """What they write into the spool would otherwise be left there, with nothing that names it."""
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with reading(ledger) as session:
            if not is_worked_on(session, study_ids):
                return
        if time.monotonic() > give_up_at:
            raise StillWorkedOn
        time.sleep(_LOOKS_EVERY_SECONDS)


def _remove_files(ledger: Engine, spool: Spool, settled_seconds: float) -> None:
    """All that leave, this patient's among them; one written just now is waited for."""
    with reading(ledger) as session:
        awaited = set(leaving_keys(session, limit=None))
    give_up_at = time.monotonic() + 2 * SETTLED_SECONDS
    while True:
        remove_leaving(ledger, spool, settled_seconds=settled_seconds)
        with reading(ledger) as session:
            if not awaited.intersection(leaving_keys(session, limit=None)):
                return
        if time.monotonic() > give_up_at:
            raise StillWorkedOn
        time.sleep(_LOOKS_EVERY_SECONDS)
