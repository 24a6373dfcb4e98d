"""A radiograph reads the same whatever way its pixels were stored."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset

from model.radiograph import NotAssessable, read_dicom
from tests.model.dicom_images import RAMP, SAME_PICTURE, WHOLE_WINDOW, grey_dataset, reread
from tests.services import require_shared_data


@pytest.mark.parametrize("name", SAME_PICTURE)
def test_every_way_of_storing_shows_the_same_ramp(name: str) -> None:
    (radiograph,) = read_dicom(SAME_PICTURE[name])
    assert radiograph.pixels.dtype == np.float32
    assert radiograph.pixels.shape == RAMP.shape
    assert radiograph.frame is None
    np.testing.assert_allclose(radiograph.pixels, RAMP / 4095, atol=0.02)


def test_a_sigmoid_window_is_half_grey_at_its_centre() -> None:
    ds = grey_dataset(RAMP, VOILUTFunction="SIGMOID", WindowCenter=RAMP[0, 32], WindowWidth=1000)
    (radiograph,) = read_dicom(ds)
    assert radiograph.pixels[0, 32] == pytest.approx(0.5)
    assert np.all(np.diff(radiograph.pixels[0]) > 0)


@pytest.mark.parametrize("big_endian", [False, True])
def test_a_file_of_either_byte_order_reads_like_its_dataset(big_endian: bool) -> None:
    (radiograph,) = read_dicom(reread(grey_dataset(RAMP, **WHOLE_WINDOW), big_endian))
    np.testing.assert_allclose(radiograph.pixels, RAMP / 4095, atol=0.01)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_spoil_the_contrast(photometric: str) -> None:
    padded = RAMP + np.uint16(1000)
    padded[:, :16] = 60000
    padded[:, 16:24] = 60500
    ds = grey_dataset(padded, PhotometricInterpretation=photometric, PixelPaddingValue=60000)
    ds.PixelPaddingRangeLimit = 61000
    (radiograph,) = read_dicom(ds)
    assert radiograph.pixels[:, :24].max() == 0
    assert np.ptp(radiograph.pixels[:, 24:]) > 0.95


@pytest.mark.parametrize(
    ("count", "expected"), [(2, [1, 2]), (8, range(1, 9)), (15, range(1, 16, 2))]
)
def test_of_many_frames_eight_are_read_and_numbered(count: int, expected: list[int]) -> None:
    frames = np.stack([np.roll(RAMP, number, axis=1) for number in range(count)])
    radiographs = read_dicom(grey_dataset(frames, **WHOLE_WINDOW))
    assert [radiograph.frame for radiograph in radiographs] == list(expected)
    for radiograph in radiographs:
        assert radiograph.frame is not None
        shown = frames[radiograph.frame - 1] / 4095
        np.testing.assert_allclose(radiograph.pixels, shown, atol=0.01)


def test_blank_frames_are_left_out() -> None:
    frames = np.stack([np.zeros_like(RAMP), RAMP])
    assert [radiograph.frame for radiograph in read_dicom(grey_dataset(frames))] == [2]


@pytest.mark.parametrize(
    ("elements", "aspect"),
    [
        ({}, 1.0),
        ({"PixelAspectRatio": [2, 1]}, 2.0),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, 0.5),
        ({"PixelSpacing": [0.3, 0.3], "PixelAspectRatio": [4, 1]}, 1.0),
        ({"PixelAspectRatio": [5000, 1]}, 1.0),
        ({"PixelAspectRatio": [1, 0]}, 1.0),
    ],
)
def test_pixels_that_are_not_square_are_known(elements: dict[str, object], aspect: float) -> None:
    assert read_dicom(grey_dataset(RAMP, **elements))[0].pixel_aspect == pytest.approx(aspect)


def _claiming(rows: int, columns: int, frames: int) -> FileDataset:
    ds = grey_dataset(RAMP)
    ds.Rows, ds.Columns, ds.NumberOfFrames = rows, columns, frames
    return ds


@pytest.mark.parametrize(
    ("ds", "reason"),
    [
        (_claiming(50000, 50000, 1), "image claims 5000 MB"),
        (_claiming(1000, 1000, 100_000), "image claims"),
        (_claiming(0, 64, 1), "no rows"),
        (_claiming(4000, 64, 1), "cannot be decoded"),
        (grey_dataset(np.full((8, 8), 7, np.uint8)), "blank"),
        (grey_dataset(RAMP, RescaleSlope=1e38), "not finite"),
    ],
)
def test_what_cannot_be_assessed_says_why(ds: FileDataset, reason: str) -> None:
    with pytest.raises(NotAssessable, match=reason):
        read_dicom(ds)


def test_the_size_limit_is_the_callers_and_holds_before_decoding() -> None:
    ds = grey_dataset(RAMP)
    assert read_dicom(ds, max_bytes=RAMP.nbytes)
    with pytest.raises(NotAssessable, match="limit"):
        read_dicom(ds, max_bytes=RAMP.nbytes - 1)


def test_an_object_without_pixels_and_a_file_that_is_none(tmp_path: Path) -> None:
    ds = grey_dataset(RAMP)
    del ds.PixelData
    with pytest.raises(NotAssessable, match="no pixel data"):
        read_dicom(ds)
    (tmp_path / "letter.dcm").write_text("Dear colleague, " * 20)
    with pytest.raises(NotAssessable, match="not a DICOM file"):
        read_dicom(tmp_path / "letter.dcm")


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("MR_small_RLE.dcm", 1),
        ("JPEG2000.dcm", 1),
        ("MR_small_jpeg_ls_lossless.dcm", 1),
        ("SC_rgb_jpeg_dcmtk.dcm", 1),
        ("SC_ybr_full_422_uncompressed.dcm", 1),
        ("examples_palette.dcm", 1),
        ("rtdose_rle.dcm", 8),
    ],
)
def test_pydicoms_own_files_are_read(name: str, frames: int) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    radiographs = read_dicom(Path(path))
    assert len(radiographs) == frames
    assert all(
        0 <= radiograph.pixels.min() < radiograph.pixels.max() <= 1 for radiograph in radiographs
    )


@pytest.mark.slow
def test_every_real_file_is_read_or_refused_with_a_reason() -> None:
    folder = require_shared_data("dicom")
    files = [path for path in folder.rglob("*.dcm") if path.is_file()]
    reasons = []
    for path in files:
        try:
            radiographs = read_dicom(path)
        except NotAssessable as refusal:
            reasons.append(str(refusal))
        else:
            assert all(np.isfinite(radiograph.pixels).all() for radiograph in radiographs)
    assert len(reasons) < len(files) / 2
    assert all(reasons)
