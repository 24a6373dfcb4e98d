"""A small artefact and a small folder of labelled phantoms for the tests of this room."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import get_model

from model.artefact import bundled_artefact, load_artefact
from model.classifier import FractureClassifier
from model.datasets.fracatlas import read_labels
from model.datasets.labelled import LabelledImage, of_split
from model.network import TRUNKS, Heads, build_network
from model.training.recipes import SPINE, Recipe
from model.training.ship import Shipment, ship
from phantom.radiograph import PhantomSpec, make_phantom

COLUMNS = [
    *("image_id", "split", "group", "fractured", "hand", "leg", "hip", "shoulder"),
    *("hardware", "multiscan", "frontal", "lateral", "oblique", "truncated"),
]


@pytest.fixture(scope="session")
def small_recipe() -> Recipe:
    """The shipped recipe, small enough for a test."""
    return replace(SPINE, name="small", side=64, epochs=2, batch=8, phantoms=4, settling_epochs=1)


@pytest.fixture(scope="session")
def start_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Start weights as the trunk's file has them, but random."""
    folder = tmp_path_factory.mktemp("start_weights")
    torch.manual_seed(0)
    trunk = get_model("mobilenet_v2", weights=None)
    save_file(trunk.state_dict(), folder / TRUNKS["mobilenet_v2"].start_weights)
    return folder


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty small phantoms laid out like FracAtlas; one more is truncated."""
    folder = tmp_path_factory.mktemp("phantoms")
    (folder / "images").mkdir()
    rows: list[dict[str, object]] = []
    boxes: list[dict[str, object]] = []
    for number in range(41):
        rows.append(_write_phantom(folder, number, boxes))
    _write_table(folder / "labels.csv", COLUMNS, rows)
    _write_table(folder / "boxes.csv", ["image_id", "x0", "y0", "x1", "y1"], boxes)
    return folder


def _write_phantom(folder: Path, number: int, boxes: list[dict[str, object]]) -> dict[str, object]:
    fractured, name = number % 2 == 1, f"{number:03}.png"
    phantom = make_phantom(PhantomSpec(number, "hand", "ap", fractured, rows=96, columns=80))
    Image.fromarray((phantom.pixels >> 4).astype(np.uint8)).save(folder / "images" / name)
    for box in phantom.boxes:
        boxes.append({"image_id": name, "x0": box.x0, "y0": box.y0, "x1": box.x1, "y1": box.y1})
    return dict.fromkeys(COLUMNS, 0) | {
        "image_id": name,
        "split": "val" if number >= 30 else "train",
        "group": number // 2,
        "fractured": int(fractured),
        "hand": 1,
        "frontal": 1,
        "truncated": int(number == 40),
    }


def _write_table(path: Path, columns: list[str], rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as table:
        writer = csv.DictWriter(table, columns)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="session")
def small_artefact(
    tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path, small_recipe: Recipe
) -> Path:
    """A whole artefact of an untrained network: for everything that does not ask what it knows."""
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", Heads(("hand", "leg", "hip", "shoulder"))).eval()
    images: list[LabelledImage] = read_labels(phantom_folder)
    out = tmp_path_factory.mktemp("artefacts")
    train, val = of_split(images, "train"), of_split(images, "val")
    return ship(network, Shipment(small_recipe, "0.0.1", out, train, val))


@pytest.fixture(scope="session")
def shipped() -> FractureClassifier:
    """The classifier that comes with the project."""
    return FractureClassifier.load(bundled_artefact(), "cpu", threads=1)


@pytest.fixture
def altered(small_artefact: Path, tmp_path: Path) -> Path:
    """A copy of the small artefact to spoil."""
    for path in load_artefact(small_artefact).folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path
