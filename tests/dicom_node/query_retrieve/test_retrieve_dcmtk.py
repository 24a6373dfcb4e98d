"""DCMTK's dcmqrscp as the PACS: it knows no optional key, and sends by C-GET and C-MOVE."""

import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicom_node.echo import verify_peer
from dicom_node.peer import Destination, PeerTrouble
from dicom_node.query_retrieve.query_client import FoundStudy, StudyQuery, querying
from dicom_node.query_retrieve.retrieve_client import Reception, RetrieveClient, Wanted, Way
from tests.dicom_node.archive import stored, stored_study
from tests.dicom_node.listening import AE_TITLE, Node, associated, eventually, store
from tests.dicom_node.sent_objects import CR
from tests.servers import free_port
from tests.services import require_program

pytestmark = pytest.mark.integration
CONFIGURATION = """
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
osteon = ({ae_title}, localhost, {node_port})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
DCMTK {folder} RW (200, 1024mb) ANY
AETable END
"""


@pytest.fixture(scope="module")
def pacs(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Destination]:
    folder = tmp_path_factory.mktemp("dcmqrscp")
    port = free_port()
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(
        CONFIGURATION.format(
            port=port, ae_title=AE_TITLE, node_port=node.port, folder=_made(folder / "images")
        )
    )
    program = require_program("dcmqrscp", "dcmtk")
    command = [program, "--config", str(configuration)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            destination = Destination("DCMTK", "127.0.0.1", port)
            assert eventually(lambda: _answers(destination), 20)
            yield destination
        finally:
            process.kill()


@pytest.fixture(scope="module")
def study(pacs: Destination) -> list[Dataset]:
    """Two radiographs of a study, which also holds a CT, in a PACS that has another study too."""
    images = stored_study(2, rows=200)
    scan = stored(StudyInstanceUID=images[0].StudyInstanceUID, Modality="CT")
    for dataset in (*images, scan, stored(Modality="CT")):
        with associated(pacs.port, CR, called="DCMTK") as association:
            assert store(association, dataset) == 0
    return images


def test_its_studies_are_found(pacs: Destination, study: list[Dataset]) -> None:
    day = datetime(2026, 1, 2)
    with querying(pacs, AE_TITLE) as client:
        windows = client.studies(StudyQuery(day, day.replace(hour=23), ("CR", "DX")))
        [found] = [one for _, found in windows for one in found]
        images = client.instances(found.study_instance_uid, ("CR",))
    assert found == FoundStudy(study[0].StudyInstanceUID, None)
    assert {one.sop_instance_uid for one in images} == {one.SOPInstanceUID for one in study}


@pytest.mark.parametrize("by", [Way.GET, Way.MOVE])
def test_its_images_arrive(pacs: Destination, study: list[Dataset], node: Node, by: Way) -> None:
    client = RetrieveClient(pacs, AE_TITLE, Reception(node.engine, node.spool, "fetch"))
    wanted = Wanted(study[0].StudyInstanceUID, (study[0].SeriesInstanceUID,), frozenset({CR}))
    retrieved = client.retrieve(wanted, by)
    assert (retrieved.by, retrieved.sent, retrieved.failed) == (by, 2, 0)
    for dataset in study:
        [row] = node.instances(dataset.SOPInstanceUID)
        assert row.quarantine_reason is None


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _answers(destination: Destination) -> bool:
    try:
        verify_peer(destination, calling_ae_title=AE_TITLE)
    except PeerTrouble:
        return False
    return True
