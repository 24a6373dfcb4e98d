"""What was trained is what is served: torch and the exported network agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from model.artefact import NETWORK, bundled_artefact, load_artefact
from model.card import NetworkSpec
from model.classifier import FractureClassifier
from model.exporting.artefact_files import export_network
from model.networks.build import build_network
from model.networks.trunks import UnknownTrunk
from model.runtime import CpuPlan, DeviceUnavailable, OpenVinoRuntime, open_runtime
from model.torch_runtime import TorchRuntime, load_network


@pytest.mark.parametrize("artefact_name", ["small", "bundled"])
def test_torch_and_openvino_agree(artefact_name: str, small_artefact: Path) -> None:
    folder = small_artefact if artefact_name == "small" else bundled_artefact()
    artefact = load_artefact(folder)
    side = artefact.card.input.side
    squares = np.random.default_rng(0).integers(0, 256, (3, side, side), dtype=np.uint8)
    served = OpenVinoRuntime(artefact, CpuPlan(threads=1)).run(squares)
    trained = TorchRuntime(artefact, "cpu").run(squares)
    np.testing.assert_allclose(served["fracture"], trained["fracture"], atol=1e-3)
    np.testing.assert_allclose(served["heatmap"], trained["heatmap"], atol=1e-3)
    np.testing.assert_allclose(served["regions"], trained["regions"], atol=1e-3)


@pytest.mark.soak
def test_rounding_to_half_precision_changes_next_to_nothing(tmp_path: Path) -> None:
    artefact = load_artefact(bundled_artefact())
    network = load_network(artefact)
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(1.0003)  # no longer what half precision can hold
    export_network(network, 416, tmp_path)
    squares = np.random.default_rng(2).integers(0, 256, (2, 416, 416), dtype=np.uint8)
    served = TorchRuntime(replace(artefact, folder=tmp_path), "cpu").run(squares)
    with torch.inference_mode():
        trained = network(torch.from_numpy(squares)[:, None].float() / 255)
    np.testing.assert_allclose(served["fracture"], trained["fracture"].numpy(), atol=0.02)
    np.testing.assert_allclose(served["heatmap"], trained["heatmap"].numpy(), atol=0.05)


def test_the_exported_network_takes_any_batch_and_tells_nothing_of_its_maker(
    small_artefact: Path,
) -> None:
    network = onnx.load(small_artefact / NETWORK)
    assert network.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert b"site-packages" not in (small_artefact / NETWORK).read_bytes()


def test_an_answer_does_not_depend_on_the_other_images_of_the_call(small_artefact: Path) -> None:
    runtime = open_runtime(load_artefact(small_artefact), "cpu", CpuPlan(threads=2))
    squares = np.random.default_rng(1).integers(0, 256, (4, 64, 64), dtype=np.uint8)
    together = runtime.run(squares)["fracture"]
    alone = [runtime.run(square[None])["fracture"][0] for square in squares]
    assert together.tolist() == alone


def test_unknown_devices_and_trunks_are_named(small_artefact: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="known are"):
        FractureClassifier.load(small_artefact, "abacus")
    with pytest.raises(UnknownTrunk, match="mobilenet_v2"):
        build_network(NetworkSpec(kind="plain", trunk="perceptron"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_without_cuda_asking_for_it_fails_and_auto_takes_the_cpu(small_artefact: Path) -> None:
    artefact = load_artefact(small_artefact)
    with pytest.raises(DeviceUnavailable, match="cuda"):
        open_runtime(artefact, "cuda", CpuPlan())
    fallen_back = open_runtime(artefact, "auto", CpuPlan())
    assert isinstance(fallen_back, OpenVinoRuntime)
    assert fallen_back.device.startswith("CPU ")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_cpus_answer() -> None:
    artefact = load_artefact(bundled_artefact())
    side = artefact.card.input.side
    squares = np.random.default_rng(0).integers(0, 256, (3, side, side), dtype=np.uint8)
    on_cpu = OpenVinoRuntime(artefact, CpuPlan()).run(squares)["fracture"]
    in_full = TorchRuntime(artefact, "cuda", halved=False).run(squares)["fracture"]
    on_cuda = TorchRuntime(artefact, "cuda")
    assert on_cuda.device == f"cuda: {torch.cuda.get_device_name()}"
    halved = on_cuda.run(squares)["fracture"]
    np.testing.assert_allclose(in_full, on_cpu, atol=1e-3)
    np.testing.assert_allclose(halved, on_cpu, atol=0.1)
