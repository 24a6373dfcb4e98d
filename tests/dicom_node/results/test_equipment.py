"""A device is a node, its product version and its weights; another of these is another device."""

from dataclasses import replace

import pytest

from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import AlgorithmIdentity

ALGORITHM = AlgorithmIdentity("osteon-fracture", "0.1.0", weights_digest="ab" * 32)
NODE = Equipment(ALGORITHM, "NODE-1")


@pytest.mark.parametrize(
    "other",
    [
        Equipment(replace(ALGORITHM, weights_digest="cd" * 32), "NODE-1"),
        Equipment(replace(ALGORITHM, weights_digest=""), "NODE-1"),
        Equipment(replace(ALGORITHM, version="0.1.1"), "NODE-1"),
        Equipment(replace(ALGORITHM, name="osteon-wrist"), "NODE-1"),
        Equipment(ALGORITHM, "NODE-2"),
    ],
    ids=["weights", "weights unknown", "version", "name", "node"],
)
def test_another_is_another_device(other: Equipment) -> None:
    assert other.device_uid != NODE.device_uid


def test_operating_points_may_be_moved_on_the_same_device() -> None:
    moved = replace(ALGORITHM, operating_points={"specific": 0.7})
    assert Equipment(moved, "NODE-1").device_uid == NODE.device_uid
