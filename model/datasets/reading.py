"""Reads a folder of labelled radiographs, in whichever known layout it is."""

import errno
import os
from dataclasses import replace
from pathlib import Path

from model.datasets.bone_break import BONE_BREAK
from model.datasets.data_set import (
    DataSet,
    DataSetEmpty,
    ImageUnfit,
    LayoutUnknown,
    commonest_reasons,
    gather,
)
from model.datasets.dicom_table import DICOM_TABLE
from model.datasets.fracatlas import FRACATLAS
from model.datasets.fracatlas_original import FRACATLAS_ORIGINAL
from model.datasets.images import read_image
from model.datasets.labelled import LabelledImage, Rectangle
from model.datasets.layout import Layout
from model.datasets.mura import MURA
from model.datasets.named_folders import CLASS_FOLDERS, TWO_FOLDERS
from model.not_assessable import NotAssessable

# The first that fits is taken: the particular before the general.
LAYOUTS = (
    *(FRACATLAS, FRACATLAS_ORIGINAL, MURA, BONE_BREAK, DICOM_TABLE),
    *(CLASS_FOLDERS, TWO_FOLDERS),
)


def read_data_set(folder: Path) -> DataSet:
    """Every usable image with its labels; each image is opened once, so that none fails later."""
    layout = recognise(folder)
    labels = layout.read(folder)
    name = folder.resolve().name
    usable = gather(labels.images, lambda image: image.path, _checked)
    images = tuple(replace(image, group=f"{name}/{image.group}") for image in usable.images)
    dropped = (*labels.dropped, *usable.dropped)
    if not images:
        reasons = commonest_reasons(dropped) or "no image was found"
        raise DataSetEmpty(f"nothing in {folder} can be used: {reasons}")
    return DataSet(name, layout.name, images, dropped, labels.notes)


def recognise(folder: Path) -> Layout:
    """The layout whose signs the folder shows."""
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    for layout in LAYOUTS:
        if layout.fits(folder):
            return layout
    signs = "\n".join(f"- {layout.signs}" for layout in LAYOUTS)
    raise LayoutUnknown(f"no known layout fits {folder}. These were looked for:\n{signs}")


def _checked(image: LabelledImage) -> LabelledImage:
    """The image as it is on disk: read whole, its boxes inside it."""
    if not image.path.is_file():
        raise ImageUnfit("there is no such file")
    try:
        rows, columns = read_image(image.path).pixels.shape
    except NotAssessable as refusal:
        raise ImageUnfit(str(refusal)) from refusal
    if image.size not in (None, (rows, columns)):
        raise ImageUnfit("its boxes were drawn on a picture of another size")
    boxes = tuple(_inside(box, rows, columns) for box in image.boxes)
    return replace(image, size=(rows, columns), boxes=boxes)


def _inside(box: Rectangle, rows: int, columns: int) -> Rectangle:
    x0, y0 = max(box[0], 0.0), max(box[1], 0.0)
    x1, y1 = min(box[2], float(columns)), min(box[3], float(rows))
    if not (x0 < x1 and y0 < y1):
        raise ImageUnfit("a box lies outside the picture")
    return x0, y0, x1, y1
