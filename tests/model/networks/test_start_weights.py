"""torchvision's own files fill its trunks, layer by layer; other files are refused."""

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import get_model

from model.card import NetworkSpec
from model.networks.build import build_network
from model.networks.trunks import StartWeightsUnfit, load_start_weights, pretraining

Names = Callable[[str], str]
COUNTER = "num_batches_tracked"


def _as_it_is(key: str) -> str:
    return key


def _as_old_densenets(key: str) -> str:
    """norm1 was norm.1."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key)


# By the names under which torchvision offers them.
FILES: dict[str, tuple[str, Names]] = {
    "densenet121": ("densenet121-a639ec97.pth", _as_old_densenets),
    "googlenet": ("googlenet-1378be20.pth", _as_it_is),
    "inception_v3": ("inception_v3_google-0cc3c7bd.pth", _as_it_is),
    "alexnet": ("alexnet-owt-7be5be79.pth", _as_it_is),
    "mobilenet_v3_small": ("mobilenet_v3_small-047dcff4.pth", _as_it_is),
    "mnasnet0_5": ("mnasnet0.5_top1_67.823-3ffadce67e.pth", _as_it_is),
    "resnet18": ("resnet18-f37072fd.pth", _as_it_is),
}


def _whole(trunk: str) -> dict[str, Tensor]:
    """What such a file holds, auxiliary heads too; one number fills each weight: it is small."""
    with torch.device("meta"):
        weights: dict[str, Tensor] = get_model(trunk, weights=None).state_dict()
    for number, (key, value) in enumerate(list(weights.items()), start=1):
        weights[key] = torch.full((), number, dtype=value.dtype).expand(value.shape)
        if key.endswith(COUNTER):
            del weights[key]  # the oldest files have none
    return weights


def _write(folder: Path, trunk: str, weights: dict[str, Tensor]) -> Path:
    name, rename = FILES[trunk]
    renamed = copy.copy(weights)  # with the versions that it carries
    for key in weights:
        renamed[rename(key)] = renamed.pop(key)
    torch.save(renamed, folder / name)
    return folder / name


def _trunk(name: str, kind: str = "plain") -> nn.Module:
    return build_network(NetworkSpec.model_validate({"kind": kind, "trunk": name})).trunk


@pytest.mark.parametrize(
    ("trunk", "kind"),
    [
        *((trunk, "plain") for trunk in FILES),
        ("densenet121", "localising"),
        ("mobilenet_v3_small", "localising"),
    ],
)
def test_torchvisions_own_file_fills_every_layer(trunk: str, kind: str, tmp_path: Path) -> None:
    weights = _whole(trunk)
    _write(tmp_path, trunk, weights)
    network = _trunk(trunk, kind)
    load_start_weights(network, trunk, tmp_path)
    layers = {k: value for k, value in network.state_dict().items() if not k.endswith(COUNTER)}
    assert [key for key, value in layers.items() if not torch.equal(value, weights[key])] == []


def test_what_names_imagenets_classes_may_be_cut_off(tmp_path: Path) -> None:
    weights = _whole("mobilenet_v3_small")
    cut = {key: value for key, value in weights.items() if not key.startswith("classifier.3.")}
    _write(tmp_path, "mobilenet_v3_small", cut)
    network = _trunk("mobilenet_v3_small")
    load_start_weights(network, "mobilenet_v3_small", tmp_path)
    hidden = network.state_dict()["classifier.0.weight"]
    assert torch.equal(hidden, weights["classifier.0.weight"])


@pytest.mark.parametrize("lost", ["classifier.0.weight", "features.2.block.1.0.weight"])
def test_a_file_that_lacks_a_layer_of_the_trunk_is_refused(lost: str, tmp_path: Path) -> None:
    weights = _whole("mobilenet_v3_small")
    del weights[lost]
    _write(tmp_path, "mobilenet_v3_small", weights)
    with pytest.raises(StartWeightsUnfit, match=re.escape(lost)):
        load_start_weights(_trunk("mobilenet_v3_small"), "mobilenet_v3_small", tmp_path)


def test_a_file_with_a_layer_too_many_is_refused(tmp_path: Path) -> None:
    weights = _whole("mobilenet_v3_small")
    _write(tmp_path, "mobilenet_v3_small", {**weights, "features.99.weight": torch.zeros(1)})
    with pytest.raises(StartWeightsUnfit, match=r"features\.99\.weight"):
        load_start_weights(_trunk("mobilenet_v3_small"), "mobilenet_v3_small", tmp_path)


def test_layers_of_the_same_names_but_other_shapes_are_refused(tmp_path: Path) -> None:
    torch.save(_whole("shufflenet_v2_x1_0"), tmp_path / "shufflenet_v2_x0_5-f707e712.pth")
    with pytest.raises(StartWeightsUnfit, match="is not of a shufflenet_v2_x0_5: size mismatch"):
        load_start_weights(_trunk("shufflenet_v2_x0_5"), "shufflenet_v2_x0_5", tmp_path)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_that_breaks_off_is_refused(ending: str, tmp_path: Path) -> None:
    whole = tmp_path / f"resnet18-cut{ending}"
    if ending == ".pth":
        torch.save(_whole("resnet18"), whole)
    else:
        whole = tmp_path / "resnet18_imagenet_partial.safetensors"
        save_file(get_model("resnet18", weights=None).state_dict(), whole)
    whole.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(StartWeightsUnfit, match=f"{whole.name} cannot be read"):
        load_start_weights(_trunk("resnet18"), "resnet18", tmp_path)


@pytest.mark.parametrize("trunk", ["googlenet", "inception_v3"])
def test_grey_is_shown_as_these_files_were_shown_it(trunk: str) -> None:
    network = get_model(trunk, weights=None, init_weights=False, transform_input=True)
    grey = torch.rand(1, 1, 4, 4).expand(-1, 3, -1, -1)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    ours, wide = pretraining(trunk).grey
    theirs = network._transform_input((grey - mean) / deviation)
    assert torch.allclose((grey - ours) / wide, theirs, atol=1e-5)
