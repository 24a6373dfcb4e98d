"""Files that may be radiographs: found in folders, and read while others are being judged."""

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydicom.misc import is_dicom

from model.radiograph import (
    DICOM_SUFFIXES,
    NotAssessable,
    Radiograph,
    holds_dicom,
    read_dicom,
    read_picture,
)
from model.radiograph_file import refuse_uncovered

STDIN = Path("-")
_SUFFIXES = DICOM_SUFFIXES | {".png", ".jpg", ".jpeg"}
_DICOM_INDEX = "DICOMDIR"
# Files in memory at a time, decoded: as many as the network is asked about at once.
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class RadiographFile:
    """A file's frames, or the reason why there are none."""

    path: Path
    radiographs: tuple[Radiograph, ...] = ()
    reason: str | None = None


def find_files(places: Iterable[Path]) -> Iterator[Path]:
    """Files as they are named, folders searched to their depths; `-` is a list on stdin."""
    for place in places:
        if place == STDIN:
            yield from find_files(_named_on_stdin())
        elif place.is_dir():
            yield from _in_folder(place)
        else:
            yield place


def _named_on_stdin() -> Iterator[Path]:
    """One a line, each as soon as it comes."""
    for line in sys.stdin.buffer:
        if name := os.fsdecode(line.rstrip(b"\r\n")):
            yield Path("./-" if name == "-" else name)


def _in_folder(folder: Path) -> list[Path]:
    """Sorted; a file may be DICOM without saying so in its name."""
    found = [path for path in folder.rglob("*") if _is_candidate(path, folder)]
    return sorted(found)


def _is_candidate(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    if hidden or path.name == _DICOM_INDEX or not path.is_file():
        return False
    return path.suffix.lower() in _SUFFIXES or _looks_like_dicom(path)


def _looks_like_dicom(path: Path) -> bool:
    try:
        return bool(is_dicom(path))
    except OSError:
        return True  # the reader will say what is wrong with it


def read_ahead(paths: Iterator[Path]) -> Iterator[list[RadiographFile]]:
    """The files in their order, in groups: those that were read while the last was judged."""
    with ThreadPoolExecutor(1) as reader:
        ahead = deque(reader.submit(_read_next, paths) for _ in range(_AHEAD))
        while group := _take(ahead):
            yield group
            ahead.extend(reader.submit(_read_next, paths) for _ in group)


def _take(ahead: "deque[Future[RadiographFile | None]]") -> list[RadiographFile]:
    """The next file and those behind it that are there already; nothing at the end."""
    taken = [ahead.popleft().result()]
    while ahead and ahead[0].done():
        taken.append(ahead.popleft().result())
    return [file for file in taken if file is not None]


def _read_next(paths: Iterator[Path]) -> RadiographFile | None:
    path = next(paths, None)
    if path is None:
        return None
    try:
        return RadiographFile(path, tuple(_read(path)))
    except NotAssessable as refusal:
        return RadiographFile(path, reason=str(refusal))


def _read(path: Path) -> list[Radiograph]:
    if not holds_dicom(path):
        return [read_picture(path)]
    refuse_uncovered(path)
    return read_dicom(path)
