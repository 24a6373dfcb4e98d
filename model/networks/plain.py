"""The plain network: any classification trunk with a class head, as the textbooks have it."""

import torch
from torch import Tensor, nn

from model.card import NetworkSpec
from model.networks.answer import Answer
from model.networks.trunks import pretraining, whole_network

_DROPOUT = 0.5


class PlainNetwork(nn.Module):
    """Takes grey images [n, 1, side, side] in 0..1; where it looks, Grad-CAM must tell."""

    grey_mean: Tensor
    grey_deviation: Tensor

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.outputs = spec.outputs
        self.stem: tuple[str, ...] = ()
        self.trunk, features = _without_classifier(whole_network(spec.trunk))
        self.fracture_head = _head(features, 1) if spec.fracture else None
        self.region_head = _head(features, len(spec.regions)) if spec.regions else None
        self.type_head = _head(features, len(spec.types)) if spec.types else None
        mean, deviation = pretraining(spec.trunk).grey
        self.register_buffer("grey_mean", torch.tensor(mean))
        self.register_buffer("grey_deviation", torch.tensor(deviation))

    def forward(self, images: Tensor) -> Answer:
        grey = (images - self.grey_mean) / self.grey_deviation
        features = self.trunk(grey.expand(-1, 3, -1, -1))
        answer: Answer = {}
        if self.fracture_head is not None:
            answer["fracture"] = self.fracture_head(features)[:, 0]
        if self.region_head is not None:
            answer["regions"] = self.region_head(features)
        if self.type_head is not None:
            answer["types"] = self.type_head(features)
        return answer


def _head(features: int, answers: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(features, answers))


def _without_classifier(whole: nn.Module) -> tuple[nn.Module, int]:
    """The network up to its last layer with weights, and how many features that layer was given."""
    name, last = [
        (name, layer)
        for name, layer in whole.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ][-1]
    parent = whole.get_submodule(name.rpartition(".")[0])
    setattr(parent, name.rpartition(".")[2], nn.Identity())
    features = last.in_features if isinstance(last, nn.Linear) else last.in_channels
    return whole, features
