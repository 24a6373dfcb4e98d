"""The localising network: a trunk, a heatmap that the boxes teach, and heads beside it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.card import NetworkSpec
from model.networks.answer import Answer
from model.networks.trunks import mapping_trunk, pretraining

# A heatmap starts out almost empty, or its loss drowns the others in the first steps.
_EMPTY_HEATMAP_LOGIT = -4.0
_HEATMAP_CHANNELS, _DETAIL_CHANNELS = 128, 48
_POOLED_CELLS = 16
_HEATMAP_TO_DEEP = 4  # from the heatmap's stride of 8 to 32
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
        channels = _count_channels(self.trunk)
        deep = channels["deep"]
        known = pretraining(spec.trunk)
        self.stem = known.stem
        self.fracture_head = _FractureHead(channels)
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
        fracture, heatmap = self.fracture_head(features, pooled)
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
        _, heatmap = self.fracture_head(features, pooled)
        return look_closely(deep, pooled, heatmap), pooled


def look_closely(deep: Tensor, pooled: Tensor, heatmap: Tensor) -> Tensor:
    """The whole image's features beside those of its suspicious places."""
    shown = F.max_pool2d(heatmap[:, None], _HEATMAP_TO_DEEP).flatten(1)
    attention = shown.softmax(dim=1)[:, None]
    return torch.cat([pooled, (deep.flatten(2) * attention).sum(dim=2)], dim=1)


class _FractureHead(nn.Module):
    """Looks at each place first, then judges the image by its most suspicious places.

    Half of the readers' boxes are narrower than 18 pixels of 416: stride 8 tells places apart.
    """

    def __init__(self, channels: dict[str, int]) -> None:
        super().__init__()
        width, narrow = _HEATMAP_CHANNELS, _DETAIL_CHANNELS
        self.fine = nn.Conv2d(channels["fine"], width, 1)
        self.deep = nn.Conv2d(channels["deep"], width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.narrow = nn.Conv2d(width, narrow, 1)
        self.detail = nn.Conv2d(channels["detail"], narrow, 1)
        self.sharpen = nn.Conv2d(narrow, narrow, 3, padding=1)
        self.sharp_norm = nn.BatchNorm2d(narrow)
        self.place = nn.Conv2d(narrow, 1, 1)
        self.image = nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(channels["deep"] + 1, 1))
        assert self.place.bias is not None
        nn.init.constant_(self.place.bias, _EMPTY_HEATMAP_LOGIT)

    def forward(self, features: dict[str, Tensor], pooled: Tensor) -> tuple[Tensor, Tensor]:
        fine, detail = features["fine"], features["detail"]
        coarse = _enlarged(self.deep(features["deep"]), fine)
        mixed = torch.relu(self.norm(self.mix(torch.relu(self.fine(fine) + coarse))))
        nearer = torch.relu(self.detail(detail) + _enlarged(self.narrow(mixed), detail))
        sharp = torch.relu(self.sharp_norm(self.sharpen(nearer)))
        heatmap = self.place(sharp)[:, 0]
        peaks = heatmap.flatten(1).topk(_POOLED_CELLS, dim=1).values.mean(dim=1, keepdim=True)
        return self.image(torch.cat([pooled, peaks], dim=1))[:, 0], heatmap


def _enlarged(coarse: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(coarse, size=like.shape[-2:], mode="bilinear")


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


def _count_channels(trunk: nn.Module) -> dict[str, int]:
    with torch.inference_mode():
        maps = trunk.eval()(torch.zeros(1, 3, _PROBE_SIDE, _PROBE_SIDE))
    trunk.train()
    return {name: values.shape[1] for name, values in maps.items()}
