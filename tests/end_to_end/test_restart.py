"""A node that is asked to stop: it finishes what is open, and goes on where it was."""

import signal
from pathlib import Path

import pytest

from dicom_node.phantom_study import Rendering, phantom_study
from tests.end_to_end.invariants import assert_one_report_per_revision
from tests.end_to_end.modality import Diary, Modality
from tests.end_to_end.node import running_node, supervised_node
from tests.end_to_end.open_transfer import OpenTransfer
from tests.end_to_end.pacs_sink import PacsSink
from tests.end_to_end.small_studies import small_studies
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 120


def test_a_restarted_node_reports_what_it_had_received(
    tmp_path: Path, diary: Diary, sink: PacsSink
) -> None:
    # So long that nothing can be reported before the node is stopped.
    settings = {"destinations": sink.address, "quiet_seconds": 5}
    with supervised_node(tmp_path, **settings) as node:
        for study in small_studies("restart", 3):
            assert Modality(node.address, diary).store(study) == [0x0000] * 3
        assert node.stop("up") == 0
        assert node.survivors() == []
        assert sink.reports() == []
        node.start_up()
        node.wait_for_studies("delivered", 3, RESULT_SECONDS)
        assert_one_report_per_revision(node, sink)


def test_sigterm_lets_an_open_transfer_end(tmp_path: Path) -> None:
    (dataset,) = phantom_study(6, fractured=False, views=["ap"], rendering=Rendering(256, 208))
    with running_node(tmp_path, "listener") as node:
        transfer = OpenTransfer(node.address, dataset)
        node.processes["listener"].send_signal(signal.SIGTERM)
        wait_for(lambda: not node.answers_echo(), "the port to close", RESULT_SECONDS)
        assert transfer.finish() == 0x0000
        assert node.stop("listener") == 0
        assert [image["sop_instance_uid"] for image in node.images()] == [dataset.SOPInstanceUID]
