"""Makes system calls of chosen processes fail and steps their clocks, as shim.c is told to."""

import mmap
import struct
import subprocess
from enum import IntFlag
from pathlib import Path

from tests.services import require_program

_SOURCE = Path(__file__).with_name("shim.c")
_SIZE, _FOLDER_AT, _CLOCKS = 1024, 512, 8
_PID, _KINDS, _ERROR, _FIRST, _LAST, _COUNTED, _HITS = range(7)
_FOR_EVER = 1 << 40
EVERYBODY = -1


class Calls(IntFlag):
    """Kinds of system calls; a folder's descriptor is opened and synced like a file's."""

    OPEN = 1
    WRITE = 2
    SYNC = 4
    RENAME = 8
    ALL = 15


class Shim:
    """One control file, shared with every process that is started with `environment`."""

    def __init__(self, folder: Path) -> None:
        compiler = require_program("cc", "gcc")
        library, control = folder / "shim.so", folder / "control"
        options = ["-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
        subprocess.run([compiler, *options], check=True)
        control.write_bytes(bytes(_SIZE))
        self.environment = {"LD_PRELOAD": str(library), "FAULTS_CONTROL": str(control)}
        with control.open("r+b") as file:
            self._words = mmap.mmap(file.fileno(), _SIZE)

    def fail(
        self, process_id: int, error: int, folder: Path, calls: Calls, number: int | None = None
    ) -> None:
        """From now on the `number`-th such call on what begins with that path fails; None: each."""
        self.stop_failing()
        path = bytes(folder) + b"\0"
        self._words[_FOLDER_AT : _FOLDER_AT + len(path)] = path
        first, last = (1, _FOR_EVER) if number is None else (number, number)
        for place, value in ((_ERROR, error), (_FIRST, first), (_LAST, last), (_KINDS, calls)):
            self._set(place, value)
        for place in (_COUNTED, _HITS):
            self._set(place, 0)
        self._set(_PID, process_id)

    def stop_failing(self) -> None:
        self._set(_PID, 0)

    @property
    def hits(self) -> int:
        """How many calls have failed since they were to."""
        return self._get(_HITS)

    def step_clock(self, seconds: int, *process_ids: int) -> None:
        """The wall clock of these processes (of everybody, where none is named) is off by that."""
        self._words[8 * _CLOCKS : _FOLDER_AT] = bytes(_FOLDER_AT - 8 * _CLOCKS)
        for number, process_id in enumerate(process_ids or (EVERYBODY,)):
            self._set(_CLOCKS + 2 * number + 1, seconds)
            self._set(_CLOCKS + 2 * number, process_id)

    def _set(self, place: int, value: int) -> None:
        struct.pack_into("<q", self._words, 8 * place, value)

    def _get(self, place: int) -> int:
        return int(struct.unpack_from("<q", self._words, 8 * place)[0])
