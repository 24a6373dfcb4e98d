"""Data sets that name their patient everywhere, and pixels to go with them."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from pydicom.datadict import DicomDictionary, RepeatersDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.tag import Tag
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from dicom_node.deidentification.deidentify import PlainPixels

TEXT, DIGITS, DAY, UID = "KANARIVOGEL", "77417741", "19131107", "1.2.826.0.1.77417741.19131107"
TRACES = [TEXT.encode(), DIGITS.encode(), DAY.encode(), b"Kanarienh"]
_TEXT_VRS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
_NUMBER_VRS = ("IS", "DS")
_BYTE_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
# What makes it an image of this class is no place for a name, nor for a UID that names nothing.
_GIVEN = {"SOPClassUID", "PixelData", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"}


def plain_pixels() -> PlainPixels:
    values = np.arange(48 * 40, dtype="<u2")
    return PlainPixels(
        frames=[values.tobytes()],
        rows=48,
        columns=40,
        bits_allocated=16,
        bits_stored=12,
        is_signed=False,
        is_inverse=False,
        padding=None,
        rescale_slope=1.0,
        rescale_intercept=0.0,
    )


def image(**changes: object) -> Dataset:
    """A radiograph of somebody."""
    dataset = Dataset()
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{UID}.1", f"{UID}.1.1"
    dataset.SOPInstanceUID = f"{UID}.1.1.1"
    dataset.PatientID, dataset.PatientName = DIGITS, f"{TEXT}^ANNA"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "HAND", "PA"
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def names_everywhere() -> Dataset:
    """Its name, number, day and UID in every element of the dictionary, and in many more."""
    dataset = image()
    for tag in (*DicomDictionary, *_repeated()):
        group, keyword = tag >> 16, DicomDictionary.get(tag, ("", "", "", "", ""))[4]
        if group > 2 and keyword not in _GIVEN and tag & 0xFFFF and group not in (0xFFFC, 0xFFFE):
            _name_in(dataset, tag, DicomDictionary.get(tag, ("LO", "", "", "", ""))[0].split()[0])
    for group in (0x0009, 0x0019, 0x0029, 0x7053):
        block = dataset.private_block(group, f"{TEXT} VENDOR", create=True)
        for element, vr in enumerate((*_TEXT_VRS, "UN", "OB"), 1):
            block.add_new(element, vr, TEXT.encode() if vr in _BYTE_VRS else TEXT[:16])
    return dataset


def written(dataset: Dataset) -> BytesIO:
    """The file as somebody else makes it: their preamble and meta information name them too."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.SourceApplicationEntityTitle = TEXT
    dataset.file_meta.PrivateInformationCreatorUID = UID
    dataset.file_meta.PrivateInformation = TEXT.encode() + b" "
    dataset.preamble = TEXT.encode().ljust(128)
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    file.seek(0)
    return file


def _repeated() -> Iterator[int]:
    """Overlays and curves, whose groups are many."""
    for mask in RepeatersDictionary:
        if mask[:2] in ("50", "60"):
            yield int(mask.replace("xx", "02"), 16)


def _name_in(dataset: Dataset, tag: int, vr: str) -> None:
    if vr == "SQ":
        item = Dataset()
        item.PatientName, item.TextValue, item.PatientID = f"{TEXT}^X", TEXT, DIGITS
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = TEXT, "99LOCAL", TEXT
        item.ReferencedSOPInstanceUID, item.StudyDate = UID, DAY
        inner = Dataset()
        inner.add_new("LongCodeValue", "UC", TEXT)
        item.add_new(0x00081199, "SQ", [inner])
        dataset.add_new(tag, "SQ", [item])
        return
    value = _value(vr)
    if value is not None:
        dataset[Tag(tag)] = DataElement(Tag(tag), vr, value)


def _value(vr: str) -> object:
    if vr in _TEXT_VRS:
        return TEXT
    if vr in _NUMBER_VRS:
        return DIGITS
    if vr in _BYTE_VRS:
        return TEXT.encode() + b"!" * 5
    return {"DA": DAY, "DT": f"{DAY}111213", "TM": "191311", "UI": UID, "AS": "077Y"}.get(vr)
