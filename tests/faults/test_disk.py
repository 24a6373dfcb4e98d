"""A disk that is full or read-only: refused within a second, and work goes on when it is mended."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.nursery import Nursery
from tests.faults.scene import Scene, scene_in, small_images
from tests.services import absent, require_program

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.requirement("R-KEEP-3")]
OUT_OF_RESOURCES = 0xA700
DISK_MIB = 64
MIB_OF_A_REPEAT = 16  # what the node keeps of it
RESERVE_BYTES = 8 << 20
REPEATS_IN_SOAK = 20


@contextmanager
def small_disk(folder: Path, repeats: int = 1) -> Iterator[None]:
    """`folder` as a file system of its own, with room for so many repeats of a test."""
    folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={_size_bytes(repeats)}", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_at_the_reserve_nothing_is_taken(tmp_path: Path, nursery: Nursery) -> None:
    with (
        small_disk(tmp_path / "data"),
        scene_in(tmp_path, nursery, "listener", disk_reserve_bytes=RESERVE_BYTES) as scene,
    ):
        filler = _fill(scene.node.data_dir, _size_bytes() - RESERVE_BYTES)
        _assert_refused(scene, "reserve")
        assert scene.node.images() == []
        filler.unlink()
        assert scene.client.store(small_images("reserve", 2)) == [0x0000] * 2


@pytest.mark.parametrize("repeats", [1, pytest.param(REPEATS_IN_SOAK, marks=pytest.mark.soak)])
def test_a_full_disk_stops_nothing_for_good(tmp_path: Path, nursery: Nursery, repeats: int) -> None:
    disk = small_disk(tmp_path / "data", repeats)
    with disk, scene_in(tmp_path, nursery, disk_reserve_bytes=0) as scene:
        for repeat in range(repeats):
            assert scene.client.store(small_images(f"before {repeat}", 1)) == [0x0000]
            filler = _fill(scene.node.data_dir, _size_bytes(repeats))
            _assert_refused(scene, f"during {repeat}")
            filler.unlink()
            assert scene.client.store(small_images(f"during {repeat}", 2)) == [0x0000] * 2
            scene.settle()
        assert all(scene.node.is_alive(part) for part in scene.node.processes)


@pytest.mark.parametrize("repeats", [1, pytest.param(REPEATS_IN_SOAK, marks=pytest.mark.soak)])
def test_a_spool_that_became_read_only_is_refused_until_it_is_not(
    tmp_path: Path, nursery: Nursery, repeats: int
) -> None:
    spool = tmp_path / "data" / "spool"
    disk = small_disk(spool, repeats)
    with disk, scene_in(tmp_path, nursery, disk_reserve_bytes=0) as scene:
        for repeat in range(repeats):
            assert scene.client.store(small_images(f"before {repeat}", 1)) == [0x0000]
            scene.settle()
            _mount("-o", "remount,ro", str(spool))
            _assert_refused(scene, f"during {repeat}")
            _mount("-o", "remount,rw", str(spool))
            assert scene.client.store(small_images(f"during {repeat}", 2)) == [0x0000] * 2
            scene.settle()


def _size_bytes(repeats: int = 1) -> int:
    return DISK_MIB + MIB_OF_A_REPEAT * (repeats - 1) << 20


def _assert_refused(scene: Scene, name: str) -> None:
    """A700, within a second, and the node still answers C-ECHO."""
    assert scene.client.store(small_images(name, 2)) == [OUT_OF_RESOURCES] * 2
    told = [json.loads(line) for line in scene.node.log().splitlines() if '"c_store"' in line]
    refused = [answer for answer in told if answer["status"] == "0xA700"]
    assert max(answer["milliseconds"] for answer in refused) < 1000
    assert scene.node.answers_echo()


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


def _mount(*arguments: str) -> None:
    program = require_program("mount", "mount")
    mounted = subprocess.run([program, *arguments], capture_output=True, check=False)
    if mounted.returncode:
        absent(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
