"""The state shows the image as its sender meant it, with boxes where they belong and words."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    XRayAngiographicImageStorage,
)

from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding
from dicom_node.results.presentation_state import (
    NoPresentationState,
    build_presentation_state,
    presentation_state_possible,
)
from dicom_node.results.result_object import ResultKind, ResultObject
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
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
from tests.dicom_node.results.test_character_set import NAMES
from tests.services import require_program

SOURCES: dict[str, Callable[[], Dataset]] = {
    "minimal CR": minimal_cr,
    "full DX": full_dx,
    "MONOCHROME1": monochrome1_cr,
    "multi-frame": grey_multi_frame,
    "two pixels": lambda: minimal_cr(rows=2, columns=2),
}
BOXES = (BoundingBox(20, 30, 60, 90, 0.91), BoundingBox(80, 10, 110, 50, 0.42))


def _state(source: Dataset, finding: ImageFinding | None = None) -> ResultObject:
    return build_presentation_state(source, finding or fracture_in(source), ALGORITHM, ISSUE)


def _possible_in(source: Dataset) -> ImageFinding:
    return fracture_in(source, state=FindingState.POSSIBLE, probability=0.3)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("find", [fracture_in, _possible_in, nothing_in, not_assessable])
def test_every_source_and_answer_makes_a_conformant_state(
    kind: str, find: Callable[[Dataset], ImageFinding], tmp_path: Path
) -> None:
    source = received(SOURCES[kind]())
    made = _state(source, replace(find(source), frame=2))
    assert made.kind is ResultKind.GSPS
    assert conformance_errors(made, tmp_path) == []


# What DCMTK makes of a state: the bitmap it shows, and the lines and words it would draw.


@dataclass(frozen=True)
class Shown:
    pixels: NDArray[np.uint8]
    lines: list[list[tuple[float, float]]]
    words: str

    def drawn(self) -> NDArray[np.bool_]:
        """The pixels that the lines go through; 0\\0 is the corner of the first pixel."""
        canvas = Image.new("1", self.pixels.shape[::-1])
        draw = ImageDraw.Draw(canvas)
        for line in self.lines:
            draw.line([(x - 0.5, y - 0.5) for x, y in line], fill=1)
        return np.asarray(canvas)


def _written(source: Dataset, folder: Path) -> Dataset:
    """The image as a file, a ramp of 12 bits from left to right; returns the header received."""
    source.Rows, source.Columns, source.SamplesPerPixel = 100, 120, 1
    source.PhotometricInterpretation = source.get("PhotometricInterpretation", "MONOCHROME2")
    source.BitsAllocated, source.BitsStored, source.HighBit = 16, 12, 11
    source.PixelRepresentation = 0
    ramp = np.linspace(0, 4095, 120).astype("<u2")
    source.add_new("PixelData", "OW", np.tile(ramp, (100, 1)).tobytes())
    source.PatientName, source.PatientID = "Doe^John", "1"  # DCMTK insists on them
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    source.save_as(folder / "image.dcm", enforce_file_format=True)
    return dcmread(folder / "image.dcm", stop_before_pixels=True)


def _shown(folder: Path, made: ResultObject | None = None) -> Shown:
    """As DCMTK shows the image with the state; without one, by what the image says itself."""
    command = [require_program("dcmp2pgm", "dcmtk"), "--verbose"]
    if made is not None:
        (folder / "state.dcm").write_bytes(made.encoded)
        command += ["--pstate", str(folder / "state.dcm")]
    command += [str(folder / "image.dcm"), str(folder / "shown.pgm")]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True)
    said = done.stdout + done.stderr
    numbers = [
        [float(number) for number in re.findall(r"[-\d.]+", line)]
        for line in re.findall(r"coordinates: (.*),", said)
    ]
    lines = [list(zip(line[::2], line[1::2], strict=True)) for line in numbers]
    return Shown(np.asarray(Image.open(folder / "shown.pgm")), lines, said)


def _ring(box: BoundingBox) -> NDArray[np.bool_]:
    """The pixels on either side of the edge of the box."""
    x0, y0, x1, y1 = (int(edge) for edge in (box.x0, box.y0, box.x1, box.y1))
    ring = np.zeros((100, 120), np.bool_)
    ring[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = True
    ring[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] = False
    return ring


def test_solid_lines_run_around_the_boxes(tmp_path: Path) -> None:
    source = _written(numbered_cr(1), tmp_path)
    drawn = _shown(tmp_path, _state(source, fracture_in(source, boxes=BOXES))).drawn()
    assert not (drawn & ~(_ring(BOXES[0]) | _ring(BOXES[1]))).any()
    # Every row of a box has its left and its right line, every column its upper and lower one.
    for box in BOXES:
        inside = drawn & _ring(box)
        assert inside[int(box.y0) : int(box.y1)].any(axis=1).all()
        assert inside[:, int(box.x0) : int(box.x1)].any(axis=0).all()


def test_possible_fracture_has_a_broken_line_even_where_line_styles_are_ignored(
    tmp_path: Path,
) -> None:
    source = _written(numbered_cr(1), tmp_path)
    solid, broken = (
        _shown(tmp_path, _state(source, fracture_in(source, boxes=BOXES, state=state))).drawn()
        for state in (FindingState.FRACTURE, FindingState.POSSIBLE)
    )
    assert not (broken & ~(_ring(BOXES[0]) | _ring(BOXES[1]))).any()
    assert 0.4 < broken.sum() / solid.sum() < 0.75
    for box in BOXES:
        for x, y in ((box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)):
            assert broken[int(y) - 1 : int(y) + 1, int(x) - 1 : int(x) + 1].any()


def test_words_are_those_of_the_answer(tmp_path: Path) -> None:
    source = _written(numbered_cr(1), tmp_path)
    words = _shown(tmp_path, _state(source, replace(_possible_in(source), boxes=BOXES))).words
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


def _windowed(source: Dataset) -> None:
    source.WindowCenter, source.WindowWidth = [1000, 2000], [800, 100]
    source.WindowCenterWidthExplanation = ["BONE", "SOFT"]


def _rescaled(source: Dataset) -> None:
    source.RescaleIntercept, source.RescaleSlope, source.RescaleType = -500, 0.5, "US"
    source.WindowCenter, source.WindowWidth = 300, 800


def _table(descriptor: list[int]) -> Dataset:
    table = Dataset()
    table.LUTDescriptor = descriptor
    curve = np.sqrt(np.linspace(0, 1, descriptor[0])) * (2 ** descriptor[2] - 1)
    table.add_new("LUTData", "OW", curve.astype("<u2").tobytes())
    return table


def _by_voi_table(source: Dataset) -> None:
    source.VOILUTSequence = [_table([2048, 1000, 12])]


def _by_voi_table_of_8_bits(source: Dataset) -> None:
    source.VOILUTSequence = [_table([3000, 500, 8])]
    source.VOILUTSequence[0].LUTExplanation = "BONE"


def _by_voi_table_of_packed_bytes(source: Dataset) -> None:
    _by_voi_table_of_8_bits(source)
    (table,) = source.VOILUTSequence
    table.LUTData = table.LUTData[::2]


def _by_modality_table(source: Dataset) -> None:
    source.ModalityLUTSequence = [_table([4096, 0, 16])]
    source.ModalityLUTSequence[0].ModalityLUTType = "US"


def _inverted(source: Dataset) -> None:
    source.PhotometricInterpretation = "MONOCHROME1"
    source.WindowCenter, source.WindowWidth = 1000, 800


def _as_angiography(source: Dataset) -> None:
    """Its Modality LUT leads to X-ray intensities, and is not for display."""
    source.SOPClassUID, source.Modality = XRayAngiographicImageStorage, "XA"
    source.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    _by_modality_table(source)


@pytest.mark.parametrize(
    "say",
    [
        _windowed,
        _rescaled,
        _by_voi_table,
        _by_voi_table_of_8_bits,
        _by_voi_table_of_packed_bytes,
        _by_modality_table,
        _inverted,
        _as_angiography,
    ],
)
def test_image_is_shown_as_it_says_itself(say: Callable[[Dataset], None], tmp_path: Path) -> None:
    source = numbered_cr(1)
    say(source)
    source = _written(source, tmp_path)
    made = _state(source, nothing_in(source))
    assert np.ptp(_shown(tmp_path).pixels) > 200
    assert (_shown(tmp_path, made).pixels == _shown(tmp_path).pixels).all()
    assert conformance_errors(made, tmp_path) == []
    # Implicit VR leaves it open what a table's values are (PS3.5 A.1).
    source.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    header = BytesIO()
    source.save_as(header, enforce_file_format=True)
    assert _state(dcmread(BytesIO(header.getvalue())), nothing_in(source)) == made


def test_what_the_shutter_hides_stays_hidden(tmp_path: Path) -> None:
    source = numbered_cr(1)
    source.ShutterShape = ["RECTANGULAR", "CIRCULAR"]
    source.ShutterLeftVerticalEdge, source.ShutterRightVerticalEdge = 30, 100
    source.ShutterUpperHorizontalEdge, source.ShutterLowerHorizontalEdge = 20, 80
    source.CenterOfCircularShutter, source.RadiusOfCircularShutter = [50, 65], 30
    source = _written(source, tmp_path)
    made = _state(source)
    words = _shown(tmp_path, made).words
    assert "Rectangular shutter: LV=30 RV=100 UH=20 LH=80" in words
    assert "Circular shutter: center=65\\50 radius=30" in words
    assert "Shutter presentation value: 0x0" in words
    assert conformance_errors(made, tmp_path) == []


def test_dark_stays_dark_and_bright_bright(tmp_path: Path) -> None:
    ends = {}
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        source = numbered_cr(1)
        source.PhotometricInterpretation = photometric
        source = _written(source, tmp_path)
        ends[photometric] = _shown(tmp_path, _state(source)).pixels[50, [0, -1]] > 128
    assert ends["MONOCHROME1"].tolist() == [True, False]
    assert ends["MONOCHROME2"].tolist() == [False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"WindowCenter": "400", "WindowWidth": "0"},
        {"WindowCenter": "400"},
        {"RescaleIntercept": "1", "RescaleSlope": "0"},
        {"VOILUTSequence": [Dataset()]},
        {"ShutterShape": "CIRCULAR"},
    ],
    ids="+".join,
)
def test_half_of_a_greyscale_is_none(wrong: dict[str, object], tmp_path: Path) -> None:
    source = minimal_cr()
    for keyword, value in wrong.items():
        setattr(source, keyword, value)
    made = _state(received(source))
    state = reread(made)
    for keyword in ("SoftcopyVOILUTSequence", "RescaleSlope", "ShutterShape"):
        assert keyword not in state
    assert conformance_errors(made, tmp_path) == []


def test_window_narrower_than_one_stays_a_window(tmp_path: Path) -> None:
    source = minimal_cr()
    source.WindowCenter, source.WindowWidth = "0.5", "0.25"
    made = _state(received(source))
    assert reread(made).SoftcopyVOILUTSequence[0].WindowWidth == 0.25
    assert conformance_errors(made, tmp_path) == []


# Where there can be none.


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
        _state(source)


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
    state = reread(_state(source))
    (series,) = state.ReferencedSeriesSequence
    (image,) = series.ReferencedImageSequence
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert "ReferencedFrameNumber" not in image
    assert (state.Modality, state.SeriesNumber, state.InstanceNumber) == ("PR", 9103, 3)


def test_state_of_one_frame_names_it() -> None:
    source = received(grey_multi_frame())
    state = reread(_state(source, fracture_in(source, frame=4)))
    assert state.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber == 4


def test_boxes_are_clamped_and_labels_stay_inside() -> None:
    source = received(minimal_cr(rows=100, columns=120))
    boxes = (
        BoundingBox(-20, -5, 500, 400, 0.9),
        BoundingBox(100, 0, 119, 3, 0.5),
        BoundingBox(400, 400, 500, 500, 0.4),
    )
    lines, words = _annotations(_state(source, fracture_in(source, boxes=boxes)))
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
        state = reread(_state(source, finding))
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
    made = _state(received(source))
    (area,) = reread(made).DisplayedAreaSelectionSequence
    assert area[kept[0]].value == kept[1]
    assert area.DisplayedAreaBottomRightHandCorner == [400, 600]
    assert conformance_errors(made, tmp_path) == []


def test_side_is_the_image_s_and_not_the_series() -> None:
    """A series of states holds both hands: one Laterality for all of it would be wrong for one."""
    state = reread(_state(received(full_dx())))
    assert state.ImageLaterality == "L"
    assert "Laterality" not in state
    assert reread(_state(received(minimal_cr()))).Laterality == ""


@pytest.mark.parametrize("name", NAMES)
def test_name_survives_in_its_character_set(name: str, tmp_path: Path) -> None:
    character_set, patient_name, description = NAMES[name]
    source = in_character_set(character_set, patient_name, description)
    made = _state(source)
    state = reread(made)
    assert state.get("SpecificCharacterSet") == character_set
    assert (str(state.PatientName), state.StudyDescription) == (patient_name, description)
    assert conformance_errors(made, tmp_path) == []


def test_same_input_has_the_same_bytes_and_another_answer_is_another_object() -> None:
    source = received(full_dx())
    assert _state(source) == _state(source)
    other = _state(source, nothing_in(source))
    assert other.sop_instance_uid != _state(source).sop_instance_uid
    assert other.series_instance_uid == _state(source).series_instance_uid


def test_state_names_the_algorithm_that_looked() -> None:
    source = received(minimal_cr())
    state = reread(_state(source, fracture_in(source, algorithm=OLDER)))
    assert state.SoftwareVersions[1] == "osteon-fracture 0.0.9"
    (text,) = state.GraphicAnnotationSequence[0].TextObjectSequence
    assert "osteon-fracture 0.0.9" in text.UnformattedTextValue
