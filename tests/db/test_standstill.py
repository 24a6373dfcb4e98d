"""What of the node is missing, and which machine has lost its GPU."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from db.presence import ListedProcess
from db.standstill import LostGpu, MissingPart, gpus_of, lost_gpus, missing_parts

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
BEAT = ListedProcess("beat", "node", 1, [], None, None, NOON, NOON, is_silent=False)
LISTENER = replace(BEAT, part="listener")
ANALYST = replace(BEAT, part="worker", queues=["analyse"], device="CPU Xeon")
REPORTER = replace(BEAT, part="worker", queues=["report"])
COURIER = replace(BEAT, part="worker", queues=["deliver", "confirm"])
ON_GPU = replace(ANALYST, device="cuda: NVIDIA H200")
ALL = [BEAT, LISTENER, ANALYST, REPORTER, COURIER]


def test_a_whole_node_lacks_nothing() -> None:
    assert missing_parts(ALL) == []
    all_in_one = replace(ANALYST, queues=["analyse", "report", "deliver"])
    assert missing_parts([BEAT, LISTENER, all_in_one]) == []
    assert missing_parts([]) == list(MissingPart)


@pytest.mark.parametrize(
    ("lost", "part"),
    [
        (LISTENER, MissingPart.LISTENER),
        (BEAT, MissingPart.BEAT),
        (ANALYST, MissingPart.ANALYST),
        (REPORTER, MissingPart.REPORTER),
        (COURIER, MissingPart.COURIER),
    ],
)
def test_what_fell_silent_is_missing(lost: ListedProcess, part: MissingPart) -> None:
    others = [one for one in ALL if one is not lost]
    assert (
        missing_parts(others) == missing_parts([*others, replace(lost, is_silent=True)]) == [part]
    )


def test_a_machine_that_had_a_gpu_and_works_on_its_cpu_has_lost_it() -> None:
    known = gpus_of([replace(ON_GPU, is_silent=True)])
    assert lost_gpus([ANALYST], known) == [LostGpu("node", "cuda: NVIDIA H200", "CPU Xeon")]
    assert lost_gpus([ANALYST, replace(ON_GPU, process_id=2)], known) == [], "one of them has it"
    assert lost_gpus([replace(ANALYST, host="other")], known) == []
    assert lost_gpus([replace(ANALYST, device=None)], known) == [], "nothing is loaded yet"
    assert lost_gpus([replace(ANALYST, is_silent=True)], known) == []
    assert gpus_of(ALL) == {}
