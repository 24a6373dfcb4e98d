"""What passes between a decoder and its child: JSON and plain numbers, nothing that runs.

Both ways: 8 bytes of length of all that follows, 4 bytes of length of a JSON head, the head, then
plain bytes. After a question these are the file, after an answer the pixels of each frame:
little-endian float32 of a radiograph, the stored values of a stored frame.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Literal

import numpy as np

from model.frame_description import FrameDescription
from model.radiograph import NotAssessable, Radiograph
from model.stored_frame import StoredFrame

_STORED_CELLS = ("|u1", "<u2", "<i2")


@dataclass(frozen=True, slots=True)
class Question:
    """What is wanted of a file, and of which of its frames (1-based).

    The radiographs of a DICOM file; those of a file of any kind that `osteon predict` takes, where
    the rules cover it; or the stored values of one frame.
    """

    wanted: Literal["radiographs", "any_radiographs", "stored_frame"]
    frame: int = 1


class NoAnswer(Exception):
    """What came from the child is no answer: it is in disorder and can be asked nothing more."""


def encode_question(question: Question, file_bytes: int) -> bytes:
    """What is sent before the file."""
    return _prefix(asdict(question), file_bytes)


def read_question(source: BinaryIO) -> tuple[Question, bytes] | None:
    """A question and the file it asks about; None where the decoder has hung up."""
    lengths = source.read(12)
    if not lengths:
        return None
    total, head_bytes = int.from_bytes(lengths[:8], "big"), int.from_bytes(lengths[8:], "big")
    head = json.loads(_read_exactly(source, head_bytes))
    return Question(**head), _read_exactly(source, total - 4 - head_bytes)


def _read_exactly(source: BinaryIO, length: int) -> bytes:
    data = source.read(length)
    if len(data) < length:
        raise EOFError
    return data


def encode_reason(reason: str) -> bytes:
    return _prefix({"reason": reason}, 0)


def write_answer(sink: BinaryIO, found: Sequence[Radiograph] | StoredFrame) -> None:
    if isinstance(found, StoredFrame):
        _write_stored_frame(sink, found)
    else:
        _write_radiographs(sink, found)


def _write_radiographs(sink: BinaryIO, radiographs: Sequence[Radiograph]) -> None:
    frames = [
        {"shape": one.pixels.shape, "pixel_aspect": one.pixel_aspect, "frame": one.frame}
        for one in radiographs
    ]
    sink.write(_prefix({"frames": frames}, sum(one.pixels.nbytes for one in radiographs)))
    for one in radiographs:
        sink.write(np.ascontiguousarray(one.pixels, dtype="<f4").data)


def _write_stored_frame(sink: BinaryIO, stored: StoredFrame) -> None:
    head = {"cells": stored.pixels.dtype.str, "description": stored.description.model_dump()}
    sink.write(_prefix(head, stored.pixels.nbytes))
    sink.write(stored.pixels.data)


def decode_radiographs(answer: bytearray) -> list[Radiograph]:
    """The radiographs in an answer; raises NotAssessable where the child gave a reason instead."""
    head, body = _head(answer)
    try:
        return _frames(head, answer, body)
    except (ValueError, LookupError, TypeError) as problem:
        raise NoAnswer from problem


def decode_stored_frame(answer: bytearray) -> StoredFrame:
    """The stored frame in an answer; it has as many values as its description says."""
    head, body = _head(answer)
    try:
        description = FrameDescription.model_validate(head["description"])
        pixels = np.frombuffer(answer, _cells(head, description), offset=body)
        return StoredFrame(pixels.reshape(_shape(description)), description)
    except (ValueError, LookupError, TypeError) as problem:
        raise NoAnswer from problem


def _cells(head: dict[str, Any], description: FrameDescription) -> "np.dtype[Any]":
    cells = np.dtype(_STORED_CELLS[_STORED_CELLS.index(head["cells"])])
    greyscale = description.greyscale
    fit = cells == np.uint8 if greyscale is None else greyscale.is_signed == (cells.kind == "i")
    if not fit:
        raise ValueError("the cells are not those of the values described")
    return cells


def _shape(description: FrameDescription) -> tuple[int, ...]:
    greys = (description.rows, description.columns)
    return greys if description.greyscale is not None else (*greys, 3)


def _head(answer: bytearray) -> tuple[dict[str, Any], int]:
    """The head of an answer, and where its plain bytes begin."""
    body = 4 + int.from_bytes(answer[:4], "big")
    try:
        head: dict[str, Any] = json.loads(answer[4:body])
        reason = head.get("reason")
    except (ValueError, AttributeError, RecursionError) as problem:
        raise NoAnswer from problem
    if reason is not None:
        raise NotAssessable(str(reason))
    return head, body


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
    encoded += b" " * (-(4 + len(encoded)) % 8)  # so that the numbers behind it lie aligned
    total = 4 + len(encoded) + pixel_bytes
    return total.to_bytes(8, "big") + len(encoded).to_bytes(4, "big") + encoded
