"""`osteon export`: what is written, what is printed, and what is refused."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from model.artefact import CARD, WEIGHTS, write_card
from model.card import Card, NetworkSpec
from tests.cli.shell import Shell
from tests.cli.untrained import untrained_artefact


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = NetworkSpec(kind="plain", trunk="small_cnn")
    return untrained_artefact(spec, tmp_path_factory.mktemp("artefacts"))


def test_an_export_is_written_once_with_what_it_was_held_to(shell: Shell, artefact: Path) -> None:
    command = ("export", "--model", artefact, "--format", "openvino", "--out", "mine")
    outcome = shell.run_anew(*command)
    assert outcome.code == 0, outcome.stderr
    assert "mine: network.xml, network.bin, card.json" in outcome.stdout
    assert "phantoms" in outcome.stdout
    written = {path.name for path in (shell.folder / "mine").iterdir()}
    assert written == {"network.xml", "network.bin", "card.json"}
    again = shell.run(*command)
    assert (again.code, "new or empty" in again.stderr) == (40, True)


def test_what_cannot_be_exported_says_why(shell: Shell, artefact: Path) -> None:
    onnx = ("export", "--model", artefact, "--format", "onnx")
    halved = shell.run(*onnx, "--precision", "fp16", "--out", "halved")
    assert (halved.code, "fp32 alone" in halved.stderr) == (1, True)
    nowhere = shell.run(*onnx, "--data", "nowhere", "--out", "measured")
    assert nowhere.code == 20
    unusable = shell.run("export", "--model", "nothing", "--format", "onnx", "--out", "none")
    assert unusable.code == 22
    assert not {"halved", "measured", "none"} & {path.name for path in shell.folder.iterdir()}


def test_an_export_that_disagrees_leaves_nothing(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spec = NetworkSpec(kind="plain", trunk="small_cnn")
    folder = untrained_artefact(spec, tmp_path_factory.mktemp("contradictory"))
    weights = load_file(folder / WEIGHTS)
    save_file({name: value * 4 for name, value in weights.items()}, folder / WEIGHTS)
    write_card(folder, Card.model_validate_json((folder / CARD).read_text()))
    outcome = shell.run("export", "--model", folder, "--format", "torchscript", "--out", "other")
    assert (outcome.code, "was not kept" in outcome.stderr) == (42, True)
    assert not (shell.folder / "other").exists()
