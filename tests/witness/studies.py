"""The witness's own radiographs: small, each of another patient, made by pydicom alone."""

import hashlib
from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
)

_ROWS, _COLUMNS = 48, 40


def witness_study(name: str, images: int = 3, looked_at: int = 1, others: int = 0) -> list[Dataset]:
    """A study whose first `looked_at` images are hands, and decoded; the next ones are chests.

    All are too small for the network to say something of. `others` are documents beside them, which
    a node keeps and does not analyse. The same name gives the same bytes; no identifier of a
    patient is part of another's.
    """
    numbers = range(1, images + 1)
    radiographs = [_image(name, number, number <= looked_at) for number in numbers]
    return radiographs + [_document(name, images + number) for number in range(1, others + 1)]


def witness_studies(name: str, count: int, **contents: int) -> Iterator[list[Dataset]]:
    for number in range(count):
        yield witness_study(f"{name}-{number}", **contents)


def study_uid(study: list[Dataset]) -> str:
    return str(study[0].StudyInstanceUID)


def uid_of(*parts: object) -> str:
    """A UID of its own for each name (PS3.5 B.2 has the root for derived ones)."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def _image(name: str, number: int, is_looked_at: bool) -> Dataset:
    dataset = _instance(name, number, DigitalXRayImageStorageForPresentation)
    dataset.Modality = "DX"
    dataset.BodyPartExamined = "HAND" if is_looked_at else "CHEST"
    shade = np.linspace(0, 4000, _ROWS * _COLUMNS).reshape(_ROWS, _COLUMNS) + number
    dataset.Rows, dataset.Columns = _ROWS, _COLUMNS
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.ImagerPixelSpacing = [0.2, 0.2]
    dataset.PixelData = shade.astype("<u2").tobytes()
    return dataset


def _document(name: str, number: int) -> Dataset:
    dataset = _instance(name, number, KeyObjectSelectionDocumentStorage)
    dataset.SeriesInstanceUID = uid_of(name, "documents")
    dataset.Modality, dataset.SeriesNumber = "KO", 2
    return dataset


def _instance(name: str, number: int, sop_class: str) -> Dataset:
    tag = hashlib.sha256(name.encode()).hexdigest()[:12].upper()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = uid_of(name, "instance", number)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID = uid_of(name, "study")
    dataset.SeriesInstanceUID = uid_of(name, "series")
    dataset.PatientID = f"WIT-{tag}"
    dataset.PatientName = f"Zeuge{tag}^Probe"
    dataset.PatientBirthDate, dataset.PatientSex = "19570314", "O"
    dataset.AccessionNumber = f"ACC{tag}"
    dataset.StudyID, dataset.StudyDate, dataset.StudyTime = "1", "20260102", "101112"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, number
    dataset.ReferringPhysicianName = dataset.Manufacturer = dataset.Laterality = ""
    return dataset
