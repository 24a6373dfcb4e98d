"""One image without its patient: a new data set of what may stay, and pixels written anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from dicom_node.deidentification.coded_items import KEPT_SEQUENCES, items_of, keep_codes
from dicom_node.deidentification.kept_elements import KEPT
from dicom_node.deidentification.moments import DATES_AND_TIMES, move_moments
from dicom_node.deidentification.pseudonyms import Pseudonyms
from dicom_node.header_reading import UNREADABLE, element_value, require_uid
from dicom_node.results.equipment import product_version
from dicom_node.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# Objects of a detector: a capture shows what was on a screen, a document is words.
RADIOGRAPH_CLASSES = frozenset(
    {
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        XRayRadiofluoroscopicImageStorage,
        XRayAngiographicImageStorage,
    }
)
_METHOD = "Osteon {}: only what is known to be safe stays"
# CID 7050: the profile and the options that are met.
_METHOD_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
_REMAPPED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_EMPTY = (
    *("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber"),
    *("ReferringPhysicianName", "Manufacturer"),
)
_READ = (
    *("SOPClassUID", *_REMAPPED, "PatientID", "IssuerOfPatientID", "SpecificCharacterSet"),
    *(keyword for pair in DATES_AND_TIMES for keyword in pair),
    *("AcquisitionDateTime", "VOILUTSequence", *KEPT_SEQUENCES, *KEPT),
)


class HeldOut(Exception):
    """The image stays here: it may show who the patient is, or is no radiograph."""


@dataclass(frozen=True)
class PlainPixels:
    """Decoded frames, little endian and in rows, and what their values mean.

    `padding` are the lowest and highest value outside the picture; `has_been_mapped` says that the
    Modality LUT is in the values already.
    """

    frames: Sequence[bytes]
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    is_inverse: bool
    padding: tuple[int, int] | None
    rescale_slope: float
    rescale_intercept: float


def read_source(stream: BinaryIO) -> Dataset:
    """What is looked at of a DICOM file, and no more; HeldOut where it cannot be read."""
    try:
        return dcmread(stream, stop_before_pixels=True, specific_tags=list(_READ))
    except UNREADABLE as error:
        raise HeldOut("cannot be read as a DICOM file") from error


def require_radiograph(source: Dataset) -> None:
    """Raises HeldOut, with the reason, for what may have text in its pixels by its very header."""
    if element_value(source, "SOPClassUID") not in RADIOGRAPH_CLASSES:
        raise HeldOut("no radiograph of a detector, but a capture, a document or another image")
    if str(element_value(source, "BurnedInAnnotation") or "").strip().upper() == "YES":
        raise HeldOut("says itself that text is burnt into it")
    words = element_value(source, "ImageType") or []
    if any("SCREEN" in str(word).upper() or str(word).upper() == "SECONDARY" for word in words):
        raise HeldOut("made from another image, or from a screen")


def deidentify(source: Dataset, pixels: PlainPixels, pseudonyms: Pseudonyms) -> bytes:
    """The DICOM file of what may stay; raises HeldOut, and NotUnderstood where a UID is none."""
    require_radiograph(source)
    cleaned = Dataset()
    cleaned.SOPClassUID = str(require_uid(source, "SOPClassUID"))
    for keyword in _REMAPPED:
        setattr(cleaned, keyword, pseudonyms.uid(str(require_uid(source, keyword))))
    for keyword, check in KEPT.items():
        value = check(element_value(source, keyword))
        if value is not None:
            setattr(cleaned, keyword, value)
    keep_codes(source, cleaned)
    _keep_voi_lut(source, cleaned)
    _name_nobody(source, cleaned, pseudonyms)
    _describe(cleaned)
    _set_pixels(cleaned, pixels)
    return _encoded(cleaned)


def _name_nobody(source: Dataset, cleaned: Dataset, pseudonyms: Pseudonyms) -> None:
    """The study stands for a patient without an ID: two such studies are nobody's the same."""
    patient_id = str(element_value(source, "PatientID") or "").strip()
    issuer = str(element_value(source, "IssuerOfPatientID") or "").strip()
    if not patient_id:
        patient_id, issuer = "", str(element_value(source, "StudyInstanceUID"))
    for keyword in _EMPTY:
        setattr(cleaned, keyword, "")
    cleaned.PatientID = cleaned.PatientName = pseudonyms.patient(patient_id, issuer)
    move_moments(source, cleaned, pseudonyms.shift(patient_id, issuer))
    cleaned.LongitudinalTemporalInformationModified = "MODIFIED"
    cleaned.PatientIdentityRemoved = "YES"
    cleaned.DeidentificationMethod = _METHOD.format(product_version())[:64]
    cleaned.DeidentificationMethodCodeSequence = [_method(*code) for code in _METHOD_CODES]


def _method(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning[:64]
    return item


def _describe(cleaned: Dataset) -> None:
    """In place of free text: words that were kept, which come from a list (E.3.5)."""
    words = (cleaned.get("BodyPartExamined"), cleaned.get("ViewPosition"))
    if description := " ".join(word for word in words if word):
        cleaned.SeriesDescription = description


def _keep_voi_lut(source: Dataset, cleaned: Dataset) -> None:
    kept = []
    for item in items_of(source, "VOILUTSequence"):
        descriptor, data = (element_value(item, one) for one in ("LUTDescriptor", "LUTData"))
        if descriptor is not None and data is not None:
            lut = Dataset()
            lut.add_new("LUTDescriptor", "US", [int(one) & 0xFFFF for one in descriptor])
            words = data if not isinstance(data, bytes) else memoryview(data).cast("H").tolist()
            lut.add_new("LUTData", "US", [int(one) & 0xFFFF for one in words])
            kept.append(lut)
    if kept:
        cleaned.VOILUTSequence = kept


def _set_pixels(cleaned: Dataset, pixels: PlainPixels) -> None:
    """Of the frames nothing but their values: no comments of a codec, no bits beside the image."""
    cleaned.SamplesPerPixel = 1
    cleaned.PhotometricInterpretation = "MONOCHROME1" if pixels.is_inverse else "MONOCHROME2"
    cleaned.Rows, cleaned.Columns = pixels.rows, pixels.columns
    cleaned.BitsAllocated, cleaned.BitsStored = pixels.bits_allocated, pixels.bits_stored
    cleaned.HighBit = pixels.bits_stored - 1
    cleaned.PixelRepresentation = int(pixels.is_signed)
    cleaned.RescaleSlope = f"{pixels.rescale_slope:.10g}"
    cleaned.RescaleIntercept = f"{pixels.rescale_intercept:.10g}"
    cleaned.RescaleType = cleaned.get("RescaleType", "US")
    if pixels.padding is not None:
        vr = "SS" if pixels.is_signed else "US"
        lowest, highest = pixels.padding
        cleaned.add_new("PixelPaddingValue", vr, lowest)
        if highest != lowest:
            cleaned.add_new("PixelPaddingRangeLimit", vr, highest)
    if len(pixels.frames) > 1:
        cleaned.NumberOfFrames = str(len(pixels.frames))
    encoded = b"".join(pixels.frames)
    vr = "OB" if pixels.bits_allocated == 8 else "OW"
    cleaned.add_new("PixelData", vr, encoded + bytes(len(encoded) % 2))


def _encoded(cleaned: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = cleaned.SOPClassUID
    meta.MediaStorageSOPInstanceUID = cleaned.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    cleaned.file_meta = meta
    cleaned.preamble = bytes(128)
    file = BytesIO()
    dcmwrite(file, cleaned, enforce_file_format=True)
    return file.getvalue()
