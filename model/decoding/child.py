"""The disposable process that decodes hostile pixels: bytes in on stdin, radiographs out on stdout.

Run as `python -m model.decoding.child MEMORY_BYTES DECODE_SECONDS`. It opens no file and no
connection, has a bounded address space and ends itself when one image takes too long, so that a
decoder's fault, hang or bomb costs this process and nothing else.
"""

import io
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO

from model.decoding.wire import encode_reason, read_exactly, write_radiographs

# The parent gives up first and says why; the alarm is for a child whose parent is gone.
_ALARM_GRACE_SECONDS = 5


def main() -> None:
    memory_bytes, decode_seconds = int(sys.argv[1]), float(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold patient data
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a chatty codec must not write into answers
    for encoded in _requests(sys.stdin.buffer):
        signal.alarm(math.ceil(decode_seconds) + _ALARM_GRACE_SECONDS)
        _answer(encoded, answers, memory_bytes)
        signal.alarm(0)


def _requests(source: BinaryIO) -> Iterator[bytes]:
    while length := source.read(8):
        yield read_exactly(source, int.from_bytes(length, "big"))


def _answer(encoded: bytes, answers: BinaryIO, memory_bytes: int) -> None:
    from model.radiograph import NotAssessable, read_dicom

    try:
        radiographs = read_dicom(io.BytesIO(encoded), max_bytes=memory_bytes // 4)
    except NotAssessable as refusal:
        answers.write(encode_reason(str(refusal)))
    except MemoryError:
        answers.write(encode_reason("decoding needs more memory than one image is given"))
    except RecursionError:
        answers.write(encode_reason("sequences are nested too deeply"))
    else:
        write_radiographs(answers, radiographs)
    answers.flush()


if __name__ == "__main__":
    main()
