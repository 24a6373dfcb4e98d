"""Artefacts of small untrained networks, for commands that ask no more than what they say."""

from pathlib import Path

import torch

from model.card import NetworkSpec
from model.networks.build import build_network
from model.training.provenance import Origins
from model.training.recipes import Recipe
from model.training.ship import Draft, draft


def untrained_artefact(spec: NetworkSpec, out: Path, seed: int = 0) -> Path:
    """At 64 pixels."""
    torch.manual_seed(seed)
    recipe = Recipe(name="small", network=spec, side=64, epochs=1)
    return draft(
        build_network(spec).eval(), Draft(recipe, spec, "0.0.1", out, Origins("fracatlas"))
    )
