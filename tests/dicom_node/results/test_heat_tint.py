"""Heat is coloured in an order that the eye sees, and the bone under it stays visible."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dicom_node.results.heat_tint import COOLEST_SHOWN, legend_colours, tint

STEPS = np.linspace(0, 1, 101, dtype=np.float32)


def _tinted(grey: int, heat: NDArray[np.float32]) -> NDArray[np.float64]:
    """One row of pixels, each as hot as given, in 0..1."""
    picture = Image.new("RGB", (len(heat), 1), (grey, grey, grey))
    tint(picture, heat[None])
    return np.asarray(picture, np.float64)[0] / 255


def _lightness(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    """CIE L* of sRGB colours in 0..1."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.asarray(116 * np.cbrt(np.maximum(luminance, 0.008856)) - 16)


def test_nothing_is_coloured_below_the_floor() -> None:
    cool = STEPS < COOLEST_SHOWN
    row = _tinted(120, STEPS)
    assert (row[cool] == 120 / 255).all()
    assert (np.ptp(row[STEPS > COOLEST_SHOWN + 0.05], axis=1) > 0.02).all()


def test_each_hotter_colour_is_lighter() -> None:
    assert (np.diff(_lightness(np.array(legend_colours(20)) / 255)) > 0).all()
    assert (np.diff(_lightness(_tinted(0, STEPS[STEPS > 0.25]))) > -0.5).all()


@pytest.mark.parametrize("heat", [0.3, 0.6, 1.0])
def test_half_of_the_bones_contrast_stays(heat: float) -> None:
    hot = np.full(5, heat, np.float32)
    soft, bone = _lightness(_tinted(90, hot)), _lightness(_tinted(150, hot))
    plain = _lightness(np.array([[90.0] * 3, [150.0] * 3]) / 255)
    assert (bone - soft >= 0.5 * (plain[1] - plain[0])).all()


def test_background_glows_less_than_bone() -> None:
    hot = np.ones(3, np.float32)
    assert (_tinted(0, hot) < 0.2).all()
    assert (_tinted(200, hot).max(axis=1) > 0.6).all()


def test_a_cold_map_or_one_without_numbers_leaves_the_picture() -> None:
    picture = Image.new("RGB", (40, 30), (70, 70, 70))
    assert not tint(picture, np.full((3, 4), 0.1, np.float32))
    assert not tint(picture, np.full((3, 4), np.nan, np.float32))
    assert set(picture.getdata()) == {(70, 70, 70)}
    assert tint(picture, np.full((3, 4), 0.9, np.float32))


def test_the_colours_are_those_of_inferno() -> None:
    colormaps = pytest.importorskip("matplotlib").colormaps
    inferno = colormaps["inferno"](np.linspace(0.35, 0.9, 30))[:, :3] * 255
    assert np.abs(np.array(legend_colours(30)) - inferno).max() < 15
