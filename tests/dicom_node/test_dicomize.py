"""Pictures become valid DICOM images whose pixels come back unchanged in every transfer syntax."""

import io
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node.dicomize import (
    NATIVE_SYNTAXES,
    WRITABLE_SYNTAXES,
    ImageForm,
    UnwritableTransferSyntax,
    dicomize,
    write_dicom,
)
from dicom_node.examination import Examination, UnknownRegion, View
from dicom_node.phantom_study import Rendering, phantom_study
from dicom_node.picture import GreyPixels, Picture, UnusablePicture, read_picture
from tests.services import require_program

EVERY_SYNTAX = pytest.mark.parametrize(
    "transfer_syntax_uid", WRITABLE_SYNTAXES, ids=lambda uid: uid.keyword
)


def file_bytes(dataset: Dataset) -> bytes:
    target = io.BytesIO()
    write_dicom(dataset, target)
    return target.getvalue()


def read_back(dataset: Dataset) -> Dataset:
    return pydicom.dcmread(io.BytesIO(file_bytes(dataset)))


def ramp(rows: int, columns: int, bits: int) -> GreyPixels:
    values = np.linspace(0, (1 << bits) - 1, rows * columns).reshape(rows, columns)
    return values.astype(np.uint8) if bits == 8 else values.astype(np.uint16)


@EVERY_SYNTAX
@pytest.mark.parametrize("monochrome1", [False, True])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_pixels_come_back(transfer_syntax_uid: str, monochrome1: bool, bits: int) -> None:
    pixels = ramp(61, 33, bits)
    form = ImageForm("CR", transfer_syntax_uid, monochrome1)
    received = read_back(dicomize(Picture(pixels), form=form))
    expected = (1 << bits) - 1 - pixels.astype(int) if monochrome1 else pixels
    np.testing.assert_array_equal(received.pixel_array, expected)
    assert received.BitsStored == bits
    assert received.file_meta.TransferSyntaxUID == transfer_syntax_uid


ANY_PIXELS = st.tuples(
    st.sampled_from([np.uint8, np.uint16]), st.integers(1, 40), st.integers(1, 40)
).flatmap(lambda form: arrays(form[0], form[1:]))


@pytest.mark.parametrize(
    "transfer_syntax_uid", [*NATIVE_SYNTAXES, RLELossless], ids=lambda uid: uid.keyword
)
@given(pixels=ANY_PIXELS)
@settings(max_examples=25, deadline=None)
def test_odd_sizes_come_back(transfer_syntax_uid: str, pixels: GreyPixels) -> None:
    dataset = dicomize(Picture(pixels), form=ImageForm("CR", transfer_syntax_uid))
    assert len(dataset.PixelData) % 2 == 0
    np.testing.assert_array_equal(read_back(dataset).pixel_array, pixels)


@pytest.mark.parametrize("transfer_syntax_uid", [JPEGLSLossless, JPEG2000Lossless])
@given(pixels=ANY_PIXELS)
@settings(max_examples=25, deadline=None)
def test_a_codec_gives_the_same_pixels_or_a_named_refusal(
    transfer_syntax_uid: str, pixels: GreyPixels
) -> None:
    try:
        dataset = dicomize(Picture(pixels), form=ImageForm("CR", transfer_syntax_uid))
    except UnwritableTransferSyntax:
        assert min(pixels.shape) < 32, "refused at an ordinary size"
        return
    np.testing.assert_array_equal(read_back(dataset).pixel_array, pixels)


def errors_found(program: str, path: Path) -> list[str]:
    checked = subprocess.run([program, path], capture_output=True, text=True, check=False)
    lines = (checked.stdout + checked.stderr).splitlines()
    assert lines, "the validator said nothing at all"
    return [line for line in lines if line.startswith("Error")]


def inflated(path: Path) -> Path:
    """dciodvfy cannot read deflated data sets; DCMTK, a second reader, can."""
    plain = path.with_suffix(".plain.dcm")
    subprocess.run([require_program("dcmconv", "dcmtk"), "+te", path, plain], check=True)
    return plain


@EVERY_SYNTAX
@pytest.mark.parametrize("modality", ["DX", "CR"])
@pytest.mark.parametrize("region", ["hand", "leg"])
def test_dciodvfy_finds_no_error(
    tmp_path: Path, transfer_syntax_uid: str, modality: str, region: str
) -> None:
    program = require_program("dciodvfy", "dicom3tools")
    form = ImageForm(modality, transfer_syntax_uid, monochrome1=region == "leg")  # type: ignore[arg-type]
    rendering = Rendering(rows=97, columns=65, form=form)
    for dataset in phantom_study(5, fractured=True, region=region, rendering=rendering):
        path = tmp_path / f"{dataset.SOPInstanceUID}.dcm"
        write_dicom(dataset, path)
        deflated = transfer_syntax_uid == DeflatedExplicitVRLittleEndian
        assert errors_found(program, inflated(path) if deflated else path) == []


@pytest.mark.parametrize("bits", [8, 16])
def test_dciodvfy_finds_no_error_in_a_picture_of_unknown_origin(tmp_path: Path, bits: int) -> None:
    program = require_program("dciodvfy", "dicom3tools")
    picture = Picture(ramp(9, 7, bits), lossy_ratio=4.2)
    write_dicom(dicomize(picture), tmp_path / "plain.dcm")
    assert errors_found(program, tmp_path / "plain.dcm") == []


def test_a_phantom_study_is_one_study_of_two_views() -> None:
    small = Rendering(rows=64, columns=48)
    ap, lateral = phantom_study(4, fractured=True, rendering=small)
    assert ap.StudyInstanceUID == lateral.StudyInstanceUID
    assert ap.SeriesInstanceUID == lateral.SeriesInstanceUID
    assert ap.SOPInstanceUID != lateral.SOPInstanceUID
    assert (ap.ViewPosition, lateral.ViewPosition) == ("AP", "LL")
    assert ap.PatientID == lateral.PatientID
    (whole, _) = phantom_study(4, fractured=False, rendering=small)
    assert whole.StudyInstanceUID != ap.StudyInstanceUID
    assert whole.PatientID != ap.PatientID


def test_the_same_study_has_the_same_bytes() -> None:
    first, second = (
        [file_bytes(dataset) for dataset in phantom_study(4, fractured=False)] for _ in range(2)
    )
    assert first == second


def test_another_form_is_another_instance_of_the_same_study() -> None:
    picture = Picture(ramp(40, 40, 12))
    instances = [dicomize(picture, form=ImageForm("CR", uid)) for uid in WRITABLE_SYNTAXES]
    assert len({dataset.SOPInstanceUID for dataset in instances}) == len(WRITABLE_SYNTAXES)
    assert len({dataset.StudyInstanceUID for dataset in instances}) == 1


def test_without_a_seed_each_picture_is_a_study_of_its_own() -> None:
    one, other = (dicomize(Picture(ramp(8, 8, bits))) for bits in (8, 16))
    assert one.StudyInstanceUID != other.StudyInstanceUID
    shared = Examination(study_seed="two views")
    views = [dicomize(Picture(ramp(8, 8, bits)), shared) for bits in (8, 16)]
    assert views[0].StudyInstanceUID == views[1].StudyInstanceUID


def test_names_survive_in_any_alphabet() -> None:
    examination = replace(Examination(), patient_name="Müller^Jürgen=山田^太郎")
    received = read_back(dicomize(Picture(ramp(4, 4, 8)), examination))
    assert received.PatientName == "Müller^Jürgen=山田^太郎"


def save_picture(image: Image.Image, path: Path, orientation: int | None = None) -> Path:
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def test_a_16_bit_png_keeps_its_values(tmp_path: Path) -> None:
    pixels = ramp(5, 7, 16)
    picture = read_picture(save_picture(Image.fromarray(pixels), tmp_path / "deep.png"))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.lossy_ratio is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_png_becomes_grey(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(np.full((6, 4), 255, np.uint8)).convert(mode)
    picture = read_picture(save_picture(image, tmp_path / "picture.png"))
    np.testing.assert_array_equal(picture.pixels, np.full((6, 4), 255, np.uint8))


def test_a_jpeg_is_turned_upright_and_called_lossy(tmp_path: Path) -> None:
    upright = np.zeros((40, 24), np.uint8)
    upright[:8] = 240
    # Orientation 6: the camera lay on its side, the viewer turns a quarter clockwise.
    lying = Image.fromarray(np.rot90(upright))
    picture = read_picture(save_picture(lying, tmp_path / "lying.jpg", orientation=6))
    np.testing.assert_allclose(picture.pixels, upright, atol=12)
    dataset = dicomize(picture)
    assert (dataset.LossyImageCompression, dataset.LossyImageCompressionMethod) == (
        "01",
        "ISO_10918_1",
    )


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg"])
def test_a_damaged_picture_is_refused(tmp_path: Path, name: str) -> None:
    path = save_picture(Image.fromarray(ramp(64, 64, 8)), tmp_path / name)
    content = path.read_bytes()
    for kept in (0, 1, 20, len(content) // 2):
        path.write_bytes(content[:kept])
        with pytest.raises(UnusablePicture):
            read_picture(path)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusablePicture):
        read_picture(tmp_path / "absent.png")
    gif = save_picture(Image.new("L", (4, 4)), tmp_path / "other.gif")
    with pytest.raises(UnusablePicture):
        read_picture(gif)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 5), np.uint8),
        np.zeros((5,), np.uint8),
        np.zeros((5, 5, 3), np.uint8),
        np.zeros((5, 5), np.int16),
        np.zeros((5, 5), np.float32),
        np.zeros((65536, 1), np.uint8),
    ],
    ids=["empty", "flat", "colour", "signed", "float", "tall"],
)
def test_unusable_pixels_are_refused(pixels: GreyPixels) -> None:
    with pytest.raises(UnusablePicture):
        Picture(pixels)


@pytest.mark.parametrize("spacing_mm", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_spacing_is_refused(spacing_mm: float) -> None:
    with pytest.raises(UnusablePicture):
        Picture(ramp(4, 4, 8), spacing_mm)


def test_dx_without_spacing_is_refused() -> None:
    with pytest.raises(UnusablePicture, match="spacing"):
        dicomize(Picture(ramp(4, 4, 8)), form=ImageForm("DX"))


def test_unwritable_syntax_and_unknown_region_are_refused() -> None:
    with pytest.raises(UnwritableTransferSyntax, match="JPEG Baseline"):
        ImageForm("CR", JPEGBaseline8Bit)
    with pytest.raises(UnknownRegion, match="tail"):
        View(region="tail")
