"""The header every result shares, and the last step of each: its UID, its text, its bytes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.results.character_set import declared_character_set, set_character_set
from dicom_node.results.equipment import Equipment, product_version
from dicom_node.results.patient_study import copy_patient_and_study, in_source_zone
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject
from dicom_node.uids import IMPLEMENTATION_CLASS_UID, derive_uid


@dataclass(frozen=True)
class ResultSeries:
    """One series per kind of object; the numbers keep clear of a modality's own."""

    kind: ResultKind
    sop_class_uid: str
    modality: str
    number: int
    description: str


def start_result(source: Dataset, equipment: Equipment, issue: ReportIssue) -> Dataset:
    """Patient, study and equipment of a result; its content is the caller's."""
    result = copy_patient_and_study(source)
    equipment.describe(result)
    created_at = in_source_zone(issue.created_at, result)
    result.ContributingEquipmentSequence = [equipment.contribution(created_at)]
    result.InstanceCreatorUID = equipment.device_uid
    result.InstanceCreationDate = result.ContentDate = created_at.strftime("%Y%m%d")
    result.InstanceCreationTime = result.ContentTime = created_at.strftime("%H%M%S")
    return result


def encode_values(result: Dataset, headers: Sequence[Dataset]) -> Dataset:
    """The finished result with each value as bytes, its text in the character set of its sources.

    Encoding a content tree takes most of the time of a report; as bytes it is only copied.
    """
    set_character_set(result, declared_character_set(headers))
    buffer = _written(result)
    buffer.seek(0)
    return read_dataset(buffer, is_implicit_VR=False, is_little_endian=True)


def issue_result(result: Dataset, series: ResultSeries, equipment: Equipment) -> ResultObject:
    """Make the encoded values an object of this series, with its UID."""
    result.SOPClassUID = series.sop_class_uid
    result.Modality = series.modality
    result.SeriesNumber = series.number
    result.SeriesDescription = series.description
    # Of its kind, for several kinds are of one class: what a viewer opens as one series is alike.
    result.SeriesInstanceUID = derive_uid(
        "series", result.StudyInstanceUID, series.kind, equipment.device_uid
    )
    # Of every byte of the content: no two contents share a SOP Instance UID.
    digest = hashlib.sha256(_written(result).getvalue()).hexdigest()
    result.SOPInstanceUID = derive_uid("instance", digest)
    return ResultObject(
        kind=series.kind,
        sop_class_uid=series.sop_class_uid,
        sop_instance_uid=str(result.SOPInstanceUID),
        series_instance_uid=str(result.SeriesInstanceUID),
        encoded=_file(result),
    )


def _written(result: Dataset) -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, result)
    return buffer


def _file(result: Dataset) -> bytes:
    result.file_meta = _file_meta(result)
    buffer = BytesIO()
    dcmwrite(buffer, result, enforce_file_format=True)
    return buffer.getvalue()


def _file_meta(result: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = result.SOPClassUID
    meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    # SH: at most 16 characters (PS3.10 7.1).
    meta.ImplementationVersionName = f"OSTEON_{product_version()}"[:16]
    return meta
