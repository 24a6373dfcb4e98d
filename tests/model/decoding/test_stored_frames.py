"""The decode child answers with stored values; what it answers is believed as far as it fits."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite

from model.decoding.decoder import Decoder
from model.decoding.wire import NoAnswer, decode_stored_frame, write_answer
from model.radiograph import NotAssessable, read_dicom
from model.stored_frame import read_stored_frame
from tests.model.decoding.children import decoding
from tests.model.dicom_images import RAMP, SIGNED, colour_dataset, grey_dataset, lut_item


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with decoding() as decoder:
        yield decoder


def _file(dataset: Dataset) -> bytes:
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _written(item: Dataset) -> Dataset:
    """As a file has it: a table of more than one entry is OW."""
    item.add_new("LUTData", "OW", np.array(item.LUTData, "<u2").tobytes())
    return item


EXAMPLES = {
    "grey": grey_dataset(RAMP, BitsStored=12, HighBit=11, WindowCenter=9, WindowWidth=99),
    "bytes": grey_dataset((RAMP >> 4).astype(np.uint8)),
    "signed, with a table": grey_dataset(
        SIGNED, VOILUTSequence=[_written(lut_item(RAMP[0], bits=12))], PixelSpacing=[0.1, 0.2]
    ),
    "colours": colour_dataset(np.stack([RAMP >> 4] * 3, axis=2).astype(np.uint8)),
    "frames": grey_dataset(np.stack([RAMP, RAMP[::-1, ::-1]]), PixelPaddingValue=0),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_stored_values_are_those_read_in_process(decoder: Decoder, name: str) -> None:
    frame = 2 if name == "frames" else 1
    here = read_stored_frame(EXAMPLES[name], frame)
    there = decoder.stored_frame(_file(EXAMPLES[name]), frame)
    assert there.description == here.description
    assert there.pixels.dtype == here.pixels.dtype
    assert np.array_equal(there.pixels, here.pixels)


def test_one_child_answers_either_question_in_any_order(decoder: Decoder) -> None:
    file = _file(EXAMPLES["frames"])
    [first, second] = decoder.decode(file)
    assert np.array_equal(decoder.stored_frame(file, 2).pixels, RAMP[::-1, ::-1])
    assert [one.frame for one in decoder.decode(file)] == [first.frame, second.frame] == [1, 2]
    assert np.array_equal(first.pixels, read_dicom(BytesIO(file))[0].pixels)


HOSTILE: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "no such frame": (lambda: _file(EXAMPLES["grey"]), 2, "no frame 2: the image has 1"),
    "frame 0": (lambda: _file(EXAMPLES["frames"]), 0, "no frame 0: the image has 2"),
    "empty": (lambda: b"", 1, "not a DICOM file"),
    "truncated": (lambda: _file(EXAMPLES["grey"])[:-999], 1, "cannot be decoded"),
    "truncated header": (lambda: _file(EXAMPLES["grey"])[:400], 1, "no pixel data|cannot be read"),
    "claim of 8.6 GB": (
        lambda: _file(grey_dataset(RAMP, Rows=65535, Columns=65535)),
        1,
        "image claims 8589 MB",
    ),
    "claim of frames": (
        lambda: _file(grey_dataset(RAMP, NumberOfFrames="2000000")),
        2_000_000,
        "image claims 12288 MB",
    ),
    "claim over a child's share": (
        lambda: _file(grey_dataset(RAMP, Rows=12000, Columns=12000)),
        1,
        "image claims 288 MB decoded, the limit is 268 MB",
    ),
    "claim within the limit": (
        lambda: _file(grey_dataset(RAMP, Rows=10000, Columns=10000)),
        1,
        "cannot be decoded",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_a_plain_reason_and_costs_no_child(decoder: Decoder, name: str) -> None:
    make, frame, reason = HOSTILE[name]
    with pytest.raises(NotAssessable, match=reason) as refusal:
        decoder.stored_frame(make(), frame)
    assert "exit status" not in str(refusal.value)  # the child itself has given the reason
    assert np.array_equal(decoder.stored_frame(_file(EXAMPLES["grey"])).pixels, RAMP)


@pytest.mark.usefixtures("faulty_codec")
def test_a_codec_that_dies_of_this_question_too_costs_one_child() -> None:
    with decoding() as decoder:
        for fault, said in (("segmentation fault", "SIGSEGV"), ("wrong head", "makes no sense")):
            with pytest.raises(NotAssessable, match=said):
                decoder.stored_frame(_file(grey_dataset(RAMP, ImageComments=fault)))
        assert np.array_equal(decoder.stored_frame(_file(EXAMPLES["grey"])).pixels, RAMP)


def _answer(changes: Callable[[dict[str, Any]], None], beyond: bytes = b"") -> bytearray:
    """What a child that was taken over might answer."""
    answer = BytesIO()
    write_answer(answer, read_stored_frame(EXAMPLES["grey"]))
    sound = answer.getvalue()[8:]
    body = 4 + int.from_bytes(sound[:4], "big")
    head = json.loads(sound[4:body])
    changes(head)
    changed = json.dumps(head).encode()
    return bytearray(len(changed).to_bytes(4, "big") + changed + sound[body:] + beyond)


def _describe(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda head: head["description"].update(changes)


def _describe_greyscale(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda head: head["description"]["greyscale"].update(changes)


def test_a_sound_answer_is_believed() -> None:
    assert np.array_equal(decode_stored_frame(_answer(lambda _: None)).pixels, RAMP)


@pytest.mark.parametrize(
    "answer",
    [
        _answer(_describe(rows=47)),
        _answer(_describe(rows=-48, columns=-64)),
        _answer(_describe(rows="many")),
        _answer(_describe(greyscale=None)),
        _answer(_describe(greyscale=None, photometric_interpretation="RGB", columns=32)),
        _answer(_describe(pixel_aspect=float("inf"))),
        _answer(_describe(script="<script>")),
        _answer(_describe_greyscale(is_signed=True)),
        _answer(_describe_greyscale(rescale_slope=float("nan"))),
        _answer(_describe_greyscale(view="something else")),
        _answer(lambda head: head.update(cells="|O")),
        _answer(lambda head: head.update(cells="<u4")),
        _answer(lambda head: head.update(cells=["<u2"])),
        _answer(lambda head: head.clear()),
        _answer(lambda _: None, beyond=b"\0\0"),
        _answer(lambda _: None, beyond=b"\0"),
        _answer(lambda _: None)[:-2],
        bytearray(b"\0\0\0\2[]"),
        bytearray(b"\0\1\0\0" + b"[" * 65536),
        bytearray(),
    ],
)
def test_an_answer_that_does_not_fit_is_no_answer(answer: bytearray) -> None:
    with pytest.raises(NoAnswer):
        decode_stored_frame(answer)
