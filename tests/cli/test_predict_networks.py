"""`osteon predict` with other networks than the shipped one: types alone, and no heatmap."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.annotation import explanation_for
from cli.exits import Leave
from model.artefact import ArtefactUnfit, load_artefact, require_fracture
from model.card import NetworkSpec
from model.classifier import FractureClassifier
from model.datasets.labelled import FRACTURE_TYPES
from model.explanation.gradcam import type_map
from model.radiograph import read_picture
from model.torch_runtime import load_network
from phantom.radiograph import PhantomSpec, make_phantom
from tests.cli.shell import Shell
from tests.cli.untrained import untrained_artefact

TYPES_ALONE = NetworkSpec(kind="plain", trunk="small_cnn", fracture=False, types=FRACTURE_TYPES)
NO_HEATMAP = NetworkSpec(kind="plain", trunk="small_cnn")


@pytest.fixture(scope="module")
def types_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_artefact(TYPES_ALONE, tmp_path_factory.mktemp("types"))


@pytest.fixture(scope="module")
def no_heatmap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_artefact(NO_HEATMAP, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def radiograph(shell: Shell) -> Path:
    phantom = make_phantom(PhantomSpec(3, fractured=True, rows=160, columns=128))
    path = shell.folder / "arm.png"
    Image.fromarray((phantom.pixels >> 4).astype(np.uint8)).save(path)
    return path


def test_a_network_of_types_tells_the_likeliest_and_no_state(
    shell: Shell, types_alone: Path, radiograph: Path
) -> None:
    outcome = shell.run("predict", "--json", "--model", types_alone, radiograph)
    (row,) = outcome.documents()
    assert row["type"] in FRACTURE_TYPES
    assert 1 / len(FRACTURE_TYPES) <= row["type_probability"] <= 1
    untold = ("state", "probability", "region", "regions", "hardware_probability", "reason")
    assert [row[name] for name in untold] == [None] * len(untold)
    assert (row["boxes"], outcome.code) == ([], 0)
    table = shell.run("predict", "--model", types_alone, radiograph).stdout
    assert row["type"] in table


def test_a_node_refuses_a_network_of_types(types_alone: Path, shell: Shell) -> None:
    with pytest.raises(ArtefactUnfit, match="does not tell whether there is a fracture"):
        require_fracture(load_artefact(types_alone).card)
    doctor = shell.run("doctor", model_dir=types_alone)
    assert "does not tell whether there is a fracture" in doctor.stdout


@pytest.mark.parametrize("artefact", ["no_heatmap", "types_alone"])
def test_a_network_without_a_heatmap_is_explained_by_grad_cam(
    artefact: str, shell: Shell, radiograph: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(artefact)
    outcome = shell.run("predict", "--model", folder, radiograph, "--heatmap", "cam.png")
    assert outcome.code == 0, outcome.stderr
    with Image.open(shell.folder / "cam.png") as seen:
        colours = np.asarray(seen, np.int16)
    # The words of the panel are coloured too, but they are few: without a tint it is 3 %.
    tinted = colours[..., 0] - colours[..., 2] > 10
    assert tinted.mean() > 0.1


def test_of_types_alone_the_likeliest_is_explained(types_alone: Path, radiograph: Path) -> None:
    picture = read_picture(radiograph)
    (prediction,) = FractureClassifier.load(types_alone, "cpu").predict([picture])
    explain = explanation_for(TYPES_ALONE, types_alone)
    assert explain is not None
    network = load_network(load_artefact(types_alone))
    maps = {
        name: type_map(network, picture, 64, number) for number, name in enumerate(FRACTURE_TYPES)
    }
    shown = explain(picture, prediction)
    alike = [name for name, one in maps.items() if np.allclose(one, shown)]
    assert alike == [prediction.fracture_type]


def test_a_network_that_tells_neither_is_not_explained(tmp_path: Path) -> None:
    regions = NetworkSpec(kind="plain", trunk="small_cnn", fracture=False, regions=("hand",))
    with pytest.raises(Leave, match="neither fractures nor their types"):
        explanation_for(regions, tmp_path)
