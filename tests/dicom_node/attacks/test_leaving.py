"""Whoever leaves amid a transfer leaves nothing: no row, no temporary file, no descriptor."""

import pytest
from sqlalchemy import func, select

from db.session import open_ledger, reading
from db.tables import Instance
from tests.dicom_node.attacked_listener import AttackedListener
from tests.dicom_node.attacks.leaving import leavings, message, store_and_leave
from tests.dicom_node.sent_objects import encoded, radiograph
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-KEEP-3")]
SEED = 20261129


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.soak)])
def test_who_leaves_amid_a_transfer_leaves_nothing(attacked: AttackedListener, count: int) -> None:
    dataset = radiograph(rows=200, columns=200)
    pdus = message(dataset.SOPInstanceUID, encoded(dataset, "1.2.840.10008.1.2"))
    print(f"{len(pdus)} PDUs, seed {SEED}")
    for leaving in leavings(pdus, count, SEED):
        store_and_leave(attacked.plain, pdus, leaving)
    taken = attacked.taken
    wait_for(lambda: taken.new_threads <= 0, "the end of the last association", 20)
    assert taken.is_alive
    assert not attacked.incoming_files()
    assert taken.new_descriptors <= 0
    assert taken.memory_mib <= 16
    with reading(open_ledger(attacked.ledger_url)) as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 0
