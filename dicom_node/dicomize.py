"""DICOM images from grey pictures: a valid DX or CR object, in any transfer syntax we can write."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node.examination import Examination, View
from dicom_node.picture import GreyPixels, Picture, UnusablePicture
from dicom_node.results import codes
from dicom_node.results.coded_items import coded_item
from dicom_node.results.equipment import MANUFACTURER, PRODUCT, product_version
from dicom_node.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, derive_uid

NATIVE_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
COMPRESSED_SYNTAXES = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
WRITABLE_SYNTAXES = NATIVE_SYNTAXES + COMPRESSED_SYNTAXES


class UnwritableTransferSyntax(ValueError):
    """No installed encoder writes this transfer syntax, or none writes this picture in it."""


@dataclass(frozen=True)
class ImageForm:
    """How the image is written down."""

    modality: Literal["CR", "DX"] = "CR"
    transfer_syntax_uid: str = ExplicitVRLittleEndian
    monochrome1: bool = False

    def __post_init__(self) -> None:
        if self.transfer_syntax_uid not in WRITABLE_SYNTAXES:
            raise UnwritableTransferSyntax(f"cannot write {UID(self.transfer_syntax_uid).name}")


def dicomize(
    picture: Picture,
    examination: Examination = Examination(),  # noqa: B008 -- frozen
    view: View = View(),  # noqa: B008 -- frozen
    form: ImageForm = ImageForm(),
) -> Dataset:
    """The picture as a DICOM image; the same arguments give the same UIDs and bytes."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _describe_study(dataset, examination, picture)
    _describe_view(dataset, view)
    _describe_equipment(dataset)
    _MODALITIES[form.modality](dataset, picture, view)
    _describe_values(dataset, picture, form)
    _identify(dataset, picture, form)
    _encode(dataset, picture, form)
    return dataset


def write_dicom(dataset: Dataset, target: Path | BinaryIO) -> None:
    """Write a DICOM file, PS3.10, in the transfer syntax the data set was made for."""
    dcmwrite(target, dataset, enforce_file_format=True)


def _describe_study(dataset: Dataset, examination: Examination, picture: Picture) -> None:
    seed = examination.study_seed or _digest(picture)
    dataset.PatientName = examination.patient_name
    dataset.PatientID = examination.patient_id
    dataset.PatientBirthDate = examination.patient_birth_date
    dataset.PatientSex = examination.patient_sex
    dataset.StudyInstanceUID = derive_uid("dicomized study", seed, examination.patient_id)
    dataset.StudyID = "1"
    dataset.StudyDate = dataset.ContentDate = dataset.AcquisitionDate = examination.study_date
    dataset.StudyTime = dataset.ContentTime = dataset.AcquisitionTime = examination.study_time
    dataset.AccessionNumber = examination.accession_number
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = examination.study_description


def _describe_view(dataset: Dataset, view: View) -> None:
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = view.instance_number
    dataset.AcquisitionNumber = view.instance_number
    dataset.BodyPartExamined = view.body_part_examined
    dataset.ViewPosition = view.view_position
    dataset.PatientOrientation = list(view.patient_orientation or ())


def _describe_equipment(dataset: Dataset) -> None:
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = f"{PRODUCT} dicomize"
    dataset.SoftwareVersions = product_version()


def _describe_cr(dataset: Dataset, picture: Picture, view: View) -> None:
    """CR Series and CR Image, PS3.3 C.8.1.1 and C.8.1.2."""
    dataset.Modality = "CR"
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.Laterality = view.laterality if view.laterality in {"R", "L"} else ""
    if picture.spacing_mm is not None:
        dataset.ImagerPixelSpacing = [f"{picture.spacing_mm:.6g}"] * 2


def _describe_dx(dataset: Dataset, picture: Picture, view: View) -> None:
    """DX Series, Anatomy Imaged, Image and Detector, PS3.3 C.8.11."""
    if picture.spacing_mm is None:
        raise UnusablePicture("a DX image states its pixel spacing; without one it is a CR image")
    dataset.Modality = "DX"
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.ImageLaterality = view.laterality
    region = [coded_item(codes.REGIONS[view.region])] if view.region else []
    dataset.AnatomicRegionSequence = region
    dataset.AcquisitionContextSequence = []
    dataset.PositionerType = ""
    dataset.DetectorType = "DIRECT"
    dataset.ImagerPixelSpacing = [f"{picture.spacing_mm:.6g}"] * 2


_MODALITIES = {"CR": _describe_cr, "DX": _describe_dx}


def _describe_values(dataset: Dataset, picture: Picture, form: ImageForm) -> None:
    """What a stored value means and how it is shown; DX Image C.8.11.3, VOI LUT C.11.2."""
    if form.modality == "DX":
        dataset.PixelIntensityRelationship = "LOG"
        # Bone bright: more beam means a lower value, unless MONOCHROME1 turns it round.
        dataset.PixelIntensityRelationshipSign = 1 if form.monochrome1 else -1
    dataset.PresentationLUTShape = "INVERSE" if form.monochrome1 else "IDENTITY"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter = str(1 << (picture.bits_stored - 1))
    dataset.WindowWidth = str(1 << picture.bits_stored)
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00" if picture.lossy_ratio is None else "01"
    if picture.lossy_ratio is not None:
        dataset.LossyImageCompressionRatio = f"{picture.lossy_ratio:.4g}"
        dataset.LossyImageCompressionMethod = "ISO_10918_1"


def _identify(dataset: Dataset, picture: Picture, form: ImageForm) -> None:
    """UIDs: another picture, place in the study or form is another instance."""
    study = dataset.StudyInstanceUID
    dataset.SeriesInstanceUID = derive_uid("dicomized series", study, form.modality)
    dataset.SOPInstanceUID = derive_uid(
        "dicomized instance", study, dataset.InstanceNumber, form, _digest(picture)
    )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    dataset.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME


def _digest(picture: Picture) -> str:
    return hashlib.sha256(
        repr(picture.pixels.shape).encode() + picture.pixels.tobytes()
    ).hexdigest()


def _encode(dataset: Dataset, picture: Picture, form: ImageForm) -> None:
    """Image Pixel, PS3.3 C.7.6.3."""
    values = _stored_values(picture, form)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if form.monochrome1 else "MONOCHROME2"
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated = values.itemsize * 8
    dataset.BitsStored = picture.bits_stored
    dataset.HighBit = picture.bits_stored - 1
    dataset.PixelRepresentation = 0
    if form.transfer_syntax_uid in NATIVE_SYNTAXES:
        _store_native(dataset, values, UID(form.transfer_syntax_uid))
    else:
        _store_native(dataset, values, ExplicitVRLittleEndian)
        _compress(dataset, UID(form.transfer_syntax_uid))


def _stored_values(picture: Picture, form: ImageForm) -> GreyPixels:
    if not form.monochrome1:
        return picture.pixels
    brightest = picture.pixels.dtype.type((1 << picture.bits_stored) - 1)
    return np.subtract(brightest, picture.pixels, dtype=picture.pixels.dtype)


def _store_native(dataset: Dataset, values: GreyPixels, transfer_syntax_uid: UID) -> None:
    stored = values.dtype.newbyteorder("<" if transfer_syntax_uid.is_little_endian else ">")
    content = values.astype(stored).tobytes()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    # Values have even length, PS3.5 8.
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    in_bytes = values.itemsize == 1 and not transfer_syntax_uid.is_implicit_VR
    dataset["PixelData"].VR = "OB" if in_bytes else "OW"


def _compress(dataset: Dataset, transfer_syntax_uid: UID) -> None:
    try:
        dataset.compress(transfer_syntax_uid, generate_instance_uid=False)
    except RuntimeError as problem:
        # OpenJPEG wants 32 pixels a side, CharLS more than a handful; pydicom has said which.
        size = f"{dataset.Rows} × {dataset.Columns} pixels"
        message = f"the encoder of {transfer_syntax_uid.name} refused {size}"
        raise UnwritableTransferSyntax(message) from problem
