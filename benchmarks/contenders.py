"""What is timed: plain torch, the served network, the whole way of an image, and the limit."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from cli.prediction import judge_files
from model.artefact import Artefact
from model.classifier import FractureClassifier
from model.letterbox import letterbox
from model.networks.build import Network
from model.radiograph import Radiograph, read_picture
from model.runtime import CpuPlan, OpenVinoRuntime, Precision, Squares
from model.torch_runtime import load_network
from phantom.radiograph import PhantomSpec, make_phantom

EAGER = "eager torch"
# A hand on a digital detector, reduced to a quarter.
_ROWS, _COLUMNS = 1024, 832
# A convolution that a CPU does best: its kernels stay in the cache, its sums are long.
_CHANNELS, _SIDE, _KERNEL = 256, 56, 3


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One thing that is timed."""

    name: str
    precision: Precision
    images: int  # answered by one call of `work`
    flop: float  # of one call; an addition and a multiplication are two
    work: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Material:
    """The same radiographs for all: as files, as pixels, and as what the network is shown."""

    files: tuple[Path, ...]
    radiographs: tuple[Radiograph, ...]
    shown: Squares  # with their mirror images, if the network is shown those


@contextmanager
def phantom_material(artefact: Artefact, images: int) -> Iterator[Material]:
    """Phantoms as PNG files in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        files = tuple(_write_phantom(Path(folder), seed) for seed in range(images))
        radiographs = tuple(read_picture(path) for path in files)
        side, mirrored_too = artefact.card.input.side, artefact.card.input.mirrored_too
        squares = np.stack([letterbox(radiograph, side)[0] for radiograph in radiographs])
        mirrored = squares[:, :, ::-1] if mirrored_too else squares[:0]
        yield Material(files, radiographs, np.concatenate([squares, mirrored]))


def _write_phantom(folder: Path, seed: int) -> Path:
    spec = PhantomSpec(seed, fractured=seed % 2 == 1, rows=_ROWS, columns=_COLUMNS)
    path = folder / f"{seed}.png"
    Image.fromarray((make_phantom(spec).pixels >> 4).astype(np.uint8)).save(path)
    return path


def network_flop(network: Network, side: int) -> float:
    """Of one pass of one image."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 1, side, side))
    return float(counter.get_total_flops())


def eager_contender(artefact: Artefact, material: Material) -> Contender:
    """The network as it was trained, in float32: what serving is compared with."""
    network = load_network(artefact)
    pictures = torch.from_numpy(material.shown)[:, None].float() / 255

    @torch.inference_mode()
    def work() -> None:
        for picture in pictures:
            network(picture[None])

    flop = len(pictures) * network_flop(network, artefact.card.input.side)
    return Contender(EAGER, "f32", len(material.files), flop, work)


def serving_contenders(
    artefact: Artefact, material: Material, plan: CpuPlan, flop: float
) -> list[Contender]:
    """The network alone, then the way from pixels and from PNG files to predictions; the last from
    pixels for one image at a time, where its latency counts.
    """
    assert plan.precision is not None
    runtime = OpenVinoRuntime(artefact, plan)
    alone = CpuPlan(plan.threads, bulk=False, precision=plan.precision)
    many = FractureClassifier(artefact.card, runtime)
    one = FractureClassifier(artefact.card, OpenVinoRuntime(artefact, alone))
    count, first = len(material.files), material.radiographs[:1]
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "network": (count, lambda: runtime.run(material.shown)),
        "from pixels": (count, lambda: many.predict(material.radiographs)),
        "from files": (count, lambda: list(judge_files(many, iter(material.files)))),
        ONE_BY_ONE: (1, lambda: one.predict(first)),
    }
    return [
        Contender(name, plan.precision, images, flop * images / count, work)
        for name, (images, work) in ways.items()
    ]


ONE_BY_ONE = "one by one"


def limit_contender(precision: Precision, threads: int) -> Contender:
    """A large plain convolution in OpenVINO: as fast as this machine convolves."""
    from model.openvino_runtime import openvino

    layers = openvino.opset13
    random = np.random.default_rng(0)
    shape = [1, _CHANNELS, _SIDE, _SIDE]
    kernels = random.standard_normal((_CHANNELS, _CHANNELS, _KERNEL, _KERNEL), np.float32) / 48
    image = layers.parameter(shape, np.float32)
    edge = [_KERNEL // 2] * 2
    convolved = layers.convolution(image, layers.constant(kernels), [1, 1], edge, edge, [1, 1])
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    network = openvino.Model([convolved], [image])
    request = openvino.Core().compile_model(network, "CPU", options).create_infer_request()
    given = random.random(shape, np.float32)
    flop = 2.0 * _CHANNELS**2 * _KERNEL**2 * _SIDE**2
    return Contender(LIMIT, precision, 0, flop, lambda: request.infer([given]))


LIMIT = "large plain convolution"
