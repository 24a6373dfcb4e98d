"""The capture has the matrix and the measure of its source, and says that it is not verified."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_node.results.overlay import annotate
from dicom_node.results.result_object import ResultKind, ResultObject
from dicom_node.results.secondary_capture import MatrixMismatch, build_secondary_capture
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    OLDER,
    SOURCES,
    fracture_in,
    full_dx,
    grey,
    minimal_cr,
    multi_frame,
    received,
)


def _capture(source: Dataset) -> ResultObject:
    finding = fracture_in(source, frame=2)
    annotated = annotate(grey(source), finding, None, "Osteon 0.1.0")
    return build_secondary_capture(source, annotated, finding, ALGORITHM, ISSUE)


# One source here is wrong on purpose, and pydicom says so.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_makes_a_conformant_capture(kind: str, tmp_path: Path) -> None:
    made = _capture(received(SOURCES[kind]()))
    assert made.kind is ResultKind.SC
    assert conformance_errors(made, tmp_path) == []


def test_pixels_are_the_annotated_ones() -> None:
    source = received(minimal_cr(rows=31, columns=17))
    annotated = np.random.default_rng(5).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    made = build_secondary_capture(source, annotated, fracture_in(source), ALGORITHM, ISSUE)
    assert (reread(made).pixel_array == annotated).all()


def test_capture_measures_as_its_source_does() -> None:
    source = received(full_dx())
    capture = reread(_capture(source))
    assert (capture.Rows, capture.Columns) == (source.Rows, source.Columns)
    assert capture.PixelSpacing == source.PixelSpacing
    assert capture.PatientOrientation == source.PatientOrientation
    assert capture.ImageLaterality == "L"
    assert capture.LossyImageCompression == "00"


@pytest.mark.parametrize("spacing", [["0", "0.1"], ["-1", "1"], ["0.1"]])
def test_impossible_spacing_is_left_out(spacing: list[str], tmp_path: Path) -> None:
    source = minimal_cr()
    source.PixelSpacing = spacing
    made = _capture(received(source))
    assert "PixelSpacing" not in reread(made)
    assert conformance_errors(made, tmp_path) == []


@pytest.mark.parametrize(
    ("says", "ratio"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.1]}, [200, 100]),
        ({"ImagerPixelSpacing": [0.1, 0.1]}, None),
        ({"PixelAspectRatio": [2, 1]}, [2, 1]),
        ({"PixelAspectRatio": [0, 1]}, None),
        ({"PixelSpacing": [0.2, 0.1], "PixelAspectRatio": [2, 1]}, None),
        ({}, None),
    ],
)
def test_shape_of_the_pixels_is_kept(
    says: dict[str, list[float]], ratio: list[int] | None, tmp_path: Path
) -> None:
    """A capture has no Imager Pixel Spacing: it says by the ratio alone what that said."""
    source = minimal_cr()
    for keyword, value in says.items():
        setattr(source, keyword, value)
    made = _capture(received(source))
    assert reread(made).get("PixelAspectRatio") == ratio
    assert conformance_errors(made, tmp_path) == []


def test_number_of_the_source_that_is_none_is_left_empty() -> None:
    source = received(full_dx())
    raw = source.get_item("InstanceNumber")
    source._dict[raw.tag] = raw._replace(value=b"two ")
    assert reread(_capture(source)).InstanceNumber is None


def test_capture_says_what_it_is() -> None:
    capture = reread(_capture(received(full_dx())))
    assert capture.ImageType == ["DERIVED", "SECONDARY"]
    assert capture.BurnedInAnnotation == "YES"
    assert (capture.Modality, capture.SeriesNumber, capture.InstanceNumber) == ("OT", 9102, 2)
    assert "unverified" in capture.SeriesDescription


def test_capture_points_at_its_source() -> None:
    source = received(multi_frame())
    (reference,) = reread(_capture(source)).SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert reference.ReferencedFrameNumber == 2


def test_same_input_has_the_same_bytes() -> None:
    source = received(full_dx())
    assert _capture(source) == _capture(source)


def test_other_pixels_are_another_object() -> None:
    source = received(minimal_cr(rows=20, columns=20))
    black = np.zeros((20, 20, 3), np.uint8)
    grey_picture = black + np.uint8(1)
    finding = fracture_in(source)
    one, other = (
        build_secondary_capture(source, picture, finding, ALGORITHM, ISSUE)
        for picture in (black, grey_picture)
    )
    assert one.sop_instance_uid != other.sop_instance_uid
    assert one.series_instance_uid == other.series_instance_uid


@pytest.mark.parametrize("shape", [(20, 21, 3), (20, 20), (20, 20, 4)])
def test_another_matrix_is_refused(shape: tuple[int, ...]) -> None:
    source = minimal_cr(rows=20, columns=20)
    with pytest.raises(MatrixMismatch):
        build_secondary_capture(
            source, np.zeros(shape, np.uint8), fracture_in(source), ALGORITHM, ISSUE
        )


def test_side_of_the_finding_comes_before_that_of_the_header() -> None:
    source = received(full_dx())
    finding = replace(fracture_in(source), laterality="R")
    annotated = np.zeros((source.Rows, source.Columns, 3), np.uint8)
    made = build_secondary_capture(source, annotated, finding, ALGORITHM, ISSUE)
    assert reread(made).ImageLaterality == "R"


def test_capture_names_the_algorithm_that_looked() -> None:
    source = received(minimal_cr(rows=31, columns=17))
    picture = np.zeros((31, 17, 3), np.uint8)
    finding = fracture_in(source, algorithm=OLDER)
    capture = reread(build_secondary_capture(source, picture, finding, ALGORITHM, ISSUE))
    assert capture.SoftwareVersions[1] == "osteon-fracture 0.0.9"
