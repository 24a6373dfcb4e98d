"""Changes that leave a fracture what it is move its probability little.

The bounds are what the shipped classifier keeps today on 95 % of the images, rounded up: a new one
that is shakier fails here. These images it has learned from: what it does with others is measured
on a fold's network and stands in the card, and the last test holds it to that.
"""

from collections.abc import Callable

import numpy as np
import pytest
from pydicom.pixels import compress
from pydicom.uid import JPEG2000Lossless

from model.classifier import FractureClassifier
from model.evaluation.shaking import CHANGES
from model.radiograph import Radiograph, read_dicom
from tests.model.dicom_images import grey_dataset
from tests.model.robustness.conftest import Judged, Picture

Judge = Callable[[Radiograph], float]
KEPT_SHARE = 0.95


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


WRITTEN = [
    # Read as DICOM without a window, the greys are stretched robustly, as a PNG's are not.
    (monochrome1_twin, 0.02),
    (of_twelve_bits, 0.02),
    (jpeg2000_twin, 0.02),
    (wider_window, 0.001),
]
REDRAWN = [
    ("mirrored", 0.02),
    ("twice the resolution", 0.05),
    ("half the resolution", 0.30),
    ("5 % cut off", 0.30),
    ("JPEG, quality 85", 0.16),
    ("darker, gamma 1.25", 0.30),
]


@pytest.mark.parametrize("write, bound", WRITTEN, ids=lambda value: getattr(value, "__name__", ""))
def test_the_same_picture_in_another_file_is_judged_alike(
    some_judged: list[Judged],
    probability: Judge,
    write: Callable[[Picture], Radiograph],
    bound: float,
    record_property: Callable[[str, object], None],
) -> None:
    moved = [abs(probability(write(one.pixels)) - one.probability) for one in some_judged]
    _kept(moved, bound, record_property)


@pytest.mark.soak
@pytest.mark.parametrize("name, bound", REDRAWN)
def test_a_picture_redrawn_is_judged_nearly_alike(
    judged: list[Judged],
    probability: Judge,
    name: str,
    bound: float,
    record_property: Callable[[str, object], None],
) -> None:
    change = CHANGES[name]
    moved = [
        abs(probability(Radiograph.of_bytes(change(one.pixels))) - one.probability)
        for one in judged
    ]
    _kept(moved, bound, record_property)


def _kept(moved: list[float], bound: float, record_property: Callable[[str, object], None]) -> None:
    today = float(np.nanquantile(moved, KEPT_SHARE))
    record_property("moved_95", today)
    print(f"95 % move at most {today:.4f}")
    # One that is refused once it is changed is not a number, and counts as moved.
    assert np.mean(np.array(moved) <= bound) >= KEPT_SHARE


def test_every_change_is_held_here_and_its_figure_on_unseen_images_is_in_the_card(
    shipped: FractureClassifier,
) -> None:
    in_card = {one.change: one for one in shipped.card.shaken}
    assert set(in_card) == {name for name, _ in REDRAWN} == set(CHANGES)
    assert all(one.images >= 100 for one in in_card.values())
