"""Decoding in disposable children: a bad file costs a child process, never the one that asks."""

import os
import queue
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

import structlog

from model.decoding.wire import (
    NoAnswer,
    Question,
    decode_radiographs,
    decode_stored_frame,
    encode_question,
)
from model.radiograph import NotAssessable, Radiograph
from model.stored_frame import StoredFrame

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
# A child is replaced after this many images, so that a codec's leak stays small.
_IMAGES_PER_CHILD = 500
# And when more than this share of its memory stays taken, beside what any child has mapped: a codec
# that gives a bad file up may keep what it had, and the next image, a sound one, would lack it.
_KEPT_SHARE = 0.25
_BARE_CHILD_BYTES = 160 << 20
# Between hanging up and being gone.
_DEATH_SECONDS = 2
_SETTINGS = ("OSTEON_", "PG")  # the latter are libpq's
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class DecoderKilled(Exception):
    """The operating system killed the decoder (out of memory?): try again later."""


@dataclass(frozen=True)
class DecodeLimits:
    seconds: float
    memory_bytes: int


@dataclass
class _Child:
    process: "subprocess.Popen[bytes]"
    images_decoded: int = 0


@dataclass
class Decoder:
    """A pool of decode children, one for each thread that asks at the same time."""

    limits: DecodeLimits
    _idle: "queue.SimpleQueue[_Child]" = field(default_factory=queue.SimpleQueue)

    def start_ahead(self) -> None:
        """Start a child before anyone asks: what it imports takes longer than most images."""
        if self._idle.empty():
            self._idle.put(_Child(_start(self.limits)))

    def decode(self, encoded: bytes) -> list[Radiograph]:
        """The radiographs of one DICOM file, a frame each.

        Raises NotAssessable with the reason where the file is at fault (a decoder that died on it
        or never ended included), DecoderKilled where the machine is.
        """
        return self._answer(Question("radiographs"), encoded, decode_radiographs)

    def decode_any(self, encoded: bytes) -> list[Radiograph]:
        """Those of a DICOM image that the rules cover, of a PNG or of a JPEG; raises as `decode`.

        The kind is known by the content; a picture's EXIF orientation is applied.
        """
        return self._answer(Question("any_radiographs"), encoded, decode_radiographs)

    def stored_frame(self, encoded: bytes, frame: int = 1) -> StoredFrame:
        """The stored values of one frame (1-based) of a DICOM file; raises as `decode` does."""
        return self._answer(Question("stored_frame", frame), encoded, decode_stored_frame)

    def _answer(
        self, question: Question, encoded: bytes, understood: Callable[[bytearray], Answer]
    ) -> Answer:
        child = self._borrow()
        try:
            answer = understood(_ask(child.process, question, encoded, self.limits))
        except NotAssessable:
            self._give_back(child)
            raise
        except (EOFError, BrokenPipeError):
            raise _death(child.process) from None
        except TimeoutError:
            reason = f"decoding did not end within {self.limits.seconds:g} seconds"
            raise _given_up(child.process, reason) from None
        except NoAnswer:
            raise _given_up(child.process, "what the decoder answers makes no sense") from None
        except BaseException:
            _end(child.process)
            raise
        self._give_back(child)
        return answer

    def close(self) -> None:
        while not self._idle.empty():
            _end(self._idle.get().process)

    def _borrow(self) -> _Child:
        while True:
            try:
                child = self._idle.get_nowait()
            except queue.Empty:
                return _Child(_start(self.limits))
            if child.process.poll() is None:
                return child

    def _give_back(self, child: _Child) -> None:
        child.images_decoded += 1
        is_old = child.images_decoded >= _IMAGES_PER_CHILD
        kept_bytes = _address_space_bytes(child.process) - _BARE_CHILD_BYTES
        if is_old or kept_bytes > _KEPT_SHARE * self.limits.memory_bytes:
            _end(child.process)
        else:
            self._idle.put(child)


def _start(limits: DecodeLimits) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "model.decoding.child"]
    return subprocess.Popen(
        [*command, str(limits.memory_bytes), str(limits.seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # codecs print values of the file they choke on
        env=_environment(),
        bufsize=0,
    )


def _environment() -> dict[str, str]:
    """Ours without the node's settings, a database's password perhaps among them."""
    kept = {name: one for name, one in os.environ.items() if not name.startswith(_SETTINGS)}
    return kept | _ONE_THREAD


def _address_space_bytes(process: "subprocess.Popen[bytes]") -> int:
    """What the process has mapped, proc(5)."""
    pages = Path(f"/proc/{process.pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def _ask(
    process: "subprocess.Popen[bytes]", question: Question, encoded: bytes, limits: DecodeLimits
) -> bytearray:
    assert process.stdin is not None and process.stdout is not None
    deadline = time.monotonic() + limits.seconds
    _write(process.stdin, encode_question(question, len(encoded)), deadline)
    _write(process.stdin, encoded, deadline)
    length = int.from_bytes(_read(process.stdout, 8, deadline), "big")
    if length > limits.memory_bytes:  # it cannot hold what it announces
        raise NoAnswer
    return _read(process.stdout, length, deadline)


def _write(pipe: IO[bytes], data: bytes, deadline: float) -> None:
    os.set_blocking(pipe.fileno(), False)
    view = memoryview(data)
    while view:
        _wait(pipe, select.POLLOUT, deadline)
        view = view[os.write(pipe.fileno(), view) :]


def _read(pipe: IO[bytes], length: int, deadline: float) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        _wait(pipe, select.POLLIN, deadline)
        count = os.readv(pipe.fileno(), [view])
        if not count:
            raise EOFError
        view = view[count:]
    return data


def _wait(pipe: IO[bytes], event: int, deadline: float) -> None:
    poller = select.poll()
    poller.register(pipe.fileno(), event)
    left = deadline - time.monotonic()
    if left <= 0 or not poller.poll(left * 1000):
        raise TimeoutError


def _death(process: "subprocess.Popen[bytes]") -> Exception:
    """What became of a child that hung up."""
    try:
        process.wait(_DEATH_SECONDS)
    except subprocess.TimeoutExpired:
        return _given_up(process, "the decoder stopped answering on this file")
    _close_pipes(process)
    log.warning("decode_child_died", returncode=process.returncode)
    if process.returncode == -signal.SIGKILL:
        return DecoderKilled("the decoder was killed by the operating system")
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return NotAssessable(f"the decoder died on this file ({name})")
    return NotAssessable(f"the decoder ended on this file (exit status {process.returncode})")


def _given_up(process: "subprocess.Popen[bytes]", reason: str) -> NotAssessable:
    _end(process)
    log.warning("decode_child_ended", reason=reason)
    return NotAssessable(reason)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    _close_pipes(process)


def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
