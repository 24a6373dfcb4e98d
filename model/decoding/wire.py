"""What passes between a decoder and its child: JSON and plain numbers, nothing that runs.

An answer is 8 bytes of length, 4 bytes of length of a JSON head, the head, then the pixels of each
frame as little-endian float32.
"""

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from model.radiograph import NotAssessable, Radiograph


class NoAnswer(Exception):
    """What came from the child is no answer: it is in disorder and can be asked nothing more."""


def read_exactly(source: BinaryIO, length: int) -> bytes:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = source.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(data)


def encode_reason(reason: str) -> bytes:
    return _prefix({"reason": reason}, 0)


def write_radiographs(sink: BinaryIO, radiographs: Sequence[Radiograph]) -> None:
    frames = [
        {"shape": one.pixels.shape, "pixel_aspect": one.pixel_aspect, "frame": one.frame}
        for one in radiographs
    ]
    sink.write(_prefix({"frames": frames}, sum(one.pixels.nbytes for one in radiographs)))
    for one in radiographs:
        sink.write(np.ascontiguousarray(one.pixels, dtype="<f4").data)


def decode_radiographs(answer: bytearray) -> list[Radiograph]:
    """The radiographs in an answer; raises NotAssessable where the child gave a reason instead."""
    body = 4 + int.from_bytes(answer[:4], "big")
    try:
        head: dict[str, Any] = json.loads(answer[4:body])
        if "reason" not in head:
            return _frames(head, answer, body)
    except (ValueError, LookupError, TypeError) as problem:
        raise NoAnswer from problem
    raise NotAssessable(head["reason"])


def _frames(head: dict[str, Any], answer: bytearray, body: int) -> list[Radiograph]:
    radiographs = []
    for frame in head["frames"]:
        rows, columns = frame["shape"]
        pixels = np.frombuffer(answer, "<f4", rows * columns, body).reshape(rows, columns)
        radiographs.append(Radiograph(pixels, frame["pixel_aspect"], frame["frame"]))
        body += pixels.nbytes
    return radiographs


def _prefix(head: dict[str, Any], pixel_bytes: int) -> bytes:
    encoded = json.dumps(head).encode()
    total = 4 + len(encoded) + pixel_bytes
    return total.to_bytes(8, "big") + len(encoded).to_bytes(4, "big") + encoded
