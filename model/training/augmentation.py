"""Changes a radiograph may undergo without its label changing, made on a whole batch at once."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torchvision.transforms.v2.functional import jpeg


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far each change may go."""

    rotation_degrees: float = 25.0
    shear_degrees: float = 6.0
    aspect_log_range: float = 0.08
    quarter_turn_share: float = 0.15
    upside_down_share: float = 0.1
    scale_log_range: float = 0.28
    shift_share: float = 0.1
    gamma_log_range: float = 0.45
    contrast_range: float = 0.3
    brightness_range: float = 0.1
    shading_range: float = 0.12  # slow change of brightness over the image
    inverted_share: float = 0.03  # pictures whose file does not say that bone is dark
    noise_deviation: float = 0.03
    compressed_share: float = 0.3  # by JPEG, as pictures and many archives are
    worst_jpeg_quality: float = 50.0
    sharpened_share: float = 0.3  # detectors' own edge enhancement
    strongest_sharpening: float = 1.5
    degraded_share: float = 0.5  # fractured images are often the larger ones: blur that trace
    coarsest_scale: float = 0.5
    collimated_share: float = 0.25
    collimation_depth: float = 0.12
    marked_share: float = 0.3  # side letters and stickers, over labels of either kind
    largest_mark: float = 0.12
    cut_out_share: float = 0.2
    largest_cut_out: float = 0.25


def augment(
    images: Tensor, masks: Tensor, settings: Augmentation, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Images [n, 1, s, s] in 0..1 and box masks [n, 1, m, m], both moved alike."""
    draw = _Draw(len(images), generator)
    images = _compress(images, draw, settings)
    motion = _draw_motion(draw, settings)
    images, masks = _move(images, motion), _move(masks, motion)
    images = _sharpen(_degrade(images, draw, settings), draw, settings)
    images = _change_tones(images, draw, settings)
    images = _mark(images, draw, settings)
    images, masks = _cut_out(images, masks, draw, settings)
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


def _compress(images: Tensor, draw: _Draw, settings: Augmentation) -> Tensor:
    """Before anything moves, so that the blocks come turned and in every size."""
    qualities = draw.between(settings.worst_jpeg_quality, 95)[:, 0].round().int().tolist()

    def compressed(some: Tensor, rows: Tensor) -> Tensor:
        grey = (some.clamp(0, 1) * 255).round().byte().cpu()
        again = [jpeg(one, qualities[row]) for one, row in zip(grey, rows.tolist(), strict=True)]
        return torch.stack(again).to(some.device).to(some.dtype) / 255

    return _some_changed(images, draw.happens(settings.compressed_share), compressed)


def _draw_motion(draw: _Draw, settings: Augmentation) -> Tensor:
    """One affine matrix per image, from output to input coordinates in -1..1."""
    limit = math.radians(settings.rotation_degrees)
    angle = draw.between(-limit, limit)[:, 0]
    angle = angle + draw.happens(settings.quarter_turn_share) * (math.pi / 2)
    scale = _log_spread(draw, settings.scale_log_range)
    aspect = _log_spread(draw, settings.aspect_log_range / 2)
    lean = math.tan(math.radians(settings.shear_degrees))
    shear = draw.between(-lean, lean)[:, 0]
    mirror = 1.0 - 2.0 * draw.happens(0.5).float()
    flip = 1.0 - 2.0 * draw.happens(settings.upside_down_share).float()
    shift = 2 * draw.between(-settings.shift_share, settings.shift_share, columns=2)
    across, down = scale * aspect, scale / aspect
    cosine, sine = angle.cos(), angle.sin()
    first = [mirror * across * cosine, mirror * across * (shear * cosine - sine), shift[:, 0]]
    second = [flip * down * sine, flip * down * (shear * sine + cosine), shift[:, 1]]
    return torch.stack([torch.stack(first, dim=1), torch.stack(second, dim=1)], dim=1)


def _log_spread(draw: _Draw, log_range: float) -> Tensor:
    return draw.between(-log_range, log_range)[:, 0].exp()


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


def _sharpen(images: Tensor, draw: _Draw, settings: Augmentation) -> Tensor:
    """Unsharp masking."""
    strength = draw.between(0, settings.strongest_sharpening)[:, :, None, None].to(images.device)

    def sharper(some: Tensor, rows: Tensor) -> Tensor:
        soft = F.avg_pool2d(some, 5, stride=1, padding=2, count_include_pad=False)
        return some + (some - soft) * strength[rows]

    return _some_changed(images, draw.happens(settings.sharpened_share), sharper)


def _some_changed(
    images: Tensor, chosen: Tensor, change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Only the chosen images pay for the change; it is given them and their rows."""
    rows = chosen.nonzero()[:, 0].to(images.device)
    if not len(rows):
        return images
    return images.index_copy(0, rows, change(images[rows], rows))


def _change_tones(images: Tensor, draw: _Draw, settings: Augmentation) -> Tensor:
    def per_image(low: float, high: float) -> Tensor:
        return draw.between(low, high)[:, :, None, None].to(images.device)

    gamma = per_image(-settings.gamma_log_range, settings.gamma_log_range).exp()
    contrast = 1 + per_image(-settings.contrast_range, settings.contrast_range)
    brightness = per_image(-settings.brightness_range, settings.brightness_range)
    toned = images.clamp(0, 1) ** gamma * contrast + brightness
    toned = toned + _shading(images, draw, settings)
    inverted = draw.happens(settings.inverted_share)[:, None, None, None].to(images.device)
    toned = torch.where(inverted, 1 - toned, toned)
    noise = torch.randn(images.shape, generator=draw.generator).to(images.device)
    return (toned + noise * per_image(0, settings.noise_deviation)).clamp(0, 1)


def _shading(images: Tensor, draw: _Draw, settings: Augmentation) -> Tensor:
    """A slope across, a slope down and a twist."""
    limit = settings.shading_range
    slopes = draw.between(-limit, limit, columns=3)[:, :, None, None].to(images.device)
    place = torch.linspace(-1, 1, images.shape[-1], device=images.device)
    across, down = place[None, None], place[None, :, None]
    twisted = slopes[:, 1] + slopes[:, 2] * across
    return (slopes[:, 0] * across + twisted * down)[:, None]


def _mark(images: Tensor, draw: _Draw, settings: Augmentation) -> Tensor:
    """A bright sign of random strokes, as lead letters are: it says nothing about a fracture."""
    half, centre = _place(draw, settings.largest_mark)
    strokes = (draw.between(0, 1, columns=35) < 0.5).float().reshape(-1, 1, 7, 5)
    bright = draw.between(0.75, 1.0)[:, :, None, None].to(images.device)
    matrix = torch.cat([torch.diag_embed(1 / half), (-centre / half)[:, :, None]], dim=2)

    def marked(some: Tensor, rows: Tensor) -> Tensor:
        grid = F.affine_grid(matrix.to(some.device)[rows], list(some.shape), align_corners=False)
        # Outside of the sign the grid leaves the strokes, and samples nothing.
        signs = strokes.to(some.device)[rows]
        drawn = F.grid_sample(signs, grid, mode="nearest", align_corners=False) > 0.5
        return torch.where(drawn, bright[rows], some)

    return _some_changed(images, draw.happens(settings.marked_share), marked)


def _cut_out(
    images: Tensor, masks: Tensor, draw: _Draw, settings: Augmentation
) -> tuple[Tensor, Tensor]:
    """Hide a rectangle; a fracture that lies in it is no longer marked."""
    half, centre = _place(draw, settings.largest_cut_out)
    near, far = (centre - half + 1) / 2, (1 - centre - half) / 2
    depth = torch.stack([near[:, 0], far[:, 0], near[:, 1], far[:, 1]], dim=1).clamp_min(0)
    # What is not chosen is shut entirely: nothing lies between its shutters.
    depth = torch.where(draw.happens(settings.cut_out_share)[:, None], depth, 1.0)
    grey = draw.between(0, 0.6)[:, :, None, None].to(images.device)
    return torch.where(_inside(images, depth), grey, images), masks * ~_inside(masks, depth)


def _place(draw: _Draw, largest: float) -> tuple[Tensor, Tensor]:
    """Half the sides and the centre of a random rectangle, in -1..1, [n, 2] each: x, y."""
    return draw.between(largest / 3, largest, columns=2), draw.between(-1, 1, columns=2)


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
