"""The figures of a card, of whatever the data set knows and the classifier tells."""

from dataclasses import replace

import pytest

from model.evaluation.summary import NOTE, NothingJudged, summarise
from model.figures import Figures
from tests.model.evaluation.made_rows import POINTS, labelled, many_rows, mark, row, rows

COMMAND = "osteon evaluate --data FOLDER"


def test_everything_that_can_be_measured_is() -> None:
    figures = summarise(many_rows(400), POINTS, COMMAND)
    assert Figures.model_validate_json(figures.model_dump_json()) == figures
    absent = {name for name, value in figures if value is None}
    assert absent == {"unjudged_as_negative", "types"}
    assert (figures.command, figures.note) == (COMMAND, NOTE)
    assert (figures.images, figures.groups) == (400, 60)


def test_implants_are_ranked_among_the_images_that_tell_them() -> None:
    measured = many_rows(100)
    perfect = summarise(measured, POINTS, COMMAND).hardware_auroc
    assert perfect is not None and perfect.value == 1.0
    mixed = [replace(one, hardware=0.5) for one in measured]
    guessed = summarise(mixed, POINTS, COMMAND).hardware_auroc
    assert guessed is not None and guessed.value == 0.5
    untold = [replace(one, hardware=None) for one in measured]
    assert summarise(untold, POINTS, COMMAND).hardware_auroc is None


def test_a_bare_classifier_on_bare_labels_is_measured_too() -> None:
    bare = [
        replace(one, image=labelled(one.image.fractured, n, regions=()))
        for n, one in enumerate(rows([0.9, 0.4], [0.5, 0.2]))
    ]
    figures = summarise(bare, POINTS, COMMAND)
    assert figures.auroc is not None
    assert figures.auroc.value == 0.75
    assert figures.region_accuracy is None
    assert figures.heatmap_peak_in_box is None
    assert figures.marks is None


def test_images_of_one_class_have_the_figures_of_that_class() -> None:
    figures = summarise(rows([0.9, 0.4], []), POINTS, COMMAND)
    assert figures.auroc is None
    assert figures.specific.specificity is None
    assert figures.specific.sensitivity is not None
    assert figures.specific.sensitivity.value == 0.5


def test_images_that_are_not_assessable_are_counted_and_left_out() -> None:
    judged = rows([0.9, 0.4], [0.5, 0.2])
    figures = summarise([*judged, row(True, None, 8), row(False, None, 9)], POINTS, COMMAND)
    assert (figures.images, figures.fractured, figures.not_assessable) == (6, 3, 2)
    assert figures.auroc == summarise(judged, POINTS, COMMAND).auroc
    as_negative = figures.unjudged_as_negative
    assert as_negative is not None
    assert as_negative.auroc is not None
    # 0.9 wins three, 0.4 two, the unanswered one ties with the unanswered other.
    assert as_negative.auroc.value == pytest.approx(5.5 / 9, abs=1e-4)
    assert as_negative.sensitive.sensitivity is not None
    assert as_negative.sensitive.sensitivity.value == pytest.approx(2 / 3, abs=1e-4)


def test_nothing_judged_is_said() -> None:
    with pytest.raises(NothingJudged, match="none of the images was assessable"):
        summarise([row(True, None)], POINTS, COMMAND)


def test_shown_boxes_and_peaks_are_held_to_the_readers_boxes() -> None:
    true = ((20.0, 20.0, 40.0, 40.0),)
    inside, outside = mark(30, 30, 0.9), mark(70, 70, 0.8)
    measured = [
        row(
            True, 0.9, image=labelled(True, 0, boxes=true), boxes=(inside, outside), peaks=(inside,)
        ),
        row(True, 0.9, image=labelled(True, 1, boxes=true), boxes=(outside,), peaks=(outside,)),
        row(True, 0.9, image=labelled(True, 2), boxes=(outside,), peaks=(outside,)),
        row(False, 0.7, image=labelled(False, 3), boxes=(outside,), peaks=(outside,)),
        row(False, 0.1, image=labelled(False, 4), peaks=(outside,)),
    ]
    figures = summarise(measured, POINTS, COMMAND)
    assert figures.marks is not None
    assert figures.marks.boxed_images == 2
    assert figures.marks.boxes_hit.value == 0.5
    # Three false boxes on the four images where a mark can be told right from wrong.
    assert figures.marks.false_boxes_per_image.value == 0.75
    assert figures.heatmap_peak_in_box is not None
    assert figures.heatmap_peak_in_box == figures.marks.boxes_hit
    assert figures.marks.peaks_hit is not None
    assert figures.marks.peaks_hit.reached.value == 0.5
