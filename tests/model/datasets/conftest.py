"""Small labelled folders of phantoms, one in each layout."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from phantom.radiograph import PhantomSpec, make_phantom

Draw = Callable[..., Path]

ROWS, COLUMNS = 96, 80


def phantom_pixels(spec: PhantomSpec) -> NDArray[np.uint8]:
    """A phantom in 8 bits."""
    return (make_phantom(spec).pixels >> 4).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures() -> list[NDArray[np.uint8]]:
    specs = [PhantomSpec(seed, rows=ROWS, columns=COLUMNS) for seed in range(4)]
    return [phantom_pixels(spec) for spec in specs]


@pytest.fixture
def draw(pictures: list[NDArray[np.uint8]]) -> Draw:
    """Writes one of a few phantoms as a picture, folders and all."""

    def write(path: Path, number: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[number]).save(path)
        return path

    return write


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """A CSV whose columns are all that any row names."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, columns)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def fracatlas(tmp_path: Path, draw: Draw) -> Path:
    """Two fractured and two whole hands as this project keeps FracAtlas."""
    none = dict.fromkeys(("leg", "hip", "shoulder", "hardware", "multiscan", "truncated"), 0)
    rows = [
        {
            **none,
            **{"image_id": draw(tmp_path / "images" / f"{number}.png", number).name},
            **{"split": "train", "group": number // 2, "fractured": int(number < 2)},
            **{"hand": 1, "frontal": 1, "lateral": 0, "oblique": 0},
        }
        for number in range(4)
    ]
    write_table(tmp_path / "labels.csv", rows)
    boxes = [{"image_id": f"{n}.png", "x0": 10, "y0": 20, "x1": 90, "y1": 40} for n in range(2)]
    write_table(tmp_path / "boxes.csv", boxes)
    return tmp_path


@pytest.fixture
def original(tmp_path: Path, draw: Draw) -> Path:
    """FracAtlas as published: 60 numbers, every tenth fractured, hands and then legs."""
    root = tmp_path / "FracAtlas"
    rows: list[dict[str, object]] = []
    for number in range(60):
        folder = "Fractured" if number % 10 == 5 else "Non_fractured"
        path = draw(root / "images" / folder / f"IMG{number:07}.jpg", number % 4)
        rows.append(_published_row(path.name, number))
    write_table(root / "dataset.csv", rows)
    _write_coco(root / "Annotations" / "COCO JSON", range(5, 50, 10))
    _write_voc(root / "Annotations" / "PASCAL VOC" / "IMG0000055.xml")
    return tmp_path


def _published_row(name: str, number: int) -> dict[str, object]:
    hand = number < 40
    return {
        **{"image_id": name, "hand": int(hand), "leg": int(not hand), "hip": 0, "shoulder": 0},
        **{"mixed": 0, "hardware": 0, "multiscan": 0, "fractured": int(number % 10 == 5)},
        **{"fracture_count": 0, "frontal": 1, "lateral": 0, "oblique": 0},
    }


def _write_coco(folder: Path, numbers: Sequence[int]) -> None:
    folder.mkdir(parents=True)
    images = [
        {"id": n, "file_name": f"IMG{n:07}.jpg", "width": COLUMNS, "height": ROWS} for n in numbers
    ]
    annotations = [{"image_id": n, "bbox": [10.5, 20, 30, 12]} for n in numbers]
    document = {"images": images, "annotations": annotations}
    (folder / "COCO_fracture_masks.json").write_text(json.dumps(document))


def _write_voc(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(
        f"<annotation><filename>{path.stem}.jpg</filename>"
        f"<size><width>{COLUMNS}</width><height>{ROWS}</height><depth>1</depth></size>"
        "<object><name>fractured</name><bndbox><xmin>8</xmin><ymin>9</ymin>"
        "<xmax>20</xmax><ymax>30</ymax></bndbox></object></annotation>"
    )
