"""Received headers that say everything a result may take over, each value its own."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
)

from dicom_node.results.evidence import EVIDENCE_KEYWORDS
from dicom_node.uids import derive_uid

_LONGEST_TEXT = 16
_SHUTTERS = ("RECTANGULAR", "CIRCULAR", "POLYGONAL")
_TABLES = ("ModalityLUTSequence", "VOILUTSequence")
_CLASSES = (DigitalXRayImageStorageForPresentation, ComputedRadiographyImageStorage)
_BY_VR: dict[str, Callable[[int], Any]] = {
    "DA": lambda number: f"2026010{number}",
    "TM": lambda number: f"1{number}1500",
    "AS": lambda number: f"04{number}Y",
    "DS": lambda number: f"{number}.5",
    "IS": lambda number: number,
    "US": lambda number: number,
}


def rich_source(number: int, *, with_tables: bool = False) -> Dataset:
    """A radiograph with every element that results are built from; `number` from 1 to 9.

    Its greyscale is described by windows, or by lookup tables, which exclude each other. Every
    third one does not say how large its pixels are.
    """
    source = Dataset()
    for keyword in EVIDENCE_KEYWORDS:
        setattr(source, keyword, _value(keyword, number))
    for keyword, value in _image(number).items():
        setattr(source, keyword, value)
    _describe_greyscale(source, number, with_tables)
    del source.NumberOfFrames, source.Laterality
    if number % 3 == 0:
        del source.PixelSpacing, source.ImagerPixelSpacing
    return _received(source)


def poor_source(number: int, *, frames: int = 1) -> Dataset:
    """A radiograph with its UIDs and its matrix, and nothing that could be left out."""
    source = Dataset()
    whole = _image(number)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(source, keyword, derive_uid(keyword, number))
    for keyword in ("SOPClassUID", "Rows", "Columns"):
        setattr(source, keyword, whole[keyword])
    if frames > 1:
        source.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
        source.NumberOfFrames = frames
    return _received(source)


def _describe_greyscale(source: Dataset, number: int, with_tables: bool) -> None:
    for keyword in _TABLES:
        setattr(source, keyword, [_lookup_table(number)])
        if not with_tables:
            delattr(source, keyword)


def _value(keyword: str, number: int) -> Any:
    vr = dictionary_VR(keyword)
    if vr == "SQ":
        return [_item(keyword, number)]
    if vr == "UI":
        return derive_uid(keyword, number)
    if vr in _BY_VR:
        return _BY_VR[vr](number)
    text = f"{keyword[-(_LONGEST_TEXT - 2) :]} {number}"
    return text.upper() if vr == "CS" else text


def _item(keyword: str, number: int) -> Dataset:
    """A coded entry, which also serves as an issuer or a reference; or a request."""
    item = Dataset()
    if keyword == "RequestAttributesSequence":
        item.AccessionNumber = f"ACC-{number}"
        item.PlacerOrderNumberImagingServiceRequest = f"PLACED-{number}"
        item.FillerOrderNumberImagingServiceRequest = f"FILLED-{number}"
        item.RequestedProcedureID = f"RP-{number}"
        item.RequestedProcedureDescription = f"Procedure {number}"
        item.RequestedProcedureCodeSequence = [_item("RequestedCode", number)]
        return item
    item.CodeValue, item.CodingSchemeDesignator = f"{keyword[:8]}{number}", "99LOCAL"
    item.CodeMeaning = f"{keyword} {number}"
    return item


def _image(number: int) -> dict[str, Any]:
    """What has to fit together, or has values of its own."""
    return {
        "ShutterShape": _SHUTTERS[number % 3],
        "CenterOfCircularShutter": [number, 20],
        "VerticesOfThePolygonalShutter": [number, 2, 30, 40, 50, 6],
        "SOPClassUID": _CLASSES[number % 2],
        "SpecificCharacterSet": ("ISO_IR 100", "ISO_IR 192")[number % 2],
        "Modality": ("DX", "CR")[number % 2],
        "Rows": 64 + number,
        "Columns": 56 + number,
        "PatientSex": "MF"[number % 2],
        "PatientOrientation": (["L", "F"], ["A", "F"])[number % 2],
        "ImageLaterality": "LR"[number % 2],
        "TimezoneOffsetFromUTC": f"+0{number}00",
        "PixelSpacing": [f"0.1{number}", f"0.1{number}"],
        "ImagerPixelSpacing": [f"0.2{number}", f"0.2{number}"],
        "PixelAspectRatio": [number, 1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": ("MONOCHROME1", "MONOCHROME2")[number % 2],
        "PixelRepresentation": 0,
        "BurnedInAnnotation": ("YES", "NO")[number % 2],
        "LossyImageCompression": ("01", "00")[number % 2],
        "RescaleType": ("US", "OD")[number % 2],
        "VOILUTFunction": ("LINEAR", "SIGMOID")[number % 2],
    }


def _lookup_table(number: int) -> Dataset:
    entries = 4 + number
    lookup = Dataset()
    lookup.LUTDescriptor = [entries, 0, 16]
    lookup.LUTExplanation = f"Table {number}"
    lookup.ModalityLUTType = "US"
    lookup.add_new("LUTData", "OW", bytes(range(2 * entries)))
    return lookup


def _received(source: Dataset) -> Dataset:
    """As the spool gives it back: encoded, and read again."""
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    source.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer)
