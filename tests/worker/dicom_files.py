"""Radiographs as DICOM files: sound ones, damaged ones, bombs."""

import zlib
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    RLELossless,
)

from dicom_node.dicomize import write_dicom
from dicom_node.phantom_study import Rendering, phantom_study
from dicom_node.uids import derive_uid

SMALL = Rendering(320, 256)
_MEBIBYTE = 1 << 20


@cache
def _two_views(seed: int, fractured: bool) -> tuple[bytes, ...]:
    study = phantom_study(seed, fractured=fractured, rendering=SMALL)
    return tuple(map(file_of, study))


def study_of_two_views(seed: int = 7, *, fractured: bool = True) -> list[Dataset]:
    """Fresh data sets of a phantom forearm, to be changed at will."""
    return [dcmread(BytesIO(file)) for file in _two_views(seed, fractured)]


def file_of(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    write_dicom(dataset, buffer)
    return buffer.getvalue()


def phantom_file(**changes: object) -> bytes:
    """One phantom image; `changes` are elements by keyword, None removes one."""
    dataset = study_of_two_views()[0]
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return file_of(dataset)


def multi_frame(dataset: Dataset, blank_frames: int = 2) -> Dataset:
    """The image as the last frame of a secondary capture whose other frames are blank."""
    pixels = (dataset.pixel_array >> 4).astype(np.uint8)
    frames = np.concatenate([np.zeros((blank_frames, *pixels.shape), np.uint8), pixels[None]])
    dataset.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    dataset.SOPInstanceUID = derive_uid("multi-frame", dataset.SOPInstanceUID)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality, dataset.NumberOfFrames = "OT", len(frames)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.WindowCenter, dataset.WindowWidth = "128", "256"
    dataset.PixelData = frames.tobytes()
    dataset["PixelData"].VR = "OB"
    return dataset


def with_undecodable_codec() -> bytes:
    """A film where an image should be: no decoder for it is installed."""
    dataset = study_of_two_views()[0]
    dataset.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(1000)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    return file_of(dataset)


def deflate_bomb(inflated_mebibytes: int) -> bytes:
    """A deflated file that says it is small, and is a thousand times what it weighs."""
    _, encoded = _split(phantom_file(PixelData=None))
    deflated = study_of_two_views()[0]
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    meta, _ = _split(file_of(deflated))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = inflated_mebibytes * _MEBIBYTE
    pixel_data = b"\xe0\x7f\x10\x00OW\0\0" + size.to_bytes(4, "little")
    start = squeeze.compress(encoded + pixel_data) + squeeze.flush(zlib.Z_FULL_FLUSH)
    # Flushed in full, the same piece may follow itself as often as one likes.
    piece = squeeze.compress(bytes(_MEBIBYTE)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return meta + start + piece * inflated_mebibytes + squeeze.flush()


def rle_bomb(decoded_mebibytes: int) -> bytes:
    """An RLE frame (PS3.5 G) whose segment unpacks to much more than its matrix holds."""
    dataset = study_of_two_views()[0]
    runs = b"\x81\0" * (decoded_mebibytes * _MEBIBYTE // 128)
    offsets = np.array([2, 64, 64 + len(runs), *[0] * 13], "<u4").tobytes()
    dataset.PixelData = encapsulate([offsets + runs + runs])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = RLELossless
    return file_of(dataset)


def jpeg_of_claimed_size(rows: int, columns: int) -> bytes:
    """A JPEG whose header and codestream claim this size; there are some 300 bytes of pixels."""
    dataset = study_of_two_views()[0]
    stream = BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(stream, "JPEG")
    coded = stream.getvalue()
    at = coded.index(b"\xff\xc0") + 5
    size = rows.to_bytes(2, "big") + columns.to_bytes(2, "big")
    dataset.PixelData = encapsulate([coded[:at] + size + coded[at + 4 :]])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return file_of(dataset)


def _split(file: bytes) -> tuple[bytes, bytes]:
    """The file meta information, and the data set; (0002,0000) tells where (PS3.10 7.1)."""
    end = 144 + int.from_bytes(file[140:144], "little")
    return file[:end], file[end:]
