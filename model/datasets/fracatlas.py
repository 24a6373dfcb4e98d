"""FracAtlas as this project keeps it: images/, labels.csv and boxes.csv."""

import csv
from collections import defaultdict
from pathlib import Path

from model.datasets.labelled import REGIONS, LabelledImage, Rectangle

_VIEWS = ("frontal", "lateral", "oblique")


def read_labels(folder: Path) -> list[LabelledImage]:
    """All images but the truncated: none of those is fractured, so their flat band is a label."""
    boxes = _read_boxes(folder / "boxes.csv")
    with (folder / "labels.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["truncated"] == "0"]
    return [_labelled_image(folder / "images", row, boxes) for row in rows]


def _read_boxes(path: Path) -> dict[str, list[Rectangle]]:
    boxes: dict[str, list[Rectangle]] = defaultdict(list)
    with path.open(newline="") as table:
        for row in csv.DictReader(table):
            x0, y0, x1, y1 = (float(row[key]) for key in ("x0", "y0", "x1", "y1"))
            boxes[row["image_id"]].append((x0, y0, x1, y1))
    return boxes


def _labelled_image(
    folder: Path, row: dict[str, str], boxes: dict[str, list[Rectangle]]
) -> LabelledImage:
    return LabelledImage(
        path=folder / row["image_id"],
        group=row["group"],
        split=row["split"],
        fractured=row["fractured"] == "1",
        regions=tuple(float(row[region]) for region in REGIONS),
        boxes=tuple(boxes.get(row["image_id"], ())),
        hardware=row["hardware"] == "1",
        views=tuple(view for view in _VIEWS if row[view] == "1"),
        multiscan=row["multiscan"] == "1",
    )
