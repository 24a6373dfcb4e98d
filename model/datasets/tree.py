"""Files below a folder, each once, however its links run."""

import os
from collections.abc import Iterator
from pathlib import Path

PICTURES = (".png", ".jpg", ".jpeg")


def files_below(folder: Path, suffixes: tuple[str, ...] = ()) -> Iterator[Path]:
    """Files with these suffixes (none given: all), in order; links are followed, loops are not.

    Hidden files are passed over: archives made on a Mac carry a `._image1.png` for each image.
    """
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if _new(Path(place, name), seen))
        for name in sorted(names):
            if not name.startswith(".") and (not suffixes or name.lower().endswith(suffixes)):
                yield Path(place, name)


def _new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Not hidden, and not met before under this or another name."""
    if folder.name.startswith((".", "__MACOSX")):
        return False
    try:
        status = folder.stat()
    except OSError:  # a link to nowhere, or to itself
        return False
    known = (status.st_dev, status.st_ino) in seen
    seen.add((status.st_dev, status.st_ino))
    return not known
