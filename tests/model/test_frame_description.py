"""What a viewer is told of a frame: its windows, tables, padding and size, or why it has none."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from model.frame_description import Greyscale, PaddingRange, PixelSpacing, VoiLut, Window
from model.greyscale import robust_window, robust_window_of_counts
from model.radiograph import NotAssessable
from model.stored_frame import read_stored_frame
from tests.model.dicom_images import RAMP, SIGNED, grey_dataset, lut_item

TABLE = np.arange(16, dtype=np.uint16)[::-1] * 4369


def _greyscale(**elements: object) -> Greyscale:
    return _greyscale_of(RAMP, **elements)


def _greyscale_of(pixels: NDArray[np.generic], **elements: object) -> Greyscale:
    greyscale = read_stored_frame(grey_dataset(pixels, **elements)).description.greyscale
    assert greyscale is not None
    return greyscale


def test_windows_are_listed_with_their_explanations_but_for_those_that_show_nothing() -> None:
    greyscale = _greyscale(
        WindowCenter=[2048, 5, 300],
        WindowWidth=[4096, 0, 10.5],
        WindowCenterWidthExplanation=["NORMAL", "NOTHING", "H" * 64],
        VOILUTFunction="LINEAR_EXACT",
    )
    assert greyscale.view == "window"
    assert greyscale.windows == (
        Window(center=2048, width=4096, function="LINEAR_EXACT", explanation="NORMAL"),
        Window(center=300, width=10.5, function="LINEAR_EXACT", explanation="H" * 64),
    )


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowCenter": [1, 2, 3], "WindowWidth": [0, 1, -5]},
        {"WindowCenter": 100},
    ],
)
def test_without_a_window_there_is_the_robust_one(elements: dict[str, object]) -> None:
    greyscale = _greyscale(**elements)
    assert (greyscale.view, greyscale.windows) == ("robust_window", ())
    assert greyscale.robust_window.center == pytest.approx(2047.5, abs=40)
    assert greyscale.robust_window.width == pytest.approx(4095, abs=80)


def test_a_window_that_misses_the_picture_is_listed_and_not_taken() -> None:
    greyscale = _greyscale(WindowCenter=60000, WindowWidth=100)
    assert greyscale.view == "robust_window"
    assert len(greyscale.windows) == 1


@pytest.mark.parametrize("seed", range(6))
def test_the_robust_window_of_counts_is_that_of_the_pixels(seed: int) -> None:
    chance = np.random.default_rng(seed)
    pixels = chance.choice(chance.normal(0, 500, 7 + 40 * seed), 1 + 999 * seed).astype(np.float32)
    values, counts = np.unique(pixels, return_counts=True)
    shuffled = chance.permutation(len(values))
    window = robust_window_of_counts(values[shuffled], counts[shuffled])
    if pixels.size > 1:
        shown = np.clip((pixels - window.center) / window.width + 0.5, 0, 1)
        np.testing.assert_allclose(shown, robust_window(pixels), atol=1e-5)
    assert window.width > 0


def test_a_voi_lut_comes_with_the_windows_and_goes_before_them() -> None:
    item = lut_item(TABLE, bits=16, first=-3)
    item.LUTExplanation = "BONE"
    greyscale = _greyscale_of(
        SIGNED, VOILUTSequence=[item], WindowCenter=0, WindowWidth=4096, PixelRepresentation=1
    )
    assert greyscale.view == "voi_lut"
    assert len(greyscale.windows) == 1
    assert greyscale.voi_lut == VoiLut(
        first_mapped=-3, bits=16, data=tuple(TABLE.tolist()), explanation="BONE"
    )


def test_padding_is_named_and_no_part_of_the_picture() -> None:
    padded = RAMP.copy()
    padded[:, :16], padded[:, 16:20] = 60000, 60500
    greyscale = _greyscale_of(padded, PixelPaddingValue=61000, PixelPaddingRangeLimit=60000)
    assert greyscale.padding == PaddingRange(lowest=60000, highest=61000)
    assert (greyscale.smallest_stored, greyscale.largest_stored) == (RAMP[0, 20], 4095)
    assert greyscale.robust_window.width < 4096


def test_a_picture_of_nothing_but_padding_has_a_range_all_the_same() -> None:
    greyscale = _greyscale(PixelPaddingValue=0, PixelPaddingRangeLimit=5000)
    assert (greyscale.smallest_stored, greyscale.largest_stored) == (0, 4095)


def test_values_have_been_through_the_modality_lut() -> None:
    pixels = (RAMP >> 8).astype(np.uint8)
    dataset = grey_dataset(pixels, ModalityLUTSequence=[lut_item(TABLE, bits=16)])
    dataset.PixelPaddingValue = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 3, 4
    stored = read_stored_frame(dataset)
    greyscale = stored.description.greyscale
    assert greyscale is not None
    assert stored.pixels.dtype == np.uint16
    assert np.array_equal(stored.pixels, TABLE[pixels])
    assert (greyscale.rescale_slope, greyscale.rescale_intercept) == (1, 0)
    assert (greyscale.bits_stored, greyscale.is_signed) == (16, False)
    assert greyscale.padding is None
    assert (greyscale.smallest_stored, greyscale.largest_stored) == (0, 14 * 4369)


DETECTOR = {"ImagerPixelSpacing": [0.15, 0.1]}


@pytest.mark.parametrize(
    ("elements", "source", "calibrated"),
    [
        (DETECTOR, "ImagerPixelSpacing", False),
        (DETECTOR | {"PixelSpacing": [0.15, 0.1]}, "PixelSpacing", False),
        (DETECTOR | {"PixelSpacing": [0.12, 0.08]}, "PixelSpacing", True),
        (
            {"PixelSpacing": [0.15, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"},
            "PixelSpacing",
            True,
        ),
        (DETECTOR | {"PixelSpacing": [0, 0]}, "ImagerPixelSpacing", False),
        ({"NominalScannedPixelSpacing": [0.15, 0.1]}, "NominalScannedPixelSpacing", False),
    ],
)
def test_spacing_says_where_it_was_measured(
    elements: dict[str, object], source: str, calibrated: bool
) -> None:
    spacing = read_stored_frame(grey_dataset(RAMP, **elements)).description.spacing
    assert spacing is not None
    assert (spacing.source, spacing.is_calibrated) == (source, calibrated)
    assert spacing.row_mm == pytest.approx(1.5 * spacing.column_mm)


@pytest.mark.parametrize("spacing", [None, [0.1], [0.1, -0.1], [0, 0]])
def test_spacing_that_says_nothing_is_none(spacing: list[float] | None) -> None:
    stored = read_stored_frame(grey_dataset(RAMP, PixelSpacing=spacing, PixelAspectRatio=[2, 1]))
    assert stored.description.spacing is None
    assert stored.description.pixel_aspect == 2


def _of_floats() -> Dataset:
    dataset = grey_dataset(RAMP.astype(np.float32))
    dataset.FloatPixelData = dataset.PixelData
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    return dataset


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (_of_floats(), "not stored as whole numbers"),
        (grey_dataset(RAMP.astype(np.uint32) << 8), "0 to 1048320 do not fit into 16 bits"),
        (grey_dataset(SIGNED.astype(np.int32) * 17), "do not fit into 16 bits"),
        (grey_dataset(RAMP, RescaleSlope=1e38), "not finite"),
        (grey_dataset(RAMP, Rows=50000, Columns=50000), "image claims 5000 MB"),
        (grey_dataset(RAMP, NumberOfFrames=3), "cannot be decoded"),
        (grey_dataset(RAMP, Columns=0), "no rows or no columns"),
    ],
)
def test_what_no_viewer_can_show_is_refused_with_a_reason(dataset: Dataset, reason: str) -> None:
    with pytest.raises(NotAssessable, match=reason):
        read_stored_frame(dataset)


@pytest.mark.parametrize(
    "name", ["MR_small_jp2klossless.dcm", "693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm"]
)
def test_signed_codestreams_are_read_as_pydicom_reads_them(name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    stored, whole = read_stored_frame(Path(path)), dcmread(path)
    assert stored.pixels.dtype == np.int16
    assert np.array_equal(stored.pixels, whole.pixel_array)
    assert stored.description.spacing == PixelSpacing(
        row_mm=whole.PixelSpacing[0],
        column_mm=whole.PixelSpacing[1],
        source="PixelSpacing",
        is_calibrated=False,
    )


def test_a_damaged_header_is_refused_in_plain_words() -> None:
    with pytest.raises(NotAssessable, match="not a DICOM file"):
        read_stored_frame(BytesIO(b"Dear colleague, " * 20))
