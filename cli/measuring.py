"""What the commands that measure share: reading labels, judging with a progress bar, refusals."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.exits import Exit, Leave, missing_files_named
from cli.progress import with_progress

if TYPE_CHECKING:
    from model.classifier import FractureClassifier
    from model.datasets.labelled import LabelledImage
    from model.evaluation.measure import Unread
    from model.evaluation.measured import Measured

EVERY_PART = "all"


@contextmanager
def training_packages_there() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise Leave(Exit.USAGE, f"measuring needs {error.name}: run `make setup`") from error


@contextmanager
def judged_images_needed() -> Iterator[None]:
    from model.evaluation.summary import NothingJudged

    try:
        yield
    except NothingJudged as error:
        raise Leave(Exit.NOTHING_FOUND, str(error)) from error


@contextmanager
def written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{folder}: {error.strerror}") from error


def make_folder(folder: Path) -> None:
    """Before the images are measured: that takes minutes."""
    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)


def labelled_images(data: Path, split: str) -> "list[LabelledImage]":
    """Of one part; no image is opened yet."""
    from model.datasets.data_set import DataSetRefused
    from model.datasets.labelled import of_split
    from model.datasets.reading import recognise

    with missing_files_named():
        try:
            labelled = recognise(data).read(data).images
        except DataSetRefused as error:
            raise Leave(Exit.INPUT_UNREADABLE, str(error)) from error
    images = list(labelled) if split == EVERY_PART else of_split(labelled, split)
    if not images:
        parts = ", ".join(sorted({image.split or "no name" for image in labelled})) or "none"
        raise Leave(
            Exit.NOTHING_FOUND,
            f"{data} has no images in its part {split!r}; its parts: {parts}. "
            f"`--split {EVERY_PART}` takes every image",
        )
    return images


def measure_all(
    classifier: "FractureClassifier", images: "list[LabelledImage]"
) -> "tuple[list[Measured], list[Unread]]":
    from model.evaluation.measure import Unread, measure_each

    measured: list[Measured] = []
    unread: list[Unread] = []
    for row in with_progress(measure_each(classifier, images), len(images), "images"):
        if isinstance(row, Unread):
            unread.append(row)
        else:
            measured.append(row)
    return measured, unread


def measure_both(
    classifiers: "tuple[FractureClassifier, FractureClassifier]", images: "list[LabelledImage]"
) -> "tuple[list[tuple[Measured, Measured]], list[Unread]]":
    from model.evaluation.measure import Unread, measure_each

    pairs: list[tuple[Measured, Measured]] = []
    unread: list[Unread] = []
    rows = zip(*(measure_each(classifier, images) for classifier in classifiers), strict=True)
    for one, other in with_progress(rows, len(images), "images"):
        if isinstance(one, Unread):
            unread.append(one)
        elif not isinstance(other, Unread):
            pairs.append((one, other))
    return pairs, unread


def report_unread(unread: "list[Unread]") -> Exit:
    """Each unreadable file is named on stderr."""
    for one in unread:
        typer.echo(f"osteon: {one.image.path.name}: {one.reason}", err=True)
    return Exit.INPUT_UNREADABLE if unread else Exit.DONE
