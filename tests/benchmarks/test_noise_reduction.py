"""Filters are compared on groups no classifier saw, and CLAHE spreads grey within its limit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from benchmarks.filters import CLIP_LIMIT, FILTERS, PLAIN, TILES, equalise_locally
from benchmarks.noise_reduction import (
    choose_images,
    compare_filters,
    describe,
    score_out_of_fold,
    still_trunk,
)
from model.datasets.labelled import LabelledImage
from model.evaluation.metrics import auroc
from model.radiograph import Radiograph
from phantom.radiograph import PhantomSpec, make_phantom


def _image(number: int, fractured: bool, group: int | None = None) -> LabelledImage:
    group = number if group is None else group
    return LabelledImage(Path(f"{number}.png"), str(group), "", fractured, ())


def test_every_fracture_is_kept_and_the_others_are_drawn_once() -> None:
    chosen = choose_images([_image(number, number % 4 == 0) for number in range(40)], 12)
    assert sum(image.fractured for image in chosen) == 10
    assert len({image.path for image in chosen}) == len(chosen) == 22


def test_what_only_marks_the_group_is_of_no_use_to_a_classifier_that_never_saw_it() -> None:
    images = [_image(number, number // 4 % 2 == 1, number // 4) for number in range(120)]
    labels = np.array([float(image.fractured) for image in images])
    of_group = np.eye(30)[np.arange(120) // 4]
    assert auroc(score_out_of_fold(of_group, images), labels) < 0.7
    telling = np.column_stack([of_group, labels])
    assert auroc(score_out_of_fold(telling, images), labels) == 1


def test_a_filter_is_compared_with_the_picture_as_it_is() -> None:
    images = [_image(number, number < 20) for number in range(40)]
    rising = np.arange(40.0)
    scores = {PLAIN: -rising, "same": -2 * rising, "wrong way": rising}
    same, wrong = compare_filters(scores, images)[1:]
    assert (same.auroc.value, same.against_plain.low, same.against_plain.high) == (1, 0, 0)
    assert (wrong.auroc.value, wrong.against_plain.value, wrong.against_plain.high) == (0, -1, -1)


def test_the_still_trunk_describes_a_picture_once_for_each_filter(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = get_model("mobilenet_v2", weights=None).state_dict()
    save_file(weights, tmp_path / "mobilenet_v2_imagenet.safetensors")
    phantom = make_phantom(PhantomSpec(1, rows=160, columns=128))
    radiograph = Radiograph(np.asarray(phantom.pixels / 4095, np.float32))
    features = describe(still_trunk(tmp_path), radiograph)
    assert features.shape == (len(FILTERS), 1280)
    assert len(np.unique(features, axis=0)) == len(FILTERS)


def test_a_median_takes_single_specks_away() -> None:
    specks = np.zeros((32, 32), np.uint8)
    specks[::5, ::5] = 255
    assert not FILTERS["median of 3 × 3"](specks).any()
    assert FILTERS[PLAIN](specks).any()


@pytest.mark.parametrize("shape", [(256, 192), (201, 173)])
def test_grey_that_is_even_is_left_as_it_is_and_faint_steps_grow_to_the_limit(
    shape: tuple[int, int],
) -> None:
    even = equalise_locally(np.full(shape, 100, np.uint8))
    assert np.ptp(even) == 0
    assert abs(int(even[0, 0]) - 100) <= CLIP_LIMIT + 1
    faint = np.full(shape, 100, np.uint8)
    faint[:, ::2] = 110
    steps = np.diff(equalise_locally(faint).astype(int), axis=1)
    # Of 256 levels a tile gives each of two its limit, and hands the rest out evenly.
    assert 10 <= np.abs(steps).min() <= np.abs(steps).max() <= 10 + CLIP_LIMIT + 1


def test_full_contrast_everywhere_stays_as_it_is() -> None:
    """Tiles with every level once have nothing to spread, and their maps agree."""
    tile = np.random.default_rng(0).permutation(256).reshape(16, 16).astype(np.uint8)
    full = np.tile(tile, (TILES, TILES))
    assert np.abs(equalise_locally(full).astype(int) - full).max() <= 1
