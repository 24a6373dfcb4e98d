"""The state shows the image as its sender meant it, with boxes where they belong and words."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding
from dicom_node.results.presentation_state import (
    NoPresentationState,
    presentation_state_possible,
)
from dicom_node.results.result_object import ResultKind, ResultObject
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import (
    OLDER,
    fracture_in,
    full_dx,
    grey_multi_frame,
    in_character_set,
    minimal_cr,
    monochrome1_cr,
    not_assessable,
    nothing_in,
    numbered_cr,
    received,
    rgb_secondary_capture,
)
from tests.dicom_node.results.shown_states import shown, state_of, written
from tests.dicom_node.results.test_character_set import NAMES

SOURCES: dict[str, Callable[[], Dataset]] = {
    "minimal CR": minimal_cr,
    "full DX": full_dx,
    "MONOCHROME1": monochrome1_cr,
    "multi-frame": grey_multi_frame,
    "two pixels": lambda: minimal_cr(rows=2, columns=2),
}
BOXES = (BoundingBox(20, 30, 60, 90, 0.91), BoundingBox(80, 10, 110, 50, 0.42))


def _possible_in(source: Dataset) -> ImageFinding:
    return fracture_in(source, state=FindingState.POSSIBLE, probability=0.3)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("find", [fracture_in, _possible_in, nothing_in, not_assessable])
def test_every_source_and_answer_makes_a_conformant_state(
    kind: str, find: Callable[[Dataset], ImageFinding], tmp_path: Path
) -> None:
    source = received(SOURCES[kind]())
    made = state_of(source, replace(find(source), frame=2))
    assert made.kind is ResultKind.GSPS
    assert conformance_errors(made, tmp_path) == []


# What DCMTK makes of a state: the bitmap it shows, and the lines and words it would draw.


def _ring(box: BoundingBox) -> NDArray[np.bool_]:
    """The pixels on either side of the edge of the box."""
    x0, y0, x1, y1 = (int(edge) for edge in (box.x0, box.y0, box.x1, box.y1))
    ring = np.zeros((100, 120), np.bool_)
    ring[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = True
    ring[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] = False
    return ring


def test_solid_lines_run_around_the_boxes(tmp_path: Path) -> None:
    source = written(numbered_cr(1), tmp_path)
    drawn = shown(tmp_path, state_of(source, fracture_in(source, boxes=BOXES))).drawn()
    assert not (drawn & ~(_ring(BOXES[0]) | _ring(BOXES[1]))).any()
    # Every row of a box has its left and its right line, every column its upper and lower one.
    for box in BOXES:
        inside = drawn & _ring(box)
        assert inside[int(box.y0) : int(box.y1)].any(axis=1).all()
        assert inside[:, int(box.x0) : int(box.x1)].any(axis=0).all()


def test_possible_fracture_has_a_broken_line_even_where_line_styles_are_ignored(
    tmp_path: Path,
) -> None:
    source = written(numbered_cr(1), tmp_path)
    solid, broken = (
        shown(tmp_path, state_of(source, fracture_in(source, boxes=BOXES, state=state))).drawn()
        for state in (FindingState.FRACTURE, FindingState.POSSIBLE)
    )
    assert not (broken & ~(_ring(BOXES[0]) | _ring(BOXES[1]))).any()
    assert 0.4 < broken.sum() / solid.sum() < 0.75
    for box in BOXES:
        for x, y in ((box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)):
            assert broken[int(y) - 1 : int(y) + 1, int(x) - 1 : int(x) + 1].any()


def test_words_are_those_of_the_answer(tmp_path: Path) -> None:
    source = written(numbered_cr(1), tmp_path)
    words = shown(tmp_path, state_of(source, replace(_possible_in(source), boxes=BOXES))).words
    for line in (
        '"AI RESULT - NOT VERIFIED',
        "Possible fracture, probability of fracture 30.0 %",
        "Region: wrist",
        "osteon-fracture 0.1.0",
        "Research use - not for clinical diagnosis",
        '"1: 91 %"',
        '"2: 42 %"',
    ):
        assert line in words


# How the image is shown: DCMTK's view of it without a state is the one to keep.


def _palette() -> Dataset:
    source = minimal_cr()
    source.PhotometricInterpretation = "PALETTE COLOR"
    return source


@pytest.mark.parametrize(
    "make", [rgb_secondary_capture, _palette, lambda: minimal_cr(rows=1, columns=1)]
)
def test_colour_and_single_pixels_have_none(make: Callable[[], Dataset]) -> None:
    source = received(make())
    assert not presentation_state_possible(source)
    with pytest.raises(NoPresentationState):
        state_of(source)


def test_image_without_a_matrix_has_none() -> None:
    source = minimal_cr()
    del source.Rows
    assert not presentation_state_possible(received(source))


@pytest.mark.parametrize("kind", SOURCES)
def test_grey_images_have_one(kind: str) -> None:
    assert presentation_state_possible(received(SOURCES[kind]()))


# What it says of its source.


def test_state_refers_to_its_image() -> None:
    source = received(numbered_cr(3))
    state = reread(state_of(source))
    (series,) = state.ReferencedSeriesSequence
    (image,) = series.ReferencedImageSequence
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert "ReferencedFrameNumber" not in image
    assert (state.Modality, state.SeriesNumber, state.InstanceNumber) == ("PR", 9103, 3)


def test_state_of_one_frame_names_it() -> None:
    source = received(grey_multi_frame())
    state = reread(state_of(source, fracture_in(source, frame=4)))
    assert state.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber == 4


def test_boxes_are_clamped_and_labels_stay_inside() -> None:
    source = received(minimal_cr(rows=100, columns=120))
    boxes = (
        BoundingBox(-20, -5, 500, 400, 0.9),
        BoundingBox(100, 0, 119, 3, 0.5),
        BoundingBox(400, 400, 500, 500, 0.4),
    )
    lines, words = _annotations(state_of(source, fracture_in(source, boxes=boxes)))
    assert [list(line.GraphicData) for line in lines] == [
        [0, 0, 120, 0, 120, 100, 0, 100, 0, 0],
        [100, 0, 119, 0, 119, 3, 100, 3, 100, 0],
    ]
    assert [label.UnformattedTextValue for label in words] == ["1: 90 %", "2: 50 %"]
    for label in words:
        (left, top), (right, bottom) = (
            label.BoundingBoxTopLeftHandCorner,
            label.BoundingBoxBottomRightHandCorner,
        )
        assert 0 <= left < right <= 120
        assert 0 <= top < bottom <= 100


def _annotations(made: ResultObject) -> tuple[list[Dataset], list[Dataset]]:
    """Lines and labels of the layer of the boxes."""
    annotations = reread(made).GraphicAnnotationSequence
    (places,) = [each for each in annotations if each.GraphicLayer == "AI_FINDING"]
    return list(places.GraphicObjectSequence), list(places.TextObjectSequence)


def test_answer_without_a_box_is_words_alone() -> None:
    source = received(minimal_cr())
    for finding, words in (
        (nothing_in(source), "No fracture found, probability of fracture 3.1 %"),
        (not_assessable(source, "blank image"), "Not assessable\r\nblank image"),
    ):
        state = reread(state_of(source, finding))
        (annotation,) = state.GraphicAnnotationSequence
        assert words in annotation.TextObjectSequence[0].UnformattedTextValue
        assert "GraphicObjectSequence" not in annotation
        assert [layer.GraphicLayer for layer in state.GraphicLayerSequence] == ["AI_TEXT"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"PixelSpacing": [0.14, 0.15]}, ("PresentationPixelSpacing", [0.14, 0.15])),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, ("PresentationPixelAspectRatio", [100, 200])),
        ({"PixelAspectRatio": [4, 3]}, ("PresentationPixelAspectRatio", [4, 3])),
        ({"PixelAspectRatio": [0, 3]}, ("PresentationPixelAspectRatio", [1, 1])),
        ({}, ("PresentationPixelAspectRatio", [1, 1])),
    ],
)
def test_pixels_keep_their_shape(
    said: dict[str, list[float]], kept: tuple[str, list[float]], tmp_path: Path
) -> None:
    source = minimal_cr()
    for keyword, value in said.items():
        setattr(source, keyword, value)
    made = state_of(received(source))
    (area,) = reread(made).DisplayedAreaSelectionSequence
    assert area[kept[0]].value == kept[1]
    assert area.DisplayedAreaBottomRightHandCorner == [400, 600]
    assert conformance_errors(made, tmp_path) == []


def test_side_is_the_image_s_and_not_the_series() -> None:
    """A series of states holds both hands: one Laterality for all of it would be wrong for one."""
    state = reread(state_of(received(full_dx())))
    assert state.ImageLaterality == "L"
    assert "Laterality" not in state
    assert reread(state_of(received(minimal_cr()))).Laterality == ""


@pytest.mark.parametrize("name", NAMES)
def test_name_survives_in_its_character_set(name: str, tmp_path: Path) -> None:
    character_set, patient_name, description = NAMES[name]
    source = in_character_set(character_set, patient_name, description)
    made = state_of(source)
    state = reread(made)
    assert state.get("SpecificCharacterSet") == character_set
    assert (str(state.PatientName), state.StudyDescription) == (patient_name, description)
    assert conformance_errors(made, tmp_path) == []


def test_same_input_has_the_same_bytes_and_another_answer_is_another_object() -> None:
    source = received(full_dx())
    assert state_of(source) == state_of(source)
    other = state_of(source, nothing_in(source))
    assert other.sop_instance_uid != state_of(source).sop_instance_uid
    assert other.series_instance_uid == state_of(source).series_instance_uid


def test_state_names_the_algorithm_that_looked() -> None:
    source = received(minimal_cr())
    state = reread(state_of(source, fracture_in(source, algorithm=OLDER)))
    assert state.SoftwareVersions[1] == "osteon-fracture 0.0.9"
    (text,) = state.GraphicAnnotationSequence[0].TextObjectSequence
    assert "osteon-fracture 0.0.9" in text.UnformattedTextValue
