"""A card names the data it was made from, and claims nothing of data that nobody looked at."""

import csv
import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from model.artefact import bundled_artefact, load_artefact
from model.card import Card, NetworkSpec
from model.datasets.data_set import DataSet
from model.datasets.labelled import LabelledImage
from model.datasets.reading import read_data_set
from model.evaluation.card_page import card_page
from model.training.limits import OF_FRACATLAS, limits
from model.training.provenance import Origins, intended_use, sources
from model.training.recipes import RECIPES, SHIPPED
from model.training.recipes.recipe import Recipe
from model.training.run import TrainingRun, command_of, origins
from tests.cli.shell import Shell
from tests.services import require_shared_data

pytestmark = pytest.mark.requirement("R-MODEL-3")

ROOT = Path(__file__).parents[3]
HOME = Origins("fracatlas", "bone-break")


def test_the_shipped_recipes_sources_are_told_with_their_licences() -> None:
    told = sources(SHIPPED, HOME)
    assert [source.name for source in told] == [
        *("FracAtlas", "Bone Break Classification"),
        *("mobilenet_v2, ImageNet", "Osteon phantoms"),
    ]
    assert told[0].licence == "CC BY 4.0" and "22363012" in told[0].attribution
    assert set(OF_FRACATLAS) < set(limits(SHIPPED, Origins("fracatlas-original", "bone-break")))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_of_other_data_nothing_is_claimed(name: str) -> None:
    (first, *_) = sources(RECIPES[name], Origins("two-folders"))
    assert "FracAtlas" not in f"{first.name} {first.attribution}"
    assert first.licence.startswith("unknown")
    said = limits(RECIPES[name], Origins("mura"))
    assert not set(OF_FRACATLAS) & set(said)
    assert any("abnormal" in limit for limit in said)


def _spec(name: str) -> NetworkSpec:
    return RECIPES[name].network


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_card_says_of_a_network_only_what_it_has(name: str) -> None:
    page = " ".join(card_page(_card(RECIPES[name])).split())
    spec = _spec(name)
    covered = spec.strangeness_directions > 0
    assert ("the probability of a fracture, calibrated" in page) == spec.fracture
    assert ("| `possible` |" in page) == spec.fracture
    assert ("are refused; the chests" in page) == covered
    assert ("It answers for any picture" in page) == (not covered)
    assert ("Boxes are cut from a heatmap" in page) == (spec.kind == "localising")
    assert ("Grad-CAM can show" in page) == (spec.kind == "plain")
    frozen = spec.kind == "localising" or RECIPES[name].phases.moving_share < 1
    assert ("its first layers are unchanged" in page) == frozen


def _card(recipe: Recipe) -> Card:
    """The shipped card as it would be of another recipe, without figures."""
    shipped = load_artefact(bundled_artefact()).card
    covered = recipe.network.strangeness_directions > 0
    return shipped.model_copy(
        update={
            "network": recipe.network,
            "intended_use": intended_use(recipe),
            "recipe": asdict(recipe),
            "coverage": shipped.coverage if covered else None,
            "type_point": shipped.type_point if recipe.network.types else None,
            "sources": sources(recipe, Origins("fracatlas")),
            "limits": limits(recipe, Origins("fracatlas")),
            "validation": None,
            "cross_validation": None,
            "type_validation": None,
        }
    )


def test_whose_data_they_are_is_known_by_their_layout(tmp_path: Path, phantom_folder: Path) -> None:
    run = TrainingRun(phantom_folder, None, SHIPPED, tmp_path, "0.0.2")
    assert origins(run) == Origins("fracatlas")


def test_the_command_in_a_card_is_one_that_the_run_was_given(tmp_path: Path) -> None:
    bare = TrainingRun(tmp_path, None, RECIPES["cnn-224"], tmp_path, "1")
    assert command_of(bare) == "osteon train --recipe cnn-224 --data FOLDER --out FOLDER"
    run = TrainingRun(tmp_path, tmp_path, SHIPPED, tmp_path, "1", type_data=tmp_path)
    said = command_of(replace(run, recipe=replace(SHIPPED, epochs=1)))
    assert said.split(" ")[4:6] == ["--epochs", "1"]
    assert {"--type-data", "--start-weights"} <= set(said.split())


@pytest.mark.soak
def test_the_command_in_the_shipped_card_is_taken_and_asks_for_nothing_more(
    tmp_path: Path,
) -> None:
    figures = load_artefact(bundled_artefact()).card.cross_validation
    assert figures is not None
    _, *arguments = shlex.split(figures.command.replace("FOLDER", "nothing"))
    outcome = Shell(tmp_path).run(*arguments)
    # Its folders are not there, and that is all that is wrong with it.
    assert outcome.code in (1, 20), outcome.stderr
    assert "nothing" in outcome.stderr
    assert "needs --" not in outcome.stderr


def test_the_shipped_card_is_of_the_shipped_recipe() -> None:
    card = load_artefact(bundled_artefact()).card
    written = card.model_copy(update={"recipe": asdict(SHIPPED)}).model_dump_json()
    assert card.recipe == json.loads(written)["recipe"]
    assert card.limits == limits(SHIPPED, HOME)
    assert card.sources == sources(SHIPPED, HOME)


@pytest.fixture(scope="module")
def fracatlas() -> DataSet:
    return read_data_set(require_shared_data("fracatlas"))


def test_what_the_limits_say_of_fracatlas_is_so(fracatlas: DataSet) -> None:
    images = fracatlas.images
    said = " ".join(OF_FRACATLAS)
    small = sum(max(image.size or (0, 0)) < 512 for image in images) / len(images)
    assert f"{100 * small:.0f} of 100 images it learned from have a long side" in said
    metal = [image for image in images if image.hardware]
    assert all(image.fractured for image in metal)
    assert f"Every one of the {len(metal)} training images with implants" in said
    hips, shoulders = (_fractured_alone(images, place) for place in (2, 3))
    assert (
        f"Of images of a hip alone {hips} were fractured, of a shoulder alone {shoulders}" in said
    )


def _fractured_alone(images: tuple[LabelledImage, ...], place: int) -> int:
    alone = tuple(float(number == place) for number in range(4))
    return sum(image.fractured for image in images if tuple(image.regions) == alone)


def test_the_sizes_that_the_limits_name_stand_in_the_evidence_too() -> None:
    card = load_artefact(bundled_artefact()).card
    table = ROOT / "docs/evidence" / f"{card.name}-{card.version}" / "images.csv"
    with table.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    small = sum(max(int(row["rows"]), int(row["columns"])) < 512 for row in rows) / len(rows)
    assert f"{100 * small:.0f} of 100 images it learned from" in OF_FRACATLAS[0]
