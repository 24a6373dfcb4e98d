"""Pictures in folders whose names are their labels: fractured or not, or a fracture type."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from model.datasets.data_set import ImageUnfit, gather
from model.datasets.folder_words import (
    is_known_type,
    is_shelf,
    region_named,
    says_fractured,
    split_named,
    type_named,
)
from model.datasets.labelled import LabelledImage, flags_of
from model.datasets.layout import Labels, Layout
from model.datasets.tree import PICTURES, files_below

# Roboflow writes NAME_jpg.rf.HASH.jpg for each copy it made; other sets NAME-rotated2.jpg.
_COPY_MARK = re.compile(r"(\.rf\.[0-9a-f]+$)|((-rotated\d+)+$)", re.IGNORECASE)
_NOTE_PATIENTS = (
    "Patients are not told: each picture is a group of its own, but for marked copies of one "
    "picture. Look for duplicates before splitting."
)
_NOTE_TYPES = "Types are folder names; whatever is in a type's folder counts as fractured."


@dataclass(frozen=True, slots=True)
class _Words:
    """What the folders above a picture say."""

    split: str
    fractured: bool | None
    fracture_type: str | None
    region: str | None


def _read_words(folders: tuple[str, ...]) -> _Words:
    splits = [word for word in map(split_named, folders) if word]
    answers = [word for word in map(says_fractured, folders) if word is not None]
    regions = [word for word in map(region_named, folders) if word]
    fracture_type = _type(folders)
    fractured = answers[-1] if answers else (True if fracture_type else None)
    return _Words(
        split=splits[0] if splits else "",
        fractured=fractured,
        fracture_type=fracture_type if fractured else None,
        region=regions[-1] if regions else None,
    )


def _type(folders: tuple[str, ...]) -> str | None:
    """The innermost known type; else the innermost folder that says nothing else."""
    known = [name for name in folders if is_known_type(name)]
    other = [name for name in folders if not _says_other(name)]
    return type_named((known or other)[-1]) if known or other else None


def _says_other(name: str) -> bool:
    answer = says_fractured(name) is not None
    return bool(answer or split_named(name) or region_named(name) or is_shelf(name))


def _folders(root: Path, path: Path) -> tuple[str, ...]:
    return path.relative_to(root).parts[:-1]


def _labelling_names(folder: Path) -> set[str]:
    files = files_below(folder, PICTURES)
    return {name for path in files for name in _folders(folder, path)}


def _fits_two_folders(folder: Path) -> bool:
    names = _labelling_names(folder)
    answers = {says_fractured(name) for name in names}
    return {True, False} <= answers and not any(map(is_known_type, names))


def _fits_class_folders(folder: Path) -> bool:
    return any(map(is_known_type, _labelling_names(folder)))


def _read(folder: Path, typed: bool, notes: tuple[str, ...]) -> Labels:
    files = list(files_below(folder, PICTURES))
    name_group = _group_of_copies if any(_COPY_MARK.search(path.stem) for path in files) else _own
    found = gather(files, Path, partial(_labelled_image, folder, name_group))
    images = found.images if typed else [replace(one, fracture_type=None) for one in found.images]
    return Labels(tuple(images), found.dropped, notes)


def _labelled_image(root: Path, name_group: Callable[[Path], str], path: Path) -> LabelledImage:
    inside = path.relative_to(root)
    words = _read_words(inside.parts[:-1])
    if words.fractured is None:
        raise ImageUnfit("no folder above it names a label")
    return LabelledImage(
        path=path,
        group=name_group(inside),
        split=words.split,
        fractured=words.fractured,
        regions=flags_of(words.region) if words.region else (),
        fracture_type=words.fracture_type,
    )


def _own(inside: Path) -> str:
    return inside.as_posix()


def _group_of_copies(inside: Path) -> str:
    """Copies of one picture share it, on whichever side of a split they were put."""
    label = [name for name in inside.parts[:-1] if not split_named(name)]
    return "/".join([*label, _COPY_MARK.sub("", inside.stem)])


TWO_FOLDERS = Layout(
    name="two-folders",
    signs="two folders of pictures, such as fractured/ and not_fractured/, with or without "
    "train/, val/ and test/ above or below them",
    fits=_fits_two_folders,
    read=partial(_read, typed=False, notes=(_NOTE_PATIENTS,)),
)
CLASS_FOLDERS = Layout(
    name="class-folders",
    signs="a folder of pictures for each fracture type, such as Spiral fracture/, and perhaps "
    "normal/, with or without train/, val/ and test/ above or below them",
    fits=_fits_class_folders,
    read=partial(_read, typed=True, notes=(_NOTE_TYPES, _NOTE_PATIENTS)),
)
