"""The summary shows what was found and nothing of the patient, whatever the study."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_node.results.finding import FindingState, ImageFinding, aggregate_study
from dicom_node.results.overlay import BOX_COLOURS
from dicom_node.results.result_object import ResultKind, ResultObject
from dicom_node.results.summary_page import build_summary_page
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.page_sources import (
    BLUE,
    blue_pictures,
    large_study,
    mixed_study,
    named_cr,
)
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    SOURCES,
    fracture_in,
    minimal_cr,
    not_assessable,
    nothing_in,
    numbered_cr,
    received,
)

GROUND = (13, 15, 18)


def _summary(
    sources: Sequence[Dataset],
    findings: Sequence[ImageFinding],
    pictures: dict[str, NDArray[np.uint8]] | None = None,
) -> ResultObject:
    return build_summary_page(sources, aggregate_study(findings, ALGORITHM), pictures or {}, ISSUE)


def _pixels(made: ResultObject) -> NDArray[np.uint8]:
    return reread(made).pixel_array


def _where(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return (pixels == colour).all(axis=2)


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_makes_a_conformant_page(kind: str, tmp_path: Path) -> None:
    source = received(SOURCES[kind]())
    made = _summary([source], [fracture_in(source)], blue_pictures([source]))
    assert made.kind is ResultKind.SUMMARY
    assert conformance_errors(made, tmp_path) == []


def test_page_says_what_it_is() -> None:
    sources, findings = mixed_study()
    summary = reread(_summary(sources, findings))
    assert (summary.Modality, summary.SeriesNumber, summary.InstanceNumber) == ("OT", 9107, 1)
    assert summary.SeriesDescription == "AI summary (unverified)"
    assert (summary.Rows, summary.Columns) == (1600, 1200)
    assert summary.PhotometricInterpretation == "RGB"
    assert summary.BurnedInAnnotation == "NO"
    references = [item.ReferencedSOPInstanceUID for item in summary.SourceImageSequence]
    assert references == [source.SOPInstanceUID for source in sources]


@pytest.mark.parametrize(
    ("stated", "burned_in"),
    [
        (["NO", "NO"], "NO"),
        (["NO", "YES"], "YES"),
        (["NO", None], None),
        ([None, "YES"], "YES"),
        (["no", "?"], None),
    ],
)
def test_what_is_burned_into_a_picture_is_burned_into_the_page(
    stated: list[str | None], burned_in: str | None, tmp_path: Path
) -> None:
    sources = [numbered_cr(number) for number in (1, 2, 3)]
    for source, value in zip(sources, [*stated, "YES"], strict=True):
        if value is not None:
            source.BurnedInAnnotation = value
    headers = [received(source) for source in sources]
    findings = [nothing_in(header) for header in headers]
    made = _summary(headers, findings, blue_pictures(headers[:2]))
    assert reread(made).get("BurnedInAnnotation") == burned_in
    assert conformance_errors(made, tmp_path) == []


def test_nothing_of_the_patient_is_drawn() -> None:
    made = []
    for name, number in (("Müller^Jürgen", "1"), ("Yamada^Tarou=山田^太郎", "2")):
        source = named_cr(name)
        source.PatientID = source.AccessionNumber = source.StudyID = number
        source.PatientBirthDate, source.PatientSex = f"1970010{number}", "FM"[int(number) % 2]
        source.StudyDate, source.StudyDescription = f"2026010{number}", f"study {number}"
        made.append(_summary([source], [fracture_in(source)], blue_pictures([source])))
    assert (_pixels(made[0]) == _pixels(made[1])).all()
    assert reread(made[0]).PatientName != reread(made[1]).PatientName


@pytest.mark.parametrize(
    ("state", "probability", "dashed"),
    [(FindingState.FRACTURE, 0.9, False), (FindingState.POSSIBLE, 0.4, True)],
)
def test_box_is_solid_for_a_fracture_and_dashed_for_a_possible_one(
    state: FindingState, probability: float, dashed: bool
) -> None:
    source = received(minimal_cr(rows=600, columns=400))
    finding = fracture_in(source, state=state, probability=probability)
    pixels = _pixels(_summary([source], [finding], blue_pictures([source])))
    rows, columns = np.nonzero(_where(pixels, BLUE))
    picture = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    line = _where(picture, BOX_COLOURS[state])
    line_rows, line_columns = np.nonzero(line)
    top_edge = line[line_rows.min(), line_columns.min() : line_columns.max() + 1]
    scale = picture.shape[1] / 400
    (box,) = finding.boxes
    assert line_columns.min() == pytest.approx(box.x0 * scale, abs=3)
    assert line_rows.max() == pytest.approx(box.y1 * scale, abs=3)
    assert top_edge[0]
    assert top_edge[-1]
    assert (0.4 < top_edge.mean() < 0.8) if dashed else top_edge.all()


@pytest.mark.parametrize("state", [FindingState.FRACTURE, FindingState.POSSIBLE, FindingState.NONE])
def test_states_look_different(state: FindingState) -> None:
    source = received(minimal_cr())
    answers = {
        other: _pixels(_summary([source], [fracture_in(source, state=other, boxes=())]))
        for other in FindingState
        if other is not FindingState.NOT_ASSESSABLE
    }
    assert all((answers[state] != answers[other]).any() for other in answers if other is not state)


def test_every_picture_is_shown_once() -> None:
    sources, findings = mixed_study()
    few = _where(_pixels(_summary(sources, findings, blue_pictures(sources[:1]))), BLUE)
    many = _where(_pixels(_summary(sources, findings, blue_pictures(sources[:3]))), BLUE)
    assert _runs(few) == 1
    assert _runs(many) == 3


def _runs(blue: NDArray[np.bool_]) -> int:
    """How many pictures lie side by side."""
    columns = blue.sum(axis=0) > 50
    return int(np.count_nonzero(columns[1:] & ~columns[:-1]))


@pytest.mark.parametrize("count", [1, 30])
def test_nothing_runs_over_the_margin_or_into_the_foot(count: int) -> None:
    sources, findings = large_study(count + 2)
    findings[0] = not_assessable(sources[0], "a reason that does not end " * 30)
    findings[1] = replace(findings[1], reason="W" * 500, notes=("W" * 500,))
    pixels = _pixels(_summary(sources, findings, blue_pictures(sources)))
    ground = _where(pixels, GROUND)
    assert ground[:, :40].all()
    assert ground[:, -40:].all()
    assert ground[-24:].all()
    rule = np.flatnonzero(~ground[1380:, 60:1140].any(axis=1))[0] + 1380
    assert ground[rule - 8 : rule].all()


def test_nothing_analysed_is_a_page_without_a_picture() -> None:
    source = received(minimal_cr())
    made = _summary([source], [not_assessable(source)])
    assert not _where(_pixels(made), BLUE).any()
    assert _where(_pixels(made), (134, 178, 232)).any()


def test_reason_is_told_to_its_end_where_there_is_room() -> None:
    source = received(minimal_cr())
    ends = [
        _summary([source], [not_assessable(source, f"{'no decoder reads it ' * 12}{end}")])
        for end in ("at all", "today")
    ]
    assert not np.array_equal(*map(_pixels, ends))


def test_same_input_has_the_same_bytes() -> None:
    sources, findings = mixed_study()
    pictures = blue_pictures(sources)
    assert _summary(sources, findings, pictures) == _summary(sources[::-1], findings, pictures)


def test_letters_that_the_font_lacks_are_replaced() -> None:
    source = received(minimal_cr())
    answers = [
        _summary([source], [not_assessable(source, reason)])
        for reason in ("small (3 × 4 pixels)", "small (3 x 4 pixels)")
    ]
    assert answers[0] == answers[1]
    assert _summary([source], [nothing_in(source)]) != answers[0]
