"""Maps follow what the network learned (Adebayo et al. 2018): other weights, another map."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_gradient_magnitude
from scipy.stats import spearmanr

from model.artefact import Artefact, bundled_artefact, load_artefact
from model.explanation.gradcam import fracture_map
from model.heatmap import Grid, image_heatmap
from model.letterbox import letterbox
from model.networks.build import Network, build_network
from model.radiograph import Radiograph
from model.torch_runtime import load_network
from phantom.radiograph import PhantomSpec, make_phantom

MapOf = Callable[[Network, Radiograph, int], Grid]
# Mean size of the rank correlation with the maps of networks with random weights. Some of it stays
# whatever was learned: even random filters answer to bone more than to air.
MOST_AGREEMENT = 0.6
RANDOM_NETWORKS = 3
SUBJECTS = [(1, "hand"), (2, "leg")]


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return load_artefact(bundled_artefact())


def _radiograph(seed: int, region: str) -> Radiograph:
    phantom = make_phantom(PhantomSpec(seed, region, "ap", True, rows=640, columns=520))
    return Radiograph((phantom.pixels / 4095).astype(np.float32))


def _head_map(network: Network, radiograph: Radiograph, side: int) -> Grid:
    square, frame = letterbox(radiograph, side)
    with torch.inference_mode():
        answer = network(torch.from_numpy(square)[None, None].float() / 255)
    return image_heatmap(answer["heatmap"][0].numpy(), frame)


def _edge_map(network: Network, radiograph: Radiograph, side: int) -> Grid:
    """What looks like an explanation and knows nothing of the network."""
    return np.asarray(gaussian_gradient_magnitude(radiograph.pixels, 2), np.float32)


def _agreement(artefact: Artefact, map_of: MapOf) -> float:
    """How alike the maps of the trained network and of networks with random weights are, 0 to 1."""
    side, radiographs = artefact.card.input.side, [_radiograph(*subject) for subject in SUBJECTS]
    trained = load_network(artefact)
    learned = [map_of(trained, radiograph, side).ravel() for radiograph in radiographs]
    alike = []
    for seed in range(RANDOM_NETWORKS):
        torch.manual_seed(seed)
        random = build_network(artefact.card.network).eval()
        unlearned = [map_of(random, radiograph, side).ravel() for radiograph in radiographs]
        alike += [
            abs(spearmanr(mine, other).statistic)
            for mine, other in zip(learned, unlearned, strict=True)
        ]
    return float(np.mean(alike))


@pytest.mark.parametrize("map_of", [_head_map, fracture_map])
def test_other_weights_make_another_map(artefact: Artefact, map_of: MapOf) -> None:
    assert _agreement(artefact, map_of) < MOST_AGREEMENT


def test_a_map_of_the_image_alone_is_found_out(artefact: Artefact) -> None:
    assert _agreement(artefact, _edge_map) > MOST_AGREEMENT
