"""Which layers of the trunk move, and when."""

from torch import nn

from model.networks.build import Network
from model.training.recipes.recipe import TrunkPhases


def freeze(network: Network, phases: TrunkPhases, epoch: int) -> None:
    """Hold still what this epoch may not move: weights and, by eval mode, statistics."""
    held = _held_layers(network, phases, epoch)
    for name, layer in network.trunk.named_modules():
        if any(True for _ in layer.children()):
            continue
        holds = name in held
        layer.train(network.training and not holds)
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(not holds)


def _held_layers(network: Network, phases: TrunkPhases, epoch: int) -> set[str]:
    layers = [name for name, layer in network.trunk.named_modules() if _has_weights(layer)]
    if epoch < phases.head_only_epochs:
        return set(layers)
    below = round(len(layers) * (1 - phases.moving_share))
    stem = () if phases.from_scratch else network.stem
    return set(layers[:below]) | {name for name in layers if f"{name}.".startswith(stem)}


def _has_weights(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters(recurse=False))


def parameter_groups(network: Network) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The trunk's parameters and those of the heads, which start at random."""
    trunk = list(network.trunk.parameters())
    known = {id(parameter) for parameter in trunk}
    heads = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return trunk, heads
