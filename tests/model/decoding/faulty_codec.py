"""A codec with a native fault, for decode children: what it does is written into the image.

Put on a child's path as `sitecustomize`, it stands where pydicom's decoders stand and obeys the
element Image Comments, as a real codec obeys the bytes of a hostile codestream.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from typing import Any

import pydicom.pixels

_sound = pydicom.pixels.iter_pixels
_GARBAGE = {"garbage": b"\xff" * 64, "wrong head": (64).to_bytes(8, "big") + b"\0\0\0\4nope" * 8}


def _iter_pixels(dataset: Any, **options: Any) -> Any:
    fault = str(dataset.get("ImageComments", ""))
    if fault == "segmentation fault":
        ctypes.string_at(0)
    elif fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "exit":
        sys.exit(3)
    elif fault == "hang":
        time.sleep(3600)
    elif fault == "memory":
        bytearray(64 << 30)
    elif fault == "deaf":
        _close_everything()
        time.sleep(3600)
    elif fault == "chatty":
        os.write(1, b"CODEC WARNING: strange marker\n")
    elif fault in _GARBAGE:
        _write_everywhere(_GARBAGE[fault])
    return _sound(dataset, **options)


def _write_everywhere(data: bytes) -> None:
    for descriptor in range(64):
        with contextlib.suppress(OSError):
            os.write(descriptor, data)


def _close_everything() -> None:
    os.closerange(0, 64)


pydicom.pixels.iter_pixels = _iter_pixels
