"""The heatmap lies over its image pixel by pixel and says what its values mean."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_node.results.heatmap_segmentation import NoHeatmap, build_segmentation
from dicom_node.results.result_object import ResultKind, ResultObject
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    OLDER,
    SOURCES,
    fracture_in,
    full_dx,
    grey_multi_frame,
    in_character_set,
    minimal_cr,
    received,
)
from tests.dicom_node.results.test_character_set import NAMES

IMAGES: dict[str, Callable[[], Dataset]] = {
    **SOURCES,
    "multi-frame": grey_multi_frame,
    "odd sides": lambda: minimal_cr(rows=31, columns=17),
}
HEAT = np.random.default_rng(11).random((12, 9)).astype(np.float32)


def _segmentation(source: Dataset, heat: NDArray[np.float32] = HEAT) -> ResultObject:
    return build_segmentation(source, heat, fracture_in(source, frame=2), ALGORITHM, ISSUE)


def _pixels(made: ResultObject) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = reread(made).pixel_array
    return pixels


@pytest.mark.parametrize("kind", IMAGES)
def test_every_source_makes_a_conformant_segmentation(kind: str, tmp_path: Path) -> None:
    source = received(IMAGES[kind]())
    made = _segmentation(source)
    assert made.kind is ResultKind.SEG
    assert _pixels(made).shape == (source.Rows, source.Columns)
    assert conformance_errors(made, tmp_path) == []


def test_other_software_finds_the_probabilities_by_the_image() -> None:
    source = received(grey_multi_frame())
    read = hd.seg.segread(BytesIO(_segmentation(source, np.full((3, 2), 0.6, np.float32)).encoded))
    probabilities = read.get_pixels_by_source_frame(
        source.SOPInstanceUID, [2], rescale_fractional=True
    )
    assert probabilities.shape == (1, 600, 400, 1)
    assert np.allclose(probabilities, 0.6, atol=0.002)
    description = read.get_segment_description(1)
    assert description.segmented_property_type.meaning == "Fracture"
    assert description.segmented_property_category.value == "49755003"
    assert description.algorithm_identification.name == "osteon-fracture"
    assert description.algorithm_identification.version == "0.1.0"


def test_grid_spans_the_image() -> None:
    """Each cell covers its share: the middle of a cell has its value."""
    source = received(minimal_cr(rows=60, columns=40))
    heat = np.zeros((6, 4), np.float32)
    heat[1, 2], heat[5, 0] = 1.0, 0.5
    pixels = _pixels(_segmentation(source, heat)).astype(float)
    assert np.unravel_index(pixels.argmax(), pixels.shape) in {
        (14, 24),
        (15, 25),
        (14, 25),
        (15, 24),
    }
    assert pixels.max() > 225
    assert pixels[59, 0] == pytest.approx(127.5, abs=1)
    assert pixels[:, 38:].max() == 0
    # Nothing is moved: what lies left and right of a cell's middle mirrors each other.
    assert (pixels[:10, 20:30] == pixels[:10, 29:19:-1]).all()


def test_values_out_of_range_are_brought_into_it() -> None:
    source = received(minimal_cr(rows=2, columns=2))
    heat = np.array([[-1.0, 2.0], [np.nan, 0.5]], np.float32)
    assert _pixels(_segmentation(source, heat)).tolist() == [[0, 255], [0, 128]]


@pytest.mark.parametrize("heat", [np.zeros((0, 4)), np.zeros(4), np.zeros((2, 2, 2))])
def test_no_heatmap_is_refused(heat: NDArray[np.float32]) -> None:
    with pytest.raises(NoHeatmap):
        _segmentation(received(minimal_cr()), heat.astype(np.float32))


def test_image_without_a_matrix_is_refused() -> None:
    source = minimal_cr()
    del source.Columns
    with pytest.raises(NoHeatmap):
        _segmentation(received(source))


def test_segmentation_refers_to_its_image_and_frame() -> None:
    source = received(grey_multi_frame())
    segmentation = reread(_segmentation(source))
    (frame,) = segmentation.PerFrameFunctionalGroupsSequence
    (derivation,) = frame.DerivationImageSequence
    (image,) = derivation.SourceImageSequence
    assert (image.ReferencedSOPInstanceUID, image.ReferencedFrameNumber) == (
        source.SOPInstanceUID,
        2,
    )
    assert image.SpatialLocationsPreserved == "YES"
    (series,) = segmentation.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert (segmentation.Modality, segmentation.SeriesNumber) == ("SEG", 9106)
    # Without a frame of reference there is no place in the patient to state.
    assert "FrameOfReferenceUID" not in segmentation


def test_segment_says_where_it_was_looked_for() -> None:
    source = received(full_dx())
    (segment,) = reread(_segmentation(source)).SegmentSequence
    (region,) = segment.AnatomicRegionSequence
    assert region.CodeMeaning == "Wrist joint"
    assert region.AnatomicRegionModifierSequence[0].CodeMeaning == "Left"
    unknown = replace(fracture_in(source), region="mixed")
    made = build_segmentation(source, HEAT, unknown, ALGORITHM, ISSUE)
    assert "AnatomicRegionSequence" not in reread(made).SegmentSequence[0]


def test_loss_of_the_image_is_not_forgotten(tmp_path: Path) -> None:
    source = minimal_cr(rows=20, columns=20)
    source.LossyImageCompression = "01"
    source.LossyImageCompressionRatio, source.LossyImageCompressionMethod = 12, "ISO_10918_1"
    made = _segmentation(received(source))
    assert reread(made).LossyImageCompression == "01"
    assert reread(made).LossyImageCompressionRatio == 12
    assert conformance_errors(made, tmp_path) == []
    assert reread(_segmentation(received(minimal_cr()))).LossyImageCompression == "00"
    source.LossyImageCompressionRatio = None
    assert "LossyImageCompressionRatio" not in reread(_segmentation(received(source)))


@pytest.mark.parametrize("name", NAMES)
def test_name_survives_in_its_character_set(name: str, tmp_path: Path) -> None:
    character_set, patient_name, description = NAMES[name]
    made = _segmentation(in_character_set(character_set, patient_name, description))
    segmentation = reread(made)
    assert segmentation.get("SpecificCharacterSet") == character_set
    assert str(segmentation.PatientName) == patient_name
    assert segmentation.StudyDescription == description
    assert conformance_errors(made, tmp_path) == []


def test_same_input_has_the_same_bytes_and_other_heat_is_another_object() -> None:
    source = received(minimal_cr(rows=20, columns=20))
    assert _segmentation(source) == _segmentation(source)
    other = _segmentation(source, 1 - HEAT)
    assert other.sop_instance_uid != _segmentation(source).sop_instance_uid
    assert other.series_instance_uid == _segmentation(source).series_instance_uid


def test_segmentation_names_the_algorithm_that_looked() -> None:
    source = received(minimal_cr())
    finding = fracture_in(source, algorithm=OLDER)
    segmentation = reread(build_segmentation(source, HEAT, finding, ALGORITHM, ISSUE))
    assert segmentation.SoftwareVersions[1] == "osteon-fracture 0.0.9"
    (segment,) = segmentation.SegmentSequence
    assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == "0.0.9"
