"""What is no radiograph of a limb gets a reason, never "no fracture"."""

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import dcmread
from pydicom.data import get_testdata_file
from sklearn.datasets import load_sample_images

from model.classifier import FractureClassifier
from model.not_assessable import NotAssessable
from model.prediction import State
from model.radiograph import Radiograph, read_dicom, read_picture
from tests.services import require_shared_data

pytestmark = pytest.mark.requirement("R-MODEL-2")

Grey = NDArray[np.float32]


def _letter() -> Grey:
    page = Image.new("L", (500, 700), 255)
    pen = ImageDraw.Draw(page)
    for line in range(40):
        pen.text((20, 15 * line + 10), "Dear colleague, thank you for this referral.", fill=0)
    return np.asarray(page, np.float32) / 255


def _photographs() -> Iterator[Grey]:
    for photograph in load_sample_images().images:
        yield (photograph.mean(axis=2) / 255).astype(np.float32)


STRANGE: dict[str, Callable[[], Grey]] = {
    "blank": lambda: np.full((400, 300), 0.3, np.float32),
    "noise": lambda: np.random.default_rng(0).random((400, 300), dtype=np.float32),
    "blocks": lambda: np.kron(
        np.random.default_rng(0).random((20, 20), dtype=np.float32), np.ones((20, 20), np.float32)
    ),
    "letter": _letter,
}


@pytest.mark.parametrize("name", sorted(STRANGE))
def test_a_picture_of_something_else_is_not_assessable(
    shipped: FractureClassifier, name: str
) -> None:
    (prediction,) = shipped.predict([Radiograph(STRANGE[name]())])
    assert prediction.state is State.NOT_ASSESSABLE, prediction.probability
    assert prediction.reason
    assert prediction.probability is None
    assert prediction.boxes == ()


def test_a_photograph_is_never_called_without_a_fracture(shipped: FractureClassifier) -> None:
    for photograph in _photographs():
        _never_without_a_fracture(shipped, [Radiograph(photograph)])


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm"])
def test_a_slice_is_never_called_without_a_fracture_whatever_its_header_says(
    shipped: FractureClassifier, name: str
) -> None:
    path = get_testdata_file(name, download=False)
    assert path is not None
    _never_without_a_fracture(shipped, read_dicom(dcmread(str(path))))


def test_a_chest_or_a_neck_is_never_called_without_a_fracture(shipped: FractureClassifier) -> None:
    folder = require_shared_data("dicom")
    named = [path for path in sorted(folder.glob("*.dcm")) if _shows_the_trunk(path)]
    read = [found for path in named for found in _readable(path)]
    assert len(read) >= 5
    _never_without_a_fracture(shipped, read)


def _never_without_a_fracture(
    classifier: FractureClassifier, radiographs: Sequence[Radiograph]
) -> None:
    """Refused, or called with the note that it is unlike what was learned."""
    for prediction in classifier.predict(radiographs):
        assert prediction.state is not State.NONE
        assert prediction.reason or any("unlike" in note for note in prediction.notes)


def _shows_the_trunk(path: Path) -> bool:
    try:
        header = dcmread(path, stop_before_pixels=True, force=True)
    except (OSError, struct.error):  # cut off on purpose
        return False
    part = str(header.get("BodyPartExamined", ""))
    return header.get("Modality") in ("CR", "DX") and part in ("CHEST", "CSPINE", "THORAX")


def _readable(path: Path) -> list[Radiograph]:
    try:
        return read_dicom(path)
    except NotAssessable:
        return []


@pytest.mark.soak
def test_limbs_are_mostly_assessed_those_of_another_source_too(shipped: FractureClassifier) -> None:
    bounds = {"fracatlas": 0.01, "bonebreak": 0.07}
    for source, most_refused in bounds.items():
        chosen = sorted((require_shared_data(source) / "images").iterdir())
        chosen = chosen[:: len(chosen) // 120]
        states = [shipped.predict([read_picture(path)])[0].state for path in chosen]
        assert states.count(State.NOT_ASSESSABLE) <= most_refused * len(states), source
