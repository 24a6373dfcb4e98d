"""Both maps are asked for the same images, those of the fold that never saw them."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.pointing import images_of_fold, maps_of
from model.artefact import load_artefact
from model.card import NetworkSpec
from model.datasets.labelled import LabelledImage
from model.radiograph import Radiograph
from phantom.radiograph import PhantomSpec, make_phantom
from tests.cli.untrained import untrained_artefact


def _image(name: str) -> LabelledImage:
    return LabelledImage(Path(name), "1", "train", True, (), ())


def test_only_the_folds_own_images_are_asked(tmp_path: Path) -> None:
    table = tmp_path / "images.csv"
    table.write_text("file,fold\na.png,0\nb.png,1\nc.png,0\n")
    chosen = images_of_fold([_image("/x/a.png"), _image("/x/b.png"), _image("/x/c.png")], table, 0)
    assert [image.path.name for image in chosen] == ["a.png", "c.png"]


@pytest.mark.soak
def test_a_localising_network_is_asked_both_ways_and_a_plain_one_by_grad_cam(
    tmp_path: Path,
) -> None:
    phantom = make_phantom(PhantomSpec(1, rows=160, columns=128))
    radiograph = Radiograph(np.asarray(phantom.pixels / 4095, np.float32))
    spec = NetworkSpec(kind="localising", trunk="resnet18")
    localising = maps_of(load_artefact(untrained_artefact(spec, tmp_path / "localising")))
    heatmap, grad_cam = (localising[name](radiograph) for name in ("heatmap", "Grad-CAM"))
    assert heatmap is not None
    assert grad_cam is not None
    assert heatmap.shape == grad_cam.shape
    plain = NetworkSpec(kind="plain", trunk="small_cnn")
    assert [*maps_of(load_artefact(untrained_artefact(plain, tmp_path / "plain")))] == ["Grad-CAM"]
