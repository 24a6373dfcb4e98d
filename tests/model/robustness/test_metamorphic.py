"""Changes that leave a fracture what it is move its probability little.

The bounds are what the shipped classifier keeps today on 95 % of the images, rounded up: a new one
that is shakier fails here.
"""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pydicom.pixels import compress
from pydicom.uid import JPEG2000Lossless

from model.radiograph import Radiograph, read_dicom
from tests.model.dicom_images import grey_dataset
from tests.model.robustness.conftest import Judged, Picture, radiograph_of

Judge = Callable[[Radiograph], float]
KEPT_SHARE = 0.95


def mirrored(pixels: Picture) -> Radiograph:
    return radiograph_of(np.ascontiguousarray(pixels[:, ::-1]))


def monochrome1_twin(pixels: Picture) -> Radiograph:
    ds = grey_dataset(255 - pixels, PhotometricInterpretation="MONOCHROME1")
    return read_dicom(ds)[0]


def of_twelve_bits(pixels: Picture) -> Radiograph:
    ds = grey_dataset(pixels.astype(np.uint16) * 16, BitsStored=12, HighBit=11)
    return read_dicom(ds)[0]


def jpeg2000_twin(pixels: Picture) -> Radiograph:
    ds = grey_dataset(pixels)
    compress(ds, JPEG2000Lossless)
    return read_dicom(ds)[0]


def wider_window(pixels: Picture) -> Radiograph:
    """A tenth wider on either side than the grey values reach."""
    ds = grey_dataset(pixels, WindowCenter=128, WindowWidth=307)
    return read_dicom(ds)[0]


def doubled(pixels: Picture) -> Radiograph:
    rows, columns = pixels.shape
    larger = Image.fromarray(pixels).resize((2 * columns, 2 * rows), Image.Resampling.BICUBIC)
    return radiograph_of(np.asarray(larger))


def cropped(pixels: Picture) -> Radiograph:
    """By 5 % of its size, evenly."""
    down, across = round(pixels.shape[0] * 0.025), round(pixels.shape[1] * 0.025)
    return radiograph_of(np.ascontiguousarray(pixels[down:-down, across:-across]))


def as_jpeg(pixels: Picture) -> Radiograph:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", quality=85)
    return radiograph_of(np.asarray(Image.open(written)))


CHANGES = [
    (mirrored, 0.02),
    # Read as DICOM without a window, the greys are stretched robustly, as a PNG's are not.
    (monochrome1_twin, 0.02),
    (of_twelve_bits, 0.02),
    (jpeg2000_twin, 0.02),
    (wider_window, 0.001),
    (doubled, 0.05),
    (cropped, 0.30),
    (as_jpeg, 0.16),
]


@pytest.mark.parametrize("change, bound", CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_probability_hardly_moves(
    judged: list[Judged],
    probability: Judge,
    change: Callable[[Picture], Radiograph],
    bound: float,
    record_property: Callable[[str, object], None],
) -> None:
    moved = np.array([abs(probability(change(one.pixels)) - one.probability) for one in judged])
    record_property("moved_95", float(np.nanquantile(moved, KEPT_SHARE)))
    print(f"{change.__name__}: 95 % move at most {np.nanquantile(moved, KEPT_SHARE):.4f}")
    assert (moved <= bound).mean() >= KEPT_SHARE
