"""Grad-CAM (Selvaraju et al. 2017) by Captum, for any network that keeps its places until late."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from captum.attr import LayerGradCam
from numpy.typing import NDArray
from torch import Tensor, nn

from model.heatmap import Grid, over_image
from model.letterbox import letterbox
from model.networks.build import Network
from model.radiograph import Radiograph

Maps = NDArray[np.float32]  # [n, h, w], 0..1
_FAINTEST = 1e-12
_FRACTURE = 0
# To a given number of cells: theirs mix or repeat those of the map before. So do their wholes'.
_POOLS = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


class NoSpatialLayer(ValueError):
    """No layer's cells are places of the image for long enough: Grad-CAM cannot be had."""


class OneAnswer(nn.Module):
    """One of this project's networks as a classifier: one answer's logits [n, classes]."""

    def __init__(self, network: Network, answer: str) -> None:
        super().__init__()
        self.network = network
        self.answer = answer

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)[self.answer]
        return logits.flatten(1) if logits.dim() > 1 else logits[:, None]


def fracture_map(network: Network, radiograph: Radiograph, side: int) -> Grid:
    """What Grad-CAM says of the fracture's logit: 0..1 over the whole image."""
    return _answer_map(OneAnswer(network, "fracture"), radiograph, side, _FRACTURE)


def type_map(network: Network, radiograph: Radiograph, side: int, number: int) -> Grid:
    """The same of one type's logit, by its place among the network's types."""
    return _answer_map(OneAnswer(network, "types"), radiograph, side, number)


def _answer_map(answer: OneAnswer, radiograph: Radiograph, side: int, number: int) -> Grid:
    square, frame = letterbox(radiograph, side)
    images = torch.from_numpy(square)[None, None].float() / 255
    layer = last_spatial_layer(answer.network.trunk, side)
    return over_image(grad_cam(answer, layer, images, number)[0], frame)


def grad_cam(network: nn.Module, layer: nn.Module, images: Tensor, target: int | None) -> Maps:
    """Maps [n, h, w] of the layer's grid in 0..1 for one class of the network's logits.

    Images are [n, 1 or 3, side, side]; target None is for a network that answers one number an
    image. The brightest place of each map is 1: maps say where, not how sure.
    """
    with _answering(network):
        coloured = images.expand(-1, _channels(network), -1, -1)
        # Without a gradient at its input nothing flows back where the first layers are frozen.
        watched = coloured.clone().requires_grad_()
        maps = LayerGradCam(network, layer).attribute(watched, target, relu_attributions=True)
    return _between_0_and_1(maps[:, 0].detach().cpu().numpy())


def _between_0_and_1(maps: NDArray[np.floating]) -> Maps:
    brightest = maps.max(axis=(1, 2), keepdims=True)
    return np.asarray(maps / np.maximum(brightest, _FAINTEST), np.float32)


def last_spatial_layer(network: nn.Module, side: int) -> nn.Module:
    """The layer that answers last with a map [n, c, h, w] of more than one cell."""
    ends = _layers_as_they_end(network, side)
    maps = [
        place for place, (_, shown) in enumerate(ends) if shown.dim() == 4 and _cells(shown) > 1
    ]
    if not maps:
        raise NoSpatialLayer(f"{_name(network)} keeps no map of more than one cell")
    layer, shown = ends[maps[-1]]
    if any(_is_token_row(later, _cells(shown)) for _, later in ends[maps[-1] + 1 :]):
        raise NoSpatialLayer(f"{_name(network)} goes on with tokens after its last map")
    return layer


def _layers_as_they_end(network: nn.Module, side: int) -> list[tuple[nn.Module, Tensor]]:
    """Each layer with its answer, in the order in which they answer: a part before its whole."""
    ends: list[tuple[nn.Module, Tensor]] = []
    pooled: list[Tensor] = []

    def note(layer: nn.Module, _: object, answer: object) -> None:
        if isinstance(layer, _POOLS) and isinstance(answer, Tensor):
            pooled.append(answer)
        elif isinstance(answer, Tensor) and not any(answer is one for one in pooled):
            ends.append((layer, answer))

    hooks = [layer.register_forward_hook(note) for layer in network.modules()]
    try:
        with _answering(network), torch.inference_mode():
            network(torch.zeros(1, _channels(network), side, side))
    finally:
        for hook in hooks:
            hook.remove()
    return ends


def _is_token_row(answer: Tensor, cells: int) -> bool:
    """[n, places, channels], as transformers have it; one more token may stand for the class."""
    return answer.dim() == 3 and answer.shape[1] in (cells, cells + 1)


def _cells(answer: Tensor) -> int:
    return answer.shape[-2] * answer.shape[-1]


def _channels(network: nn.Module) -> int:
    """How many colours the first convolution takes."""
    return next(layer.in_channels for layer in network.modules() if isinstance(layer, nn.Conv2d))


def _name(network: nn.Module) -> str:
    return type(network).__name__


@contextmanager
def _answering(network: nn.Module) -> Iterator[None]:
    """As it serves, without dropout; left as it was found."""
    training = [layer for layer in network.modules() if layer.training]
    network.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.training = True
