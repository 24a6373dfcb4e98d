"""What each step of an epoch is shown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor

from model.datasets.images import ImageSet
from model.training.augmentation import augment
from model.training.practice import render_phantoms
from model.training.recipes.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Batch:
    """Images with their labels, on the device that trains."""

    images: Tensor  # [n, 1, side, side], 0..1
    masks: Tensor  # [n, 1, side / 4, side / 4]
    boxed: Tensor  # [n]: whether a box was drawn at all
    fractured: Tensor  # [n]
    regions: Tensor  # [n, regions], nan where not told
    hardware: Tensor  # [n], nan where not told
    types: Tensor  # [n], -1 where not told


class Drawer:
    """Draws the epochs of a run; the same seed draws the same, wherever a run was cut short."""

    def __init__(self, recipe: Recipe, real: ImageSet, device: str) -> None:
        self._recipe = recipe
        self._real = len(real)
        self._images = real
        if recipe.practice is not None:
            self._images = real.joined(render_phantoms(recipe.practice.phantoms, recipe.side))
        self._device = device
        self.batches_per_epoch = max(1, len(real) // recipe.batch)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, augmented."""
        order = self._order(Generator().manual_seed(self._recipe.seed * 1000 + number))
        changes = Generator().manual_seed(self._recipe.seed * 1000 + number + 500)
        for rows in order:
            batch = batch_of(self._images, rows.numpy(), self._device)
            settings = self._recipe.augmentation
            images, masks = augment(batch.images, batch.masks, settings, changes)
            yield replace(batch, images=images, masks=masks)

    def _order(self, generator: Generator) -> Tensor:
        """Rows, [batches, batch]; phantoms are numbered after the real images."""
        fractured = self._images.fractured[: self._real] > 0
        weights = torch.from_numpy(np.where(fractured, self._recipe.fractured_weight, 1.0))
        draws = self.batches_per_epoch * self._recipe.batch
        # With equal weights every image comes once an epoch.
        again = self._recipe.fractured_weight != 1.0 or draws > self._real
        drawn = torch.multinomial(weights, draws, replacement=again, generator=generator)
        if self._recipe.practice is not None:
            drawn = self._with_phantoms(drawn, self._recipe.practice.share, generator)
        return drawn.reshape(self.batches_per_epoch, self._recipe.batch)

    def _with_phantoms(self, drawn: Tensor, share: float, generator: Generator) -> Tensor:
        phantoms = len(self._images) - self._real
        instead = torch.randint(phantoms, drawn.shape, generator=generator) + self._real
        chosen = torch.rand(drawn.shape, generator=generator) < share
        return torch.where(chosen, instead, drawn)


def batch_of(
    images: ImageSet, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]], device: str
) -> Batch:
    """These rows as they are, without augmentation."""
    masks = torch.from_numpy(images.masks[rows]).to(device).float()[:, None]
    return Batch(
        images=torch.from_numpy(images.images[rows]).to(device).float()[:, None] / 255,
        masks=masks,
        boxed=masks.flatten(1).any(dim=1),
        fractured=torch.from_numpy(images.fractured[rows]).to(device),
        regions=torch.from_numpy(images.regions[rows]).to(device),
        hardware=torch.from_numpy(images.hardware[rows]).to(device),
        types=torch.from_numpy(images.types[rows]).to(device),
    )
