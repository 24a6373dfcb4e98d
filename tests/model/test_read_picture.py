"""PNG and JPEG pictures of radiographs."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.radiograph import NotAssessable, read_picture

# Bright in one corner only, so that every turn and flip is seen.
CORNER = np.zeros((30, 20), dtype=np.uint8)
CORNER[:10, :8] = 255


def _orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


@pytest.mark.parametrize(
    ("number", "turned"),
    [
        (1, CORNER),
        (3, CORNER[::-1, ::-1]),
        (6, np.rot90(CORNER, -1)),
        (8, np.rot90(CORNER)),
    ],
)
def test_a_picture_is_turned_upright(tmp_path: Path, number: int, turned: np.ndarray) -> None:
    path = tmp_path / "turned.png"
    Image.fromarray(CORNER).save(path, exif=_orientation(number))
    np.testing.assert_allclose(read_picture(path).pixels, turned / 255, atol=0.01)


def test_sixteen_bit_pictures_use_their_own_range(tmp_path: Path) -> None:
    path = tmp_path / "twelve_bits.png"
    Image.fromarray(CORNER.astype(np.uint16) * 16).save(path)
    np.testing.assert_allclose(read_picture(path).pixels, CORNER / 255, atol=0.01)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1", "CMYK"])
def test_any_mode_becomes_grey(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    Image.fromarray(CORNER).convert(mode).save(path)
    np.testing.assert_allclose(read_picture(path).pixels, CORNER / 255, atol=0.25)


def _png_claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    crc = zlib.crc32(header).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + crc + b"\0\0\0\0IEND\xaeB`\x82"


def _truncated_jpeg(folder: Path) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "whole.jpg")
    return (folder / "whole.jpg").read_bytes()[:4000]


def test_what_is_no_usable_picture_says_why(tmp_path: Path) -> None:
    cases = {
        "too large|bomb": _png_claiming(60000, 60000),
        "neither": b"hello",
        "cannot be read": _truncated_jpeg(tmp_path),
    }
    for reason, content in cases.items():
        (tmp_path / "picture").write_bytes(content)
        with pytest.raises(NotAssessable, match=reason):
            read_picture(tmp_path / "picture")
    with pytest.raises(NotAssessable, match="too large"):
        Image.fromarray(CORNER).save(tmp_path / "small.png")
        read_picture(tmp_path / "small.png", max_bytes=100)


def test_a_blank_picture_is_not_assessed(tmp_path: Path) -> None:
    Image.new("L", (40, 40), 90).save(tmp_path / "blank.png")
    with pytest.raises(NotAssessable, match="blank"):
        read_picture(tmp_path / "blank.png")
