"""The benchmark counts what it times, and every contender takes part in every round."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.contenders import EAGER, ONE_BY_ONE, network_flop
from benchmarks.inference import measure
from model.artefact import load_artefact
from model.card import NetworkSpec
from tests.cli.untrained import untrained_artefact


@pytest.fixture(scope="module")
def artefact_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = NetworkSpec(kind="plain", trunk="small_cnn")
    return untrained_artefact(spec, tmp_path_factory.mktemp("artefacts"))


def test_a_convolutions_operations_are_counted() -> None:
    network = nn.Conv2d(1, 16, 3, padding=1, bias=False)
    assert network_flop(network, 32) == 2 * 16 * 9 * 32 * 32  # type: ignore[arg-type]


@pytest.mark.soak
def test_every_way_is_timed_beside_plain_torch(artefact_folder: Path) -> None:
    threads = torch.get_num_threads()
    try:
        report = measure(load_artefact(artefact_folder), threads=1, rounds=2, images=1)
    finally:
        torch.set_num_threads(threads)
    plain, *serving = report.rows
    assert (plain.way, plain.times_eager) == (EAGER, 1.0)
    ways = [row.way for row in serving if row.precision == "f32"]
    assert ways == ["network", "from pixels", "from files", ONE_BY_ONE]
    for row in report.rows:
        assert row.best_ms <= row.p50_ms <= row.p95_ms
        assert row.images_per_second > 0
        # Each image is shown twice, straight and mirrored.
        done = report.gflop_per_image * row.images_per_second
        share = done / report.limit_gflop_per_second["f32"]
        assert row.of_float32_limit == pytest.approx(share, rel=0.1, abs=0.02)
    assert 60 < report.memory_mb < 400  # torch alone takes more
