"""What runs the network: OpenVINO on a CPU, torch on a CUDA device."""

import threading
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.artefact import Artefact

Squares = NDArray[np.uint8]
# Their absence spares a node without a GPU the seconds and megabytes of importing torch.
_CUDA_DEVICE_FILES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


# The network's raw answers for a batch, by name: `model/networks/answer.py` tells their shapes.
Logits = dict[str, NDArray[np.float32]]


class Runtime(Protocol):
    """Anything that can run the network."""

    def run(self, squares: Squares) -> Logits:
        """Answer for images [n, side, side]."""


class DeviceUnavailable(Exception):
    """The device asked for is not usable here."""


def open_runtime(artefact: Artefact, device: str, threads: int | None) -> Runtime:
    """Device is auto, cpu or cuda; auto takes CUDA where torch finds it."""
    if device == "cpu":
        return OpenVinoRuntime(artefact, threads)
    if device not in ("auto", "cuda"):
        raise DeviceUnavailable(f"{device}: known are auto, cpu and cuda")
    if _cuda_answers():
        from model.torch_runtime import TorchRuntime

        return TorchRuntime(artefact, "cuda")
    if device == "cuda":
        raise DeviceUnavailable("cuda: no NVIDIA device, or torch is not installed with CUDA")
    return OpenVinoRuntime(artefact, threads)


def _cuda_answers() -> bool:
    if not any(path.exists() for path in _CUDA_DEVICE_FILES):
        return False
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


class OpenVinoRuntime:
    """One image at a time, so that no answer depends on what else is in the batch."""

    def __init__(self, artefact: Artefact, threads: int | None) -> None:
        import openvino

        side = artefact.card.input.side
        self._outputs = artefact.card.network.outputs
        core = openvino.Core()
        network = core.read_model(artefact.network)
        network.reshape([1, 1, side, side])
        options: dict[str, object] = {
            # bf16, the default where the CPU has it, would make the answer depend on the machine.
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        self._request = core.compile_model(network, "CPU", options).create_infer_request()
        # Two threads inside OpenVINO's bindings at once can wait for each other for ever (seen in
        # 2026.4: one holds the GIL, one a lock of the library). An inference uses all cores anyway.
        self._turn = threading.Lock()

    def run(self, squares: Squares) -> Logits:
        answers = [self._run_one(square) for square in squares]
        return {name: np.concatenate([one[name] for one in answers]) for name in self._outputs}

    def _run_one(self, square: NDArray[np.uint8]) -> Logits:
        with self._turn:
            self._request.infer([square[None, None].astype(np.float32) / 255])
            return {name: self._request.get_tensor(name).data.copy() for name in self._outputs}
