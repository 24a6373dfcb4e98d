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


EIGHT_BIT = (RAMP >> 4).astype(np.uint8)
SIGNED = (RAMP.astype(np.int32) - 2048).astype(np.int16)
WHOLE_WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}

# The ramp, in every way a file may store it.
SAME_PICTURE = {
    "12 bit, no window": grey_dataset(RAMP, BitsStored=12, HighBit=11),
    "12 bit, window": grey_dataset(RAMP, BitsStored=12, HighBit=11, **WHOLE_WINDOW),
    "8 bit": grey_dataset(EIGHT_BIT),
    "16 bit, high values": grey_dataset(RAMP * 16),
    "signed": grey_dataset(SIGNED),
    "signed, window": grey_dataset(SIGNED, WindowCenter=0, WindowWidth=4096),
    "monochrome 1": grey_dataset(4095 - RAMP, PhotometricInterpretation="MONOCHROME1"),
    "monochrome 1, window": grey_dataset(
        4095 - RAMP, PhotometricInterpretation="MONOCHROME1", **WHOLE_WINDOW
    ),
    "first of two windows": grey_dataset(RAMP, WindowCenter=[2048, 10], WindowWidth=[4096, 2]),
    "rescaled, window in output units": grey_dataset(
        RAMP, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3096, WindowWidth=8192
    ),
    "window of no width": grey_dataset(RAMP, WindowCenter=2048, WindowWidth=0),
    "window beside the values": grey_dataset(RAMP, WindowCenter=60000, WindowWidth=100),
    "empty window": grey_dataset(RAMP, WindowCenter=None, WindowWidth=None),
    "linear exact": grey_dataset(
        RAMP, VOILUTFunction="LINEAR_EXACT", WindowCenter=2047.5, WindowWidth=4095
    ),
    "VOI LUT": grey_dataset(
        RAMP, VOILUTSequence=[lut_item(np.arange(4096, dtype=np.uint16), bits=12)]
    ),
    "modality LUT": grey_dataset(
        RAMP // 16,
        ModalityLUTSequence=[lut_item(np.arange(256, dtype=np.uint16) * 16, bits=16)],
    ),
    "empty LUT items": grey_dataset(
        RAMP,
        VOILUTSequence=[lut_item(np.array([], dtype=np.uint16), bits=16)],
        ModalityLUTSequence=[],
    ),
    "RGB": colour_dataset(np.repeat(EIGHT_BIT[:, :, None], 3, axis=2)),
    "RGB, 16 bit": colour_dataset(np.repeat(RAMP[:, :, None] * 16, 3, axis=2)),
    "palette": palette_dataset(EIGHT_BIT, np.arange(256, dtype=np.uint16) * 257),
    "palette of 8-bit values that claims 16": palette_dataset(
        EIGHT_BIT, np.arange(256, dtype=np.uint16)
    ),
}
