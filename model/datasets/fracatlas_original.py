"""FracAtlas as its authors publish it: pictures in two folders, dataset.csv, annotations."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from model.datasets.annotations import Marked, read_coco, read_voc
from model.datasets.data_set import ImageUnfit, gather
from model.datasets.fracatlas import VIEWS
from model.datasets.label_table import Cells, flag, read_rows, told
from model.datasets.labelled import REGIONS, LabelledImage
from model.datasets.layout import Labels, Layout
from model.datasets.tree import PICTURES, files_below

LEAST_GROUP = 25  # pictures; most patients have fewer
_FRACTURED, _WHOLE = "Fractured", "Non_fractured"
_COLUMNS = ("image_id", "fractured", "hardware", "multiscan", *REGIONS, *VIEWS)
_NOTE_GROUPS = (
    "FracAtlas names no patients, and consecutive numbers are often one patient: runs of at least "
    f"{LEAST_GROUP} consecutive pictures are one group, ended only where the body region changes. "
    "Look for duplicates too: some pictures come back under distant numbers."
)


@dataclass(frozen=True, slots=True)
class _Source:
    """Everything that is known before a picture is labelled."""

    table: Mapping[str, Cells]
    marked: Mapping[str, Marked]
    groups: Mapping[str, str]


def _root(folder: Path) -> Path:
    inner = folder / "FracAtlas"
    return inner if inner.is_dir() else folder


def _fits(folder: Path) -> bool:
    images = _root(folder) / "images"
    return (images / _FRACTURED).is_dir() and (images / _WHOLE).is_dir()


def _read(folder: Path) -> Labels:
    root = _root(folder)
    files = sorted(files_below(root / "images", PICTURES), key=_number)
    table = {row["image_id"]: row for row in read_rows(root / "dataset.csv", _COLUMNS)}
    source = _Source(table, _annotations(root), _groups(files, table))
    found = gather(files, Path, partial(_labelled_image, source))
    return Labels(found.images, found.dropped, (_NOTE_GROUPS, *_corrections(found.images, table)))


def _annotations(root: Path) -> dict[str, Marked]:
    """By file name; COCO first, for its corners are not rounded."""
    marked = read_voc(root / "Annotations" / "PASCAL VOC")
    marked.update(read_coco(root / "Annotations" / "COCO JSON"))
    return marked


def _labelled_image(source: _Source, path: Path) -> LabelledImage:
    """The folder decides, for the annotations agree with it and the table does not always."""
    row = source.table.get(path.name)
    if row is None:
        raise ImageUnfit("dataset.csv has no row for it")
    marked = source.marked.get(path.name, Marked())
    fractured = path.parent.name == _FRACTURED
    if marked.boxes and not fractured:
        raise ImageUnfit(f"it lies in {_WHOLE}, but the annotations mark a fracture")
    return LabelledImage(
        path=path,
        group=source.groups[path.name],
        split="",
        fractured=fractured,
        regions=tuple(float(flag(row, region)) for region in REGIONS),
        boxes=marked.boxes,
        hardware=told(row, "hardware"),
        views=tuple(view for view in VIEWS if told(row, view)),
        multiscan=told(row, "multiscan"),
        size=marked.size if marked.boxes else None,
    )


def _groups(files: list[Path], table: Mapping[str, Cells]) -> dict[str, str]:
    """A name for each run of consecutive numbers, long enough to hold whole patients."""
    groups: dict[str, str] = {}
    first, length, before = "", 0, None
    for path in files:
        region = _region(table.get(path.name, {}))
        if not first or (length >= LEAST_GROUP and region != before):
            first, length = path.stem, 0
        groups[path.name] = first
        length, before = length + 1, region
    return groups


def _region(row: Cells) -> tuple[str, ...]:
    return tuple(row.get(region, "") for region in REGIONS)


def _number(path: Path) -> tuple[int, str]:
    digits = re.sub(r"\D", "", path.stem)
    return int(digits or 0), path.name


def _corrections(images: tuple[LabelledImage, ...], table: Mapping[str, Cells]) -> Iterator[str]:
    for image in images:
        if (table[image.path.name]["fractured"] == "1") is not image.fractured:
            folder = image.path.parent.name
            yield f"dataset.csv contradicts the folder of {image.path.name}: it is in {folder}."


FRACATLAS_ORIGINAL = Layout(
    name="fracatlas-original",
    signs="FracAtlas as published: [FracAtlas/]images/Fractured, images/Non_fractured, "
    "dataset.csv, Annotations/",
    fits=_fits,
    read=_read,
)
