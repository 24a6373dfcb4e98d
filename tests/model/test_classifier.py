"""The shipped classifier passes the self-test: broken phantoms are found, whole ones pass."""

import numpy as np
import pytest

from model.classifier import FractureClassifier
from model.prediction import Prediction, State, most_suspicious
from model.radiograph import Radiograph, read_dicom
from phantom.anatomy import REGIONS as PHANTOM_REGIONS
from phantom.radiograph import VIEWS, Phantom, PhantomSpec, make_phantom
from tests.model.dicom_images import grey_dataset

SIZES = [(640, 520), (1024, 832), (2048, 1664)]
SELF_TEST_SEEDS = [1, 2, 3]
# Some phantoms hide their break behind another bone, as some patients do.
SHARE_RIGHT = 0.95


def _judge(classifier: FractureClassifier, phantom: Phantom) -> Prediction:
    ds = grey_dataset(phantom.pixels, BitsStored=12, HighBit=11)
    return classifier.predict(read_dicom(ds))[0]


@pytest.mark.parametrize("seed", SELF_TEST_SEEDS)
@pytest.mark.parametrize("region", sorted(PHANTOM_REGIONS))
@pytest.mark.parametrize("view", VIEWS)
def test_a_broken_phantom_is_found_and_the_same_one_whole_passes(
    shipped: FractureClassifier, seed: int, region: str, view: str
) -> None:
    rows, columns = SIZES[seed % len(SIZES)]
    whole = PhantomSpec(seed, region, view, False, rows, columns)
    broken = PhantomSpec(seed, region, view, True, rows, columns)
    assert _judge(shipped, make_phantom(whole)).state is State.NONE
    phantom = make_phantom(broken)
    prediction = _judge(shipped, phantom)
    assert prediction.state is State.FRACTURE
    assert prediction.region == region
    first, true = prediction.boxes[0], phantom.boxes[0]
    assert first.x0 < true.x1 and true.x0 < first.x1
    assert first.y0 < true.y1 and true.y0 < first.y1


@pytest.mark.slow
@pytest.mark.parametrize("fractured", [False, True])
def test_nearly_all_phantoms_are_judged_right(shipped: FractureClassifier, fractured: bool) -> None:
    expected = State.FRACTURE if fractured else State.NONE
    states = [
        _judge(shipped, make_phantom(PhantomSpec(seed, region, view, fractured, 640, 520))).state
        for seed in range(100, 120)
        for region in sorted(PHANTOM_REGIONS)
        for view in VIEWS
    ]
    assert states.count(expected) >= SHARE_RIGHT * len(states)


def test_the_same_image_gives_the_same_answer_to_the_last_bit(shipped: FractureClassifier) -> None:
    pixels = make_phantom(PhantomSpec(5, fractured=True)).pixels.astype(np.float32)
    radiograph = Radiograph(pixels / np.float32(4095))
    first, again = (shipped.predict([radiograph])[0] for _ in range(2))
    assert first.probability == again.probability
    assert first.logit == again.logit
    assert first.boxes == again.boxes
    assert np.array_equal(first.heatmap, again.heatmap)


def test_boxes_are_claimed_only_with_a_fracture_and_stay_in_the_image(
    shipped: FractureClassifier,
) -> None:
    random = np.random.default_rng(0)
    for rows, columns in [(1, 900), (900, 1), (33, 64), (700, 500)]:
        radiograph = Radiograph(random.random((rows, columns), dtype=np.float32))
        (prediction,) = shipped.predict([radiograph])
        assert bool(prediction.boxes) == (prediction.state is not State.NONE)
        for box in prediction.boxes:
            assert 0 <= box.x0 < box.x1 <= columns
            assert 0 <= box.y0 < box.y1 <= rows


def test_the_most_suspicious_frame_stands_for_the_image(shipped: FractureClassifier) -> None:
    whole, broken = (
        make_phantom(PhantomSpec(8, "leg", "ap", fractured, 640, 520)).pixels
        for fractured in (False, True)
    )
    ds = grey_dataset(np.stack([whole, broken, whole]), BitsStored=12, HighBit=11)
    prediction = most_suspicious(shipped.predict(read_dicom(ds)))
    assert prediction.frame == 2
    assert prediction.state is State.FRACTURE


def test_states_follow_the_operating_points(shipped: FractureClassifier) -> None:
    points = shipped.card.operating_points
    assert 0 < points.sensitive.probability <= points.specific.probability < 1
    assert shipped.predict([]) == []
