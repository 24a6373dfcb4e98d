"""Changes a radiograph may undergo without its label changing, made on a whole batch at once."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far each change may go."""

    rotation_degrees: float = 25.0
    quarter_turn_share: float = 0.15
    upside_down_share: float = 0.1
    scale_log_range: float = 0.28
    shift_share: float = 0.1
    gamma_log_range: float = 0.35
    contrast_range: float = 0.2
    brightness_range: float = 0.08
    noise_deviation: float = 0.03
    degraded_share: float = 0.5  # fractured images are often the larger ones: blur that trace
    coarsest_scale: float = 0.5
    collimated_share: float = 0.25
    collimation_depth: float = 0.12


def augment(
    images: Tensor, masks: Tensor, settings: Augmentation, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Images [n, 1, s, s] in 0..1 and box masks [n, 1, m, m], both moved alike."""
    draw = _Draw(len(images), generator)
    motion = _draw_motion(draw, settings)
    images, masks = _move(images, motion), _move(masks, motion)
    images = _degrade(images, draw, settings)
    images = _change_tones(images, draw, settings)
    images, masks = _collimate(images, masks, draw, settings)
    return images, (masks > 0.4).float()


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random numbers for a batch, always from the CPU so that CUDA runs draw the same."""

    size: int
    generator: Generator

    def between(self, low: float, high: float, columns: int = 1) -> Tensor:
        unit = torch.rand(self.size, columns, generator=self.generator)
        return low + (high - low) * unit

    def happens(self, share: float) -> Tensor:
        return torch.rand(self.size, generator=self.generator) < share

    def number(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.generator))


def _draw_motion(draw: _Draw, settings: Augmentation) -> Tensor:
    """One affine matrix per image, from output to input coordinates in -1..1."""
    limit = math.radians(settings.rotation_degrees)
    angle = draw.between(-limit, limit)[:, 0]
    angle = angle + draw.happens(settings.quarter_turn_share) * (math.pi / 2)
    scale = draw.between(-settings.scale_log_range, settings.scale_log_range)[:, 0].exp()
    mirror = 1.0 - 2.0 * draw.happens(0.5).float()
    flip = 1.0 - 2.0 * draw.happens(settings.upside_down_share).float()
    shift = 2 * draw.between(-settings.shift_share, settings.shift_share, columns=2)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    first = torch.stack([mirror * cosine, -mirror * sine, shift[:, 0]], dim=1)
    second = torch.stack([flip * sine, flip * cosine, shift[:, 1]], dim=1)
    return torch.stack([first, second], dim=1)


def _move(values: Tensor, motion: Tensor) -> Tensor:
    grid = F.affine_grid(motion.to(values.device), list(values.shape), align_corners=False)
    return F.grid_sample(values, grid, align_corners=False)


def _degrade(images: Tensor, draw: _Draw, settings: Augmentation) -> Tensor:
    side = images.shape[-1]
    coarse = max(1, round(side * draw.number(settings.coarsest_scale, 1.0)))
    small = F.interpolate(images, size=(coarse, coarse), mode="bilinear", antialias=True)
    blurred = F.interpolate(small, size=(side, side), mode="bilinear")
    chosen = draw.happens(settings.degraded_share).to(images.device)
    return torch.where(chosen[:, None, None, None], blurred, images)


def _change_tones(images: Tensor, draw: _Draw, settings: Augmentation) -> Tensor:
    def per_image(low: float, high: float) -> Tensor:
        return draw.between(low, high)[:, :, None, None].to(images.device)

    gamma = per_image(-settings.gamma_log_range, settings.gamma_log_range).exp()
    contrast = 1 + per_image(-settings.contrast_range, settings.contrast_range)
    brightness = per_image(-settings.brightness_range, settings.brightness_range)
    toned = images.clamp(0, 1) ** gamma * contrast + brightness
    noise = torch.randn(images.shape, generator=draw.generator).to(images.device)
    return (toned + noise * per_image(0, settings.noise_deviation)).clamp(0, 1)


def _collimate(
    images: Tensor, masks: Tensor, draw: _Draw, settings: Augmentation
) -> tuple[Tensor, Tensor]:
    """Cover the edges with one grey, as shutters, film borders and scanners do."""
    depth = draw.between(0, settings.collimation_depth, columns=4)
    depth = depth * draw.happens(settings.collimated_share)[:, None]
    dark = draw.between(0, 1)
    grey = torch.where(dark < 0.7, 0.0, dark)[:, :, None, None].to(images.device)
    covered = torch.where(_inside(images, depth), images, grey.to(images.dtype))
    return covered, masks * _inside(masks, depth)


def _inside(values: Tensor, depth: Tensor) -> Tensor:
    """True within the shutters; depth is [n, 4]: left, right, top, bottom as shares."""
    depth = depth.to(values.device)[:, :, None]
    place = (torch.arange(values.shape[-1], device=values.device) + 0.5) / values.shape[-1]
    across = (place >= depth[:, 0]) & (place <= 1 - depth[:, 1])
    down = (place >= depth[:, 2]) & (place <= 1 - depth[:, 3])
    return (down[:, :, None] & across[:, None, :])[:, None]
