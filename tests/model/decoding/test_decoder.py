"""A hostile image costs one decode child, never the worker: every way of dying is tried."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from model.decoding.decoder import DecodeLimits, Decoder, DecoderKilled
from model.decoding.wire import Question, encode_question
from model.radiograph import NotAssessable, read_dicom
from tests.fuzzing.draft import Draft
from tests.fuzzing.mutants import file_head
from tests.fuzzing.seeds import seeds
from tests.model.decoding.children import LIMITS, children, decoding
from tests.worker.dicom_files import (
    deflate_bomb,
    file_of,
    jpeg_of_claimed_size,
    multi_frame,
    phantom_file,
    rle_bomb,
    study_of_two_views,
    with_undecodable_codec,
)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with decoding() as decoder:
        yield decoder


def test_a_child_that_was_started_ahead_is_the_first_to_answer() -> None:
    with decoding() as decoder:
        others = set(children())
        decoder.start_ahead()
        ahead = set(children()) - others
        assert len(decoder.decode(phantom_file())) == len(ahead) == 1
        assert set(children()) - others == ahead


@pytest.mark.parametrize("frames", [1, 3])
def test_pixels_are_those_decoded_in_process(decoder: Decoder, frames: int) -> None:
    dataset = study_of_two_views()[0]
    encoded = file_of(dataset if frames == 1 else multi_frame(dataset, frames - 1))
    [here] = read_dicom(BytesIO(encoded))
    [there] = decoder.decode(encoded)
    assert np.array_equal(here.pixels, there.pixels)
    assert (here.pixel_aspect, here.frame) == (there.pixel_aspect, there.frame)
    assert here.frame == (None if frames == 1 else frames)


def _truncated(share: float) -> bytes:
    whole = phantom_file()
    return whole[: int(len(whole) * share)]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated pixels": (lambda: _truncated(0.7), "decoded"),
    "truncated header": (lambda: _truncated(0.001), "read|no pixel data|not a DICOM file"),
    "empty": (lambda: b"", "not a DICOM file"),
    "no pixels": (lambda: phantom_file(PixelData=None), "no pixel data"),
    "no decoder": (with_undecodable_codec, "decoded"),
    "claim of 8.6 GB": (lambda: phantom_file(Rows=65535, Columns=65535), "claims 8589 MB"),
    "claim of frames": (lambda: phantom_file(NumberOfFrames="100000"), "claims 16384 MB"),
    "deflate bomb": (lambda: deflate_bomb(1100), "memory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_with_a_plain_reason(decoder: Decoder, name: str) -> None:
    make, reason = REFUSED[name]
    encoded = make()
    assert len(encoded) < 12_000_000
    with pytest.raises(NotAssessable, match=reason) as refusal:
        decoder.decode(encoded)
    assert "Traceback" not in str(refusal.value)
    assert "exit status" not in str(refusal.value)  # the child itself has given the reason
    assert decoder.decode(phantom_file())


@pytest.mark.parametrize("encoded", [rle_bomb(600), deflate_bomb(64)[:20_000]])
def test_what_upsets_a_codec_costs_no_more_than_a_child(decoder: Decoder, encoded: bytes) -> None:
    with pytest.raises(NotAssessable, match=r"read|decode"):
        decoder.decode(encoded)
    assert decoder.decode(phantom_file())


def test_a_child_has_bounded_memory_and_dumps_no_core(decoder: Decoder) -> None:
    decoder.decode(phantom_file())
    child = children()[-1]
    assert psutil.Process(child).rlimit(psutil.RLIMIT_AS) == (LIMITS.memory_bytes,) * 2
    assert psutil.Process(child).rlimit(psutil.RLIMIT_CORE) == (0, 0)


def test_a_child_is_not_told_the_nodes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTEON_DATABASE_URL", "postgresql://sesame@db/osteon")
    monkeypatch.setenv("PGPASSWORD", "sesame")
    with decoding() as decoder:
        decoder.decode(phantom_file())
        told = psutil.Process(children()[-1]).environ()
    assert "sesame" not in str(told)
    assert told["PATH"] == os.environ["PATH"]


def test_a_child_serves_many_images_and_threads_share_none(decoder: Decoder) -> None:
    decoder.decode(phantom_file())
    first = children()
    decoder.decode(phantom_file())
    assert children() == first
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(decoder.decode, [phantom_file()] * 6))
    assert all(np.array_equal(answers[0][0].pixels, one[0].pixels) for one in answers)
    assert len(set(children()) - set(first)) <= 2  # the third thread has the first child


def test_a_child_that_a_bad_file_has_left_without_room_is_replaced() -> None:
    """libjpeg keeps what it took for a frame that it gives up: most of a child's memory here."""
    limits = DecodeLimits(seconds=60, memory_bytes=512 << 20)
    with decoding(limits) as decoder:
        others = set(children())
        decoder.decode(phantom_file())
        [child] = set(children()) - others
        with pytest.raises(NotAssessable, match=r"cannot be decoded|memory"):
            decoder.decode(jpeg_of_claimed_size(11_000, 11_000))
        assert child not in children()
        assert decoder.decode(phantom_file())


def test_a_codec_that_panics_costs_no_child(decoder: Decoder) -> None:
    """As the RLE decoder does, which is written in Rust, on more pixels than it makes room for."""
    decoder.decode(phantom_file())
    before = children()
    with pytest.raises(NotAssessable, match=r"cannot be decoded \(PanicException\)"):
        decoder.decode(rle_bomb(1))
    assert children() == before


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00280010, b"\1\2\3"),  # Rows of three bytes
        (0x00280002, b"\1"),  # Samples per Pixel of one
    ],
)
def test_values_that_are_none_get_a_reason_and_cost_no_child(
    decoder: Decoder, tag: int, value: bytes
) -> None:
    """pydicom reads a value when it is asked for, and has exceptions of its own."""
    decoder.decode(phantom_file())
    before = children()
    draft = Draft.of(next(iter(seeds())), {})
    draft.put(tag, b"US", value)
    file = file_head(next(iter(seeds())).sop_class_uid, ExplicitVRLittleEndian) + draft.encoded()
    with pytest.raises(NotAssessable, match=r"cannot be (read|decoded)|not a number") as refusal:
        decoder.decode(file)
    assert "exit status" not in str(refusal.value)
    assert children() == before


DEATHS = [
    ("segmentation fault", NotAssessable, "SIGSEGV"),
    ("killed", DecoderKilled, "killed by the operating system"),
    ("exit", NotAssessable, "exit status 3"),
    ("garbage", NotAssessable, "makes no sense"),
    ("wrong head", NotAssessable, "makes no sense"),
    ("deaf", NotAssessable, "stopped answering"),
]


@pytest.mark.usefixtures("faulty_codec")
@pytest.mark.parametrize(("fault", "error", "said"), DEATHS)
def test_a_faulty_codec_costs_one_child(fault: str, error: type[Exception], said: str) -> None:
    with decoding() as decoder:
        with pytest.raises(error, match=said):
            decoder.decode(phantom_file(ImageComments=fault))
        began = time.monotonic()
        assert decoder.decode(phantom_file())
        assert time.monotonic() - began < 10


@pytest.mark.usefixtures("faulty_codec")
def test_a_codec_that_hangs_is_given_up_in_time() -> None:
    with decoding() as decoder:
        others = children()
        decoder.decode(phantom_file())
        [hanging] = set(children()) - set(others)
        decoder.limits = DecodeLimits(0.5, LIMITS.memory_bytes)
        with pytest.raises(NotAssessable, match=r"did not end within 0.5 seconds"):
            decoder.decode(phantom_file(ImageComments="hang"))
        assert not psutil.pid_exists(hanging)
        decoder.limits = LIMITS
        assert decoder.decode(phantom_file())


@pytest.mark.usefixtures("faulty_codec")
def test_what_one_child_survives_costs_no_child() -> None:
    with decoding() as decoder:
        with pytest.raises(NotAssessable, match="more memory than one image is given"):
            decoder.decode(phantom_file(ImageComments="memory"))
        child = children()
        assert decoder.decode(phantom_file(ImageComments="chatty"))
        assert children() == child


@pytest.mark.usefixtures("faulty_codec")
def test_a_hanging_child_whose_worker_is_gone_ends_itself() -> None:
    command = [sys.executable, "-m", "model.decoding.child", str(LIMITS.memory_bytes), "0.5"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        image = phantom_file(ImageComments="hang")
        child.stdin.write(encode_question(Question("radiographs"), len(image)) + image)
        child.stdin.close()
        assert child.wait(20) == -signal.SIGALRM


_WORKER = """
import sys, time
from pathlib import Path
from model.decoding.decoder import DecodeLimits, Decoder
decoder = Decoder(DecodeLimits(30, 1 << 30))
decoder.decode(Path(sys.argv[1]).read_bytes())
print("ready", flush=True)
time.sleep(60)
"""


def test_children_end_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    image = tmp_path / "image.dcm"
    image.write_bytes(phantom_file())
    command = [sys.executable, "-c", _WORKER, str(image)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        children = psutil.Process(worker.pid).children()
        worker.kill()
    assert children
    assert psutil.wait_procs(children, timeout=10)[1] == []
