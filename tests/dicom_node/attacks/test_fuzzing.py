"""Bent PDUs and messages by the thousand: the listener goes on as if nothing had been."""

import threading
from pathlib import Path

import pytest

from tests.dicom_node.attacked_listener import AttackedListener
from tests.dicom_node.attacks.fuzzing import Fuzzed, conversation
from tests.dicom_node.attacks.honest import echo
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-DOOR-1")]
SEED = 1_000_000
AT_ONCE = 8
KINDS = 7


@pytest.mark.parametrize("count", [5000, pytest.param(50_000, marks=pytest.mark.soak)])
def test_bent_conversations_change_nothing(attacked: AttackedListener, count: int) -> None:
    print(f"seeds {SEED} to {SEED + count}")
    Fuzzed().run(
        attacked.plain, range(SEED - 300, SEED)
    )  # what is loaded on first use is no growth
    before_mib, size = attacked.taken.memory_mib, count // AT_ONCE
    runs = [Fuzzed() for _ in range(AT_ONCE)]
    threads = [
        threading.Thread(
            target=run.run, args=(attacked.plain, range(SEED + n * size, SEED + (n + 1) * size))
        )
        for n, run in enumerate(runs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    endings = sum((run.endings for run in runs), start=runs[0].endings.__class__())
    print(dict(endings))
    assert endings.total() == size * AT_ONCE
    assert not endings["silence"]
    assert not endings["not let in"]  # the places of those before were free again
    assert len({kind for run in runs for kind in run.kinds}) == KINDS
    taken = attacked.taken
    wait_for(lambda: taken.new_threads <= 0, "the end of the last association", 20)
    assert taken.new_descriptors <= 0
    assert not attacked.incoming_files()
    assert taken.memory_mib - before_mib <= 16
    assert echo(attacked.plain, "127.0.0.1") < 2


def test_a_seed_makes_the_same_conversation_again() -> None:
    assert conversation(7) == conversation(7) != conversation(8)


def test_no_line_of_the_log_repeats_what_was_sent(attacked: AttackedListener) -> None:
    """After the others: whatever went wrong is told by its kind, in few lines."""
    lines = Path(attacked.folder / "log").read_text().splitlines()
    assert len(lines) < 2000
    assert not [line for line in lines if "Traceback" in line]
