"""Boxes of fractures as COCO and PASCAL VOC write them."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from model.datasets.data_set import LabelsUnfit
from model.datasets.labelled import Rectangle
from model.datasets.tree import files_below

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError)


@dataclass(frozen=True, slots=True)
class Marked:
    """The boxes of one picture, and the rows and columns they were drawn on."""

    boxes: tuple[Rectangle, ...] = ()
    size: tuple[int, int] | None = None


def read_coco(folder: Path) -> dict[str, Marked]:
    """Of every COCO file in the folder, by the pictures' file names."""
    marked: dict[str, Marked] = {}
    for path in files_below(folder, (".json",)):
        try:
            marked.update(_of_coco(json.loads(path.read_text(encoding="utf-8"))))
        except _UNREADABLE as error:
            raise LabelsUnfit(f"{path.name} is not readable as COCO: {error!r}") from error
    return marked


def _of_coco(document: Mapping[str, Any]) -> dict[str, Marked]:
    boxes: dict[Any, list[Rectangle]] = defaultdict(list)
    for annotation in document["annotations"]:
        x, y, width, height = map(float, annotation["bbox"])
        boxes[annotation["image_id"]].append((x, y, x + width, y + height))
    return {
        image["file_name"]: Marked(
            tuple(boxes[image["id"]]), (int(image["height"]), int(image["width"]))
        )
        for image in document["images"]
    }


def read_voc(folder: Path) -> dict[str, Marked]:
    """Of every VOC file in the folder, by the pictures' file names."""
    marked: dict[str, Marked] = {}
    for path in files_below(folder, (".xml",)):
        try:
            # Python's expat refuses entity expansion attacks since 2.4.1.
            root = ElementTree.parse(path).getroot()  # noqa: S314 # nosec B314
            marked[_text(root, "filename")] = _of_voc(root)
        except _UNREADABLE as error:
            raise LabelsUnfit(f"{path.name} is not readable as PASCAL VOC: {error!r}") from error
    return marked


def _of_voc(root: ElementTree.Element) -> Marked:
    boxes = [_rectangle(box) for box in root.iterfind("object/bndbox")]
    return Marked(
        tuple(boxes), (int(_number(root, "size/height")), int(_number(root, "size/width")))
    )


def _rectangle(box: ElementTree.Element) -> Rectangle:
    """FracAtlas was drawn with makesense.ai, whose xmax and ymax are far edges, rounded."""
    return (
        _number(box, "xmin"),
        _number(box, "ymin"),
        _number(box, "xmax"),
        _number(box, "ymax"),
    )


def _text(element: ElementTree.Element, path: str) -> str:
    return str(element.findtext(path, "")).strip()


def _number(element: ElementTree.Element, path: str) -> float:
    return float(_text(element, path))
