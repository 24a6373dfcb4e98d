"""Lines lie around the place and never over it, words where they hide least, on any matrix."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding
from dicom_node.results.overlay import annotate
from tests.dicom_node.results.report_sources import (
    fracture_in,
    minimal_cr,
    not_assessable,
    nothing_in,
)

Pixels = NDArray[np.uint8]
BOX = BoundingBox(200, 250, 260, 330, 0.9)
FRACTURE = fracture_in(minimal_cr(), boxes=(BOX,))
POSSIBLE = replace(FRACTURE, state=FindingState.POSSIBLE)


def _plain(rows: int = 500, columns: int = 400, value: int = 90) -> Pixels:
    return np.full((rows, columns), value, np.uint8)


def _drawn(finding: ImageFinding, pixels: Pixels) -> NDArray[np.bool_]:
    """Where the picture is no longer the radiograph."""
    drawn: NDArray[np.bool_] = np.any(
        annotate(pixels, finding, None, "Osteon") != pixels[..., None], axis=2
    )
    return drawn


def _coloured(picture: Pixels) -> NDArray[np.bool_]:
    coloured: NDArray[np.bool_] = np.ptp(picture, axis=2) > 40
    return coloured


def test_inside_of_a_box_stays_as_it_was() -> None:
    assert not _drawn(FRACTURE, _plain())[250:330, 200:260].any()


def test_line_of_a_fracture_is_solid() -> None:
    picture = annotate(_plain(), FRACTURE, None, "")
    above = _coloured(picture[249:250, 200:260])
    assert above.all()


def test_line_of_a_possible_fracture_is_dashed() -> None:
    picture = annotate(_plain(), POSSIBLE, None, "")
    above = _coloured(picture[249:250, 200:260])
    assert 0.4 < above.mean() < 0.8


@pytest.mark.parametrize("value", [0, 255])
def test_line_stands_out_from_any_bone(value: int) -> None:
    assert _drawn(FRACTURE, _plain(value=value))[248:250, 200:260].any()


def test_negative_and_unassessable_images_have_words_and_no_box() -> None:
    for finding in (nothing_in(minimal_cr()), not_assessable(minimal_cr())):
        drawn = _drawn(finding, _plain())
        assert drawn.any()
        assert drawn.mean() < 0.1


def test_words_go_to_the_darkest_corner() -> None:
    pixels = _plain(value=160)
    pixels[350:, 200:] = 10
    rows, columns = np.nonzero(_drawn(nothing_in(minimal_cr()), pixels))
    assert rows.min() > 350
    assert columns.min() > 200


def test_words_keep_clear_of_a_box_in_the_corner() -> None:
    finding = replace(FRACTURE, boxes=(BoundingBox(0, 0, 120, 60, 0.9),))
    assert not _drawn(finding, _plain(value=0))[0:60, 0:120].any()


def test_heat_tints_where_it_is_hot_and_bone_shines_through() -> None:
    heatmap = np.zeros((10, 10), np.float32)
    heatmap[5, 5] = 1.0
    pixels = _plain()
    pixels[::2] = 110
    picture = annotate(pixels, nothing_in(minimal_cr()), heatmap, "")
    assert _coloured(picture[270:280, 215:225]).all()
    assert not _coloured(picture[400:, 300:]).any()
    lines = picture[270:280, 215:225].mean(axis=(1, 2))
    assert (np.abs(np.diff(lines)) > 10).all()


def test_the_colours_are_explained_where_there_are_any() -> None:
    heatmap = np.zeros((10, 8), np.float32)
    cold = _coloured(annotate(_plain(value=0), nothing_in(minimal_cr()), heatmap, ""))
    heatmap[9, 7] = 0.9
    hot = _coloured(annotate(_plain(value=0), nothing_in(minimal_cr()), heatmap, ""))
    legend = hot[:200, :250] & ~cold[:200, :250]
    rows, columns = np.nonzero(legend)
    assert rows.size > 300
    assert np.ptp(columns) > 4 * np.ptp(rows)


@pytest.mark.parametrize("rows", [1, 2, 33, 3000])
@pytest.mark.parametrize("columns", [1, 3, 40, 3000])
@pytest.mark.parametrize("finding", [FRACTURE, POSSIBLE])
def test_any_matrix_keeps_its_size(rows: int, columns: int, finding: ImageFinding) -> None:
    picture = annotate(_plain(rows, columns), finding, np.ones((3, 3), np.float32), "Osteon")
    assert picture.shape == (rows, columns, 3)
    assert picture.dtype == np.uint8


def test_many_boxes_are_named_without_covering_one_another() -> None:
    boxes = tuple(BoundingBox(x, y, x + 40, y + 40, 0.5) for x in (20, 180) for y in (150, 300))
    drawn = _drawn(replace(FRACTURE, boxes=boxes), _plain())
    for box in boxes:
        assert not drawn[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)].any()


@pytest.mark.parametrize("size", [(500, 400), (120, 90)])
@pytest.mark.parametrize("dark", [np.s_[:60, :60], np.s_[:60, -60:], np.s_[-60:, :60]])
def test_name_of_a_box_never_covers_the_words(
    size: tuple[int, int], dark: tuple[slice, slice]
) -> None:
    """A box around everything leaves no room beside itself."""
    pixels = _plain(*size)
    pixels[dark] = 0
    everything = BoundingBox(0, 0, size[1], size[0], 0.5)
    named = annotate(pixels, replace(FRACTURE, boxes=(everything,)), None, "Osteon")
    unnamed = annotate(pixels, replace(FRACTURE, boxes=()), None, "Osteon")
    rows, columns = np.nonzero(np.any(unnamed != pixels[..., None], axis=2))
    panel = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert (named[panel] == unnamed[panel]).all()


@pytest.mark.parametrize("value", [0, 255])
def test_words_can_be_read_on_any_background(value: int) -> None:
    """At least 4 to 1 between any letter and what is under it (as WCAG 2.1 reckons)."""
    picture = annotate(_plain(value=value), FRACTURE, None, "Osteon")
    panel = picture[:60, :150].reshape(-1, 3)
    light = (panel / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722] + 0.05
    ground = np.median(light)
    red = np.abs(panel.astype(int) - (255, 92, 64)).max(axis=1) == 0
    assert red.any()
    assert light[red].min() / ground > 4
