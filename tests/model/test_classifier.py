"""The shipped classifier passes the self-test: broken phantoms are found, whole ones pass."""

from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.artefact import CARD, NETWORK, write_card
from model.card import Card
from model.classifier import FractureClassifier
from model.prediction import Prediction, State, most_suspicious
from model.radiograph import Radiograph, read_dicom
from phantom.anatomy import REGIONS as PHANTOM_REGIONS
from phantom.radiograph import VIEWS, Phantom, PhantomSpec, make_phantom
from tests.model.dicom_images import grey_dataset

SIZES = [(640, 520), (1024, 832), (2048, 1664)]
SELF_TEST_SEEDS = [1, 2, 3]


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


@pytest.mark.soak
def test_a_break_tells_phantoms_apart_on_99_of_100_seeds(shipped: FractureClassifier) -> None:
    """The same phantom with its break and without: ranked so, and nearly always called so."""
    limbs = list(product(sorted(PHANTOM_REGIONS), VIEWS))
    ranked = called = 0
    for seed in range(100, 200):
        region, view = limbs[seed % len(limbs)]
        whole, broken = (
            _judge(shipped, make_phantom(PhantomSpec(seed, region, view, fractured, 640, 520)))
            for fractured in (False, True)
        )
        ranked += (broken.probability or 0) > (whole.probability or 0)
        called += whole.state is State.NONE and broken.state in (State.FRACTURE, State.POSSIBLE)
    assert ranked >= 99
    assert called >= 95


def test_the_same_image_gives_the_same_answer_to_the_last_bit(shipped: FractureClassifier) -> None:
    pixels = make_phantom(PhantomSpec(5, fractured=True)).pixels.astype(np.float32)
    radiograph = Radiograph(pixels / np.float32(4095))
    first, again = (shipped.predict([radiograph])[0] for _ in range(2))
    assert first.probability == again.probability
    assert first.logit == again.logit
    assert first.boxes == again.boxes
    assert np.array_equal(first.heatmap, again.heatmap)


@pytest.mark.parametrize("fractured", [False, True])
@pytest.mark.parametrize("shape", [(70, 900), (900, 70), (128, 128), (700, 500)])
def test_boxes_are_claimed_only_with_a_fracture_and_stay_in_the_image(
    shipped: FractureClassifier, shape: tuple[int, int], fractured: bool
) -> None:
    rows, columns = shape
    phantom = make_phantom(PhantomSpec(3, fractured=fractured, rows=900, columns=900))
    (prediction,) = shipped.predict([Radiograph(_grey(phantom)[:rows, :columns])])
    assert bool(prediction.boxes) == (prediction.state in (State.FRACTURE, State.POSSIBLE))
    for box in prediction.boxes:
        assert 0 <= box.x0 < box.x1 <= columns
        assert 0 <= box.y0 < box.y1 <= rows


def _grey(phantom: Phantom) -> NDArray[np.float32]:
    return phantom.pixels.astype(np.float32) / np.float32(4095)


def test_an_image_without_detail_is_refused_and_those_beside_it_are_judged(
    shipped: FractureClassifier,
) -> None:
    broken = Radiograph(_grey(make_phantom(PhantomSpec(3, "leg", "ap", True, 640, 520))))
    tiny = Radiograph(broken.pixels[:40, :40])
    noise = Radiograph(np.random.default_rng(0).random((400, 300), dtype=np.float32))
    alone = shipped.predict([broken])[0]
    first, refused, unseen, last = shipped.predict([broken, tiny, noise, broken])
    assert (first.probability, last.probability) == (alone.probability, alone.probability)
    assert refused.state is unseen.state is State.NOT_ASSESSABLE
    assert refused.reason == "the image is too small (40 × 40 pixels) to be assessed"
    assert unseen.reason == "the image is mostly noise"
    assert refused.probability is refused.heatmap is refused.severity is None


def test_what_makes_the_answer_less_sure_is_noted(shipped: FractureClassifier) -> None:
    pixels = _grey(make_phantom(PhantomSpec(3, "leg", "ap", True, 640, 520)))
    small = Image.fromarray(pixels).resize((100, 120), Image.Resampling.BOX)
    (prediction,) = shipped.predict([Radiograph(np.asarray(small, np.float32))])
    assert prediction.state is not State.NOT_ASSESSABLE
    assert prediction.notes[0] == "the image is small (100 × 120 pixels)"


@pytest.mark.parametrize(("bias", "noted"), [(8.0, True), (-8.0, False)])
def test_metal_that_is_seen_is_noted(altered: Path, bias: float, noted: bool) -> None:
    _set_in_network(altered, "hardware_head.bias", bias)
    judge = FractureClassifier.load(altered, "cpu", threads=1)
    prediction = _judge(judge, make_phantom(PhantomSpec(3, "leg", "ap", True, 640, 520)))
    assert any("screws" in note for note in prediction.notes) == noted


def _set_in_network(folder: Path, name: str, value: float) -> None:
    """In the file alone: to export a network takes many times as long."""
    network = onnx.load(folder / NETWORK)
    (weights,) = [one for one in network.graph.initializer if one.name == name]
    weights.CopyFrom(onnx.numpy_helper.from_array(np.full(weights.dims, value, np.float32), name))
    onnx.save(network, folder / NETWORK)
    write_card(folder, Card.model_validate_json((folder / CARD).read_text()))


def test_a_suspected_fracture_is_graded_and_nothing_else(shipped: FractureClassifier) -> None:
    whole, broken = (
        Radiograph(_grey(make_phantom(PhantomSpec(8, "leg", "ap", fractured, 640, 520))))
        for fractured in (False, True)
    )
    ungraded, graded = shipped.predict([whole, broken])
    assert ungraded.severity is None
    assert graded.severity in ("mild", "moderate", "severe")


def test_the_most_suspicious_frame_stands_for_the_image(shipped: FractureClassifier) -> None:
    whole, broken = (
        make_phantom(PhantomSpec(8, "leg", "ap", fractured, 640, 520)).pixels
        for fractured in (False, True)
    )
    ds = grey_dataset(np.stack([whole, broken, whole]), BitsStored=12, HighBit=11)
    prediction = most_suspicious(shipped.predict(read_dicom(ds)))
    assert prediction.frame == 2
    assert prediction.state is State.FRACTURE


def _frame(number: int, state: State, probability: float | None, unlike: bool) -> Prediction:
    return Prediction(
        state=state,
        probability=probability,
        logit=None,
        region=None,
        region_probability=None,
        boxes=(),
        heatmap=None,
        frame=number,
        model_name="x",
        model_version="1",
        unlike=unlike,
    )


def test_a_frame_unlike_what_was_learned_outranks_whole_ones_and_no_called_one() -> None:
    whole = _frame(1, State.NONE, 0.08, unlike=False)
    unlike = _frame(2, State.NOT_ASSESSABLE, None, unlike=True)
    blank = _frame(3, State.NOT_ASSESSABLE, None, unlike=False)
    possible = _frame(4, State.POSSIBLE, 0.12, unlike=False)
    assert most_suspicious([blank, whole]) is whole
    assert most_suspicious([whole, blank, unlike]) is unlike
    assert most_suspicious([unlike, whole, possible]) is possible


def test_states_follow_the_operating_points(shipped: FractureClassifier) -> None:
    points = shipped.card.operating_points
    assert 0 < points.sensitive.probability <= points.specific.probability < 1
    specs = [PhantomSpec(seed, "leg", "ap", seed % 2 == 1, 320, 256) for seed in range(10)]
    told = [_judge(shipped, make_phantom(spec)) for spec in specs]
    assert {State.NONE, State.FRACTURE} <= {one.state for one in told}
    for one in told:
        assert one.probability is not None
        reached = one.probability >= points.sensitive.probability
        surely = one.probability >= points.specific.probability
        assert one.state is [State.NONE, State.POSSIBLE, State.FRACTURE][reached + surely]
    assert shipped.predict([]) == []
