"""Senders that fail: one that breaks off, and one that calls somebody else."""

from collections.abc import Callable, Iterator

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.sop_class import Verification

from dicom_node.peer import Destination, PeerRefused, associate
from dicom_node.phantom_study import Rendering, phantom_study
from tests.end_to_end.node import Node
from tests.end_to_end.open_transfer import OpenTransfer
from tests.end_to_end.small_studies import study_uid
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]
TRANSFER_SECONDS = 30
# Sooner than the sweep comes, which is for writers that died.
PROMPT_SECONDS = 10


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Node]:
    with forked_node(tmp_path_factory.mktemp("peers"), nursery, "listener") as node:
        yield node


@pytest.mark.parametrize("end", [OpenTransfer.abort, OpenTransfer.cut])
def test_a_transfer_that_breaks_off_leaves_nothing(
    node: Node, end: Callable[[OpenTransfer], None]
) -> None:
    (dataset,) = phantom_study(5, fractured=False, views=["ap"], rendering=Rendering(256, 208))
    incoming = node.data_dir / "spool" / "incoming"
    transfer = OpenTransfer(node.address, dataset)
    wait_for(lambda: list(incoming.iterdir()), "the transfer's file", TRANSFER_SECONDS)
    end(transfer)
    wait_for(lambda: not list(incoming.iterdir()), "the file's removal", PROMPT_SECONDS)
    assert node.images(study_uid([dataset])) == []
    assert node.is_alive("listener")


def test_who_calls_another_ae_title_is_rejected(node: Node) -> None:
    called = Destination("SOMEBODY", "127.0.0.1", node.port)
    with pytest.raises(PeerRefused, match="is not called SOMEBODY"):
        associate(called, "TESTER", [(Verification, ImplicitVRLittleEndian)])
    assert node.answers_echo()
