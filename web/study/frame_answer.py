"""How a frame travels to the viewer: a JSON head, and behind it the stored values as they are.

4 bytes, little endian: the length of the head. The head: UTF-8, JSON, padded with spaces so that
what follows lies at a multiple of 8. Then the values of all pixels, row by row, little endian;
`cells` in the head says of which kind: u1, u2 or i2, and of a colour frame three u1 per pixel.
The head's `frame` is the frame's description (model/frame_description.py). Nothing is compressed:
docs/decisions/0017 has the figures.
"""

import json

from model.stored_frame import StoredFrame

MEDIA_TYPE = "application/vnd.osteon.frame"
_ALIGNED = 8


def encode_frame(stored: StoredFrame) -> bytes:
    cells = f"{stored.pixels.dtype.kind}{stored.pixels.dtype.itemsize}"
    told = {"cells": cells, "frame": stored.description.model_dump()}
    head = json.dumps(told, separators=(",", ":")).encode()
    head += b" " * (-(4 + len(head)) % _ALIGNED)
    return b"".join((len(head).to_bytes(4, "little"), head, stored.pixels.data))
