"""One fit: from start weights through the recipe's epochs to an averaged network."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import structlog
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from model.datasets.images import ImageSet
from model.networks.build import Network, build_network
from model.networks.trunks import load_start_weights
from model.training.batches import Batch, Drawer, batch_of
from model.training.checkpoint import FitState, blend, restore_checkpoint, save_checkpoint
from model.training.objective import ClassWeights, total_loss
from model.training.phases import freeze, parameter_groups
from model.training.progress import RunProgress
from model.training.recipes.recipe import Recipe

log = structlog.get_logger(__name__)

GRADIENT_NORM_LIMIT = 5.0
_MEASURING_BATCH = 32


class StartWeightsUntold(ValueError):
    """The recipe does not start from nothing, and no folder of start weights was given."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What one network is fitted to, and where its checkpoint lies."""

    name: str
    recipe: Recipe
    images: ImageSet
    held_out: ImageSet | None  # says when to stop and which epoch was best, given patience
    folder: Path
    start_weights: Path | None  # a folder; none for a recipe that starts from nothing
    device: str = "cpu"
    resume: bool = False


def fit_network(fit: Fit) -> Network:
    """Fit to the last epoch, or until patience ends: then the best epoch's average is returned."""
    fit.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(fit.recipe.seed)
    checkpoint = fit.folder / f"{fit.name}.checkpoint"
    drawer = Drawer(fit.recipe, fit.images, fit.device)
    state = _begin(fit, drawer.batches_per_epoch)
    if fit.resume and checkpoint.exists():
        restore_checkpoint(state, checkpoint)
    with RunProgress(fit.folder, fit.name) as progress:
        while not _finished(state, fit.recipe):
            started = time.monotonic()
            _fit_epoch(fit, state, drawer, progress)
            _measure_epoch(fit, state, progress)
            state.seconds += time.monotonic() - started
            save_checkpoint(state, checkpoint)
    return state.shipped()


def _finished(state: FitState, recipe: Recipe) -> bool:
    patience = recipe.patience_epochs
    tired = patience is not None and state.epochs_without_gain >= patience
    return tired or state.epochs_done >= recipe.epochs


def _begin(fit: Fit, batches: int) -> FitState:
    recipe = fit.recipe
    network = start_network(recipe, fit.start_weights)
    network.to(fit.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trunk, heads = parameter_groups(network)
    rates = [recipe.rates.trunk, recipe.rates.heads]
    optimizer = AdamW(
        [{"params": trunk, "lr": rates[0]}, {"params": heads, "lr": rates[1]}],
        weight_decay=recipe.rates.weight_decay,
    )
    steps = recipe.epochs * _steps(batches, recipe)
    schedule = OneCycleLR(optimizer, rates, total_steps=steps, pct_start=recipe.rates.warmup_share)
    return FitState(network, copy.deepcopy(network), optimizer, schedule, _subject(fit))


def _subject(fit: Fit) -> str:
    digest = sha256(f"{fit.recipe}".encode())
    for images in (fit.images, fit.held_out):
        if images is not None:
            digest.update(images.fractured.tobytes())
            # Every eighth pixel tells images apart as well as all of them do.
            digest.update(images.images[:, ::8, ::8].tobytes())
    return digest.hexdigest()


def start_network(recipe: Recipe, start_weights: Path | None) -> Network:
    """As a fit starts: heads at random, the trunk by its start weights unless from nothing."""
    network = build_network(recipe.network)
    if recipe.phases.from_scratch:
        return network
    if start_weights is None:
        raise StartWeightsUntold(f"{recipe.name} starts from weights: it needs --start-weights")
    load_start_weights(network.trunk, recipe.network.trunk, start_weights)
    return network


def _steps(batches: int, recipe: Recipe) -> int:
    return -(-batches // recipe.accumulated_batches)


def _fit_epoch(fit: Fit, state: FitState, drawer: Drawer, progress: RunProgress) -> None:
    # What dropout draws depends on the epoch alone, so that a resumed run goes on alike.
    torch.manual_seed(fit.recipe.seed * 1000 + state.epochs_done)
    state.network.train()
    freeze(state.network, fit.recipe.phases, state.epochs_done)
    losses = _losses(fit, state, drawer)
    progress.epoch(state.epochs_done + 1, drawer.batches_per_epoch, losses)
    state.epochs_done += 1


def _losses(fit: Fit, state: FitState, drawer: Drawer) -> Iterator[float]:
    """Walks an epoch, step by step; each value is one batch's loss."""
    recipe = fit.recipe
    classes = class_weights(recipe, fit.images)
    for number, batch in enumerate(drawer.epoch(state.epochs_done), start=1):
        loss = _loss(fit, state.network, batch, classes)
        together = _batches_of_step(number, drawer.batches_per_epoch, recipe)
        (loss / together).backward()  # type: ignore[no-untyped-call]
        if number % recipe.accumulated_batches == 0 or number == drawer.batches_per_epoch:
            _step(state, recipe)
        yield float(loss.detach())


def _batches_of_step(number: int, batches: int, recipe: Recipe) -> int:
    """How many make the step that this batch is part of: an epoch's last may have fewer."""
    before = (number - 1) // recipe.accumulated_batches * recipe.accumulated_batches
    return min(recipe.accumulated_batches, batches - before)


def _loss(fit: Fit, network: Network, batch: Batch, classes: ClassWeights) -> Tensor:
    images = batch.images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(torch.device(fit.device).type, dtype=torch.bfloat16):
        answer = network(images)
    return total_loss(answer, batch, fit.recipe.losses, classes)


def _step(state: FitState, recipe: Recipe) -> None:
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), GRADIENT_NORM_LIMIT)
    state.optimizer.step()
    state.optimizer.zero_grad()
    state.schedule.step()
    blend(state.average, state.network, recipe.ema_decay)


def class_weights(recipe: Recipe, images: ImageSet) -> ClassWeights:
    """As heavy as the label is rare, where the recipe weights its loss."""
    if not recipe.losses.class_weighted:
        return ClassWeights()
    fractured = max(float((images.fractured > 0).mean()), 1e-6)
    counts = np.bincount(images.types[images.types >= 0], minlength=len(recipe.network.types))
    even = counts.sum() / np.maximum(counts, 1) / max(len(counts), 1)
    types = torch.from_numpy(even.astype(np.float32)) if recipe.network.types else None
    return ClassWeights(fractured=(1 - fractured) / fractured, types=types)


@torch.inference_mode()
def _measure_epoch(fit: Fit, state: FitState, progress: RunProgress) -> None:
    """The loss on held-out images, which patience waits on; no weight learns from it."""
    if fit.held_out is None or fit.recipe.patience_epochs is None:
        return
    loss = _held_out_loss(fit, state, fit.held_out)
    progress.record("loss/held_out", loss, state.epochs_done)
    log.info("held_out", run=fit.name, epoch=state.epochs_done, loss=round(loss, 4))
    if loss < state.lowest_loss:
        state.lowest_loss, state.epochs_without_gain = loss, 0
        state.keep_as_best()
    else:
        state.epochs_without_gain += 1


def _held_out_loss(fit: Fit, state: FitState, images: ImageSet) -> float:
    state.average.eval()
    classes = class_weights(fit.recipe, fit.images)
    parts = np.array_split(np.arange(len(images)), max(1, len(images) // _MEASURING_BATCH))
    batches = [batch_of(images, rows, fit.device) for rows in parts]
    losses = [float(_loss(fit, state.average, batch, classes)) for batch in batches]
    return float(np.average(losses, weights=[len(rows) for rows in parts]))
