"""The state of a fit between two epochs, so that a run cut short goes on to the same end."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from model.networks.build import Network


class CheckpointUnfit(ValueError):
    """The checkpoint is of another recipe, or of other images."""


@dataclass(slots=True)
class FitState:
    """Everything that changes while fitting."""

    network: Network
    average: Network  # exponential moving average of network: what is shipped
    optimizer: Optimizer
    schedule: LRScheduler
    subject: str  # a digest of recipe and images: with others the fit would not end alike
    epochs_done: int = 0
    lowest_loss: float = float("inf")  # on the held-out images, where there are any
    epochs_without_gain: int = 0
    seconds: float = 0.0  # spent on the epochs so far, in every process that took part
    best: dict[str, Tensor] | None = None  # the average of the epoch with the lowest loss

    def keep_as_best(self) -> None:
        """Copy the average: later epochs move it."""
        self.best = {name: value.clone() for name, value in self.average.state_dict().items()}

    def shipped(self) -> Network:
        """The best epoch's average where epochs were compared, else the last one's."""
        if self.best is not None:
            self.average.load_state_dict(self.best)
        return self.average.eval()


_MODULES = ("network", "average", "optimizer", "schedule")
_NUMBERS = ("epochs_done", "lowest_loss", "epochs_without_gain", "seconds")


def save_checkpoint(state: FitState, path: Path) -> None:
    """Written beside and renamed: a kill never leaves half a checkpoint."""
    unfinished = path.with_suffix(".unfinished")
    kept = {name: getattr(state, name).state_dict() for name in _MODULES}
    kept |= {name: getattr(state, name) for name in _NUMBERS} | {"subject": state.subject}
    if state.best is not None:
        kept["best"] = state.best
    torch.save(kept, unfinished)
    unfinished.replace(path)


def restore_checkpoint(state: FitState, path: Path) -> None:
    """Fill the state from the file; CheckpointUnfit where it is of another fit."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if saved.get("subject", state.subject) != state.subject:
        raise CheckpointUnfit(
            f"{path.name} is of another recipe or of other images: name another --out, "
            "or leave --resume out to start anew"
        )
    for name in _MODULES:
        getattr(state, name).load_state_dict(saved[name])
    for name in _NUMBERS:
        setattr(state, name, saved[name])
    state.best = saved.get("best")


def fitting_seconds(path: Path) -> float:
    """How long the epochs behind a checkpoint took."""
    return float(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["seconds"])


@torch.no_grad()
def blend(average: nn.Module, network: nn.Module, decay: float) -> None:
    """One step of the moving average; counters are copied."""
    current: dict[str, Tensor] = network.state_dict()
    for name, value in average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])
