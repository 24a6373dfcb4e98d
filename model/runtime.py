"""What runs the network: OpenVINO on a CPU, torch on a CUDA device."""

import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.artefact import Artefact
from model.card import Card

Squares = NDArray[np.uint8]
# Their absence spares a node without a GPU the seconds and megabytes of importing torch.
_CUDA_DEVICE_FILES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


# The network's raw answers for a batch, by name: `model/networks/answer.py` tells their shapes.
Logits = dict[str, NDArray[np.float32]]
# As OpenVINO spells them.
Precision = Literal["f32", "f16", "bf16"]


class Runtime(Protocol):
    """Anything that can run the network."""

    @property
    def device(self) -> str:
        """Where it runs, as a person is told: `CPU …` or `cuda: NVIDIA …`."""

    def run(self, squares: Squares) -> Logits:
        """Answer for images [n, side, side]."""


# Two threads inside OpenVINO's bindings at once can wait for each other for ever (seen in 2026.4:
# one holds the GIL, one a lock of the library). One thread loads a network or starts its requests,
# whichever network it is, and OpenVINO's own threads, which need no GIL, work side by side.
_OPENVINO_TURN = threading.Lock()


class DeviceUnavailable(Exception):
    """The device asked for is not usable here."""


@dataclass(frozen=True, slots=True)
class CpuPlan:
    """How the processor is used; the answers are the same for any threads, and in bulk."""

    threads: int | None = None  # None: all cores
    bulk: bool = False  # many images wait: their number counts, not the time of the first
    precision: Precision | None = None  # None: as the card allows


def open_runtime(artefact: Artefact, device: str, plan: CpuPlan) -> Runtime:
    """Device is auto, cpu or cuda; auto takes CUDA where torch finds it."""
    if device == "cpu":
        return OpenVinoRuntime(artefact, plan)
    if device not in ("auto", "cuda"):
        raise DeviceUnavailable(f"{device}: known are auto, cpu and cuda")
    if _cuda_answers():
        from model.torch_runtime import TorchRuntime

        return TorchRuntime(artefact, "cuda")
    if device == "cuda":
        raise DeviceUnavailable("cuda: no NVIDIA device, or torch is not installed with CUDA")
    return OpenVinoRuntime(artefact, plan)


def _cuda_answers() -> bool:
    if not any(path.exists() for path in _CUDA_DEVICE_FILES):
        return False
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


def serving_precision(card: Card, capabilities: list[str]) -> Precision:
    """bf16 where the card's gate passed it and the CPU computes in it, else full float32.

    Without the gate nothing says what bf16, OpenVINO's own choice where the CPU has it, would
    change in the answers.
    """
    passed = card.serving is not None and card.serving.precision == "bf16"
    return "bf16" if passed and "BF16" in capabilities else "f32"


class OpenVinoRuntime:
    """Each image is a request of its own, so that no answer depends on what else is asked."""

    def __init__(self, artefact: Artefact, plan: CpuPlan, network: Path | None = None) -> None:
        """Runs the artefact's network, or an export of it in another file."""
        self._outputs = artefact.card.network.outputs
        with _OPENVINO_TURN:
            self._load(artefact, plan, network)

    def _load(self, artefact: Artefact, plan: CpuPlan, network: Path | None) -> None:
        from model.openvino_runtime import openvino

        card, core = artefact.card, openvino.Core()
        read = core.read_model(network or artefact.network)
        read.reshape([1, 1, card.input.side, card.input.side])
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        precision = plan.precision or serving_precision(card, capabilities)
        self.device = f"CPU {core.get_property('CPU', 'FULL_DEVICE_NAME')}"
        compiled = core.compile_model(read, "CPU", _options(card, plan, precision))
        # What the CPU computes in, which need not be what it was asked for.
        self.precision: str = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        at_once = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._requests = [compiled.create_infer_request() for _ in range(at_once)]

    def run(self, squares: Squares) -> Logits:
        with _OPENVINO_TURN:
            answers = list(self._answers(squares))
        return {name: np.concatenate([one[name] for one in answers]) for name in self._outputs}

    def _answers(self, squares: Squares) -> Iterator[Logits]:
        """In the order of the squares; no request waits while there is another square."""
        started: deque[Any] = deque()
        for square, request in zip(squares, cycle(self._requests), strict=False):
            if len(started) == len(self._requests):
                yield self._answer(started.popleft())
            request.start_async([square[None, None].astype(np.float32) / 255])
            started.append(request)
        while started:
            yield self._answer(started.popleft())

    def _answer(self, request: Any) -> Logits:
        request.wait()
        return {name: request.get_tensor(name).data.copy() for name in self._outputs}


def _options(card: Card, plan: CpuPlan, precision: Precision) -> dict[str, object]:
    options: dict[str, object] = {"INFERENCE_PRECISION_HINT": precision}
    cores = plan.threads or os.cpu_count() or 1
    if plan.threads is not None:
        options["INFERENCE_NUM_THREADS"] = plan.threads
    if plan.bulk:
        return options | {"PERFORMANCE_HINT": "THROUGHPUT"}
    # The picture and its mirror image, side by side: threads that share one image wait for each
    # other after every layer.
    at_once = min(cores, 2 if card.input.mirrored_too else 1)
    return options | {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": at_once}
