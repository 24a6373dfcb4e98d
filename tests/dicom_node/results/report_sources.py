"""Received radiographs as real senders write them, from almost nothing to everything."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from dicom_node.results.finding import AlgorithmIdentity, BoundingBox, FindingState, ImageFinding
from dicom_node.results.result_object import ReportIssue
from dicom_node.uids import derive_uid

ALGORITHM = AlgorithmIdentity("osteon-fracture", "0.1.0", {"sensitive": 0.21, "specific": 0.62})
# What a node ran before, of which it knows no more than the ledger.
OLDER = AlgorithmIdentity("osteon-fracture", "0.0.9")
ISSUE = ReportIssue(1, datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC))


def received(dataset: Dataset) -> Dataset:
    """The header as the spool gives it back: encoded and read again, without the pixels."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer, stop_before_pixels=True)


def minimal_cr(number: int = 1, series: int = 1, rows: int = 600, columns: int = 400) -> Dataset:
    """A CR with its UIDs and matrix and nothing else that could be left out."""
    source = Dataset()
    source.SOPClassUID = ComputedRadiographyImageStorage
    source.StudyInstanceUID = derive_uid("source", "study")
    source.SeriesInstanceUID = derive_uid("source", "series", series)
    source.SOPInstanceUID = derive_uid("source", "instance", series, number)
    source.Rows, source.Columns = rows, columns
    return source


def numbered_cr(number: int, series: int = 1) -> Dataset:
    source = minimal_cr(number, series)
    source.Modality = "CR"
    source.SeriesNumber, source.InstanceNumber = series, number
    return source


def full_dx() -> Dataset:
    source = minimal_cr(rows=2500, columns=2048)
    source.SOPClassUID = DigitalXRayImageStorageForPresentation
    source.Modality = "DX"
    source.SpecificCharacterSet = "ISO_IR 100"
    source.PatientName, source.PatientID = "Müller^Jürgen", "PID-0001"
    source.IssuerOfPatientID = "HOSPITAL"
    source.PatientBirthDate, source.PatientSex, source.PatientAge = "19700102", "M", "056Y"
    source.StudyDate, source.StudyTime = "20260304", "160000"
    source.TimezoneOffsetFromUTC = "+0100"
    source.AccessionNumber, source.StudyID = "ACC-123", "S1"
    source.ReferringPhysicianName = "Weiß^Anna"
    source.StudyDescription = "Handgelenk links"
    source.SeriesNumber, source.InstanceNumber = 4, 2
    source.ImageLaterality = "L"
    source.PatientOrientation = ["L", "F"]
    source.PixelSpacing, source.ImagerPixelSpacing = [0.14, 0.15], [0.148, 0.158]
    source.LossyImageCompression = "00"
    source.ProcedureCodeSequence = [_code("36572-6", "LN", "XR Chest AP")]
    source.RequestAttributesSequence = [_request()]
    return source


def _request() -> Dataset:
    request = Dataset()
    request.AccessionNumber = "ACC-123"
    request.RequestedProcedureID = "RP-1"
    request.RequestedProcedureDescription = "Handgelenk in zwei Ebenen, früh"
    request.ScheduledProcedureStepID = "SPS-1"
    request.RequestedProcedureCodeSequence = [_code("WRIST-L", "99HOSP", "Handgelenk links")]
    return request


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def monochrome1_cr() -> Dataset:
    source = numbered_cr(1)
    source.PhotometricInterpretation = "MONOCHROME1"
    source.Laterality = "R"
    return source


def rgb_secondary_capture() -> Dataset:
    source = minimal_cr()
    source.SOPClassUID = SecondaryCaptureImageStorage
    source.Modality = "OT"
    source.SamplesPerPixel, source.PhotometricInterpretation = 3, "RGB"
    return source


def multi_frame() -> Dataset:
    source = minimal_cr()
    source.SOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    source.NumberOfFrames = 5
    return source


def grey_multi_frame() -> Dataset:
    source = multi_frame()
    source.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    source.SamplesPerPixel, source.PhotometricInterpretation = 1, "MONOCHROME2"
    return source


# What differs in a source and matters to its results.
SOURCES: dict[str, Callable[[], Dataset]] = {
    "minimal CR": minimal_cr,
    "full DX": full_dx,
    "MONOCHROME1": monochrome1_cr,
    "RGB SC": rgb_secondary_capture,
    "multi-frame": multi_frame,
    "one pixel": lambda: minimal_cr(rows=1, columns=1),
}


def in_character_set(character_set: str | list[str] | None, name: str, text: str) -> Dataset:
    """A small image whose patient and study are written so."""
    source = minimal_cr(rows=40, columns=30)
    if character_set is not None:
        source.SpecificCharacterSet = character_set
    source.PatientName, source.StudyDescription = name, text
    return received(source)


def fracture_in(source: Dataset, **changes: object) -> ImageFinding:
    values: dict[str, object] = {
        "sop_class_uid": str(source.SOPClassUID),
        "sop_instance_uid": str(source.SOPInstanceUID),
        "state": FindingState.FRACTURE,
        "probability": 0.9371,
        "region": "wrist",
        "boxes": (BoundingBox(50.0, 60.0, 150.5, 260.0, 0.91),),
    }
    return ImageFinding(**{**values, **changes})  # type: ignore[arg-type]


def nothing_in(source: Dataset, probability: float = 0.031) -> ImageFinding:
    return fracture_in(source, state=FindingState.NONE, probability=probability, boxes=())


def not_assessable(source: Dataset, reason: str = "positioning") -> ImageFinding:
    return fracture_in(
        source,
        state=FindingState.NOT_ASSESSABLE,
        probability=None,
        region=None,
        boxes=(),
        reason=reason,
    )


def grey(source: Dataset) -> np.ndarray:
    """A plain ramp in the matrix of the source."""
    ramp = np.linspace(0, 200, source.Columns, dtype=np.uint8)
    return np.broadcast_to(ramp, (source.Rows, source.Columns)).copy()
