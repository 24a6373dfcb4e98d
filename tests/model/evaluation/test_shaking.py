"""How far changes move the answers is reckoned of the images that were judged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.classifier import FractureClassifier
from model.datasets.labelled import of_split
from model.datasets.reading import read_data_set
from model.evaluation import shaking
from model.evaluation.shaking import CHANGES, Picture, shake
from model.prediction import Prediction, State


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_changes_the_picture_and_leaves_it_a_picture(name: str) -> None:
    ramp = np.linspace(0, 255, 80 * 60).reshape(80, 60).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 30, (80, 60), dtype=np.uint8)
    picture = ramp // 2 + noise
    changed = CHANGES[name](picture)
    assert changed.dtype == np.uint8 and changed.ndim == 2
    assert changed.shape != picture.shape or (changed != picture).mean() > 0.1
    assert abs(changed.mean() - picture.mean()) < 20


def test_moves_are_those_of_the_images_that_were_judged(
    small_artefact: Path, phantom_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = FractureClassifier.load(small_artefact, "cpu", threads=1)
    images = of_split(read_data_set(phantom_folder).images, "val")
    real = shaking.judge(classifier, np.zeros((96, 80), np.uint8) + np.eye(96, 80, dtype=np.uint8))
    plain_shape = (96, 80)
    refused = 0

    def judge(_: FractureClassifier, pixels: Picture) -> Prediction:
        nonlocal refused
        if pixels.shape != plain_shape:  # a change of size moves it by 0.3, over a point
            return replace(real, probability=0.5, state=State.FRACTURE)
        if refused < 2:
            refused += 1
            return replace(real, probability=None, state=State.NOT_ASSESSABLE)
        return replace(real, probability=0.2, state=State.NONE)

    monkeypatch.setattr(shaking, "judge", judge)
    found = {one.change: one for one in shake(classifier, images)}
    assert {one.images for one in found.values()} == {len(images) - 2}
    assert (found["5 % cut off"].moved, found["5 % cut off"].states_changed) == (0.3, 1.0)
    assert (found["mirrored"].moved, found["mirrored"].states_changed) == (0.0, 0.0)


def test_a_picture_refused_once_changed_has_moved_all_the_way(
    small_artefact: Path, phantom_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = FractureClassifier.load(small_artefact, "cpu", threads=1)
    images = of_split(read_data_set(phantom_folder).images, "val")[:3]
    monkeypatch.setattr(shaking, "CHANGES", {"blackened": np.zeros_like})
    (found,) = shake(classifier, images)
    assert (found.moved, found.states_changed) == (1.0, 1.0)
