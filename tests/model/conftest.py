"""A small artefact and a small folder of labelled phantoms for the tests of this room."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import get_model

from model.artefact import bundled_artefact, load_artefact
from model.card import NetworkSpec
from model.classifier import FractureClassifier
from model.datasets.labelled import REGIONS, of_split
from model.datasets.reading import read_data_set
from model.evaluation.measure import measure
from model.networks.build import build_network
from model.training.provenance import Origins
from model.training.recipes import Recipe
from model.training.recipes.recipe import Practice
from model.training.ship import Draft, calibrate, draft, record_validation
from phantom.radiograph import PhantomSpec, make_phantom
from tests.made_once import made_once

COLUMNS = [
    *("image_id", "split", "group", "fractured", "hand", "leg", "hip", "shoulder"),
    *("hardware", "multiscan", "frontal", "lateral", "oblique", "truncated"),
]


@pytest.fixture(scope="session")
def small_recipe() -> Recipe:
    """What a run does, small enough for a test."""
    return Recipe(
        name="small",
        network=NetworkSpec(
            kind="localising",
            trunk="mobilenet_v2",
            regions=REGIONS,
            hardware=True,
            strangeness_directions=4,
        ),
        side=64,
        epochs=2,
        batch=8,
        fractured_weight=2.5,
        practice=Practice(phantoms=4),
    )


@pytest.fixture(scope="session")
def start_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Start weights as the trunk's file has them, but random."""
    folder = tmp_path_factory.mktemp("start_weights")
    torch.manual_seed(0)
    trunk = get_model("mobilenet_v2", weights=None)
    save_file(trunk.state_dict(), folder / "mobilenet_v2_imagenet.safetensors")
    return folder


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty small phantoms laid out like FracAtlas; one more is truncated."""
    return made_once(tmp_path_factory, "phantoms", _write_phantoms)


def _write_phantoms(folder: Path) -> None:
    (folder / "images").mkdir()
    rows: list[dict[str, object]] = []
    boxes: list[dict[str, object]] = []
    for number in range(41):
        rows.append(_write_phantom(folder, number, boxes))
    _write_table(folder / "labels.csv", COLUMNS, rows)
    _write_table(folder / "boxes.csv", ["image_id", "x0", "y0", "x1", "y1"], boxes)


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

    def make(out: Path) -> None:
        torch.manual_seed(0)
        spec = small_recipe.network.model_copy(update={"strangeness_directions": 0})
        network = build_network(spec).eval()
        images = list(read_data_set(phantom_folder).images)
        folder = draft(network, Draft(small_recipe, spec, "0.0.1", out, Origins("fracatlas")))
        judged = measure(FractureClassifier.load(folder, "cpu"), of_split(images, "train"))
        calibrate(folder, judged, "phantoms")
        record_validation(folder, of_split(images, "val"), "osteon evaluate")

    (folder,) = made_once(tmp_path_factory, "artefacts", make).iterdir()
    return folder


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
