"""Peers that fail: a destination away, silent or refusing; a sender that breaks off or errs."""

from collections.abc import Callable, Iterator

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from dicom_node.phantom_study import Rendering, phantom_study
from tests.end_to_end.node import Node, running_node
from tests.end_to_end.open_transfer import OpenTransfer
from tests.end_to_end.small_studies import small_study, study_uid
from tests.waiting import wait_for
from tests.witness.sink import Sink
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 90
# Sooner than the sweep comes, which is for writers that died.
PROMPT_SECONDS = 10
OUT_OF_RESOURCES = 0xA701
NOT_UNDERSTOOD = 0xC000


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with Sink(tmp_path_factory.mktemp("sink")) as pacs:
        yield pacs


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, pacs: Sink) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("peers"), destinations=pacs.address) as node:
        yield node


@pytest.fixture
def send(node: Node, witness: Witness) -> Callable[[str], str]:
    """Send a study of that name, whose one image is none for the network; the study's UID.

    So nothing is sent to the destination but the report.
    """

    def store(name: str) -> str:
        study = small_study(name, images=2)[1:]
        assert witness.client(node.address).store(study) == [0x0000]
        return study_uid(study)

    return store


def test_a_destination_that_was_away_gets_each_result_once(
    node: Node, pacs: Sink, send: Callable[[str], str]
) -> None:
    pacs.go_away()
    study = send("away")
    _await_state(node, study, "reported")
    wait_for(lambda: "refused" in _reason(node, study), "a failed attempt", RESULT_SECONDS)
    pacs.come()
    _await_state(node, study, "delivered")
    assert len(pacs.reports(study)) == 1


def test_a_destination_out_of_resources_is_tried_again(
    node: Node, pacs: Sink, send: Callable[[str], str]
) -> None:
    pacs.answer(OUT_OF_RESOURCES)
    study = send("full")
    wait_for(lambda: "0xA701" in _reason(node, study), "a failed attempt", RESULT_SECONDS)
    pacs.answer(0x0000)
    _await_state(node, study, "delivered")
    assert len(pacs.reports(study)) == 1


def test_what_was_stored_without_an_answer_is_sent_again_byte_for_byte(
    node: Node, pacs: Sink, send: Callable[[str], str]
) -> None:
    pacs.drop_answers(2)
    study = send("silent")
    _await_state(node, study, "delivered")
    arrivals = pacs.reports(study)
    assert [one.status for one in arrivals] == [None, None, 0x0000]
    assert len({(one.sop_instance_uid, one.encoded) for one in arrivals}) == 1


def test_a_refusal_is_for_a_person_to_see(
    node: Node, pacs: Sink, send: Callable[[str], str]
) -> None:
    pacs.answer(NOT_UNDERSTOOD)
    study = send("refused")
    _await_state(node, study, "failed")
    pacs.answer(0x0000)
    assert "0xC000" in _reason(node, study)
    assert not pacs.reports(study)


@pytest.mark.parametrize("end", [OpenTransfer.abort, OpenTransfer.cut])
def test_a_transfer_that_breaks_off_leaves_nothing(
    node: Node, end: Callable[[OpenTransfer], None]
) -> None:
    (dataset,) = phantom_study(5, fractured=False, views=["ap"], rendering=Rendering(256, 208))
    incoming = node.data_dir / "spool" / "incoming"
    transfer = OpenTransfer(node.address, dataset)
    wait_for(lambda: list(incoming.iterdir()), "the transfer's file", RESULT_SECONDS)
    end(transfer)
    wait_for(lambda: not list(incoming.iterdir()), "the file's removal", PROMPT_SECONDS)
    assert node.images(study_uid([dataset])) == []
    assert node.is_alive("listener")


def test_who_calls_another_ae_title_is_rejected(node: Node) -> None:
    ae = AE("TESTER")
    ae.add_requested_context(Verification)
    association = ae.associate("127.0.0.1", node.port, ae_title="SOMEBODY")
    assert association.is_rejected
    assert node.answers_echo()


def _await_state(node: Node, study: str, state: str) -> None:
    def reached() -> bool:
        return [one["state"] for one in node.studies(study)] == [state]

    wait_for(reached, f"the study to be {state}", RESULT_SECONDS)


def _reason(node: Node, study: str) -> str:
    return " ".join(one["reason"] or "" for one in node.studies(study))
