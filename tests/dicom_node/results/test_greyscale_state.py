"""A presentation state replaces the image's own display: it restates all of it."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    ImplicitVRLittleEndian,
    XRayAngiographicImageStorage,
)

from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import (
    minimal_cr,
    nothing_in,
    numbered_cr,
    received,
)
from tests.dicom_node.results.shown_states import shown, state_of, written


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
    source = written(source, tmp_path)
    made = state_of(source, nothing_in(source))
    assert np.ptp(shown(tmp_path).pixels) > 200
    assert (shown(tmp_path, made).pixels == shown(tmp_path).pixels).all()
    assert conformance_errors(made, tmp_path) == []
    # Implicit VR leaves it open what a table's values are (PS3.5 A.1).
    source.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    header = BytesIO()
    source.save_as(header, enforce_file_format=True)
    assert state_of(dcmread(BytesIO(header.getvalue())), nothing_in(source)) == made


def test_what_the_shutter_hides_stays_hidden(tmp_path: Path) -> None:
    source = numbered_cr(1)
    source.ShutterShape = ["RECTANGULAR", "CIRCULAR"]
    source.ShutterLeftVerticalEdge, source.ShutterRightVerticalEdge = 30, 100
    source.ShutterUpperHorizontalEdge, source.ShutterLowerHorizontalEdge = 20, 80
    source.CenterOfCircularShutter, source.RadiusOfCircularShutter = [50, 65], 30
    source = written(source, tmp_path)
    made = state_of(source)
    words = shown(tmp_path, made).words
    assert "Rectangular shutter: LV=30 RV=100 UH=20 LH=80" in words
    assert "Circular shutter: center=65\\50 radius=30" in words
    assert "Shutter presentation value: 0x0" in words
    assert conformance_errors(made, tmp_path) == []


def test_dark_stays_dark_and_bright_bright(tmp_path: Path) -> None:
    ends = {}
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        source = numbered_cr(1)
        source.PhotometricInterpretation = photometric
        source = written(source, tmp_path)
        ends[photometric] = shown(tmp_path, state_of(source)).pixels[50, [0, -1]] > 128
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
    made = state_of(received(source))
    state = reread(made)
    for keyword in ("SoftcopyVOILUTSequence", "RescaleSlope", "ShutterShape"):
        assert keyword not in state
    assert conformance_errors(made, tmp_path) == []


def test_window_narrower_than_one_stays_a_window(tmp_path: Path) -> None:
    source = minimal_cr()
    source.WindowCenter, source.WindowWidth = "0.5", "0.25"
    made = state_of(received(source))
    assert reread(made).SoftcopyVOILUTSequence[0].WindowWidth == 0.25
    assert conformance_errors(made, tmp_path) == []


# Where there can be none.
