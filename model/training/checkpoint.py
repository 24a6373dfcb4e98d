"""The state of a run between two epochs, so that a run cut short goes on to the same end."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from model.network import FractureNetwork


@dataclass(slots=True)
class TrainingState:
    """Everything that changes while training."""

    network: FractureNetwork
    average: FractureNetwork  # exponential moving average of network: what is shipped
    optimizer: Optimizer
    schedule: LRScheduler
    epochs_done: int = 0


def save_checkpoint(state: TrainingState, path: Path) -> None:
    """Written beside and renamed: a kill never leaves half a checkpoint."""
    unfinished = path.with_suffix(".unfinished")
    torch.save(
        {
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "schedule": state.schedule.state_dict(),
            "epochs_done": state.epochs_done,
        },
        unfinished,
    )
    unfinished.replace(path)


def restore_checkpoint(state: TrainingState, path: Path) -> None:
    """Fill the state from the file."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    state.network.load_state_dict(saved["network"])
    state.average.load_state_dict(saved["average"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.schedule.load_state_dict(saved["schedule"])
    state.epochs_done = saved["epochs_done"]


@torch.no_grad()
def blend(average: nn.Module, network: nn.Module, decay: float) -> None:
    """One step of the moving average; counters are copied."""
    current: dict[str, Tensor] = network.state_dict()
    for name, value in average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])
