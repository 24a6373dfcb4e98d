"""A reference names a frame where the object's class has frames."""

from pathlib import Path

import pytest
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    XRayAngiographicImageStorage,
)

from dicom_node.results.finding import aggregate_study
from dicom_node.results.instance_reference import instance_reference
from dicom_node.results.structured_report import build_reports
from tests.dicom_node.results.object_checks import conformance_errors, shown_text
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    received,
    rgb_secondary_capture,
)

WITH_FRAMES = (MultiFrameGrayscaleWordSecondaryCaptureImageStorage, XRayAngiographicImageStorage)
OF_ONE_FRAME = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)


@pytest.mark.parametrize("sop_class_uid", WITH_FRAMES)
def test_frame_is_named(sop_class_uid: str) -> None:
    assert instance_reference(sop_class_uid, "1.2", 3).ReferencedFrameNumber == 3


@pytest.mark.parametrize("sop_class_uid", OF_ONE_FRAME)
def test_class_of_one_frame_has_no_number_whatever_its_object_claims(sop_class_uid: str) -> None:
    assert "ReferencedFrameNumber" not in instance_reference(sop_class_uid, "1.2", 3)


def test_such_frames_are_told_apart_in_words(tmp_path: Path) -> None:
    capture = rgb_secondary_capture()
    capture.NumberOfFrames = 2
    source = received(capture)
    study = aggregate_study([fracture_in(source, frame=frame) for frame in (1, 2)], ALGORITHM)
    for made in build_reports([source], study, ISSUE):
        assert conformance_errors(made, tmp_path) == []
        assert '"Frame 1, fracture #' in (said := shown_text(made, tmp_path))
        assert '"Frame 2, fracture #' in said
