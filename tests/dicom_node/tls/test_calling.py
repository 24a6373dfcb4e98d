"""Calling by TLS: DCMTK's storescp takes what is sent, and each trouble has its sentence."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_node.certificate_name import CertificateName
from dicom_node.echo import verify_peer
from dicom_node.outbox import send_files
from dicom_node.peer import Destination, PeerUnavailable, TlsTrouble
from dicom_node.tls import TlsFiles
from dicom_node.tls_client import PeerTls
from tests.dicom_node.sent_objects import file_of, radiograph
from tests.dicom_node.tls.hospital_pki import Authority, Pair, self_signed
from tests.servers import free_port
from tests.services import require_program
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.requirement("R-DOOR-3")]
LIMIT_SECONDS = 10


@dataclass(frozen=True)
class Ward:
    """Two authorities, our own files, and certificates that a peer may show."""

    hospital: Authority
    elsewhere: Authority
    files: TlsFiles
    shown: dict[str, Pair]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Ward:
    folder = tmp_path_factory.mktemp("ward")
    hospital = Authority(folder / "hospital")
    elsewhere = Authority(folder / "elsewhere", "CN=Another CA,O=Elsewhere")
    shown = {
        "pacs": hospital.certify("pacs"),
        "expired": hospital.certify("expired", days=(-9, -1)),
        "early": hospital.certify("early", days=(1, 9)),
        "elsewhere": elsewhere.certify("pacs"),
        "self-signed": self_signed(folder / "alone"),
        "other host": hospital.certify("other", hosts=("pacs.hospital.example",)),
        "revoked": hospital.certify("revoked"),
    }
    revoked = hospital.revocations("revoked")
    return Ward(hospital, elsewhere, hospital.files(hospital.certify("node"), revoked), shown)


@contextlib.contextmanager
def openssl_server(shown: Pair, *options: str) -> Iterator[int]:
    """The port of an `openssl s_server`, which speaks any TLS, and no DICOM."""
    port = free_port()
    asked = [require_program("openssl", "openssl"), "s_server", "-quiet", "-accept", str(port)]
    asked += ["-cert", str(shown.certificate), "-key", str(shown.key), *options]
    with _running(asked, port):
        yield port


@contextlib.contextmanager
def storescp(ward: Ward, folder: Path, shown: Pair) -> Iterator[int]:
    """The port of DCMTK's storescp, which demands a certificate of the hospital."""
    port = free_port()
    asked = [require_program("storescp", "dcmtk"), "-aet", "PACS", "-od", str(folder)]
    asked += ["+tls", str(shown.key), str(shown.certificate), "+cf", str(ward.hospital.pem)]
    with _running([*asked, str(port)], port):
        yield port


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere)
    try:
        wait_for(lambda: _answers(port), "its port", LIMIT_SECONDS)
        yield
    finally:
        process.kill()
        process.communicate()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _peer(port: int, tls: PeerTls | None) -> Destination:
    return Destination("PACS", "127.0.0.1", port, LIMIT_SECONDS, LIMIT_SECONDS, tls=tls)


@pytest.mark.parametrize("name", [None, "CN=pacs,O=Hospital", "dns:localhost"])
def test_storescp_takes_an_image_by_tls(ward: Ward, tmp_path: Path, name: str | None) -> None:
    image = radiograph()
    named = CertificateName.parse(name) if name else None
    taken = tmp_path / "taken"
    taken.mkdir()
    with storescp(ward, taken, ward.shown["pacs"]) as port:
        peer = _peer(port, PeerTls(ward.files, named))
        [outcome] = send_files(peer, "OSTEON", [file_of(image, tmp_path)])
    assert outcome.stored
    [kept] = taken.iterdir()
    assert dcmread(kept).SOPInstanceUID == image.SOPInstanceUID


def test_a_certificate_of_another_host_will_do_where_its_record_names_it(
    ward: Ward, tmp_path: Path
) -> None:
    name = CertificateName.parse("dns:pacs.hospital.example")
    with storescp(ward, tmp_path, ward.shown["other host"]) as port:
        verify_peer(_peer(port, PeerTls(ward.files, name)), calling_ae_title="OSTEON")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("expired", "its certificate has expired"),
        ("early", "its certificate is not valid yet"),
        ("elsewhere", "of an authority that `tls_authorities` does not have"),
        ("self-signed", "signed by itself alone"),
        ("other host", "its certificate is of another address"),
        ("revoked", "its certificate has been revoked"),
    ],
)
def test_a_peer_that_shows_what_is_not_in_order(ward: Ward, shown: str, said: str) -> None:
    with openssl_server(ward.shown[shown]) as port, pytest.raises(TlsTrouble, match=said):
        verify_peer(_peer(port, PeerTls(ward.files)), calling_ae_title="OSTEON")


@pytest.mark.parametrize("name", ["CN=archive,O=Hospital", "dns:archive", "sha256:" + "0" * 64])
def test_a_peer_that_shows_the_certificate_of_another(ward: Ward, name: str) -> None:
    tls = PeerTls(ward.files, CertificateName.parse(name))
    with (
        openssl_server(ward.shown["pacs"]) as port,
        pytest.raises(TlsTrouble, match="of another: CN=pacs,O=Hospital"),
    ):
        verify_peer(_peer(port, tls), calling_ae_title="OSTEON")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_peer_that_does_not_know_who_vouches_for_us(ward: Ward, version: str) -> None:
    asked = [version, "-Verify", "2", "-verify_return_error", "-CAfile", str(ward.elsewhere.pem)]
    with (
        openssl_server(ward.shown["pacs"], *asked) as port,
        pytest.raises(TlsTrouble, match="does not know the authority of our certificate"),
    ):
        verify_peer(_peer(port, PeerTls(ward.files)), calling_ae_title="OSTEON")


def test_a_peer_of_old_versions_only(ward: Ward) -> None:
    old = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]
    with (
        openssl_server(ward.shown["pacs"], *old) as port,
        pytest.raises(TlsTrouble, match=r"it speaks no TLS from 1\.2 on"),
    ):
        verify_peer(_peer(port, PeerTls(ward.files)), calling_ae_title="OSTEON")


def test_tls_and_plain_tcp_are_not_tried_in_place_of_each_other(ward: Ward, tmp_path: Path) -> None:
    speaks_tls = storescp(ward, tmp_path, ward.shown["pacs"])
    with speaks_tls as port, pytest.raises(PeerUnavailable, match="without TLS"):
        verify_peer(_peer(port, None), calling_ae_title="OSTEON")
    port, program = free_port(), require_program("storescp", "dcmtk")
    with _running([program, str(port)], port), pytest.raises(TlsTrouble, match="does it speak TLS"):
        verify_peer(_peer(port, PeerTls(ward.files)), calling_ae_title="OSTEON")


def test_a_peer_that_never_shakes_hands(ward: Ward) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = Destination("PACS", "127.0.0.1", silent.getsockname()[1], 0.3, 0.3, 0.3)
        silently = Destination(peer.ae_title, peer.host, peer.port, 0.3, tls=PeerTls(ward.files))
        with pytest.raises(TlsTrouble, match="does not finish the handshake"):
            verify_peer(silently, calling_ae_title="OSTEON")


def test_our_own_files_are_looked_at_for_each_call(ward: Ward, tmp_path: Path) -> None:
    gone = TlsFiles(tmp_path / "gone.pem", ward.files.key, ward.files.authorities)
    with pytest.raises(TlsTrouble, match=r"our own TLS files: .*gone\.pem"):
        verify_peer(_peer(free_port(), PeerTls(gone)), calling_ae_title="OSTEON")
    with pytest.raises(PeerUnavailable, match="connection refused"):
        verify_peer(_peer(free_port(), PeerTls(ward.files)), calling_ae_title="OSTEON")
