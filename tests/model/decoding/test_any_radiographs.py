"""The decode child answers about a file of any kind: known by its content, covered, or refused."""

import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from model.decoding.decoder import DecodeLimits, Decoder
from model.radiograph import NotAssessable, read_dicom
from model.radiograph_file import FileKind, kind_of
from tests.model.decoding.children import children, decoding
from tests.worker.dicom_files import deflate_bomb, multi_frame, phantom_file, study_of_two_views
from tests.worker.dicom_files import file_of as dicom_file

# Bright in one corner only, so that a turn is seen.
CORNER = np.zeros((60, 40), dtype=np.uint8)
CORNER[:20, :16] = 255
_TURN_CLOCKWISE, _ORIENTATION = 6, 0x0112


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """With less memory than the bombs below want."""
    with decoding(DecodeLimits(seconds=30, memory_bytes=512 << 20)) as decoder:
        yield decoder


def picture(form: str, pixels: np.ndarray = CORNER, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def turned(form: str) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURN_CLOCKWISE
    return picture(form, np.rot90(CORNER).copy(), exif=exif)


def png_of(width: int, height: int, bands: int = 0) -> bytes:
    """It claims all that, and holds a row."""

    def chunk(name: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(name + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + name + content + crc

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, bands, 0, 0, 0))
    data = zlib.compress(bytes(1 + width))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("make", [picture, turned])
def test_a_picture_comes_upright(decoder: Decoder, make: Callable[[str], bytes], form: str) -> None:
    [radiograph] = decoder.decode_any(make(form))
    np.testing.assert_allclose(radiograph.pixels, CORNER / 255, atol=0.05)
    assert (radiograph.pixel_aspect, radiograph.frame) == (1, None)


def test_dicom_comes_as_it_does_when_it_is_asked_for(decoder: Decoder) -> None:
    encoded = dicom_file(multi_frame(study_of_two_views()[0]))
    [here] = read_dicom(BytesIO(encoded))
    [there] = decoder.decode_any(encoded)
    assert np.array_equal(here.pixels, there.pixels)
    assert here.frame == there.frame == 3


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "text": (lambda: b"Dear colleague", "neither a DICOM file nor a PNG or JPEG picture"),
    "empty": (lambda: b"", "neither a DICOM file nor"),
    "another picture": (lambda: picture("GIF"), "neither a DICOM file nor"),
    "truncated PNG": (lambda: picture("PNG", _noise())[:4000], "picture cannot be read"),
    "truncated JPEG": (lambda: picture("JPEG", _noise())[:4000], "picture cannot be read"),
    "its first bytes alone": (lambda: picture("PNG")[:8], "neither|cannot be read"),
    "a JPEG that says it is a PNG": (
        lambda: picture("PNG")[:8] + picture("JPEG"),
        "cannot be|neit",
    ),
    "blank": (lambda: picture("PNG", np.full((40, 40), 90, np.uint8)), "blank"),
    "PNG of 400 megapixels": (lambda: png_of(20_000, 20_000), "too large|bomb"),
    "PNG of 150 megapixels in colours": (lambda: png_of(15_000, 10_000, 2), "too large"),
    "header of 8.6 GB": (lambda: phantom_file(Rows=65535, Columns=65535), "claims 8589 MB"),
    "deflate bomb": (lambda: deflate_bomb(550), "memory"),
    "truncated DICOM": (lambda: phantom_file()[:-9999], "cannot be decoded"),
    "DICM and no more": (lambda: bytes(128) + b"DICM", "no pixel data|cannot be read"),
    "a skull": (lambda: phantom_file(BodyPartExamined="SKULL"), "body part is not covered"),
    "a CT": (lambda: phantom_file(Modality="CT"), "modality is not a radiograph's"),
}


def _noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_radiograph_costs_no_child(decoder: Decoder, name: str) -> None:
    make, reason = REFUSED[name]
    encoded = make()
    decoder.decode_any(picture("PNG"))
    child = children()
    with pytest.raises(NotAssessable, match=reason) as refusal:
        decoder.decode_any(encoded)
    assert "exit status" not in str(refusal.value)  # the child itself has given the reason
    assert decoder.decode_any(picture("PNG"))
    assert children() == child


def test_a_file_s_kind_is_known_by_its_first_bytes() -> None:
    kinds = [
        kind_of(one) for one in (phantom_file(), picture("PNG"), picture("JPEG"), b"", b"text")
    ]
    expected = [FileKind.DICOM, FileKind.PNG, FileKind.JPEG, FileKind.OTHER, FileKind.OTHER]
    assert kinds == expected
