"""FracAtlas as this project keeps it: images/, labels.csv and boxes.csv."""

from collections import defaultdict
from functools import partial
from pathlib import Path

from model.datasets.data_set import ImageUnfit, LabelsUnfit, gather
from model.datasets.label_table import (
    BOX_COLUMNS,
    Cells,
    columns_of,
    flag,
    read_rows,
    rectangle,
    told,
)
from model.datasets.labelled import REGIONS, LabelledImage, Rectangle
from model.datasets.layout import Labels, Layout

VIEWS = ("frontal", "lateral", "oblique")
_COLUMNS = (
    *("image_id", "split", "group", "fractured", "hardware", "multiscan", "truncated"),
    *REGIONS,
    *VIEWS,
)


def _fits(folder: Path) -> bool:
    return "image_id" in columns_of(folder / "labels.csv") and (folder / "boxes.csv").is_file()


def _read(folder: Path) -> Labels:
    rows = read_rows(folder / "labels.csv", _COLUMNS)
    boxes = _read_boxes(folder / "boxes.csv")
    found = gather(rows, partial(_path, folder), partial(_labelled_image, folder, boxes))
    return Labels(found.images, found.dropped)


def _read_boxes(path: Path) -> dict[str, list[Rectangle]]:
    boxes: dict[str, list[Rectangle]] = defaultdict(list)
    for number, row in enumerate(read_rows(path, ("image_id", *BOX_COLUMNS)), start=2):
        try:
            boxes[row["image_id"]].append(rectangle(row))
        except ImageUnfit as reason:
            raise LabelsUnfit(f"{path.name}, line {number}: {reason}") from reason
    return boxes


def _path(folder: Path, row: Cells) -> Path:
    return folder / "images" / row["image_id"]


def _labelled_image(folder: Path, boxes: dict[str, list[Rectangle]], row: Cells) -> LabelledImage:
    if flag(row, "truncated"):
        raise ImageUnfit("truncated JPEG data: its flat band would give the label away")
    return LabelledImage(
        path=_path(folder, row),
        group=row["group"],
        split=row["split"],
        fractured=flag(row, "fractured"),
        regions=tuple(float(flag(row, region)) for region in REGIONS),
        boxes=tuple(boxes.get(row["image_id"], ())),
        hardware=told(row, "hardware"),
        views=tuple(view for view in VIEWS if told(row, view)),
        multiscan=told(row, "multiscan"),
    )


FRACATLAS = Layout(
    name="fracatlas",
    signs="FracAtlas as this project keeps it: labels.csv with image_id, boxes.csv, images/",
    fits=_fits,
    read=_read,
)
