"""The localising network: a trunk, a heatmap that the boxes teach, and heads beside it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.card import NetworkSpec
from model.networks.answer import Answer
from model.networks.trunks import mapping_trunk, pretraining

# A heatmap starts out almost empty, or its loss drowns the others in the first steps.
_EMPTY_HEATMAP_LOGIT = -4.0
_HEATMAP_CHANNELS = 128
_POOLED_CELLS = 8
_DROPOUT = 0.3
_PROBE_SIDE = 64


class LocalisingNetwork(nn.Module):
    """Takes grey images [n, 1, side, side] in 0..1; side is a multiple of 32."""

    grey_mean: Tensor
    grey_deviation: Tensor

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.outputs = spec.outputs
        self.trunk = mapping_trunk(spec.trunk)
        fine, deep = _count_channels(self.trunk)
        known = pretraining(spec.trunk)
        self.stem = known.stem
        self.fracture_head = _FractureHead(fine, deep)
        self.region_head = nn.Linear(deep, len(spec.regions)) if spec.regions else None
        self.hardware_head = nn.Linear(deep, 1) if spec.hardware else None
        self.type_head = nn.Linear(2 * deep, len(spec.types)) if spec.types else None
        directions = spec.strangeness_directions
        self.strangeness_head = Strangeness(deep, directions) if directions else None
        self.register_buffer("grey_mean", torch.tensor(known.grey[0]))
        self.register_buffer("grey_deviation", torch.tensor(known.grey[1]))

    def forward(self, images: Tensor) -> Answer:
        grey = (images - self.grey_mean) / self.grey_deviation
        features = self.trunk(grey.expand(-1, 3, -1, -1))
        deep = features["deep"]
        pooled = deep.mean(dim=(2, 3))
        fracture, heatmap = self.fracture_head(features["fine"], deep, pooled)
        answer = {"fracture": fracture, "heatmap": heatmap}
        if self.region_head is not None:
            answer["regions"] = self.region_head(pooled)
        if self.hardware_head is not None:
            answer["hardware"] = self.hardware_head(pooled)[:, 0]
        if self.type_head is not None:
            answer["types"] = self.type_head(look_closely(deep, pooled, heatmap))
        if self.strangeness_head is not None:
            answer["strangeness"] = self.strangeness_head(pooled)
        return answer

    def describe(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What the type head [n, 2 deep] and the strangeness head [n, deep] are given."""
        grey = (images - self.grey_mean) / self.grey_deviation
        features = self.trunk(grey.expand(-1, 3, -1, -1))
        deep = features["deep"]
        pooled = deep.mean(dim=(2, 3))
        _, heatmap = self.fracture_head(features["fine"], deep, pooled)
        return look_closely(deep, pooled, heatmap), pooled


def look_closely(deep: Tensor, pooled: Tensor, heatmap: Tensor) -> Tensor:
    """The whole image's features beside those of its suspicious places."""
    shown = F.max_pool2d(heatmap[:, None], 2).flatten(1)  # from stride 16 to 32
    attention = shown.softmax(dim=1)[:, None]
    return torch.cat([pooled, (deep.flatten(2) * attention).sum(dim=2)], dim=1)


class _FractureHead(nn.Module):
    """Looks at each place first, then judges the image by its most suspicious places."""

    def __init__(self, fine_channels: int, deep_channels: int) -> None:
        super().__init__()
        width = _HEATMAP_CHANNELS
        self.fine = nn.Conv2d(fine_channels, width, 1)
        self.deep = nn.Conv2d(deep_channels, width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.place = nn.Conv2d(width, 1, 1)
        self.image = nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(deep_channels + 1, 1))
        assert self.place.bias is not None
        nn.init.constant_(self.place.bias, _EMPTY_HEATMAP_LOGIT)

    def forward(self, fine: Tensor, deep: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        coarse = F.interpolate(self.deep(deep), size=fine.shape[-2:], mode="bilinear")
        mixed = torch.relu(self.norm(self.mix(torch.relu(self.fine(fine) + coarse))))
        heatmap = self.place(mixed)[:, 0]
        peaks = heatmap.flatten(1).topk(_POOLED_CELLS, dim=1).values.mean(dim=1, keepdim=True)
        return self.image(torch.cat([pooled, peaks], dim=1))[:, 0], heatmap


class Strangeness(nn.Module):
    """Mean squared deviation from what was learned, along directions that training images define.

    Mahalanobis' distance in the features' own space (Lee et al. 2018): an image of something else
    lies far out, whatever its fracture logit.
    """

    centre: Tensor
    directions: Tensor

    def __init__(self, channels: int, directions: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(channels))
        self.register_buffer("directions", torch.zeros(directions, channels))

    def forward(self, pooled: Tensor) -> Tensor:
        return ((pooled - self.centre) @ self.directions.T).square().mean(dim=1)


def _count_channels(trunk: nn.Module) -> tuple[int, int]:
    with torch.inference_mode():
        maps = trunk.eval()(torch.zeros(1, 3, _PROBE_SIDE, _PROBE_SIDE))
    trunk.train()
    return maps["fine"].shape[1], maps["deep"].shape[1]
