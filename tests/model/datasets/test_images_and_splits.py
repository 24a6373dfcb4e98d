"""Labelled folders are read whole, split by group, and their boxes land where they were drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmwrite

from model.datasets.images import MASK_STRIDE, load_images, prepare
from model.datasets.labelled import LabelledImage, of_split
from model.datasets.reading import read_data_set
from model.datasets.splits import fold_numbers, hold_out_groups
from model.radiograph import NotAssessable, Radiograph
from tests.model.dicom_images import grey_dataset


def test_labels_and_boxes_belong_together_and_truncated_images_are_dropped(
    phantom_folder: Path,
) -> None:
    images = read_data_set(phantom_folder).images
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


@pytest.mark.parametrize("seed", range(3))
def test_folds_part_no_group_and_are_even(seed: int) -> None:
    images = _images(groups=200)
    folds = fold_numbers(images, 5, seed)
    of_group: dict[str, set[int]] = {}
    for image, fold in zip(images, folds.tolist(), strict=True):
        of_group.setdefault(image.group, set()).add(fold)
    assert all(len(found) == 1 for found in of_group.values())
    fractured = np.array([image.fractured for image in images])
    for counts in (np.bincount(folds), np.bincount(folds[fractured])):
        assert len(counts) == 5
        assert np.abs(counts / counts.mean() - 1).max() < 0.03


def test_a_mask_lies_over_its_box() -> None:
    pixels = np.zeros((200, 100), np.float32)
    pixels[40:80, 30:50] = 1
    square, mask = prepare(Radiograph(pixels), [(30, 40, 50, 80)], side=128)
    bright = square.reshape(32, MASK_STRIDE, 32, MASK_STRIDE).mean(axis=(1, 3)) > 64
    assert mask.sum() > 0
    assert (bright & (mask == 0)).sum() == 0
    assert mask.sum() <= bright.sum() + 20


def test_loaded_images_keep_their_order(phantom_folder: Path) -> None:
    images = read_data_set(phantom_folder).images[:6]
    loaded = load_images(images, 64)
    assert loaded.images.shape == (6, 64, 64)
    assert loaded.fractured.tolist() == [float(image.fractured) for image in images]
    assert (loaded.masks.any(axis=(1, 2)) == loaded.fractured).all()


def test_dicom_and_pictures_are_loaded_alike(phantom_folder: Path, tmp_path: Path) -> None:
    picture = read_data_set(phantom_folder).images[1]
    stored = np.asarray(Image.open(picture.path))
    dcmwrite(tmp_path / "same", grey_dataset(stored, WindowCenter=128, WindowWidth=256))
    as_dicom = replace(picture, path=tmp_path / "same")
    loaded = load_images([picture, as_dicom], 64)
    assert np.abs(loaded.images[0].astype(int) - loaded.images[1]).max() <= 1
    assert (loaded.masks[0] == loaded.masks[1]).all()


def test_an_image_that_cannot_be_read_is_named_not_skipped(
    phantom_folder: Path, tmp_path: Path
) -> None:
    images = read_data_set(phantom_folder).images[:2]
    (tmp_path / "damaged.png").write_bytes(images[1].path.read_bytes()[:200])
    with pytest.raises(NotAssessable, match=r"damaged\.png"):
        load_images([images[0], replace(images[1], path=tmp_path / "damaged.png")], 64)


def test_what_is_not_told_is_no_number(phantom_folder: Path) -> None:
    known = read_data_set(phantom_folder).images[1]
    untold = replace(known, regions=(), hardware=None)
    typed = [replace(known, fracture_type=name) for name in ("spiral", "oblique", "buckle")]
    loaded = load_images([known, untold, *typed], 64, ("oblique", "spiral"))
    assert np.isnan(loaded.regions).any(axis=1).tolist() == [False, True, False, False, False]
    assert np.isnan(loaded.hardware).tolist() == [False, True, False, False, False]
    assert loaded.types.tolist() == [-1, -1, 1, 0, -1]
