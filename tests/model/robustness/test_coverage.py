"""What is no radiograph of a limb gets a reason, never "no fracture"."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import dcmread
from pydicom.data import get_testdata_file
from sklearn.datasets import load_sample_images

from model.classifier import FractureClassifier
from model.prediction import State
from model.radiograph import Radiograph, read_dicom
from tests.services import require_shared_data

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
    "temple": lambda: next(_photographs()),
    "flower": lambda: list(_photographs())[1],
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


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm"])
def test_a_slice_is_not_assessable_even_if_its_header_did_not_say_so(
    shipped: FractureClassifier, name: str
) -> None:
    path = get_testdata_file(name, download=False)
    assert path is not None
    predictions = shipped.predict(read_dicom(dcmread(str(path))))
    assert all(one.state is State.NOT_ASSESSABLE for one in predictions)


def test_a_chest_or_a_neck_is_never_called_without_a_fracture(shipped: FractureClassifier) -> None:
    folder = require_shared_data("dicom")
    named = [path for path in sorted(folder.glob("*.dcm")) if _shows_the_trunk(path)]
    assert len(named) >= 3
    states = [one.state for path in named for one in shipped.predict(read_dicom(path))]
    assert State.NONE not in states


def _shows_the_trunk(path: Path) -> bool:
    header = dcmread(path, stop_before_pixels=True, force=True)
    part = str(header.get("BodyPartExamined", ""))
    return header.get("Modality") in ("CR", "DX") and part in ("CHEST", "CSPINE", "THORAX")


def test_limbs_of_another_source_are_mostly_assessed(shipped: FractureClassifier) -> None:
    folder = require_shared_data("bonebreak") / "images"
    chosen = sorted(folder.iterdir())[::12]
    states = [
        shipped.predict([Radiograph(np.asarray(Image.open(path).convert("L"), np.float32) / 255)])[
            0
        ].state
        for path in chosen
    ]
    assert states.count(State.NOT_ASSESSABLE) <= 0.05 * len(states)
