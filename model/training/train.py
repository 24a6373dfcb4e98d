"""A training run from start weights to a calibrated, exported artefact, top to bottom."""

import copy
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
import torch
from torch import Generator, Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from model.datasets.fracatlas import read_labels
from model.datasets.images import ImageSet, load_images
from model.datasets.labelled import REGIONS, LabelledImage, of_split
from model.datasets.splits import hold_out_groups
from model.network import FractureNetwork, Heads, build_network, load_start_weights
from model.training.augmentation import augment
from model.training.checkpoint import TrainingState, blend, restore_checkpoint, save_checkpoint
from model.training.objective import total_loss
from model.training.practice import render_phantoms
from model.training.recipes import Recipe
from model.training.ship import Shipment, ship

log = structlog.get_logger(__name__)

GRADIENT_NORM_LIMIT = 5.0
SETTLING_RATE = 0.1


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What to train on, from what, how, and where the results go."""

    data: Path
    start_weights: Path
    recipe: Recipe
    out: Path
    version: str
    resume: bool = False
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class TrainingParts:
    """Which images fit the weights and which, of other groups, fit the calibration."""

    fit: list[LabelledImage]
    calibration: list[LabelledImage]
    validation: list[LabelledImage]


def train(run: TrainingRun) -> Path:
    """The whole run; returns the folder of the artefact."""
    parts = part_images(run)
    network = fit_network(run, parts)
    shipment = Shipment(run.recipe, run.version, run.out, parts.calibration, parts.validation)
    return ship(network, shipment)


def part_images(run: TrainingRun) -> TrainingParts:
    """Split by group only; val decides nothing, it is only measured."""
    labels = read_labels(run.data)
    fit, calibration = hold_out_groups(
        of_split(labels, "train"), run.recipe.calibration_share, run.recipe.seed
    )
    return TrainingParts(fit, calibration, of_split(labels, "val"))


def fit_network(run: TrainingRun, parts: TrainingParts) -> FractureNetwork:
    """Train to the recipe's last epoch and return the averaged network."""
    run.out.mkdir(parents=True, exist_ok=True)
    checkpoint = run.out / "checkpoint.pt"
    torch.manual_seed(run.recipe.seed)
    real = load_images(parts.fit, run.recipe.side)
    images = real.joined(render_phantoms(run.recipe))
    log.info("images_ready", real=len(real), phantoms=len(images) - len(real))
    state = _begin(run, steps=run.recipe.epochs * _steps_per_epoch(run.recipe, len(real)))
    if run.resume and checkpoint.exists():
        restore_checkpoint(state, checkpoint)
    while state.epochs_done < run.recipe.epochs + run.recipe.settling_epochs:
        if state.epochs_done == run.recipe.epochs:
            _settle(state, run.recipe)
        _train_epoch(run, state, images, _draw_order(run.recipe, real, state.epochs_done))
        state.epochs_done += 1
        save_checkpoint(state, checkpoint)
    return state.average.eval()


def _steps_per_epoch(recipe: Recipe, real_images: int) -> int:
    return max(1, real_images // recipe.batch)


def _begin(run: TrainingRun, steps: int) -> TrainingState:
    recipe = run.recipe
    network = build_network(recipe.trunk, Heads(REGIONS))
    load_start_weights(network, recipe.trunk, run.start_weights)
    network.to(run.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.freeze_stem()
    trunk = [parameter for parameter in network.trunk.parameters() if parameter.requires_grad]
    heads = [*network.fracture_head.parameters(), *network.region_head.parameters()]
    rates = [recipe.trunk_learning_rate, recipe.head_learning_rate]
    optimizer = AdamW(
        [{"params": trunk, "lr": rates[0]}, {"params": heads, "lr": rates[1]}],
        weight_decay=recipe.weight_decay,
    )
    schedule = OneCycleLR(optimizer, rates, total_steps=steps, pct_start=recipe.warmup_share)
    return TrainingState(network, copy.deepcopy(network), optimizer, schedule)


def _settle(state: TrainingState, recipe: Recipe) -> None:
    """From here on the learning rates stand still."""
    rates = recipe.trunk_learning_rate, recipe.head_learning_rate
    for group, rate in zip(state.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate * SETTLING_RATE


def _phantom_share(recipe: Recipe, epoch: int) -> float:
    return recipe.phantom_share if epoch < recipe.epochs else recipe.settling_phantom_share


def _draw_order(recipe: Recipe, real: ImageSet, epoch: int) -> Tensor:
    """Which images an epoch sees, [steps, batch]; phantoms are numbered after the real ones."""
    generator = Generator().manual_seed(recipe.seed * 1000 + epoch)
    steps = _steps_per_epoch(recipe, len(real))
    weights = torch.from_numpy(np.where(real.fractured > 0, recipe.fractured_weight, 1.0))
    drawn = torch.multinomial(weights, steps * recipe.batch, True, generator=generator)
    if recipe.phantoms:
        phantoms = torch.randint(recipe.phantoms, drawn.shape, generator=generator) + len(real)
        share = _phantom_share(recipe, epoch)
        chosen = torch.rand(drawn.shape, generator=generator) < share
        drawn = torch.where(chosen, phantoms, drawn)
    return drawn.reshape(steps, recipe.batch)


def _train_epoch(run: TrainingRun, state: TrainingState, images: ImageSet, order: Tensor) -> None:
    generator = Generator().manual_seed(run.recipe.seed * 1000 + state.epochs_done + 500)
    torch.manual_seed(run.recipe.seed * 1000 + state.epochs_done)  # dropout
    state.network.train()
    state.network.freeze_stem()
    started, total = time.monotonic(), 0.0
    for step, rows in enumerate(order, start=1):
        total += _train_step(run, state, _batch_of(images, rows, run.device), generator)
        if step % 20 == 0 or step == len(order):
            log.info(
                "training",
                epoch=state.epochs_done + 1,
                step=step,
                of=len(order),
                loss=round(total / step, 4),
                seconds=round(time.monotonic() - started),
            )


@dataclass(frozen=True, slots=True)
class _Batch:
    images: Tensor  # [n, 1, side, side], 0..1
    masks: Tensor  # [n, 1, side / 4, side / 4]
    fractured: Tensor
    regions: Tensor


def _batch_of(images: ImageSet, rows: Tensor, device: str) -> _Batch:
    chosen = rows.numpy()
    return _Batch(
        images=torch.from_numpy(images.images[chosen]).to(device).float()[:, None] / 255,
        masks=torch.from_numpy(images.masks[chosen]).to(device).float()[:, None],
        fractured=torch.from_numpy(images.fractured[chosen]).to(device),
        regions=torch.from_numpy(images.regions[chosen]).to(device),
    )


def _train_step(
    run: TrainingRun, state: TrainingState, batch: _Batch, generator: Generator
) -> float:
    images, masks = augment(batch.images, batch.masks, run.recipe.augmentation, generator)
    with torch.autocast(run.device, dtype=torch.bfloat16):
        answer = state.network(images)
    loss = total_loss(answer, masks, batch.fractured, batch.regions, run.recipe)
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), GRADIENT_NORM_LIMIT)
    state.optimizer.step()
    if state.epochs_done < run.recipe.epochs:
        state.schedule.step()
    blend(state.average, state.network, run.recipe.ema_decay)
    return float(loss.detach())
