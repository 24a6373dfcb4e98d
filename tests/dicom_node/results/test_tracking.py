"""A finding keeps its identity as long as it is the same finding, and no longer."""

from collections.abc import Sequence
from dataclasses import replace

from pydicom.dataset import Dataset

from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding, aggregate_study
from dicom_node.results.structured_report import build_reports
from dicom_node.results.tracking import Tracking, box_trackings, image_tracking, study_tracking
from tests.dicom_node.results.object_checks import reread
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    minimal_cr,
    multi_frame,
    nothing_in,
    numbered_cr,
)
from tests.dicom_node.results.template_rows import below, name_of

_BOX = BoundingBox(50, 60, 150.5, 260, 0.91)
_OTHER = BoundingBox(5, 6, 15, 26, 0.95)


def _tracked(sources: Sequence[Dataset], findings: Sequence[ImageFinding]) -> list[Tracking]:
    """Of every group, in the order of the report."""
    report = reread(build_reports(sources, aggregate_study(findings, ALGORITHM), ISSUE)[0])
    (measurements,) = (item for item in below(report) if name_of(item) == "Imaging Measurements")
    groups = [below(group) for group in below(measurements)]
    return [Tracking(str(items[1].UID), str(items[0].TextValue)) for items in groups]


def test_image_that_arrives_late_changes_no_identity() -> None:
    late, first, second = (numbered_cr(number) for number in (1, 2, 3))
    findings = [nothing_in(late), fracture_in(first, boxes=(_BOX,)), nothing_in(second)]
    before = _tracked([first, second], findings[1:])
    after = _tracked([late, first, second], findings)
    assert len(before) == 4
    assert after[:1] + after[2:] == before


def test_identities_are_unique_in_a_report() -> None:
    same_numbers = [numbered_cr(1, series) for series in (1, 2)]
    for source in same_numbers:
        source.SeriesNumber = 1
    boxes = (_BOX, _OTHER, _BOX)
    tracked = _tracked(same_numbers, [fracture_in(source, boxes=boxes) for source in same_numbers])
    assert len(tracked) == 9
    assert len({tracking.uid for tracking in tracked}) == 9
    assert len({tracking.label for tracking in tracked}) == 9


def test_box_keeps_its_identity_at_another_rank_and_score() -> None:
    source = numbered_cr(1)
    before = box_trackings(source, None, (_BOX, _OTHER))
    after = box_trackings(source, None, (_OTHER, replace(_BOX, score=0.5)))
    assert after == before[::-1]


def test_box_keeps_its_identity_in_another_state() -> None:
    source = numbered_cr(1)
    fracture = fracture_in(source, boxes=(_BOX,))
    possible = replace(fracture, state=FindingState.POSSIBLE)
    assert _tracked([source], [fracture]) == _tracked([source], [possible])


def test_box_elsewhere_is_another_box_of_the_same_image() -> None:
    source = numbered_cr(1)
    moved = replace(_BOX, x1=_BOX.x1 + 1)
    here, there = (_tracked([source], [fracture_in(source, boxes=(box,))]) for box in (_BOX, moved))
    assert here[:2] == there[:2]
    assert here[2].uid != there[2].uid
    assert here[2].label != there[2].label


def test_noise_that_the_report_does_not_write_makes_no_other_box() -> None:
    source = numbered_cr(1)
    noisy = replace(_BOX, x0=_BOX.x0 + 1e-6)
    assert box_trackings(source, None, [noisy]) == box_trackings(source, None, [_BOX])


def test_frames_are_told_apart_and_a_lone_frame_is_its_image() -> None:
    frames = [image_tracking(multi_frame(), frame) for frame in (2, 3)]
    assert frames[0].uid != frames[1].uid
    assert frames[0].label.startswith("Frame 2 #")
    assert image_tracking(minimal_cr(), 1) == image_tracking(minimal_cr(), None)


def test_label_is_what_a_viewer_shows() -> None:
    source = numbered_cr(3)
    (box,) = box_trackings(source, None, [_BOX])
    assert image_tracking(source, None).label.startswith("Series 1, instance 3 #")
    assert box.label.startswith("Series 1, instance 3, fracture #")
    assert image_tracking(minimal_cr(), None).label.startswith("Image #")
    assert study_tracking("1.2.3").label.endswith(study_tracking("1.2.3").uid[-8:])
