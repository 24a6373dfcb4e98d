"""What every layout of a data set has: signs to know it by, and a way to read it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.datasets.data_set import Dropped
from model.datasets.labelled import LabelledImage


@dataclass(frozen=True, slots=True)
class Labels:
    """What a layout's tables and folders say, before any image was opened."""

    images: tuple[LabelledImage, ...]
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which labelled radiographs lie in a folder."""

    name: str
    signs: str  # what it is known by, for a person whose folder was not recognised
    fits: Callable[[Path], bool]
    read: Callable[[Path], Labels]
