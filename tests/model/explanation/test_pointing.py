"""A map that is brightest in a reader's box points right; an even one points nowhere."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.datasets.labelled import LabelledImage, Rectangle
from model.explanation.pointing import Pointing, pointing_game
from model.heatmap import Grid
from model.radiograph import Radiograph
from phantom.radiograph import PhantomSpec, make_phantom


def _image(folder: Path, seed: int, fractured: bool = True) -> LabelledImage:
    phantom = make_phantom(PhantomSpec(seed, "hand", "ap", fractured, rows=120, columns=96))
    path = folder / f"{seed}.png"
    Image.fromarray((phantom.pixels >> 4).astype(np.uint8)).save(path)
    boxes: tuple[Rectangle, ...] = tuple((b.x0, b.y0, b.x1, b.y1) for b in phantom.boxes)
    return LabelledImage(path, str(seed), "val", fractured, (), boxes)


def _pointer(row: float, column: float) -> "Grid":
    heat = np.zeros((30, 24), np.float32)
    heat[int(row / 4), int(column / 4)] = 0.7
    return heat


def test_it_counts_the_images_whose_peak_is_in_a_box(tmp_path: Path) -> None:
    images = [_image(tmp_path, seed) for seed in range(4)]
    targets = {image.path: image.boxes[0] for image in images}
    order = iter(targets.values())

    def towards_the_box(_: Radiograph) -> Grid:
        x0, y0, x1, y1 = next(order)
        return _pointer((y0 + y1) / 2, (x0 + x1) / 2)

    assert pointing_game(images, towards_the_box) == Pointing(hit=4, images=4)
    away = pointing_game(images, lambda _: _pointer(0, 0))
    assert (away.hit, away.share) == (0, 0)


def test_maps_that_point_nowhere_miss_and_whole_bones_are_left_out(tmp_path: Path) -> None:
    images = [_image(tmp_path, 1), _image(tmp_path, 2, fractured=False)]
    nowhere = pointing_game(images, lambda _: np.ones((30, 24), np.float32))
    assert (nowhere.hit, nowhere.images) == (0, 1)
    assert pointing_game(images, lambda _: None) == Pointing(0, 1)
    assert np.isnan(pointing_game(images[1:], lambda _: None).share)


def test_maps_may_be_coarse_or_fine(tmp_path: Path) -> None:
    image = _image(tmp_path, 5)
    x0, y0, x1, y1 = image.boxes[0]
    fine = np.zeros((120, 96), np.float32)
    fine[int((y0 + y1) / 2), int((x0 + x1) / 2)] = 1
    assert pointing_game([image], lambda _: fine).share == pytest.approx(1)
