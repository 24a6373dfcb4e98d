"""A disk that is full: refused at once with A700, and work goes on by itself when there is room."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.node import Node, running_node
from tests.end_to_end.small_studies import small_study
from tests.services import absent, require_program
from tests.witness.sink import Sink
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow]
OUT_OF_RESOURCES = 0xA700
DISK_MIB = 24
RESERVE_BYTES = 8 << 20
RECOVERY_SECONDS = 120


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A node's folder whose data directory is a small file system of its own."""
    folder = tmp_path / "node" / "data"
    folder.mkdir(parents=True)
    _require_mount(["-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)])
    try:
        yield folder.parent
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_at_the_reserve_nothing_is_taken(small_disk: Path, witness: Witness) -> None:
    with running_node(small_disk, "listener", disk_reserve_bytes=RESERVE_BYTES) as node:
        modality = witness.client(node.address)
        filler = _fill(node.data_dir, (DISK_MIB << 20) - RESERVE_BYTES)
        assert modality.store(small_study("reserve")) == [OUT_OF_RESOURCES] * 3
        assert max(answer["milliseconds"] for answer in _answers(node)) < 1000
        assert node.answers_echo()
        assert node.images() == []
        filler.unlink()
        assert modality.store(small_study("reserve")) == [0x0000] * 3


def test_a_full_disk_stops_nothing_for_good(small_disk: Path, witness: Witness, sink: Sink) -> None:
    settings = {"destinations": sink.address, "disk_reserve_bytes": 0, "quiet_seconds": 3}
    with running_node(small_disk, **settings) as node:
        modality = witness.client(node.address)
        assert modality.store(small_study("before")) == [0x0000] * 3
        filler = _fill(node.data_dir, DISK_MIB << 20)
        assert modality.store(small_study("during")) == [OUT_OF_RESOURCES] * 3
        assert max(answer["milliseconds"] for answer in _answers(node)) < 1000
        assert node.answers_echo()
        filler.unlink()
        assert modality.store(small_study("during")) == [0x0000] * 3
        node.wait_for_studies("delivered", 2, RECOVERY_SECONDS)
        assert all(node.is_alive(part) for part in node.processes)


def _fill(folder: Path, size_bytes: int) -> Path:
    """A file of so many bytes, or of as many as there is room for."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while size_bytes > 0:
                size_bytes -= file.write(bytes(4096))
        except OSError:
            return path
    return path


def _answers(node: Node) -> list[dict[str, Any]]:
    """The listener's log lines of its C-STORE answers."""
    lines = [json.loads(line) for line in node.log().splitlines() if '"c_store"' in line]
    return [line for line in lines if line["status"] == "0xA700"]


def _require_mount(arguments: list[str]) -> None:
    program = require_program("mount", "mount")
    mounted = subprocess.run([program, *arguments], capture_output=True, check=False)
    if mounted.returncode:
        absent(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
