"""A viewer gets the very values a file stores, and with them sees what the classifier sees."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileDataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from model.frame_description import VoiLut, Window
from model.radiograph import NotAssessable, read_dicom
from model.stored_frame import StoredFrame, read_stored_frame
from tests.model.dicom_images import (
    EIGHT_BIT,
    RAMP,
    SAME_PICTURE,
    SIGNED,
    colour_dataset,
    grey_dataset,
    lut_item,
    palette_dataset,
    reread,
)
from tests.services import require_program, require_shared_data

WIDE = np.arange(0, 65536, 21, dtype=np.uint16)[:3072].reshape(48, 64)
TWELVE = {"BitsStored": 12, "HighBit": 11}
ON_TOP = {"BitsStored": 12, "HighBit": 15}

STORED: dict[str, tuple[Dataset, NDArray[np.generic], int]] = {
    "8 bits": (grey_dataset(EIGHT_BIT), EIGHT_BIT, 8),
    "16 bits": (grey_dataset(WIDE), WIDE, 16),
    "12 of 16 bits": (grey_dataset(RAMP, **TWELVE), RAMP, 12),
    "12 bits below an overlay": (grey_dataset(RAMP | np.uint16(0x5000), **TWELVE), RAMP, 12),
    "12 bits above nothing": (grey_dataset(RAMP << np.uint16(4), **ON_TOP), RAMP, 12),
    "signed, 12 of 16 bits": (grey_dataset(SIGNED, **TWELVE), SIGNED, 12),
    "signed, below an overlay": (grey_dataset(SIGNED & np.int16(0xFFF), **TWELVE), SIGNED, 12),
    "signed, above nothing": (grey_dataset(SIGNED << np.int16(4), **ON_TOP), SIGNED, 12),
    "signed bytes": (grey_dataset((SIGNED >> 4).astype(np.int8)), SIGNED >> 4, 8),
    "32 bits of which 12 are used": (grey_dataset(RAMP.astype(np.uint32)), RAMP, 16),
    "signed 32 bits": (grey_dataset(SIGNED.astype(np.int32)), SIGNED, 16),
    "signed 32 bits, large": (grey_dataset(WIDE.astype(np.int32)), WIDE, 16),
    "big endian": (reread(grey_dataset(RAMP, **TWELVE), big_endian=True), RAMP, 12),
    "inverse": (grey_dataset(RAMP, **TWELVE, PhotometricInterpretation="MONOCHROME1"), RAMP, 12),
    "blank": (grey_dataset(RAMP * np.uint16(0), **TWELVE), RAMP * np.uint16(0), 12),
}


@pytest.mark.parametrize("name", STORED)
def test_stored_values_come_as_they_are(name: str) -> None:
    dataset, expected, bits = STORED[name]
    stored = read_stored_frame(dataset)
    assert np.array_equal(stored.pixels, expected)
    assert stored.pixels.flags.c_contiguous
    assert stored.pixels.dtype.str in {"|u1", "<u2", "<i2"}
    description, greyscale = stored.description, stored.description.greyscale
    assert (description.rows, description.columns) == expected.shape
    assert description.photometric_interpretation == dataset.PhotometricInterpretation
    assert greyscale is not None
    assert (greyscale.bits_stored, greyscale.is_signed) == (bits, expected.min() < 0)
    assert (greyscale.smallest_stored, greyscale.largest_stored) == (
        expected.min(),
        expected.max(),
    )


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("pixels", [RAMP, WIDE, SIGNED], ids=["12 bits", "16 bits", "signed"])
def test_a_lossless_codec_changes_no_value(pixels: NDArray[np.generic], syntax: str) -> None:
    dataset = grey_dataset(pixels)
    dataset.compress(syntax, generate_instance_uid=False)
    assert np.array_equal(read_stored_frame(dataset).pixels, pixels)


@pytest.mark.parametrize("pixels", [RAMP, WIDE], ids=["12 bits", "16 bits"])
def test_lossless_jpeg_changes_no_value(pixels: NDArray[np.generic], tmp_path: Path) -> None:
    program = require_program("dcmcjpeg", "dcmtk")
    dcmwrite(tmp_path / "plain.dcm", grey_dataset(pixels), enforce_file_format=True)
    files = [tmp_path / "plain.dcm", tmp_path / "jpeg.dcm"]
    subprocess.run([program, "+un", "+e1", *files], check=True)
    assert np.array_equal(read_stored_frame(tmp_path / "jpeg.dcm").pixels, pixels)


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_each_frame_of_a_run_can_be_had(syntax: str | None) -> None:
    frames = np.stack([RAMP, RAMP[:, ::-1], RAMP * np.uint16(0)])
    dataset = grey_dataset(frames)
    if syntax is not None:
        dataset.compress(syntax, generate_instance_uid=False)
    for number in (1, 2, 3):
        stored = read_stored_frame(dataset, number)
        assert np.array_equal(stored.pixels, frames[number - 1])
        assert (stored.description.frame, stored.description.frames) == (number, 3)


@pytest.mark.parametrize("frame", [-1, 0, 2, 1 << 40])
def test_a_frame_that_is_not_there_is_said_to_be_missing(frame: int) -> None:
    with pytest.raises(NotAssessable, match=f"there is no frame {frame}: the image has 1"):
        read_stored_frame(grey_dataset(RAMP), frame)


COLOURS = np.stack([EIGHT_BIT, 255 - EIGHT_BIT, EIGHT_BIT // 2], axis=2)
TABLE = np.arange(256, dtype=np.uint16)[::-1]


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (colour_dataset(COLOURS), COLOURS),
        (colour_dataset(COLOURS.astype(np.uint16) * 257), COLOURS),
        (
            palette_dataset(EIGHT_BIT, TABLE * 257),
            np.repeat(255 - EIGHT_BIT[:, :, None], 3, axis=2),
        ),
        (palette_dataset(EIGHT_BIT, TABLE), np.repeat(255 - EIGHT_BIT[:, :, None], 3, axis=2)),
    ],
    ids=["8 bits", "16 bits", "palette", "palette of 8 bits that claims 16"],
)
def test_colours_come_as_bytes(dataset: Dataset, expected: NDArray[np.uint8]) -> None:
    stored = read_stored_frame(dataset)
    assert stored.pixels.dtype == np.uint8
    assert np.array_equal(stored.pixels, expected)
    assert stored.description.photometric_interpretation == "RGB"
    assert stored.description.greyscale is None


VIEWS: dict[str, FileDataset] = SAME_PICTURE | {
    "sigmoid": grey_dataset(
        RAMP, VOILUTFunction="SIGMOID", WindowCenter=1500, WindowWidth=900, RescaleSlope=0.5
    ),
    "descending": grey_dataset(SIGNED, RescaleSlope=-0.25, RescaleIntercept=7),
    "short VOI LUT": grey_dataset(
        SIGNED,
        VOILUTSequence=[lut_item(np.arange(0, 4096, 2, dtype=np.uint16), bits=12, first=100)],
        RescaleIntercept=1000,
    ),
    "padding": grey_dataset(RAMP, PixelPaddingValue=0, PixelPaddingRangeLimit=700),
    "second window alone is usable": grey_dataset(
        RAMP, WindowCenter=[10, 900], WindowWidth=[0, 600]
    ),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_viewer_sees_what_the_classifier_sees(name: str) -> None:
    dataset = VIEWS[name]
    (radiograph,) = read_dicom(dataset)
    step = 1 / 255 if name.startswith(("RGB", "palette")) else 1e-5
    np.testing.assert_allclose(_view(read_stored_frame(dataset)), radiograph.pixels, atol=step)


def _view(stored: StoredFrame) -> NDArray[np.floating]:
    """What a viewer does first: nothing but the description tells it how."""
    greyscale = stored.description.greyscale
    if greyscale is None:
        return np.asarray(stored.pixels / 255 @ [0.299, 0.587, 0.114])
    values = stored.pixels * greyscale.rescale_slope + greyscale.rescale_intercept
    if greyscale.view == "voi_lut":
        assert greyscale.voi_lut is not None
        grey = _looked_up(values, greyscale.voi_lut)
    elif greyscale.view == "window":
        grey = _windowed(values, greyscale.windows[0])
    else:
        grey = _windowed(values, greyscale.robust_window)
    if stored.description.photometric_interpretation == "MONOCHROME1":
        grey = 1 - grey
    if (padding := greyscale.padding) is not None:
        grey[(stored.pixels >= padding.lowest) & (stored.pixels <= padding.highest)] = 0
    return grey


def _looked_up(values: NDArray[np.floating], lut: VoiLut) -> NDArray[np.floating]:
    places = np.rint(values).astype(int) - lut.first_mapped
    shown = np.array(lut.data)[np.clip(places, 0, len(lut.data) - 1)]
    return np.asarray(np.clip(shown / (2**lut.bits - 1), 0, 1))


def _windowed(values: NDArray[np.floating], window: Window) -> NDArray[np.floating]:
    if window.function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * (values - window.center) / window.width)))
    center, width = window.center, window.width
    if window.function == "LINEAR":
        center, width = center - 0.5, width - 1
    return np.asarray(np.clip((values - center) / width + 0.5, 0, 1))


def test_four_codecs_of_one_chest_store_the_same_values() -> None:
    folder = require_shared_data("dicom")
    first, *others = (
        read_stored_frame(path).pixels
        for codec in ("JLSL", "JPLL", "J2KR", "RLE")
        for path in folder.glob(f"*_RG3_{codec}.dcm")
    )
    assert first.shape == (1760, 1760)
    assert len(others) == 3
    assert all(np.array_equal(first, other) for other in others)
