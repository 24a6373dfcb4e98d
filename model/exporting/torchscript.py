"""The network as TorchScript: torch runs it without this project's code."""

from pathlib import Path

import numpy as np
import torch

from model.artefact import Artefact
from model.runtime import Logits, Squares
from model.torch_runtime import load_network


def write_torchscript(artefact: Artefact, path: Path) -> None:
    """Traced: it takes any number of images [n, 1, side, side] in 0..1, and answers by name."""
    side = artefact.card.input.side
    images = torch.zeros(2, 1, side, side)
    with torch.inference_mode():
        # Not strict: the answer is a dictionary, always with the same names.
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            load_network(artefact), images, strict=False
        )
        torch.jit.freeze(traced).save(str(path))


class TorchScriptRuntime:
    """Runs the file on the CPU, one image at a time."""

    device = "CPU by torch"

    def __init__(self, path: Path) -> None:
        self._network = torch.jit.load(  # type: ignore[no-untyped-call]
            str(path), map_location="cpu"
        )

    @torch.inference_mode()
    def run(self, squares: Squares) -> Logits:
        images = torch.from_numpy(np.ascontiguousarray(squares))[:, None].float() / 255
        answers = [self._network(image[None]) for image in images]
        return {
            name: np.concatenate([answer[name].numpy() for answer in answers])
            for name in answers[0]
        }
