"""The plainest lossless JPEG there is (ISO 10918-1 Annex H): no library here writes one."""

import struct

import numpy as np
from numpy.typing import NDArray

# Each of the 17 categories of a difference gets a code of five bits: simple, not short.
_CATEGORIES = 17
_CODE_BITS = 5


def encode_lossless(pixels: NDArray[np.uint16], precision: int) -> bytes:
    """The values [rows, columns], each predicted from its left neighbour (selection value 1)."""
    rows, columns = pixels.shape
    counts = bytes([0] * (_CODE_BITS - 1) + [_CATEGORIES] + [0] * (16 - _CODE_BITS))
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xC3, struct.pack(">BHHB3B", precision, rows, columns, 1, 1, 0x11, 0)),
            _segment(0xC4, b"\0" + counts + bytes(range(_CATEGORIES))),
            _segment(0xDA, bytes([1, 1, 0, 1, 0, 0])),
            _entropy_coded(_differences(pixels.astype(np.int64), precision)),
            b"\xff\xd9",
        ]
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _differences(pixels: NDArray[np.int64], precision: int) -> list[int]:
    """H.1.2.1: the first row from its left, the first column from above, the rest from the left."""
    predicted = np.empty_like(pixels)
    predicted[:, 1:] = pixels[:, :-1]
    predicted[1:, 0] = pixels[:-1, 0]
    predicted[0, 0] = 1 << (precision - 1)
    return [int(one) for one in (pixels - predicted).ravel()]


def _entropy_coded(differences: list[int]) -> bytes:
    bits = "".join(_coded(one) for one in differences)
    bits += "1" * (-len(bits) % 8)
    packed = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return packed.replace(b"\xff", b"\xff\0")


def _coded(difference: int) -> str:
    category = abs(difference).bit_length()
    value = difference if difference >= 0 else difference + (1 << category) - 1
    extra = f"{value:0{category}b}" if category else ""
    return f"{category:0{_CODE_BITS}b}{extra}"
