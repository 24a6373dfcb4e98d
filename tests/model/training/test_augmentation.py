"""Augmentation moves a picture and its boxes together, the same for the same seed."""

from dataclasses import fields, replace

import pytest
import torch
from torch import Generator, Tensor

from model.training.augmentation import Augmentation, augment

SETTINGS = Augmentation()


def _spots(count: int = 32) -> tuple[Tensor, Tensor]:
    """Images with one bright square, and masks of that square."""
    images, masks = torch.zeros(count, 1, 128, 128), torch.zeros(count, 1, 32, 32)
    images[:, :, 40:72, 48:80] = 1
    masks[:, :, 10:18, 12:20] = 1
    return images, masks


def test_masks_follow_what_they_mark() -> None:
    images, masks = augment(*_spots(), _CALM, Generator().manual_seed(0))
    small = torch.nn.functional.avg_pool2d(images, 4)
    bright = (small > 0.5 * small.amax(dim=(2, 3), keepdim=True)).float()
    overlap = (bright * masks).sum(dim=(1, 2, 3)) / masks.sum(dim=(1, 2, 3)).clamp_min(1)
    assert overlap.min() > 0.75


# Moves the picture as it may, and leaves its greys alone.
_CALM = replace(
    SETTINGS,
    brightness_range=0.0,
    shading_range=0.0,
    inverted_share=0.0,
    noise_deviation=0.0,
    collimated_share=0.0,
    marked_share=0.0,
    cut_out_share=0.0,
)


def test_what_is_cut_out_is_no_longer_marked() -> None:
    cut = replace(_CALM, cut_out_share=1.0, largest_cut_out=0.5)
    images, masks = augment(*_spots(64), cut, Generator().manual_seed(0))
    _, whole = augment(*_spots(64), _CALM, Generator().manual_seed(0))
    lost = whole.sum(dim=(1, 2, 3)) - masks.sum(dim=(1, 2, 3))
    assert (lost > 0).sum() > 5
    hidden = torch.nn.functional.avg_pool2d(images, 4) * masks
    assert hidden[masks > 0].mean() > 0.7


def test_a_mark_is_bright_and_leaves_the_boxes_alone() -> None:
    marked = replace(_CALM, marked_share=1.0)
    images, masks = augment(*_spots(), marked, Generator().manual_seed(0))
    plain, same = augment(*_spots(), _CALM, Generator().manual_seed(0))
    assert torch.equal(masks, same)
    changed = images != plain
    assert 0.0005 < changed.float().mean() < 0.05
    assert images[changed].min() >= 0.75


def test_the_same_seed_gives_the_same_batch_and_values_stay_in_range() -> None:
    first, first_masks = augment(*_spots(), SETTINGS, Generator().manual_seed(5))
    again, again_masks = augment(*_spots(), SETTINGS, Generator().manual_seed(5))
    other, _ = augment(*_spots(), SETTINGS, Generator().manual_seed(6))
    assert torch.equal(first, again) and torch.equal(first_masks, again_masks)
    assert not torch.equal(first, other)
    assert first.min() >= 0 and first.max() <= 1
    assert bool(((first_masks == 0) | (first_masks == 1)).all())


def test_a_covered_edge_hides_its_boxes_too() -> None:
    images, masks = torch.ones(64, 1, 64, 64), torch.ones(64, 1, 16, 16)
    still = Augmentation(
        rotation_degrees=0,
        quarter_turn_share=0,
        upside_down_share=0,
        scale_log_range=0,
        shift_share=0,
        gamma_log_range=0,
        contrast_range=0,
        brightness_range=0,
        shading_range=0,
        inverted_share=0,
        sharpened_share=0,
        shear_degrees=0,
        aspect_log_range=0,
        marked_share=0,
        cut_out_share=0,
        noise_deviation=0,
        degraded_share=0,
        compressed_share=0,
        collimated_share=1,
        collimation_depth=0.4,
    )
    covered, left = augment(images, masks, still, Generator().manual_seed(0))
    shown = torch.nn.functional.avg_pool2d((covered == 1).float(), 4) > 0.5
    assert (shown == (left > 0)).float().mean() > 0.9
    assert 0.1 < left.mean() < 0.8


def test_compression_leaves_traces_in_the_greys_and_moves_no_box() -> None:
    textured = torch.rand(16, 1, 128, 128, generator=Generator().manual_seed(1)) * 0.2 + 0.4
    _, masks = _spots(16)
    plain, same = augment(textured, masks, _compressed(0.0), Generator().manual_seed(0))
    squeezed, kept = augment(textured, masks, _compressed(1.0), Generator().manual_seed(0))
    assert torch.equal(kept, same)
    change = (squeezed - plain).abs().mean(dim=(1, 2, 3))
    assert change.min() > 1e-3
    assert change.max() < 0.1
    assert len(change.unique()) == 16  # each in a quality of its own


def _compressed(share: float) -> Augmentation:
    return replace(_CALM, compressed_share=share)


_NOTHING = replace(
    Augmentation(),
    **dict.fromkeys(
        (
            *("rotation_degrees", "shear_degrees", "aspect_log_range", "quarter_turn_share"),
            *("upside_down_share", "scale_log_range", "shift_share", "gamma_log_range"),
            *("contrast_range", "brightness_range", "shading_range", "inverted_share"),
            *("noise_deviation", "compressed_share", "sharpened_share", "degraded_share"),
            *("collimated_share", "marked_share", "cut_out_share"),
        ),
        0.0,
    ),
)


@pytest.mark.parametrize(
    "change",
    [field.name for field in fields(_NOTHING) if getattr(_NOTHING, field.name) == 0.0],
)
def test_each_change_alone_changes_the_pictures(change: str) -> None:
    textured = torch.rand(16, 1, 64, 64, generator=Generator().manual_seed(1)) * 0.6 + 0.2
    _, masks = _spots(16)
    plain, _ = augment(textured, masks, _NOTHING, Generator().manual_seed(0))
    full = 1.0 if change.endswith("_share") and change != "shift_share" else 0.5
    alone = replace(_NOTHING, **{change: full * (10 if change.endswith("_degrees") else 1)})
    changed, _ = augment(textured, masks, alone, Generator().manual_seed(0))
    assert ((changed - plain).abs().amax(dim=(1, 2, 3)) > 0.01).float().mean() > 0.7


def test_without_any_change_a_picture_is_itself_or_its_mirror_image() -> None:
    textured = torch.rand(16, 1, 64, 64, generator=Generator().manual_seed(1)) * 0.6 + 0.2
    same, _ = augment(textured, _spots(16)[1], _NOTHING, Generator().manual_seed(0))
    straight = (same - textured).abs().amax(dim=(1, 2, 3)) < 1e-3
    mirrored = (same - textured.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-3
    assert bool((straight ^ mirrored).all())
    assert 0 < straight.sum() < 16
