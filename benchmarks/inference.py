"""How fast the classifier serves on this CPU, beside plain torch and beside what the CPU can do.

    python -m benchmarks.inference [--model FOLDER] [--threads N] [--rounds N] [--json]

Every contender takes its turn in each round, so that a machine that slows down slows all of them.
Ratios are those of the quickest rounds, because other work only ever adds time; it adds most where
threads wait for each other, as torch's do. Quote only what a quiet machine says.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from benchmarks.contenders import (
    Contender,
    eager_contender,
    limit_contender,
    phantom_material,
    serving_contenders,
)
from cli.output import print_table
from model.artefact import Artefact, bundled_artefact, load_artefact
from model.runtime import CpuPlan, OpenVinoRuntime, Precision

_IMAGES = 4
_COLUMNS = {
    "way": "way",
    "in": "precision",
    "best ms": "best_ms",
    "p50 ms": "p50_ms",
    "p95 ms": "p95_ms",
    "× eager": "times_eager",
    "of limit": "of_limit",
    "of f32 limit": "of_float32_limit",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A contender's figures; times are those of one image."""

    way: str
    precision: Precision
    images_per_second: float  # in the quickest round, as the ratios are
    best_ms: float
    p50_ms: float
    p95_ms: float
    times_eager: float
    of_limit: float  # share of the machine's convolution limit in the same precision
    of_float32_limit: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, on what."""

    model: str
    serves_in: str
    threads: int
    processors: int
    rounds: int
    gflop_per_image: float
    limit_gflop_per_second: dict[str, float]
    memory_mb: int  # of a process that serves, at its highest
    rows: tuple[Row, ...]


def measure(artefact: Artefact, threads: int, rounds: int, images: int = _IMAGES) -> Report:
    """Time every contender in turn."""
    torch.set_num_threads(threads)
    plan = CpuPlan(threads, bulk=True)
    precisions = _precisions(artefact, plan)
    with phantom_material(artefact, images) as material:
        eager = eager_contender(artefact, material)
        limits = [limit_contender(precision, threads) for precision in precisions]
        serving = [
            contender
            for precision in precisions
            for contender in serving_contenders(
                artefact, material, replace(plan, precision=precision), eager.flop
            )
        ]
        seconds = _take_turns([eager, *limits, *serving], rounds)
    return Report(
        model=f"{artefact.card.name} {artefact.card.version}",
        serves_in=OpenVinoRuntime(artefact, plan).precision,
        threads=threads,
        processors=os.cpu_count() or 1,
        rounds=rounds,
        gflop_per_image=round(eager.flop / images / 1e9, 2),
        limit_gflop_per_second={
            limit.precision: round(_flop_per_second(limit, seconds) / 1e9, 1) for limit in limits
        },
        memory_mb=_serving_memory_mb(artefact.folder, threads),
        rows=tuple(_row(one, eager, limits, seconds) for one in [eager, *serving]),
    )


def _precisions(artefact: Artefact, plan: CpuPlan) -> list[Precision]:
    """float32, and bf16 where the CPU computes in it, served or not."""
    asked: list[Precision] = ["f32", "bf16"]
    return [
        one
        for one in asked
        if OpenVinoRuntime(artefact, replace(plan, precision=one)).precision == one
    ]


Seconds = dict[Contender, NDArray[np.float64]]  # of each round's call


def _take_turns(contenders: Sequence[Contender], rounds: int) -> Seconds:
    for contender in contenders:
        contender.work()  # the first call allocates
    taken: dict[Contender, list[float]] = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            started = time.perf_counter()
            contender.work()
            taken[contender].append(time.perf_counter() - started)
    return {contender: np.array(seconds) for contender, seconds in taken.items()}


def _flop_per_second(contender: Contender, seconds: Seconds) -> float:
    return contender.flop / float(seconds[contender].min())


def _row(one: Contender, eager: Contender, limits: Sequence[Contender], seconds: Seconds) -> Row:
    per_image = seconds[one] / one.images
    best = float(per_image.min())
    speed = _flop_per_second(one, seconds)
    of_limits = {limit.precision: speed / _flop_per_second(limit, seconds) for limit in limits}
    return Row(
        way=one.name,
        precision=one.precision,
        images_per_second=round(1 / best, 1),
        best_ms=round(best * 1e3, 1),
        p50_ms=round(float(np.quantile(per_image, 0.5)) * 1e3, 1),
        p95_ms=round(float(np.quantile(per_image, 0.95)) * 1e3, 1),
        times_eager=round(float(seconds[eager].min()) / eager.images / best, 2),
        of_limit=round(of_limits[one.precision], 2),
        of_float32_limit=round(of_limits["f32"], 2),
    )


_SERVE_ONCE = """
import sys, numpy
from pathlib import Path
from model.classifier import FractureClassifier
from model.radiograph import Radiograph
classifier = FractureClassifier.load(Path(sys.argv[1]), "cpu", int(sys.argv[2]))
classifier.predict([Radiograph(numpy.eye(1024, 832, dtype=numpy.float32))])
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def _serving_memory_mb(folder: Path, threads: int) -> int:
    """Of a process that serves and does nothing else: this one holds torch too.

    Not by getrusage, whose maximum a child takes over from the process that started it.
    """
    command = [sys.executable, "-c", _SERVE_ONCE, str(folder.resolve()), str(threads)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return round(int(ended.stdout) / 1024)  # Linux counts in KiB


def main(
    model: Annotated[Path | None, typer.Option(help="An artefact, if not the bundled one.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of every contender.")] = os.cpu_count() or 1,
    rounds: Annotated[int, typer.Option(help="Turns of every contender.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Time the served classifier beside plain torch and the machine's own limit."""
    report = measure(load_artefact(model or bundled_artefact()), threads, rounds)
    if as_json:
        print(json.dumps(asdict(report)))
        return
    print(
        f"{report.model}, {report.gflop_per_image} GFLOP an image (its mirror image's included); "
        f"served in {report.serves_in}; {report.threads} threads of {report.processors} "
        f"processors; quickest of {report.rounds} rounds; {report.memory_mb} MB to serve"
    )
    for precision, speed in report.limit_gflop_per_second.items():
        print(f"limit, a large plain convolution in {precision}: {speed} GFLOP/s")
    rows = [asdict(row) for row in report.rows]
    print_table(
        list(_COLUMNS), [{shown: row[name] for shown, name in _COLUMNS.items()} for row in rows]
    )


if __name__ == "__main__":
    typer.run(main)
