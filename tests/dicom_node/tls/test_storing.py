"""Images come by TLS as they do without: whole, by DCMTK's TLS 1.2 and by TLS 1.3."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.sop_class import ComputedRadiographyImageStorage

from dicom_node.outbox import send_files
from dicom_node.peer import Destination
from dicom_node.tls_client import PeerTls
from dicom_node.tls_server import TlsPort
from tests.dicom_node.listening import (
    Node,
    eventually,
    running_node,
    send_without_waiting,
    store_command,
)
from tests.dicom_node.sent_objects import encoded, file_of, radiograph
from tests.dicom_node.tls.hospital_pki import Authority
from tests.services import require_program

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-DOOR-3")]
LIMIT_SECONDS = 60


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("hospital"))


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str],
    hospital: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Node]:
    port = TlsPort(hospital.files(hospital.certify("node")), 0)
    spool = tmp_path_factory.mktemp("spool")
    with running_node(new_ledger("sqlite"), spool, tls=port, port=None) as running:
        yield running


@pytest.fixture(scope="module")
def tls(hospital: Authority) -> PeerTls:
    return PeerTls(hospital.files(hospital.certify("modality")))


def _here(node: Node, tls: PeerTls) -> Destination:
    return Destination("OSTEON", "127.0.0.1", node.listener.tls_port, tls=tls)


def test_dcmtk_stores_by_tls(node: Node, tls: PeerTls, tmp_path: Path) -> None:
    image = radiograph(rows=1500, columns=2000)  # 6 MB, of some 1500 TLS records
    asked = [require_program("storescu", "dcmtk"), "-aec", "OSTEON"]
    asked += ["+tls", str(tls.files.key), str(tls.files.certificate)]
    asked += ["+cf", str(tls.files.authorities), "127.0.0.1", str(node.listener.tls_port)]
    asked += [str(file_of(image, tmp_path))]
    subprocess.run(asked, check=True, capture_output=True, timeout=LIMIT_SECONDS)
    node.assert_kept(image)


def test_images_are_stored_by_the_newest_tls(node: Node, tls: PeerTls, tmp_path: Path) -> None:
    images = [radiograph(rows=rows) for rows in (64, 1000, 2000)]
    files = [file_of(image, tmp_path) for image in images]
    outcomes = list(send_files(_here(node, tls), "MODALITY", files))
    assert all(outcome.stored for outcome in outcomes), outcomes
    for image in images:
        node.assert_kept(image)


def test_what_breaks_off_by_tls_leaves_nothing(node: Node, tls: PeerTls) -> None:
    image: Dataset = radiograph(rows=1000)
    contexts = [build_context(ComputedRadiographyImageStorage, "1.2.840.10008.1.2.1")]
    association = AE("MODALITY").associate(
        "127.0.0.1",
        node.listener.tls_port,
        contexts=contexts,
        ae_title="OSTEON",
        tls_args=(tls.context(), "127.0.0.1"),
    )
    assert association.is_established
    [context] = association.accepted_contexts
    send_without_waiting(association, context.context_id, store_command(image), encoded(image))
    assert eventually(lambda: bool(node.temporary_files()))
    association.dul.socket.socket.close()
    assert eventually(lambda: not node.temporary_files() and node.live_associations == 0, 10)
    assert node.instances(image.SOPInstanceUID) == []
    association.abort()
