"""The trunks: torchvision's classification networks, tapped for their maps."""

import re
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from model.networks.small import SmallCnn

# Of the three channels' means and deviations: a radiograph has one grey.
IMAGENET_GREY = (0.449, 0.226)
_EVEN_GREY = (0.5, 0.5)  # of weights that were made with −1..1
SMALL_CNN = "small_cnn"
_IMAGENET_CLASSES = 1000
_WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")
_PROBE_SIDE = 256
MAPS = {"detail": 8, "fine": 16, "deep": 32}  # strides


@dataclass(frozen=True, slots=True)
class Pretraining:
    """What is known of a trunk's start weights."""

    files: tuple[str, ...]  # names or patterns, looked for in the folder of start weights
    grey: tuple[float, float] = IMAGENET_GREY  # mean and deviation of what they were trained on
    stem: tuple[str, ...] = ()  # layers before stride 8: edge filters, the same for any picture
    absent: tuple[str, ...] = ()  # layers that the file does not have: they start at random
    taps: dict[str, str] | None = None  # the maps' nodes; else the last of each stride


_PRETRAINING = {
    "mobilenet_v2": Pretraining(
        files=("mobilenet_v2_imagenet.safetensors", "mobilenet_v2-*.pth"),
        grey=_EVEN_GREY,
        stem=tuple(f"features.{block}." for block in range(4)),
        taps={"detail": "features.6", "fine": "features.13", "deep": "features.18"},
    ),
    "resnet18": Pretraining(
        files=("resnet18-*.pth", "resnet18_imagenet_partial.safetensors"),
        stem=("conv1.", "bn1.", "layer1."),
        absent=tuple(f"layer4.{b}.conv{c}.weight" for b in (0, 1) for c in (1, 2)),
    ),
}


class UnknownTrunk(ValueError):
    """No trunk of this name is known."""


class TrunkWithoutMaps(ValueError):
    """The trunk lacks maps at strides 8, 16 and 32: it can only be had with a plain recipe."""


class StartWeightsMissing(FileNotFoundError):
    """No file of start weights for this trunk; a recipe can do without only if it says so."""


class StartWeightsUnfit(ValueError):
    """The start weights are not of this trunk."""


def trunk_names() -> list[str]:
    """Every trunk that can be named."""
    return [SMALL_CNN, *_torchvisions_trunks()]


def pretraining(name: str) -> Pretraining:
    """What start weights are looked for: torchvision's own, where nothing else is known."""
    if name in _PRETRAINING:
        return _PRETRAINING[name]
    # What torchvision calls their `transform_input`.
    grey = _EVEN_GREY if name in _WITH_AUXILIARY_HEADS else IMAGENET_GREY
    own = _torchvisions_own(name) if name in _torchvisions_trunks() else ()
    return Pretraining(files=(f"{name}.safetensors", f"{name}-*.pth", *own), grey=grey)


def _torchvisions_trunks() -> list[str]:
    names: list[str] = torchvision.models.list_models(torchvision.models)
    return names


def _torchvisions_own(name: str) -> list[str]:
    """Its files by their names: not all begin with the trunk's."""
    known = torchvision.models.get_model_weights(name)
    return [Path(one.url).name for one in known if one.name.startswith("IMAGENET1K_V")]


def whole_network(name: str) -> nn.Module:
    """The classification network of that name, with random weights and 1,000 classes."""
    if name == SMALL_CNN:
        return SmallCnn(_IMAGENET_CLASSES)
    if name not in _torchvisions_trunks():
        raise UnknownTrunk(f"no trunk {name!r}; there are: {', '.join(trunk_names())}")
    options = {"aux_logits": False} if name in _WITH_AUXILIARY_HEADS else {}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return network


def mapping_trunk(name: str) -> nn.Module:
    """The trunk with its maps as outputs, by the names that MAPS gives their strides."""
    whole = whole_network(name)
    taps = pretraining(name).taps or _last_nodes(whole, name)
    nodes = {node: shown for shown, node in taps.items()}
    trunk: nn.Module = create_feature_extractor(whole, nodes)
    return trunk


def _last_nodes(whole: nn.Module, name: str) -> dict[str, str]:
    """For each map the name of the last node of its stride."""
    _, nodes = get_graph_node_names(whole)
    tapped = create_feature_extractor(whole.eval(), {node: node for node in nodes[:-1]})
    try:
        with torch.inference_mode():
            shown = tapped(torch.zeros(1, 3, _PROBE_SIDE, _PROBE_SIDE))
    except RuntimeError as error:  # a network for one image size only
        raise _no_maps(name) from error
    last = {_stride(value): node for node, value in shown.items()}
    if not set(MAPS.values()) <= set(last):
        raise _no_maps(name)
    return {shown: last[stride] for shown, stride in MAPS.items()}


def _stride(value: object) -> float | None:
    if isinstance(value, Tensor) and value.dim() == 4 and value.shape[-1] == value.shape[-2]:
        return _PROBE_SIDE / value.shape[-1]
    return None


def _no_maps(name: str) -> TrunkWithoutMaps:
    return TrunkWithoutMaps(f"{name} lacks maps at strides 8, 16 and 32: take a plain recipe")


# In a file all that the trunk lacks begins so: the layer that names ImageNet's classes, with the
# rest of its classifier where the trunk ends in maps, and heads for torchvision's own training.
_CLASSIFIERS = ("classifier.", "fc.", "_fc.", "head.", "heads.")
_AUXILIARY_HEADS = ("aux1.", "aux2.", "AuxLogits.")
_OLD_DENSE_LAYER = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")


def load_start_weights(trunk: nn.Module, name: str, folder: Path) -> None:
    """Fill the trunk from an ImageNet classifier's file; what the trunk has no place for is left.

    Raises StartWeightsUnfit where a layer of the trunk, or of the file, is not in the other.
    """
    known = pretraining(name)
    path = _find(known, folder)
    if path is None:
        raise StartWeightsMissing(2, "no start weights", str(folder / known.files[0]))
    weights = _read(path)
    _rename_old_layers(weights)
    try:
        missing, strange = trunk.load_state_dict(weights, strict=False)
    except (RuntimeError, ValueError) as error:  # other shapes, or of an unknown version
        told = str(error).splitlines()[-1].strip()
        raise StartWeightsUnfit(f"{path.name} is not of a {name}: {told}") from error
    unmatched = [*_needed(missing, known), *_unexplained(strange)]
    if unmatched:
        raise StartWeightsUnfit(f"{path.name} is not of a {name}: {sorted(unmatched)[:3]}")


def _needed(missing: list[str], known: Pretraining) -> list[str]:
    """Without counters of seen batches: older files do not have them."""
    absent = (*known.absent, "num_batches_tracked")
    return [key for key in missing if not key.endswith(absent)]


def _unexplained(strange: list[str]) -> list[str]:
    return [key for key in strange if not key.startswith((*_CLASSIFIERS, *_AUXILIARY_HEADS))]


def _rename_old_layers(weights: dict[str, Tensor]) -> None:
    """As torchvision does: in DenseNet's files dots stand in layers' names.

    In place, since a copy would lose the versions that torchvision's layers ask for.
    """
    for key in list(weights):
        if old := _OLD_DENSE_LAYER.match(key):
            weights["".join(old.groups())] = weights.pop(key)


def _find(known: Pretraining, folder: Path) -> Path | None:
    return next((path for name in known.files for path in sorted(folder.glob(name))), None)


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError

    try:
        return _tensors(path)
    except (OSError, RuntimeError, EOFError, UnpicklingError, SafetensorError) as error:
        raise StartWeightsUnfit(f"{path.name} cannot be read as weights") from error


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        weights: dict[str, Tensor] = load_file(path)
        return weights
    # Tensors only: a pickle that holds anything else is refused by torch.
    loaded: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return loaded
