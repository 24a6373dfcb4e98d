"""DICOM files, anywhere below a folder, and a CSV that labels them."""

from collections import defaultdict
from functools import partial
from pathlib import Path

from model.datasets.data_set import ImageUnfit, LabelsUnfit, gather
from model.datasets.dicom_owners import Owners, files_by_uid
from model.datasets.folder_words import region_named, split_named, type_named
from model.datasets.label_table import (
    BOX_COLUMNS,
    Cells,
    columns_of,
    flag,
    read_rows,
    rectangle,
    told,
)
from model.datasets.labelled import LabelledImage, Rectangle, flags_of
from model.datasets.layout import Labels, Layout

_NAMES = ("sop_instance_uid", "file")
_NOTES = (
    "Groups are the table's patient or group, else the file's Patient ID, else its study; they "
    "are numbered, so that no ID is kept.",
)

Rows = list[dict[str, str]]  # of one image: a row for each of its boxes


def _table(folder: Path) -> Path | None:
    """The table whose columns name files; labels.csv before all others."""
    tables = sorted(folder.glob("*.csv"), key=lambda path: (path.name != "labels.csv", path.name))
    return next((path for path in tables if columns_of(path) & set(_NAMES)), None)


def _fits(folder: Path) -> bool:
    return _table(folder) is not None


def _read(folder: Path) -> Labels:
    table = _table(folder)
    if table is None:
        raise LabelsUnfit(f"no table in {folder} has a column sop_instance_uid or file")
    rows = _rows_by_image(read_rows(table, ("fractured",)))
    named_by_uid = any(_uid(image) for image in rows)
    places = files_by_uid(folder) if named_by_uid else {}
    labelled = partial(_labelled_image, folder, places, Owners())
    found = gather(rows, partial(_named, folder), labelled)
    return Labels(found.images, found.dropped, _NOTES)


def _rows_by_image(rows: Rows) -> list[Rows]:
    images: dict[str, Rows] = defaultdict(list)
    for row in rows:
        images[row.get("sop_instance_uid") or row.get("file", "")].append(row)
    return list(images.values())


def _uid(rows: Rows) -> str:
    return rows[0].get("sop_instance_uid", "")


def _named(folder: Path, rows: Rows) -> Path:
    """How an image is called that was not found: by its file, else by its UID."""
    return folder / (rows[0].get("file") or _uid(rows))


def _labelled_image(
    folder: Path, places: dict[str, Path], owners: Owners, rows: Rows
) -> LabelledImage:
    path = _place(folder, places, rows)
    fractured, boxes = _agreed(rows), _boxes(rows)
    fracture_type = rows[0].get("fracture_type", "")
    if not fractured and (boxes or fracture_type):
        raise ImageUnfit("labelled not fractured, but with a box or a fracture type")
    split = rows[0].get("split", "")
    return LabelledImage(
        path=path,
        group=owners.group_of(path, rows[0].get("patient") or rows[0].get("group", "")),
        split=split_named(split) or split,
        fractured=fractured,
        regions=_regions(rows[0].get("region", "")),
        boxes=boxes,
        fracture_type=type_named(fracture_type) if fracture_type else None,
        hardware=told(rows[0], "hardware"),
    )


def _place(folder: Path, places: dict[str, Path], rows: Rows) -> Path:
    uid, file = _uid(rows), rows[0].get("file", "")
    if not (uid or file):
        raise ImageUnfit("the row names no image")
    path = places.get(uid) if uid else folder / file
    if path is None:
        raise ImageUnfit("no file has this SOP Instance UID")
    return path


def _agreed(rows: Rows) -> bool:
    answers = {flag(row, "fractured") for row in rows}
    if len(answers) > 1:
        raise ImageUnfit("its rows disagree on fractured")
    return answers.pop()


def _boxes(rows: Rows) -> tuple[Rectangle, ...]:
    return tuple(rectangle(row) for row in rows if _has_box(row))


def _has_box(row: Cells) -> bool:
    return any(row.get(column) for column in BOX_COLUMNS)


def _regions(text: str) -> tuple[float, ...]:
    """One body part or several, with semicolons between them."""
    words = [word for word in text.split(";") if word.strip()]
    regions = [region_named(word) for word in words]
    if None in regions:
        raise ImageUnfit(f"the region {text!r} is not covered")
    return flags_of(*(region for region in regions if region)) if regions else ()


DICOM_TABLE = Layout(
    name="dicom-table",
    signs="DICOM files and a CSV: column sop_instance_uid or file, column fractured",
    fits=_fits,
    read=_read,
)
