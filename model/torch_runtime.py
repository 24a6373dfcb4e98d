"""The network on a CUDA device, by torch; imported only where there is one."""

import numpy as np
import torch
from safetensors.torch import load_file

from model.artefact import Artefact
from model.networks.build import Network, build_network
from model.runtime import Logits, Squares


def load_network(artefact: Artefact) -> Network:
    """The artefact's network in torch, ready to answer."""
    network = build_network(artefact.card.network)
    weights = load_file(artefact.weights)
    network.load_state_dict({name: _widened(value) for name, value in weights.items()})
    return network.eval()


def _widened(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.dtype == torch.float16 else value


class TorchRuntime:
    """In full float32: TF32 would make the answer depend on the device's generation."""

    def __init__(self, artefact: Artefact, device: str) -> None:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        self._device = device
        self._network = load_network(artefact).to(device)

    @torch.inference_mode()
    def run(self, squares: Squares) -> Logits:
        images = torch.from_numpy(squares).to(self._device)[:, None].float() / 255
        answer = self._network(images)
        return {name: np.asarray(part.cpu().numpy(), np.float32) for name, part in answer.items()}
