"""An object that is too large is refused at the limit, costs no memory and leaves nothing."""

from pathlib import Path

import pytest

from dicom_node.statuses import StoreStatus
from tests.dicom_node.attacked_listener import AttackedListener
from tests.dicom_node.attacks.honest import watching
from tests.dicom_node.attacks.large_objects import LargeObject, store_large

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-KEEP-5")]
MOST_MIB = 64


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_five_gigabytes_are_refused_at_the_limit(attacked: AttackedListener) -> None:
    before = _peak_mib(attacked, anew=True)
    with watching(attacked.plain, "127.0.0.1") as [watch]:
        said = store_large(attacked.plain, LargeObject("1.2.3.5", 5_000_000_000))
    grown = _peak_mib(attacked) - before
    print(f"5 GB: at most {grown:.0f} MiB more; C-ECHO {watch}")
    assert said == StoreStatus.OUT_OF_RESOURCES
    assert not attacked.incoming_files()
    assert grown <= MOST_MIB
    assert not watch.failures


def _peak_mib(attacked: AttackedListener, *, anew: bool = False) -> float:
    """The most resident memory since the last time that it was asked `anew`."""
    process = Path(f"/proc/{attacked.taken.pid}")
    if anew:
        (process / "clear_refs").write_text("5")  # proc(5): the peak begins at what is there now
    [line] = [one for one in (process / "status").read_text().splitlines() if "VmHWM" in one]
    return int(line.split()[1]) / 1024
