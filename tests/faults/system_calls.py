"""What strace saw of a process: the steps of a receive and of a delivery, in their order."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import require_program
from tests.waiting import wait_for

_ATTACH_SECONDS = 60
_CALLS = "trace=fsync,fdatasync,rename,sendto,recvfrom"
_UNFINISHED = re.compile(r"(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)$")
_WHOLE = re.compile(r"(\d+) +(\w+\(.*)$")
# As strace prints the command fields of a C-STORE request and of its response (PS3.7 E.1).
_C_STORE_RQ = r"\0\0\0\1\2\0\0\0\1\0"
_C_STORE_RSP = r"\0\0\0\1\2\0\0\0\1\200"
_STEPS = {
    "file synced": r"fsync\(\d+<[^>]*/incoming/",
    "file renamed": r"rename\(.*/incoming/.*/kept/",
    "folder synced": r"fsync\(\d+<[^>]*/kept/..>",
    "committed": r'f(data)?sync\(\d+<[^>]*ledger\.sqlite-wal|recvfrom\(.*"C\\0\\0\\0\\vCOMMIT',
    "request sent": r'sendto\(\d+<[^>]*>, "\\4\\0.*' + re.escape(_C_STORE_RQ),
    "answer sent": r'sendto\(\d+<[^>]*>, "\\4\\0.*' + re.escape(_C_STORE_RSP),
}


@dataclass(frozen=True)
class Call:
    """A step that a thread took; `text` is strace's line of it."""

    thread: str
    step: str
    text: str


@contextmanager
def traced(trace: Path, *process_ids: int) -> Iterator[None]:
    """What the processes' threads ask of the system meanwhile is written to `trace`."""
    strace = require_program("strace", "strace")
    options = ["-f", "-y", "-s", "400", "-e", _CALLS, "-o", str(trace)]
    options += [part for process_id in process_ids for part in ("-p", str(process_id))]
    tracer = subprocess.Popen([strace, *options], stderr=subprocess.DEVNULL)
    for process_id in process_ids:
        status = Path(f"/proc/{process_id}/status")
        traced_by = f"TracerPid:\t{tracer.pid}\n"
        wait_for(lambda: traced_by in status.read_text(), "strace", _ATTACH_SECONDS)  # noqa: B023
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()


def steps_in(trace: Path) -> list[Call]:
    """What was sent is there from the moment it was begun, all else once it was done."""
    return [
        Call(thread, step, line)
        for thread, line in _calls(trace.read_text(errors="replace").splitlines())
        if (step := _step(line))
    ]


def _step(line: str) -> str | None:
    return next((step for step, pattern in _STEPS.items() if re.match(pattern, line)), None)


def _calls(lines: list[str]) -> Iterator[tuple[str, str]]:
    begun: dict[str, str] = {}
    for line in lines:
        if unfinished := _UNFINISHED.match(line):
            thread, text = unfinished.groups()
            if text.startswith("sendto"):
                yield thread, text
            else:
                begun[thread] = text
        elif resumed := _RESUMED.match(line):
            thread, text = resumed.groups()
            if thread in begun:
                yield thread, begun.pop(thread) + text
        elif whole := _WHOLE.match(line):
            thread, text = whole.groups()
            yield thread, text
