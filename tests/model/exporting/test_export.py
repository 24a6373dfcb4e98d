"""An export says what the artefact says, or it is not written."""

import math
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from model.artefact import CARD, WEIGHTS, Artefact, hash_file, load_artefact, write_card
from model.card import Card
from model.datasets.labelled import LabelledImage, of_split
from model.datasets.reading import read_data_set
from model.exporting.export import ExportDisagrees, OutputTaken, export_artefact
from model.exporting.gate import bf16_parity, record_serving_gate
from model.exporting.kind import Format, Kind, NotOffered, Rounding
from model.exporting.parity import BOUNDS, Bounds, Parity, disagreement
from model.openvino_runtime import openvino

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture
def artefact(small_artefact: Path) -> Artefact:
    return load_artefact(small_artefact)


@pytest.fixture
def images(phantom_folder: Path) -> list[LabelledImage]:
    return of_split(read_data_set(phantom_folder).images, "val")


@pytest.fixture
def contradictory(small_artefact: Path, tmp_path: Path) -> Artefact:
    """Its two files are of two networks, each as its card says."""
    folder = shutil.copytree(small_artefact, tmp_path / "contradictory")
    weights = load_file(folder / WEIGHTS)
    weights["fracture_head.image.1.bias"] = weights["fracture_head.image.1.bias"] + 0.01
    save_file(weights, folder / WEIGHTS)
    write_card(folder, load_card(folder))
    return load_artefact(folder)


def load_card(folder: Path) -> Card:
    return Card.model_validate_json((folder / CARD).read_text())


@pytest.mark.parametrize("form", list(Format))
def test_an_export_answers_alike_and_bears_the_hashes_of_its_files(
    artefact: Artefact, images: list[LabelledImage], form: Format, tmp_path: Path
) -> None:
    out = tmp_path / "exports" / form
    written = export_artefact(artefact, Kind(form), out, images)
    assert sorted(path.name for path in out.iterdir()) == sorted(written.files)
    card = load_card(out)
    assert card.files == {path.name: hash_file(path) for path in out.iterdir() if path.name != CARD}
    assert card.model_copy(update={"files": artefact.card.files}) == artefact.card
    on_phantoms, on_images = written.found
    assert (on_phantoms.images, on_images.images) == (8, 10)
    assert on_images.auroc_loss == pytest.approx(0, abs=0.002)
    assert max(on_phantoms.max_logit_change, on_images.max_logit_change) <= 1e-3
    assert [path.name for path in out.parent.iterdir()] == [form]


def test_an_onnx_export_holds_plain_float32(artefact: Artefact, tmp_path: Path) -> None:
    export_artefact(artefact, Kind(Format.ONNX), tmp_path / "out")
    network = onnx.load(tmp_path / "out" / "network.onnx")
    kernels = {one.name: one.data_type for one in network.graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in kernels.values()
    casts = [node for node in network.graph.node if node.op_type == "Cast"]
    assert not [node for node in casts if node.input[0] in kernels]


def test_torchscript_answers_by_name_for_any_batch(artefact: Artefact, tmp_path: Path) -> None:
    export_artefact(artefact, Kind(Format.TORCHSCRIPT), tmp_path / "out")
    network = torch.jit.load(str(tmp_path / "out" / "network.torchscript"))
    random = np.random.default_rng(0).random((3, 1, 64, 64), dtype=np.float32)
    answer = network(torch.from_numpy(random))
    assert tuple(sorted(answer)) == tuple(sorted(artefact.card.network.outputs))
    assert answer["fracture"].shape == (3,)
    alone = network(torch.from_numpy(random[2:]))["fracture"]
    np.testing.assert_allclose(answer["fracture"][2:].numpy(), alone.numpy(), atol=1e-5)


def test_what_disagrees_is_refused_and_nothing_is_left(
    contradictory: Artefact, tmp_path: Path
) -> None:
    out = tmp_path / "exports" / "mine"
    with pytest.raises(ExportDisagrees, match=r"logit changes by up to 0\.01"):
        export_artefact(contradictory, Kind(Format.TORCHSCRIPT), out)
    assert list(out.parent.iterdir()) == []


def test_an_export_overwrites_nothing(artefact: Artefact, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputTaken, match="new or empty"):
        export_artefact(artefact, Kind(Format.ONNX), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("form", [Format.ONNX, Format.TORCHSCRIPT])
def test_a_lesser_precision_is_offered_where_it_means_something(form: Format) -> None:
    with pytest.raises(NotOffered, match="fp32 alone"):
        Kind(form, Rounding.BF16)
    assert Kind(Format.OPENVINO, Rounding.BF16).rounding is Rounding.BF16


@pytest.mark.parametrize("rounding", [Rounding.BF16, Rounding.FP16])
def test_a_lesser_precision_is_not_written_on_the_word_of_phantoms(
    artefact: Artefact, tmp_path: Path, rounding: Rounding
) -> None:
    with pytest.raises(NotOffered, match="--data"):
        export_artefact(artefact, Kind(Format.OPENVINO, rounding), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not HAS_BF16, reason="this processor does not compute in bf16")
def test_a_lesser_precision_is_recorded_with_what_it_changed(
    artefact: Artefact, images: list[LabelledImage], tmp_path: Path
) -> None:
    export_artefact(artefact, Kind(Format.OPENVINO, Rounding.BF16), tmp_path / "out", images)
    gate = load_card(tmp_path / "out").serving
    assert gate is not None
    assert (gate.precision, gate.images) == ("bf16", len(images))
    whole = [image for image in images if not image.fractured]
    export_artefact(artefact, Kind(Format.OPENVINO, Rounding.BF16), tmp_path / "one", whole)
    alone = load_card(tmp_path / "one").serving
    assert alone is not None
    assert alone.auroc_loss is None


ALIKE = Parity("phantoms", 8, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (replace(ALIKE, auroc_loss=0.0021), "AUROC changes by 0.0021"),
        (replace(ALIKE, auroc_loss=-0.0021), "AUROC changes by 0.0021"),
        (replace(ALIKE, state_changes=0.006), "states that change is 0.006"),
        (replace(ALIKE, max_logit_change=0.6), "logit changes by up to 0.6"),
        (replace(ALIKE, max_logit_change=np.nan), "logit changes by up to nan"),
        (replace(ALIKE, max_probability_change=np.inf), "probability changes by up to inf"),
    ],
)
def test_each_bound_alone_refuses(found: Parity, said: str) -> None:
    assert said in str(disagreement(found, BOUNDS[Rounding.BF16]))


def test_what_lies_on_the_bounds_passes() -> None:
    bounds = BOUNDS[Rounding.BF16]
    kept = Parity("x", 9, bounds.logit_change, bounds.probability_change, 0.005, 0.002)
    assert disagreement(kept, bounds) is None
    assert disagreement(replace(kept, auroc_loss=None), bounds) is None


@pytest.mark.skipif(not HAS_BF16, reason="this processor does not compute in bf16")
@pytest.mark.parametrize("allowed", [math.inf, 0.0])
def test_the_gate_is_recorded_only_where_it_passes(
    altered: Path, images: list[LabelledImage], allowed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = Bounds(*[allowed] * len(fields(Bounds)))
    monkeypatch.setitem(BOUNDS, Rounding.BF16, bounds)
    gate = record_serving_gate(altered, load_artefact(altered), images).serving
    assert load_artefact(altered).card.serving == gate
    assert (gate is not None) == (allowed > 0)
    if gate is not None:
        assert (gate.precision, gate.images) == ("bf16", len(images))


@pytest.mark.skipif(not HAS_BF16, reason="this processor does not compute in bf16")
def test_what_the_gate_compares_is_really_rounded(
    artefact: Artefact, images: list[LabelledImage]
) -> None:
    assert bf16_parity(artefact, images).max_probability_change > 0


def test_bf16_is_refused_where_the_artefact_itself_would_refuse_other_images(
    altered: Path, images: list[LabelledImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([ALIKE, replace(ALIKE, state_changes=0.02)])
    monkeypatch.setattr("model.exporting.gate.bf16_parity", lambda *_: next(found))
    assert record_serving_gate(altered, load_artefact(altered), images).serving is None
