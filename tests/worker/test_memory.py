"""What the building of reports has freed does not stay with the process."""

import ctypes
from collections.abc import Callable

import psutil
import pytest

from db.jobs import JobKind, JobState
from tests.worker.dicom_files import study_of_two_views
from tests.worker.ward import Ward

OpenWard = Callable[..., Ward]
_MIB = 1 << 20
_BLOCK_BYTES = 64 << 10  # too small for a mapping of its own, which would go back at once
_BLOCKS = 256 * _MIB // _BLOCK_BYTES


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc"
)
def test_a_report_leaves_no_freed_memory_behind(open_ward: OpenWard) -> None:
    ward = open_ward()
    image = study_of_two_views()[0]
    image.BodyPartExamined = "SKULL"  # is reported without the network's doing
    ward.receive(image)
    ward.run_kind(JobKind.ANALYSE)
    last = _freed_in_the_middle_of_the_heap()
    before = _resident_bytes()
    ward.run_kind(JobKind.REPORT)
    assert [job.state for job in ward.jobs(JobKind.REPORT)] == [JobState.DONE]
    assert before - _resident_bytes() > 128 * _MIB
    del last


def _freed_in_the_middle_of_the_heap() -> list[bytes]:
    """256 MiB written and freed, but for the last block, which holds the rest in the process."""
    blocks = [b"\1" * _BLOCK_BYTES for _ in range(_BLOCKS)]
    return blocks[-1:]


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
