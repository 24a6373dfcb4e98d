"""The fracture network: a torchvision trunk with a fracture, a region and a heatmap head."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

IMAGENET_MEAN = 0.449  # of the three channels' means and deviations: a radiograph has one grey
IMAGENET_DEVIATION = 0.226
# A heatmap starts out almost empty, or its loss drowns the others in the first steps.
_EMPTY_HEATMAP_LOGIT = -4.0


@dataclass(frozen=True, slots=True)
class Trunk:
    """Where a torchvision classification network is tapped, and the grey it was trained on."""

    fine_node: str  # stride 16
    deep_node: str  # stride 32
    grey_mean: float
    grey_deviation: float
    stem: tuple[str, ...]  # the layers before stride 8: filters for edges, the same for any picture
    start_weights: str
    absent_from_start: tuple[str, ...] = ()


TRUNKS = {
    "mobilenet_v2": Trunk(
        fine_node="features.13",
        deep_node="features.18",
        grey_mean=0.5,
        grey_deviation=0.5,
        stem=tuple(f"features.{block}." for block in range(4)),
        start_weights="mobilenet_v2_imagenet.safetensors",
    ),
    "resnet18": Trunk(
        fine_node="layer3",
        deep_node="layer4",
        grey_mean=IMAGENET_MEAN,
        grey_deviation=IMAGENET_DEVIATION,
        stem=("conv1.", "bn1.", "layer1."),
        start_weights="resnet18_imagenet_partial.safetensors",
        absent_from_start=tuple(f"layer4.{b}.conv{c}.weight" for b in (0, 1) for c in (1, 2)),
    ),
}


class UnknownTrunk(ValueError):
    """No trunk of this name is known."""


class StartWeightsUnfit(ValueError):
    """The start weights are not of this trunk."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What the network answers: one fracture logit, one logit per region, one heatmap."""

    regions: tuple[str, ...]
    heatmap_channels: int = 128
    pooled_cells: int = 8
    dropout: float = 0.3


class Answer(NamedTuple):
    """Raw answers for a batch: nothing here is a probability yet."""

    fracture: Tensor  # [n]
    heatmap: Tensor  # [n, side / 16, side / 16]
    regions: Tensor  # [n, regions]


class FractureNetwork(nn.Module):
    """Takes grey images [n, 1, side, side] in 0..1; side is a multiple of 32."""

    grey_mean: Tensor
    grey_deviation: Tensor

    def __init__(self, name: str, heads: Heads) -> None:
        super().__init__()
        trunk = _trunk_named(name)
        whole = torchvision.models.get_model(name, weights=None)
        nodes = {trunk.fine_node: "fine", trunk.deep_node: "deep"}
        self.stem = trunk.stem
        self.trunk = create_feature_extractor(whole, nodes)
        fine_channels, deep_channels = _count_channels(self.trunk)
        self.fracture_head = _FractureHead(fine_channels, deep_channels, heads)
        self.region_head = nn.Linear(deep_channels, len(heads.regions))
        self.register_buffer("grey_mean", torch.tensor(trunk.grey_mean))
        self.register_buffer("grey_deviation", torch.tensor(trunk.grey_deviation))

    def freeze_stem(self) -> None:
        """Keep the first layers as they came, statistics and all: half the cost of a step."""
        for name, parameter in self.trunk.named_parameters():
            parameter.requires_grad_(not name.startswith(self.stem))
        for name, layer in self.trunk.named_modules():
            if f"{name}.".startswith(self.stem):
                layer.eval()

    def forward(self, images: Tensor) -> Answer:
        grey = (images - self.grey_mean) / self.grey_deviation
        features = self.trunk(grey.expand(-1, 3, -1, -1))
        pooled = features["deep"].mean(dim=(2, 3))
        fracture, heatmap = self.fracture_head(features["fine"], features["deep"], pooled)
        return Answer(fracture, heatmap, self.region_head(pooled))


class _FractureHead(nn.Module):
    """Looks at each place first, then judges the image by its most suspicious places."""

    def __init__(self, fine_channels: int, deep_channels: int, heads: Heads) -> None:
        super().__init__()
        width = heads.heatmap_channels
        self.pooled_cells = heads.pooled_cells
        self.fine = nn.Conv2d(fine_channels, width, 1)
        self.deep = nn.Conv2d(deep_channels, width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.place = nn.Conv2d(width, 1, 1)
        self.image = nn.Sequential(nn.Dropout(heads.dropout), nn.Linear(deep_channels + 1, 1))
        nn.init.constant_(_bias_of(self.place), _EMPTY_HEATMAP_LOGIT)

    def forward(self, fine: Tensor, deep: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        coarse = F.interpolate(self.deep(deep), size=fine.shape[-2:], mode="bilinear")
        mixed = torch.relu(self.norm(self.mix(torch.relu(self.fine(fine) + coarse))))
        heatmap = self.place(mixed)[:, 0]
        peaks = heatmap.flatten(1).topk(self.pooled_cells, dim=1).values.mean(dim=1, keepdim=True)
        return self.image(torch.cat([pooled, peaks], dim=1))[:, 0], heatmap


def build_network(name: str, heads: Heads) -> FractureNetwork:
    """A network with random weights on the torchvision trunk of that name."""
    return FractureNetwork(name, heads)


def load_start_weights(network: FractureNetwork, name: str, folder: Path) -> None:
    """Fill the trunk from an ImageNet classifier's file; its own classifier is left out."""
    from safetensors.torch import load_file

    trunk = _trunk_named(name)
    weights = load_file(folder / trunk.start_weights)
    kept = {
        key: value for key, value in weights.items() if not key.startswith(("classifier.", "fc."))
    }
    outcome = network.trunk.load_state_dict(kept, strict=False)
    missing = set(outcome.missing_keys) - set(trunk.absent_from_start)
    if missing or outcome.unexpected_keys:
        strange = sorted(missing) or outcome.unexpected_keys
        raise StartWeightsUnfit(f"{trunk.start_weights} is not of a {name}: {strange[:3]}")


def _trunk_named(name: str) -> Trunk:
    if name not in TRUNKS:
        raise UnknownTrunk(f"{name}: known are {', '.join(sorted(TRUNKS))}")
    return TRUNKS[name]


def _count_channels(trunk: nn.Module) -> tuple[int, int]:
    with torch.inference_mode():
        features = trunk.eval()(torch.zeros(1, 3, 64, 64))
    trunk.train()
    return features["fine"].shape[1], features["deep"].shape[1]


def _bias_of(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
