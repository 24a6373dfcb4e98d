"""Results in a node's ledger and spool as a report leaves them, for peers that ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom.sop_class import Comprehensive3DSRStorage, SecondaryCaptureImageStorage
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.session import transaction
from db.states import AnalysisState, ObjectKind
from db.tables import Report, ResultObject, Study
from dicom_node.spool import SpooledObject
from tests.dicom_node.listening import Node
from tests.dicom_node.sent_objects import encoded, radiograph

SR = str(Comprehensive3DSRStorage)
SC = str(SecondaryCaptureImageStorage)
_KINDS = {SR: (ObjectKind.SR, "SR", 9101), SC: (ObjectKind.SC, "OT", 9102)}
# Retired, and so left out by whoever encodes a data set anew.
_GROUP_LENGTH = b"\x08\x00\x00\x00UL\x04\x00\x0a\x00\x00\x00"
_NOTHING_KEPT = SpooledObject("0" * 64, "0" * 64, 0)


@dataclass(frozen=True)
class KeptResult:
    """A result with the bytes of its data set as they lie in the spool."""

    row: ResultObject
    data: bytes


def study_row(study_instance_uid: str, **changes: Any) -> Study:
    values = {
        "patient_id": "P1",
        "issuer_of_patient_id": "",
        "patient_name": "Müller^Jörg",
        "patient_birth_date": "19600101",
        "patient_sex": "M",
        "accession_number": "ACC1",
        "study_date": "20260102",
        "study_time": "101500",
        "study_description": "Handgelenk",
    }
    return Study(study_instance_uid=study_instance_uid, **(values | changes))


def add_results(session: Session, studies: Sequence[Study]) -> None:
    """One SR each, of which no file is kept."""
    session.add_all(studies)
    session.flush()
    reports = [_report_row(study, revision=1) for study in studies]
    session.add_all(reports)
    session.flush()
    session.add_all(
        _result_row(report, SR, _NOTHING_KEPT, series_instance_uid=f"1.9.{report.id}")
        for report in reports
    )


def _report_row(study: Study, revision: int) -> Report:
    return Report(
        study_id=study.id,
        revision=revision,
        evidence_version=revision,
        state=AnalysisState.FRACTURE,
        probability=0.9,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def _result_row(
    report: Report, sop_class_uid: str, spooled: SpooledObject, **changes: Any
) -> ResultObject:
    values = {"kind": _KINDS[sop_class_uid][0], "sop_instance_uid": generate_uid()}
    return ResultObject(
        report_id=report.id,
        sop_class_uid=sop_class_uid,
        spool_key=spooled.key,
        sha256=spooled.sha256,
        size_bytes=spooled.size_bytes,
        **(values | changes),
    )


def _report_of(session: Session, study: Study, revision: int) -> Report:
    """The report of the revision, made where it is missing."""
    session.add(study)
    session.flush()
    existing = select(Report).where(Report.study_id == study.id, Report.revision == revision)
    report = session.scalar(existing)
    if report is None:
        report = _report_row(study, revision)
        session.add(report)
        session.flush()
    return report


def keep(
    node: Node,
    study: Study,
    sop_class_uid: str = SR,
    *,
    revision: int = 1,
    **changes: Any,
) -> KeptResult:
    """A result in ledger and spool; `changes` are fields of its row.

    Its header says of the study what the ledger does not know.
    """
    _, modality, series_number = _KINDS[sop_class_uid]
    uid = generate_uid()
    series = f"{study.study_instance_uid}.{series_number}"
    dataset = radiograph(
        SOPClassUID=sop_class_uid,
        SOPInstanceUID=uid,
        StudyInstanceUID=study.study_instance_uid,
        SeriesInstanceUID=series,
        Modality=modality,
        SeriesNumber=series_number,
        InstanceNumber=revision,
        StudyID="ST1",
        ReferringPhysicianName="Ärztin^Eva",
    )
    data = _GROUP_LENGTH + encoded(dataset)
    spooled = node.spool.write(_file_head(dataset) + data)
    identity = {"sop_instance_uid": uid, "series_instance_uid": series}
    with transaction(node.engine) as session:
        report = _report_of(session, study, revision)
        row = _result_row(report, sop_class_uid, spooled, **(identity | changes))
        session.add(row)
        session.flush()
        session.expunge_all()
    return KeptResult(row, data)


def _file_head(dataset: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    head, empty = BytesIO(), Dataset()
    empty.file_meta = meta
    empty.save_as(head, enforce_file_format=True)
    return head.getvalue()
