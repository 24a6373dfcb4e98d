"""The study's answer from its images', and boxes that stay in their image."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_node.results.finding import (
    AlgorithmIdentity,
    BoundingBox,
    FindingState,
    aggregate_study,
    clamped_boxes,
)
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    OLDER,
    fracture_in,
    not_assessable,
    nothing_in,
    numbered_cr,
)

FIRST, SECOND, THIRD = (numbered_cr(number) for number in (1, 2, 3))


def test_study_is_as_bad_as_its_worst_image() -> None:
    possible = fracture_in(SECOND, state=FindingState.POSSIBLE, probability=0.4)
    study = aggregate_study([nothing_in(FIRST), possible, not_assessable(THIRD)], ALGORITHM)
    assert study.state is FindingState.POSSIBLE
    assert study.probability == 0.4
    assert study.images_behind == (possible,)
    assert study.analysed_count == 2


def test_probability_is_the_highest_even_of_another_image() -> None:
    """Operating points may differ by region, so the worst image need not be the most probable."""
    fracture = fracture_in(FIRST, probability=0.5)
    possible = fracture_in(SECOND, state=FindingState.POSSIBLE, probability=0.6)
    study = aggregate_study([possible, fracture], ALGORITHM)
    assert (study.state, study.probability) == (FindingState.FRACTURE, 0.6)
    assert study.images_behind == (fracture,)


def test_images_behind_come_most_probable_first() -> None:
    low, high = fracture_in(FIRST, probability=0.7), fracture_in(SECOND, probability=0.9)
    assert aggregate_study([low, high], ALGORITHM).images_behind == (high, low)


def test_study_without_an_analysed_image_is_not_assessable() -> None:
    study = aggregate_study([not_assessable(FIRST), not_assessable(SECOND)], ALGORITHM)
    assert study.state is FindingState.NOT_ASSESSABLE
    assert study.probability is None


def test_study_without_images_has_no_finding() -> None:
    with pytest.raises(ValueError, match="without images"):
        aggregate_study([], ALGORITHM)


def test_image_that_names_no_algorithm_has_the_study_s() -> None:
    study = aggregate_study([fracture_in(FIRST), nothing_in(SECOND)], ALGORITHM)
    assert study.analysed_by == {ALGORITHM: 2}
    assert study.deciding_algorithm is ALGORITHM


def test_study_s_answer_is_that_of_the_algorithm_behind_it() -> None:
    images = [
        nothing_in(FIRST),
        fracture_in(SECOND, algorithm=OLDER),
        replace(not_assessable(THIRD), algorithm=OLDER),
    ]
    study = aggregate_study(images, ALGORITHM)
    assert study.analysed_by == {ALGORITHM: 1, OLDER: 1}
    assert study.deciding_algorithm == OLDER


@pytest.mark.parametrize(
    ("own", "same"),
    [
        (AlgorithmIdentity(ALGORITHM.name, ALGORITHM.version), True),
        (AlgorithmIdentity(ALGORITHM.name, ALGORITHM.version, weights_digest="ab"), True),
        (AlgorithmIdentity(ALGORITHM.name, ALGORITHM.version, weights_digest="cd"), False),
        (AlgorithmIdentity(ALGORITHM.name, "0.2.0", weights_digest="ab"), False),
        (AlgorithmIdentity("osteon-wrist", ALGORITHM.version), False),
    ],
)
def test_algorithm_is_the_study_s_if_nothing_that_is_known_differs(
    own: AlgorithmIdentity, same: bool
) -> None:
    study = replace(ALGORITHM, weights_digest="ab")
    within = fracture_in(FIRST, algorithm=own).algorithm_within(study)
    assert within is (study if same else own)


@pytest.mark.parametrize(
    ("given_box", "kept"),
    [
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        ((-5, -5, 5000, 5000), (0, 0, 100, 80)),
        ((10, 20, 10, 20), (10, 20, 11, 21)),
        ((100, 80, 100, 80), (99, 79, 100, 80)),
        ((101, 0, 120, 10), None),
        ((0, -9, 10, -1), None),
        ((30, 0, 10, 10), None),
        ((math.nan, 0, 10, 10), None),
        ((0, 0, math.inf, 10), None),
    ],
)
def test_box_is_clamped(
    given_box: tuple[float, float, float, float], kept: tuple[float, ...] | None
) -> None:
    box = BoundingBox(*given_box, 0.5).clamped(rows=80, columns=100)
    assert (box and (box.x0, box.y0, box.x1, box.y1)) == kept


@given(
    st.tuples(st.floats(), st.floats(), st.floats(), st.floats()),
    st.integers(1, 3000),
    st.integers(1, 3000),
)
def test_any_box_ends_inside_and_has_a_pixel(
    corners: tuple[float, float, float, float], rows: int, columns: int
) -> None:
    box = BoundingBox(*corners, 0.5).clamped(rows, columns)
    if box is not None:
        assert 0 <= box.x0 < box.x0 + 1 <= box.x1 <= columns
        assert 0 <= box.y0 < box.y0 + 1 <= box.y1 <= rows


def test_boxes_outside_the_matrix_are_left_out() -> None:
    boxes = [BoundingBox(10, 20, 300, 40, 0.9), BoundingBox(200, 20, 300, 40, 0.8)]
    assert clamped_boxes(boxes, (80, 100)) == [BoundingBox(10, 20, 100, 40, 0.9)]
