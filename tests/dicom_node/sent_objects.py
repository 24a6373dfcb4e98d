"""Small DICOM objects as a modality would send them, for the tests of the doors."""

from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import ComputedRadiographyImageStorage

CR = str(ComputedRadiographyImageStorage)


def radiograph(rows: int = 64, columns: int = 48, **changes: Any) -> Dataset:
    """A CR of 16-bit pixels; `changes` are elements by keyword, None removes one."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = CR
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyDate, dataset.StudyTime = "20260102", "101500"
    dataset.AccessionNumber = "ACC1"
    dataset.Modality = "CR"
    dataset.StudyDescription = "Handgelenk"
    dataset.PatientName, dataset.PatientID = "Müller^Jörg", "P1"
    dataset.PatientBirthDate, dataset.PatientSex = "19600101", "M"
    dataset.BodyPartExamined = "WRIST"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 2
    dataset.ImageLaterality = "L"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.add_new("PixelData", "OW", bytes(rows * columns * 2))
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def encoded(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The data set as it travels in a C-STORE, without file meta information."""
    syntax = UID(transfer_syntax)
    if syntax.is_compressed and not syntax.is_deflated:
        dataset["PixelData"].VR = "OB"
        dataset.PixelData = encapsulate([b"\xff\xd8" + bytes(100)])
        dataset["PixelData"].is_undefined_length = True
    data = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    assert isinstance(data, bytes)
    return data


def file_of(dataset: Dataset, folder: Path, transfer_syntax: str = ExplicitVRLittleEndian) -> Path:
    """The object as a DICOM file for other programs to send."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax)
    head = BytesIO()
    with_meta = Dataset()
    with_meta.file_meta = meta
    with_meta.save_as(head, enforce_file_format=True)
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    path.write_bytes(head.getvalue() + encoded(dataset, transfer_syntax))
    return path
