"""Levels are those of the rule, and readers' boxes are followed where the marks are theirs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.severity_spread import (
    Figure,
    Marked,
    choose_images,
    figures_of,
    is_wide,
    is_widest,
    mark,
)
from model.artefact import bundled_artefact
from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from phantom.radiograph import PhantomSpec, make_phantom
from tests.model.documented import rows_of


def _named(marked: list[Marked]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(marked)}


def _value(figure: Figure) -> float:
    assert figure.found is not None
    return figure.found.value


def test_the_steps_of_extent_are_those_documented() -> None:
    wide, widest = (
        float(row[0].removeprefix("from ")) for row in rows_of("severity.md", "Extent")[1:]
    )
    assert [is_wide(extent) for extent in (wide - 0.01, wide, 1)] == [False, True, True]
    assert [is_widest(extent) for extent in (widest - 0.01, widest, 1)] == [False, True, True]


def test_levels_and_wide_extents_are_shares_of_the_marked_images() -> None:
    """Of ten: six mild, two wide by one step, one of two marks, one severe."""
    extents = [0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.25, 0.26, 0.1, 0.5]
    marks = [1, 1, 1, 1, 1, 1, 1, 1, 2, 4]
    figures = _named(
        [Marked(str(n), marks[n], extents[n], marks[n], extents[n] / 2) for n in range(10)]
    )
    levels = [_value(figures[f"level {level}"]) for level in ("mild", "moderate", "severe")]
    assert levels == [0.6, 0.3, 0.1]
    assert _value(figures["extent wide or very wide"]) == 0.3
    assert _value(figures["extent very wide"]) == 0.1
    # Readers' widest quarter are the three that are wide here.
    of_wide = figures["in readers' widest quarter, of the wide"]
    assert (of_wide.images, _value(of_wide)) == (3, 1)
    assert _value(figures["in readers' widest quarter, of the others"]) == 0


def test_marks_that_rank_as_readers_do_correlate_fully_and_turned_ones_against() -> None:
    extents = np.linspace(0.02, 0.15, 12)
    marked = [
        Marked(str(n // 2), 1 + n % 3, float(extent), 3 - n % 3, float(extent) ** 2)
        for n, extent in enumerate(extents)
    ]
    figures = _named(marked)
    along = figures["extent, rank correlation with readers'"].found
    assert along is not None
    assert (along.value, along.low, along.high) == (1, 1, 1)
    assert _value(figures["number, rank correlation with readers'"]) == -1
    assert figures["in readers' widest quarter, of the wide"].found is None


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> LabelledImage:
    phantom = make_phantom(PhantomSpec(1, "hand", "ap", True, rows=480, columns=400))
    path = tmp_path_factory.mktemp("phantoms") / "1.png"
    Image.fromarray((phantom.pixels >> 4).astype(np.uint8)).save(path)
    boxes = tuple((float(b.x0), float(b.y0), float(b.x1), float(b.y1)) for b in phantom.boxes)
    return LabelledImage(path, "1", "val", True, (), boxes)


def test_an_image_is_marked_only_if_it_is_called(broken: LabelledImage) -> None:
    classifier = FractureClassifier.load(bundled_artefact(), "cpu", threads=1)
    marked = mark(classifier, broken)
    assert marked is not None
    assert (marked.group, marked.true_marks) == ("1", len(broken.boxes))
    assert 0 < marked.true_extent < 1
    assert 0 < marked.extent < 1


def test_only_fractured_images_with_boxes_are_asked(broken: LabelledImage) -> None:
    unmarked = LabelledImage(Path("2.png"), "2", "val", True, ())
    whole = LabelledImage(Path("3.png"), "3", "val", False, ())
    assert choose_images([broken, unmarked, whole], None, 0, None) == [broken]
