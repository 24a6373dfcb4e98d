"""What a sender drew over its image, such as the side, is still seen under a presentation state."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from dicom_node.results.evidence import read_evidence
from dicom_node.results.result_object import ResultObject
from dicom_node.spool import FileSpool
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.report_sources import full_dx, nothing_in, numbered_cr, received
from tests.dicom_node.results.shown_states import shown, state_of, written


def _add_overlay(source: Dataset, group: int) -> None:
    """Four rows are marked from the group's own on."""
    rows, columns = 100, 120
    marked = np.zeros((rows, columns), np.uint8)
    top = 10 + 20 * (group - 0x6000) // 2
    marked[top : top + 4, 40:80] = 1
    for element, vr, value in (
        (0x0010, "US", rows),
        (0x0011, "US", columns),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", np.packbits(marked.ravel(), bitorder="little").tobytes()),
    ):
        source.add_new((group, element), vr, value)


def _layers(made: ResultObject) -> dict[str, int]:
    layers = reread(made).GraphicLayerSequence
    return {str(layer.GraphicLayer): int(layer.GraphicLayerOrder) for layer in layers}


def test_overlays_are_shown(tmp_path: Path) -> None:
    source = numbered_cr(1)
    for group in (0x6000, 0x6002):
        _add_overlay(source, group)
    source = written(source, tmp_path)
    made = state_of(source, nothing_in(source))
    assert conformance_errors(made, tmp_path) == []
    words = shown(tmp_path, made).words
    activated = words.split("Graphic Layer #1 [IMAGE_OVERLAY]")[1].split("Graphic Layer #2")[0]
    assert "overlay 1: group=0x6000" in activated
    assert "overlay 2: group=0x6002" in activated


def test_what_we_draw_lies_above_them() -> None:
    source = full_dx()
    _add_overlay(source, 0x6004)
    made = state_of(received(source))
    assert reread(made)[0x60041001].value == "IMAGE_OVERLAY"
    assert _layers(made) == {"IMAGE_OVERLAY": 1, "AI_TEXT": 2, "AI_FINDING": 3}


def test_image_without_overlays_has_no_layer_for_them() -> None:
    assert _layers(state_of(received(full_dx()))) == {"AI_TEXT": 1, "AI_FINDING": 2}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize(("size", "kept"), [(0, True), (3 << 20, False)])
def test_overlays_are_found_in_the_spool(
    syntax: str, size: int, kept: bool, tmp_path: Path
) -> None:
    """Beyond what is let be inflated they are not looked for, and the image is still reported."""
    source = full_dx()
    source.add_new(0x50003000, "OB", bytes(size))
    _add_overlay(source, 0x601E)
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    source.save_as(buffer, enforce_file_format=True)
    spool = FileSpool(tmp_path / "spool")
    header = read_evidence(spool, spool.write(buffer.getvalue()).key)
    assert header.PatientID == "PID-0001"
    assert ("IMAGE_OVERLAY" in _layers(state_of(header))) == (
        kept or syntax == ExplicitVRLittleEndian
    )
