"""The network on a CUDA device, by torch; imported only where there is one."""

from collections.abc import Iterator

import numpy as np
import torch
from safetensors.torch import load_file

from model.artefact import Artefact
from model.networks.build import Network, build_network
from model.runtime import Logits, Squares

# Always this many images: cuDNN picks its algorithms by the size of the batch, and an answer must
# not depend on how many others are asked for.
_BATCH = 8


def load_network(artefact: Artefact) -> Network:
    """The artefact's network in torch, ready to answer."""
    network = build_network(artefact.card.network)
    weights = load_file(artefact.weights)
    network.load_state_dict({name: _widened(value) for name, value in weights.items()})
    return network.eval()


def _as_told(device: str) -> str:
    return f"cuda: {torch.cuda.get_device_name()}" if device == "cuda" else "CPU by torch"


def _widened(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.dtype == torch.float16 else value


class TorchRuntime:
    """Channels last; on CUDA with half-precision autocast, whose 10 bits of fraction bf16 lacks."""

    def __init__(self, artefact: Artefact, device: str, halved: bool | None = None) -> None:
        """Halved: autocast to float16; None: on CUDA alone."""
        # What is not autocast stays in full: TF32 makes the answer depend on the device's age.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        self._device = device
        self.device = (
            f"cuda: {torch.cuda.get_device_name()}" if device == "cuda" else "CPU by torch"
        )
        self._halved = device == "cuda" if halved is None else halved
        self._network = load_network(artefact).to(device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, squares: Squares) -> Logits:
        parts = list(self._parts(squares))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _parts(self, squares: Squares) -> Iterator[Logits]:
        for start in range(0, len(squares), _BATCH):
            asked = squares[start : start + _BATCH]
            filled = np.zeros((_BATCH, *squares.shape[1:]), np.uint8)
            filled[: len(asked)] = asked
            yield {name: rows[: len(asked)] for name, rows in self._answer(filled).items()}

    def _answer(self, squares: Squares) -> Logits:
        answer = self._infer(squares, self._halved)
        if all(np.isfinite(rows).all() for rows in answer.values()):
            return answer
        return self._infer(squares, halved=False)  # half precision ends at 65,504

    @torch.inference_mode()
    def _infer(self, squares: Squares, halved: bool) -> Logits:
        images = torch.from_numpy(squares).to(self._device)[:, None].float() / 255
        with torch.autocast(self._device, torch.float16, enabled=halved):
            answer = self._network(images.contiguous(memory_format=torch.channels_last))
        return {name: np.asarray(part.float().cpu().numpy()) for name, part in answer.items()}
