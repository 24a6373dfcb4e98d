"""What hits a reader's box, where a heatmap peaks, and what a FROC curve counts."""

import numpy as np
import pytest

from model.evaluation.froc import froc_curve, images_hit_at, localisable, score_marks
from model.evaluation.localisation import MOST_PEAKS, box_agreement, find_peaks, hits, located
from model.evaluation.measured import Measured
from model.evaluation.redraws import Redraws
from model.prediction import Box
from tests.model.evaluation.made_rows import labelled, mark, row

TRUE = (20.0, 20.0, 40.0, 40.0)


def test_a_mark_hits_by_its_centre_or_by_its_overlap() -> None:
    assert hits(mark(21, 39, 0.5), TRUE)
    assert not hits(mark(41, 30, 0.5), TRUE)
    assert not hits(mark(40, 30, 0.5, size=0), TRUE)  # the far edge is outside
    assert hits(Box(35, 20, 60, 40, 0.5), TRUE)  # 100 of 800 square pixels
    assert not hits(Box(38, 20, 60, 40, 0.5), TRUE)  # 40 of 800


def test_peaks_are_the_highest_places_apart_from_each_other() -> None:
    heatmap = np.zeros((40, 20), np.float32)
    heatmap[10, 5], heatmap[10, 6], heatmap[30, 15] = 0.9, 0.8, 0.4
    peaks = find_peaks(heatmap, rows=400, columns=100)
    assert [peak.score for peak in peaks] == [0.9, 0.4]
    assert (peaks[0].x0, peaks[0].y0, peaks[0].x1, peaks[0].y1) == (25, 100, 30, 110)


def test_even_an_empty_heatmap_has_one_peak_and_none_has_too_many() -> None:
    assert len(find_peaks(np.zeros((30, 30), np.float32), 30, 30)) == 1
    noise = np.random.default_rng(0).random((100, 100)).astype(np.float32)
    assert len(find_peaks(noise, 100, 100)) == MOST_PEAKS


def test_a_flat_top_is_one_peak() -> None:
    heatmap = np.zeros((50, 50), np.float32)
    heatmap[20:23, 20:23] = 1
    assert len(find_peaks(heatmap, 50, 50)) == 1


def _marked(number: int, true: tuple[tuple[float, ...], ...], *marks: Box) -> Measured:
    image = labelled(bool(true), number, boxes=true)
    return row(bool(true), 0.5, image=image, peaks=marks)


def _three_images() -> list[Measured]:
    other = (60.0, 60.0, 80.0, 80.0)
    return [
        _marked(0, (TRUE, other), mark(30, 30, 0.9), mark(31, 31, 0.8), mark(5, 5, 0.7)),
        _marked(1, (TRUE,), mark(5, 5, 0.6), mark(30, 30, 0.3)),
        _marked(2, (), mark(50, 50, 0.5)),
    ]


def test_a_froc_curve_by_hand() -> None:
    curve = froc_curve(score_marks(_three_images(), lambda one: one.peaks or ()))
    assert [tuple(np.round([p.score, p.false_marks_per_image], 2)) for p in curve] == [
        *((0.9, 0.0), (0.7, 0.33), (0.6, 0.67), (0.5, 1.0), (0.3, 1.0)),
    ]
    assert [p.images_hit for p in curve] == [0.5, 0.5, 0.5, 0.5, 1.0]
    # The second fracture of the first image is never hit, and 0.8 is a second hit on the first.
    assert curve[-1].fractures_hit == pytest.approx(2 / 3, abs=1e-4)


def test_images_hit_at_a_number_of_false_marks() -> None:
    images = _three_images()
    marks = score_marks(images, lambda one: one.peaks or ())
    redraws = Redraws.of(one.image.group for one in images)
    assert images_hit_at(marks, 0.3, redraws).reached.value == 0.5
    assert images_hit_at(marks, 1.0, redraws).reached.value == 1.0
    figure = images_hit_at(marks, 0.3, redraws)
    assert figure.held == 0.3
    assert figure.reached.low <= 0.5 <= figure.reached.high


def test_the_curve_and_the_held_figure_agree() -> None:
    random = np.random.default_rng(2)
    images = [
        _marked(n, (TRUE,) if n % 2 else (), *(mark(*random.uniform(0, 60, 2), s) for s in scores))
        for n, scores in enumerate(random.random((80, 4)).round(2))
    ]
    marks = score_marks(images, lambda one: one.peaks or ())
    for allowed in (0.1, 0.5, 1.0, 2.0):
        kept = [p for p in froc_curve(marks) if p.false_marks_per_image <= allowed]
        held = images_hit_at(marks, allowed, Redraws.of(one.image.group for one in images))
        assert held.reached.value == pytest.approx(kept[-1].images_hit, abs=1e-4)


def test_a_fracture_that_nobody_boxed_cannot_be_localised() -> None:
    assert not localisable(row(True, 0.5))
    assert localisable(row(False, 0.5))
    assert not localisable(row(False, None))


def test_box_agreement_is_one_where_boxes_are_those_of_the_reader() -> None:
    heatmap = np.zeros((10, 10), np.float32)
    heatmap[2:4, 2:4] = 0.8
    image = labelled(True, boxes=(TRUE,))
    maps = located([row(True, 0.5, image=image, heatmap=heatmap), row(True, 0.5)])
    assert len(maps) == 1
    assert box_agreement(maps, 0.5) == 1
    heatmap[8, 8] = 0.7
    assert box_agreement(maps, 0.5) == pytest.approx(2 / 3)
