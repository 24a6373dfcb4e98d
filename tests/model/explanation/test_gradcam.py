"""Grad-CAM lights what a class was decided by, in any network that keeps its places."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import ConvNeXt, SwinTransformer, VisionTransformer, get_model
from torchvision.models.convnext import CNBlockConfig

from model.card import NetworkSpec
from model.explanation.gradcam import (
    NoSpatialLayer,
    fracture_map,
    grad_cam,
    last_spatial_layer,
    type_map,
)
from model.networks.build import build_network
from model.networks.small import SmallCnn
from model.radiograph import Radiograph
from phantom.radiograph import PhantomSpec, make_phantom

SIDE = 64
CLASSES = 5


class _Telling(nn.Module):
    """Class 0 is told by light, class 1 by its absence."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.places = nn.Conv2d(channels, 2, 1)
        self.classes = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.places.weight.zero_()[:, 0, 0, 0] = torch.tensor([1.0, -1.0])
            self.places.bias.copy_(torch.tensor([0.0, 1.0]))  # type: ignore[union-attr]
            self.classes.weight.copy_(torch.eye(2))

    def forward(self, images: Tensor) -> Tensor:
        told: Tensor = self.classes(self.places(images).mean(dim=(2, 3)))
        return told


def _spot() -> Tensor:
    images = torch.zeros(2, 1, 8, 8)
    images[0, 0, 1, 2] = images[1, 0, 6, 5] = 1
    return images


def test_each_class_is_lit_where_it_is_told() -> None:
    network = _Telling()
    light = grad_cam(network, network.places, _spot(), 0)
    dark = grad_cam(network, network.places, _spot(), 1)
    assert light.shape == dark.shape == (2, 8, 8)
    assert (light[0].argmax(), light[1].argmax()) == (1 * 8 + 2, 6 * 8 + 5)
    assert (light.sum(axis=(1, 2)) == 1).all()
    assert (dark[0, 1, 2], dark[0, 0, 0]) == (0, 1)


def test_grey_images_fit_a_network_of_three_colours() -> None:
    network = _Telling(channels=3)
    assert grad_cam(network, network.places, _spot(), 0)[0].argmax() == 1 * 8 + 2


def test_a_frozen_network_in_training_is_explained_as_it_serves_and_left_as_it_was() -> None:
    network = nn.Sequential(_Telling(), nn.Dropout(0.99)).train().requires_grad_(False)
    network[1].eval()
    assert grad_cam(network, network[0].places, _spot(), 0).max() == 1
    assert (network.training, network[0].training, network[1].training) == (True, True, False)


def test_a_map_without_any_evidence_is_empty() -> None:
    network = _Telling()
    with torch.no_grad():
        network.classes.weight.neg_()
    assert grad_cam(network, network.places, _spot(), 0).max() == 0


def _convnext() -> nn.Module:
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=CLASSES)


def _swin() -> nn.Module:
    return SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=CLASSES)


def _named(name: str) -> Callable[[], nn.Module]:
    return lambda: get_model(name, weights=None, num_classes=CLASSES)


def _vgg() -> nn.Module:
    return get_model("vgg16", weights=None, num_classes=CLASSES, init_weights=False)  # type: ignore[no-any-return]


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "resnet18": (_named("resnet18"), "layer4"),
    "resnet50": (_named("resnet50"), "layer4"),
    "densenet121": (_named("densenet121"), "features"),
    "vgg16": (_vgg, "features"),
    "mobilenet_v2": (_named("mobilenet_v2"), "features"),
    "efficientnet_b0": (_named("efficientnet_b0"), "features"),
    "convnext": (_convnext, "features"),
    "swin": (_swin, "permute"),
    "small_cnn": (lambda: SmallCnn(CLASSES), "features.11"),
}


@pytest.mark.parametrize(("build", "expected"), NETWORKS.values(), ids=NETWORKS)
def test_the_last_map_is_found_and_explained(build: Callable[[], nn.Module], expected: str) -> None:
    torch.manual_seed(0)
    network = build().eval()
    layer = last_spatial_layer(network, SIDE)
    assert layer is network.get_submodule(expected)
    maps = [grad_cam(network, layer, torch.rand(2, 1, SIDE, SIDE), c) for c in range(CLASSES)]
    for shown in maps:
        assert shown.shape[0] == 2
        assert shown.shape[1] == shown.shape[2] > 1
        assert 0 <= shown.min() <= shown.max() <= 1
    # Random weights may speak against a class everywhere, but not against all classes.
    assert max(shown.std() for shown in maps) > 0.01


def test_where_the_end_has_one_cell_an_earlier_map_is_taken() -> None:
    network = get_model("resnet18", weights=None, num_classes=CLASSES).eval()
    assert last_spatial_layer(network, 32) is network.layer3


def test_tokens_and_networks_without_maps_are_refused() -> None:
    transformer = VisionTransformer(32, 8, 1, 2, 16, 32, num_classes=CLASSES)
    with pytest.raises(NoSpatialLayer, match="VisionTransformer goes on with tokens"):
        last_spatial_layer(transformer, 32)
    flat = nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(NoSpatialLayer, match="keeps no map"):
        last_spatial_layer(flat, 8)


@pytest.mark.parametrize(
    ("kind", "trunk"),
    [("plain", "small_cnn"), ("plain", "resnet18"), ("localising", "mobilenet_v2")],
)
def test_our_networks_are_explained_over_the_whole_image(kind: str, trunk: str) -> None:
    torch.manual_seed(0)
    spec = NetworkSpec.model_validate({"kind": kind, "trunk": trunk, "regions": ("hand", "leg")})
    shown = fracture_map(build_network(spec).eval(), _phantom(), SIDE)
    assert shown.shape == (16, 10)
    assert 0 <= shown.min() < shown.max() <= 1


def test_a_type_is_explained_by_its_own_logit() -> None:
    torch.manual_seed(0)
    spec = NetworkSpec(kind="plain", trunk="small_cnn", fracture=False, types=("spiral", "oblique"))
    network = build_network(spec).eval()
    with torch.no_grad():
        weight = network.get_parameter("type_head.1.weight")
        weight[1] = -weight[0]  # what speaks for one type speaks against the other
    first, second = (type_map(network, _phantom(), SIDE, number) for number in (0, 1))
    assert min(first.max(), second.max()) > 0
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] < -0.5


def _phantom() -> Radiograph:
    phantom = make_phantom(PhantomSpec(3, "hand", "ap", True, rows=120, columns=80))
    return Radiograph((phantom.pixels / 4095).astype("float32"))
