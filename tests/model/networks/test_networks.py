"""Every trunk can be named, and every network answers what its card says."""

import pytest
import torch

from model.card import NetworkSpec
from model.networks.build import build_network
from model.networks.trunks import TrunkWithoutMaps, UnknownTrunk, trunk_names

REGIONS, TYPES = ("hand", "leg"), ("spiral", "oblique", "hairline")


@pytest.mark.parametrize("trunk", ["resnet18", "densenet121", "vgg11", "mobilenet_v3_small"])
def test_a_localising_network_answers_all_that_its_card_names(trunk: str) -> None:
    spec = NetworkSpec(
        kind="localising",
        trunk=trunk,
        regions=REGIONS,
        hardware=True,
        types=TYPES,
        strangeness_directions=3,
    )
    with torch.inference_mode():
        answer = build_network(spec).eval()(torch.zeros(2, 1, 64, 96))
    assert tuple(answer) == spec.outputs
    assert answer["heatmap"].shape == (2, 8, 12)
    assert answer["regions"].shape == (2, 2)
    assert answer["types"].shape == (2, 3)
    assert answer["fracture"].shape == answer["hardware"].shape == answer["strangeness"].shape


@pytest.mark.parametrize("trunk", ["small_cnn", "squeezenet1_1", "swin_t", "googlenet"])
def test_a_plain_network_answers_all_that_its_card_names(trunk: str) -> None:
    spec = NetworkSpec(kind="plain", trunk=trunk, types=TYPES)
    with torch.inference_mode():
        answer = build_network(spec).eval()(torch.zeros(2, 1, 96, 96))
    assert tuple(answer) == spec.outputs
    assert answer["types"].shape == (2, 3)


def test_a_trunk_without_maps_and_an_unknown_one_are_refused_by_name() -> None:
    with pytest.raises(TrunkWithoutMaps, match="swin_t"):
        build_network(NetworkSpec(kind="localising", trunk="swin_t"))
    with pytest.raises(UnknownTrunk, match="resnet18"):
        build_network(NetworkSpec(kind="plain", trunk="perceptron"))


def test_all_of_torchvisions_trunks_are_listed() -> None:
    assert {"resnet50", "vit_b_16", "convnext_tiny", "small_cnn"} <= set(trunk_names())
