"""Labelled folders are read whole, split by group, and their boxes land where they were drawn."""

from pathlib import Path

import numpy as np

from model.datasets.fracatlas import read_labels
from model.datasets.images import MASK_STRIDE, load_images, prepare
from model.datasets.labelled import LabelledImage, of_split
from model.datasets.splits import hold_out_groups
from model.radiograph import Radiograph


def test_labels_and_boxes_belong_together_and_truncated_images_are_dropped(
    phantom_folder: Path,
) -> None:
    images = read_labels(phantom_folder)
    assert len(images) == 40
    assert all(bool(image.boxes) == image.fractured for image in images)
    assert {image.regions for image in images} == {(1.0, 0.0, 0.0, 0.0)}
    assert len(of_split(images, "val")) == 10


def _images(groups: int) -> list[LabelledImage]:
    random = np.random.default_rng(0)
    return [
        LabelledImage(
            Path(f"{group}.png"), str(group), "train", bool(random.random() < 0.2), (), ()
        )
        for group in range(groups)
        for _ in range(int(random.integers(1, 20)))
    ]


def test_no_group_is_on_both_sides_and_the_shares_are_kept() -> None:
    images = _images(groups=200)
    fit, held = hold_out_groups(images, share=0.12, seed=3)
    assert not {image.group for image in fit} & {image.group for image in held}
    assert len(fit) + len(held) == len(images)
    assert abs(len(held) / len(images) - 0.12) < 0.03
    fractured = sum(image.fractured for image in images)
    assert abs(sum(image.fractured for image in held) / fractured - 0.12) < 0.03


def test_the_same_seed_parts_alike_and_another_does_not() -> None:
    images = _images(groups=60)
    assert hold_out_groups(images, 0.2, seed=1) == hold_out_groups(images, 0.2, seed=1)
    assert hold_out_groups(images, 0.2, seed=1) != hold_out_groups(images, 0.2, seed=2)


def test_a_mask_lies_over_its_box() -> None:
    pixels = np.zeros((200, 100), np.float32)
    pixels[40:80, 30:50] = 1
    square, mask = prepare(Radiograph(pixels), [(30, 40, 50, 80)], side=128)
    bright = square.reshape(32, MASK_STRIDE, 32, MASK_STRIDE).mean(axis=(1, 3)) > 64
    assert mask.sum() > 0
    assert (bright & (mask == 0)).sum() == 0
    assert mask.sum() <= bright.sum() + 20


def test_loaded_images_keep_their_order(phantom_folder: Path) -> None:
    images = read_labels(phantom_folder)[:6]
    loaded = load_images(images, 64)
    assert loaded.images.shape == (6, 64, 64)
    assert loaded.fractured.tolist() == [float(image.fractured) for image in images]
    assert (loaded.masks.any(axis=(1, 2)) == loaded.fractured).all()
