"""Bone Break as this project keeps it: images/ and labels.csv with a type for every image."""

from functools import partial
from pathlib import Path

from model.datasets.data_set import ImageUnfit, gather
from model.datasets.folder_words import type_named
from model.datasets.label_table import Cells, columns_of, read_rows
from model.datasets.labelled import LabelledImage
from model.datasets.layout import Labels, Layout

_COLUMNS = ("image_id", "fracture_type", "dup_group")
_NOTES = (
    "Every image is fractured: this set can teach types, not whether a bone is broken.",
    "The images look collected from the web; their rights are not verified.",
)


def _fits(folder: Path) -> bool:
    return {"image_id", "fracture_type"} <= columns_of(folder / "labels.csv")


def _read(folder: Path) -> Labels:
    rows = read_rows(folder / "labels.csv", _COLUMNS)
    found = gather(rows, partial(_path, folder), partial(_labelled_image, folder))
    return Labels(found.images, found.dropped, _NOTES)


def _path(folder: Path, row: Cells) -> Path:
    return folder / "images" / row["image_id"]


def _labelled_image(folder: Path, row: Cells) -> LabelledImage:
    if not row["fracture_type"]:
        raise ImageUnfit("fracture_type is not told")
    return LabelledImage(
        path=_path(folder, row),
        group=row["dup_group"] or row["image_id"],
        split=row.get("split", ""),
        fractured=True,
        regions=(),
        fracture_type=type_named(row["fracture_type"]),
    )


BONE_BREAK = Layout(
    name="bone-break",
    signs="Bone Break: labels.csv with image_id, fracture_type, dup_group, and images/",
    fits=_fits,
    read=_read,
)
