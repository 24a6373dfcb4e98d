"""A data set as it was read: its images, what was left out and why, and what to know of it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from model.datasets.labelled import LabelledImage

Row = TypeVar("Row")


class DataSetRefused(Exception):
    """The folder cannot be used as it is; the message says what to mend."""


class LayoutUnknown(DataSetRefused):
    """No layout fits the folder; the message lists what was looked for."""


class LabelsUnfit(DataSetRefused):
    """A file of labels is absent or damaged, or lacks a column."""


class DataSetEmpty(DataSetRefused):
    """Nothing usable is left; the message says why."""


class ImageUnfit(Exception):
    """One image or row is left out; the message is the reason."""


class Dropped(NamedTuple):
    """An image that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """Labelled radiographs of one source; nothing that was found there goes unmentioned."""

    name: str
    layout: str
    images: tuple[LabelledImage, ...]
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


class Gathered(NamedTuple):
    """What came of a number of rows."""

    images: tuple[LabelledImage, ...]
    dropped: tuple[Dropped, ...]


def gather(
    rows: Iterable[Row], place: Callable[[Row], Path], label: Callable[[Row], LabelledImage]
) -> Gathered:
    """Label every row, or drop it with the reason that ImageUnfit gives."""
    images: list[LabelledImage] = []
    dropped: list[Dropped] = []
    for row in rows:
        try:
            images.append(label(row))
        except ImageUnfit as reason:
            dropped.append(Dropped(place(row), str(reason)))
    return Gathered(tuple(images), tuple(dropped))


def commonest_reasons(dropped: Iterable[Dropped], number: int = 3) -> str:
    """The reasons met most often, in words."""
    reasons = Counter(one.reason for one in dropped).most_common(number)
    return "; ".join(f"{count} × {reason}" for reason, count in reasons)
