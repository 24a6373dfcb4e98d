"""A card names the data it was made from, and claims nothing of data that nobody looked at."""

from pathlib import Path

import pytest

from model.training.provenance import LIMITS, Origins, limits, sources
from model.training.recipes import RECIPES, SHIPPED
from model.training.run import TrainingRun, origins


def test_the_shipped_recipes_sources_are_told_with_their_licences() -> None:
    told = sources(SHIPPED, Origins("fracatlas", "bone-break"))
    assert [source.name for source in told] == [
        *("FracAtlas", "Bone Break Classification"),
        *("mobilenet_v2, ImageNet", "Osteon phantoms"),
    ]
    assert told[0].licence == "CC BY 4.0" and "22363012" in told[0].attribution
    assert limits(SHIPPED, Origins("fracatlas-original", "bone-break")) == LIMITS


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_of_other_data_nothing_is_claimed(name: str) -> None:
    (first, *_) = sources(RECIPES[name], Origins("two-folders"))
    assert "FracAtlas" not in f"{first.name} {first.attribution}"
    assert first.licence.startswith("unknown")
    assert not any("three hospitals" in limit for limit in limits(RECIPES[name], Origins("mura")))


def test_whose_data_they_are_is_known_by_their_layout(tmp_path: Path, phantom_folder: Path) -> None:
    run = TrainingRun(phantom_folder, None, SHIPPED, tmp_path, "0.0.2")
    assert origins(run) == Origins("fracatlas")
