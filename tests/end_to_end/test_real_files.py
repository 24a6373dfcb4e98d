"""Files of the world, sound and broken, through a real node: each ends as a result or a reason."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom.data
import pytest
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID
from pynetdicom import AE, _config
from sqlalchemy import func, select

from db.session import reading
from db.tables import Job
from tests.end_to_end.node import Node
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.services import require_shared_data
from tests.waiting import wait_for
from tests.witness.sink import Sink

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 180
ENDED = {"delivered", "blocked", "no_images"}
# What a file can meet at the door: kept, unlike what it was announced as, or not understood.
NAMED_STATUSES = {"0x0000", "0xA900", "0xC000"}
NO_META = "cannot be sent: no file meta information"
CONTEXT_REFUSED = "presentation context refused"
NOT_SENT = {NO_META, CONTEXT_REFUSED}


@dataclass(frozen=True)
class Sending:
    """What became of a file at the door: the status, or why it could not be sent."""

    path: Path
    sop_instance_uid: str
    outcome: str


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("real-files")
    with (
        Sink(folder / "sink") as sink,
        forked_node(folder, nursery, destinations=sink.address) as node,
    ):
        yield node


def test_pydicoms_own_test_files(node: Node) -> None:
    # Those that lie in the package: its own search would download more.
    paths = sorted((Path(pydicom.data.__file__).parent / "test_files").rglob("*.dcm"))
    _assert_all_end(node, paths)


@pytest.mark.soak
def test_files_of_many_vendors_and_projects(node: Node) -> None:
    _assert_all_end(node, sorted(require_shared_data("dicom").glob("*.dcm")))


def _assert_all_end(node: Node, paths: list[Path]) -> None:
    sendings = [_send(node, path) for path in paths]
    assert len(sendings) > 50
    wait_for(lambda: _open_jobs(node) == 0, "every job to end", RESULT_SECONDS)
    _print_summary(node, sendings)
    images = {image["sop_instance_uid"]: image for image in node.images()}
    for sending in sendings:
        assert sending.outcome in NAMED_STATUSES | NOT_SENT, sending.path.name
        if sending.outcome == "0x0000":
            image = images[sending.sop_instance_uid]
            assert image["probability"] is not None or image["reason"], sending.path.name
    wait_for(lambda: set(node.study_states()) <= ENDED, "every study to end", RESULT_SECONDS)
    assert node.ended() == []
    assert node.answers_echo()


def _send(node: Node, path: Path) -> Sending:
    """Store the file byte for byte, as an archive does that knows nothing of its content."""
    try:
        meta = read_file_meta_info(path)
        sop_class, syntax = UID(meta.MediaStorageSOPClassUID), UID(meta.TransferSyntaxUID)
        sop_instance_uid = str(meta.MediaStorageSOPInstanceUID)
    except (InvalidDicomError, AttributeError):
        return Sending(path, "", NO_META)
    ae = AE("ARCHIVE")
    ae.dimse_timeout = 30
    try:
        ae.add_requested_context(sop_class, syntax)
    except ValueError:
        return Sending(path, sop_instance_uid, NO_META)
    association = ae.associate("127.0.0.1", node.port, ae_title=node.address.ae_title)
    if not association.is_established:
        return Sending(path, sop_instance_uid, CONTEXT_REFUSED)
    _config.STORE_SEND_CHUNKED_DATASET = True  # pynetdicom then sends a file as it is
    status = association.send_c_store(path).get("Status")
    association.release()
    outcome = "no answer" if status is None else f"0x{status:04X}"
    return Sending(path, sop_instance_uid, outcome)


def _open_jobs(node: Node) -> int:
    with reading(node.ledger) as session:
        still_open = select(func.count()).where(Job.state.in_(["waiting", "running"]))
        return session.execute(still_open).scalar_one()


def _print_summary(node: Node, sendings: list[Sending]) -> None:
    print("\nat the door")
    for outcome, count in Counter(one.outcome for one in sendings).most_common():
        print(f"{count:5}  {outcome}")
    print("in the ledger")
    images = node.images()
    ends = Counter(image["reason"] or image["state"] or "" for image in images)
    for end, count in ends.most_common():
        print(f"{count:5}  {end}")
