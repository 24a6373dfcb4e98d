"""Small DICOM images, each made to show one thing."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    generate_uid,
)

# Dark left half, bright right half: which of them is the bone is what most tests ask.
RAMP = np.linspace(0, 4095, 64, dtype=np.uint16).reshape(1, 64).repeat(48, axis=0)


def grey_dataset(pixels: NDArray[np.generic], **elements: object) -> FileDataset:
    """A MONOCHROME2 image of these stored values, [rows, columns] or [frames, rows, columns]."""
    ds = _bare_dataset(pixels.dtype)
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.SamplesPerPixel = 1
    ds.Rows, ds.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        ds.NumberOfFrames = len(pixels)
    ds.PixelData = pixels.tobytes()
    return _with(ds, elements)


def colour_dataset(pixels: NDArray[np.generic], **elements: object) -> FileDataset:
    """An RGB image, [rows, columns, 3]."""
    ds = _bare_dataset(pixels.dtype)
    ds.PhotometricInterpretation = "RGB"
    ds.SamplesPerPixel, ds.PlanarConfiguration = 3, 0
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.PixelData = pixels.tobytes()
    return _with(ds, elements)


def palette_dataset(
    indices: NDArray[np.uint8], table: NDArray[np.uint16], bits: int = 16
) -> FileDataset:
    """An image whose values name rows of one grey palette."""
    ds = grey_dataset(indices, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [len(table), 0, bits])
        setattr(ds, f"{colour}PaletteColorLookupTableData", table.tobytes())
    return ds


def lut_item(table: NDArray[np.uint16], bits: int, first: int = 0) -> Dataset:
    """An item of a Modality or VOI LUT Sequence."""
    item = Dataset()
    item.LUTDescriptor = [len(table), first, bits]
    item.LUTData = table.tolist()
    return item


def reread(ds: FileDataset, big_endian: bool = False) -> Dataset:
    """The dataset as it comes back from a file."""
    if big_endian:
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    written = BytesIO()
    dcmwrite(written, ds, implicit_vr=False, little_endian=not big_endian)
    written.seek(0)
    return dcmread(written)


def _bare_dataset(dtype: np.dtype[np.generic]) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    ds.BitsAllocated = ds.BitsStored = 8 * dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(dtype.kind == "i")
    return ds


def _with(ds: FileDataset, elements: dict[str, object]) -> FileDataset:
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds
