"""The disposable process that decodes hostile pixels: files in on stdin, pixels out on stdout.

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
from typing import BinaryIO

# What pydicom would fetch its test files with: a seventh of the start, and nothing is fetched here.
sys.modules["requests"] = None  # type: ignore[assignment]

from model.decoding.wire import Question, encode_reason, read_question, write_answer  # noqa: E402
from model.radiograph import NotAssessable, Radiograph, read_dicom  # noqa: E402
from model.radiograph_file import read_file  # noqa: E402
from model.stored_frame import StoredFrame, read_stored_frame  # noqa: E402

# The parent gives up first and says why; the alarm is for a child whose parent is gone.
_ALARM_GRACE_SECONDS = 5


def main() -> None:
    memory_bytes, decode_seconds = int(sys.argv[1]), float(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold patient data
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a chatty codec must not write into answers
    while asked := read_question(sys.stdin.buffer):
        signal.alarm(math.ceil(decode_seconds) + _ALARM_GRACE_SECONDS)
        _answer(*asked, answers, memory_bytes // 4)
        signal.alarm(0)


def _answer(question: Question, encoded: bytes, answers: BinaryIO, max_bytes: int) -> None:
    try:
        found = _decode(question, io.BytesIO(encoded), max_bytes)
    except NotAssessable as refusal:
        answers.write(encode_reason(str(refusal)))
    except MemoryError:
        answers.write(encode_reason("decoding needs more memory than one image is given"))
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as problem:  # noqa: BLE001 - a file's own boundary: codecs in Rust panic
        answers.write(encode_reason(f"the image cannot be decoded ({_name(problem)})"))
    else:
        write_answer(answers, found)
    answers.flush()


def _name(problem: BaseException) -> str:
    return type(problem).__name__


def _decode(question: Question, file: BinaryIO, max_bytes: int) -> list[Radiograph] | StoredFrame:
    if question.wanted == "stored_frame":
        return read_stored_frame(file, question.frame, max_bytes)
    if question.wanted == "any_radiographs":
        return read_file(file, max_bytes)
    return read_dicom(file, max_bytes)


if __name__ == "__main__":
    main()
