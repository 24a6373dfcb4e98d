"""What has no room on a page is chosen with care and counted, never dropped in silence."""

from collections.abc import Mapping
from dataclasses import replace

from dicom_node.results.finding import aggregate_study
from dicom_node.results.study_page import (
    ImageLine,
    StudyPage,
    fitting_lines,
    most_urgent,
    pictures_sentence,
    study_page,
    unlisted_sentence,
    with_pictures,
)
from tests.dicom_node.results.page_sources import large_study, mixed_study
from tests.dicom_node.results.report_sources import ALGORITHM, ISSUE, OLDER


def _page(count: int = 30) -> StudyPage:
    sources, findings = large_study(count) if count != 4 else mixed_study()
    return study_page(sources, aggregate_study(findings, ALGORITHM), ISSUE)


def _numbers(lines: list[ImageLine]) -> list[int]:
    return [int(line.short_label.removeprefix("Image ")) for line in lines]


def test_the_worst_are_kept_in_reading_order() -> None:
    assert _numbers(most_urgent(_page().lines, 4)) == [1, 6, 29, 30]


def test_what_is_not_listed_is_told_by_answer_and_reason() -> None:
    page = _page()
    listed = most_urgent(page.lines, 4)
    assert unlisted_sentence(page, listed) == (
        "26 more images not listed: 22 x No fracture found; "
        "4 x Not assessable (The image is mostly noise)."
    )
    assert unlisted_sentence(page, page.lines) == ""


def test_lines_leave_room_for_the_sentence() -> None:
    page = _page()
    assert len(fitting_lines(page, 10.0, _one, _two_if_there)) == 8
    assert len(fitting_lines(page, 30.0, _one, _two_if_there)) == 30
    assert fitting_lines(page, 0.5, _one, _two_if_there) == []


def _one(line: ImageLine) -> float:
    return 1.0 if line.label else 0.0


def _two_if_there(sentence: str) -> float:
    return 2.0 if sentence else 0.0


def test_pictures_of_the_worst_are_shown_and_the_others_counted() -> None:
    page = _page()
    pictures = dict.fromkeys((line.sop_instance_uid for line in page.lines[:29]), 0)
    shown = with_pictures(page, pictures, 2)
    assert _numbers(shown) == [1, 29]
    assert pictures_sentence(page, pictures, 2) == (
        "2 of 29 annotated images are shown, the most suspicious ones; 27 are not shown. "
        "1 image without annotation."
    )
    everything: Mapping[str, int] = dict.fromkeys((line.sop_instance_uid for line in page.lines), 0)
    assert pictures_sentence(page, everything, 30) == ""


def test_rows_say_place_kind_and_remark() -> None:
    page = _page(4)
    assert [(line.answer, line.place, line.kind, line.remark) for line in page.lines] == [
        ("Fracture, 93.7 %", "Wrist, left", "Oblique 71.0 %, moderate", ""),
        (
            "Possible fracture, 41.2 %",
            "Upper limb",
            "",
            "The image is soft: it shows few sharp edges",
        ),
        ("No fracture found, 3.1 %", "Wrist", "", ""),
        ("Not assessable", "", "", "Body part is not covered by the classifier"),
    ]
    assert page.counts == "3 of 4 images analysed"
    assert page.labels_behind == "Image 1 (series 1, instance 1)"
    assert page.grounds == f"{page.counts}. {page.labels_behind}"
    assert page.operating_points == ALGORITHM.operating_points


def test_different_models_are_counted_and_none_lends_its_points_to_the_others() -> None:
    sources, findings = mixed_study()
    findings[1:] = [replace(finding, algorithm=OLDER) for finding in findings[1:]]
    page = study_page(sources, aggregate_study(findings, ALGORITHM), ISSUE)
    assert page.grounds == (
        "3 of 4 images analysed. Images analysed by different models: "
        "1 by osteon-fracture 0.1.0, 2 by osteon-fracture 0.0.9. "
        "Image 1 (series 1, instance 1)"
    )
    assert page.operating_points == {}
