"""Certificates are renewed while the node runs, and a mistake in it locks nobody out."""

import contextlib
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dicom_node import tls_server
from dicom_node.echo import verify_peer
from dicom_node.peer import Destination, TlsTrouble
from dicom_node.policy import AssociationPolicy, Peer
from dicom_node.tls import TlsFiles, TlsUnusable, server_context
from dicom_node.tls_client import PeerTls
from dicom_node.tls_door import HandshakeRefused
from dicom_node.tls_server import ListenerTls, RenewedContext, TlsPort
from tests.dicom_node.listening import Node, running_node
from tests.dicom_node.tls.hospital_pki import FOR_SERVERS, Authority, Pair

pytestmark = pytest.mark.requirement("R-DOOR-3")

LIMIT_SECONDS = 10


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("hospital"))


@pytest.fixture
def files(hospital: Authority, tmp_path: Path) -> TlsFiles:
    """The node's own, which a test may replace."""
    made = hospital.files(hospital.certify("node"), hospital.revocations())
    names = ("certificate", "key", "authorities", "revocations")
    return TlsFiles(*(Path(shutil.copy(getattr(made, name), tmp_path / name)) for name in names))


def _echo(node: Node, files: TlsFiles) -> None:
    here = Destination("OSTEON", "127.0.0.1", node.listener.tls_port, tls=PeerTls(files))
    verify_peer(here, calling_ae_title="PACS")


def _serial(node: Node, hospital: Authority) -> int:
    """The serial number of the certificate that the listener shows."""
    context = ssl.create_default_context(cafile=str(hospital.pem))
    pair = hospital.folder / "pacs.pem", hospital.folder / "pacs.key"
    context.load_cert_chain(*pair)
    address = ("127.0.0.1", node.listener.tls_port)
    with (
        socket.create_connection(address, LIMIT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        shown = secured.getpeercert()
    assert shown is not None
    return int(str(shown["serialNumber"]), 16)


def _replace(path: Path, by: Path) -> None:
    shutil.copy(by, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def test_a_listener_takes_up_new_files(
    new_ledger: Callable[[str], str], hospital: Authority, files: TlsFiles, tmp_path: Path
) -> None:
    """A new certificate, a list with another on it, and in between files that are none."""
    pacs, ct1 = hospital.certify("pacs"), hospital.certify("ct1")
    theirs, others = hospital.files(pacs), hospital.files(ct1)
    policy = AssociationPolicy("OSTEON", allowed_peers=(Peer("PACS"),))
    ledger, port = new_ledger("sqlite"), TlsPort(files, 0)
    with running_node(ledger, tmp_path / "spool", policy, tls=port, port=None) as node:
        first = _serial(node, hospital)
        _echo(node, others)

        with capture_logs() as lines:
            files.certificate.write_text("no certificate")
            assert _serial(node, hospital) == first
            _echo(node, others)
        unusable = [line for line in lines if line["event"] == "tls_files_unusable"]
        assert len(unusable) == 1
        assert str(files.certificate) in unusable[0]["reason"]

        _replace(files.certificate, hospital.certify("node").certificate)
        second = _serial(node, hospital)
        assert second != first

        assert files.revocations is not None
        _replace(files.revocations, hospital.revocations("ct1"))
        with pytest.raises(TlsTrouble, match="our certificate has been revoked"):
            _echo(node, others)
        _echo(node, theirs)


def test_a_certificate_for_servers_alone_lets_others_in(
    new_ledger: Callable[[str], str], hospital: Authority, tmp_path: Path
) -> None:
    """Only the node itself, which calls by it, does not come in: that is said, and no more."""
    files = hospital.files(hospital.certify("one-sided", usages=FOR_SERVERS))
    port = TlsPort(files, 0)
    with (
        capture_logs() as lines,
        running_node(new_ledger("sqlite"), tmp_path / "spool", tls=port, port=None) as node,
    ):
        _echo(node, hospital.files(hospital.certify("pacs")))
    [said] = [line["reason"] for line in lines if line["event"] == "own_certificate_not_taken"]
    assert "our certificate is not of a kind that it takes" in said


def test_a_context_is_kept_for_a_minute_at_most(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL remembers sessions of TLS 1.2 in it: who resumes one shows no certificate."""
    contexts = RenewedContext(files, server_context)
    assert contexts.newest() is contexts.newest()
    monkeypatch.setattr(tls_server, "_SESSIONS_SECONDS", 0)
    assert contexts.newest() is not contexts.newest()


@pytest.mark.parametrize("name", ["certificate", "key", "authorities", "revocations"])
@pytest.mark.parametrize("content", [None, "", "no PEM"])
def test_files_that_cannot_be_used_are_named(
    files: TlsFiles, name: str, content: str | None
) -> None:
    path: Path = getattr(files, name)
    path.unlink() if content is None else path.write_text(content)
    blamed = files.certificate if name == "key" and content is not None else path
    with pytest.raises(TlsUnusable) as refusal:
        ListenerTls(files)
    assert str(refusal.value).startswith(f"{blamed}: ")


def test_a_key_of_another_certificate_or_with_a_passphrase_is_refused(
    hospital: Authority, files: TlsFiles, tmp_path: Path
) -> None:
    with pytest.raises(TlsUnusable, match="its key does not fit"):
        server_context(replace(files, key=hospital.folder / "ca.key"))
    locked = tmp_path / "locked.key"
    locked.write_bytes(_with_passphrase(files.key))
    with pytest.raises(TlsUnusable, match="its key does not fit"):
        server_context(replace(files, key=locked))


def test_a_root_that_lists_what_it_revoked_is_asked_about_the_whole_chain(
    hospital: Authority, tmp_path: Path
) -> None:
    """An authority below it may be revoked, too; where the root has no list, only leaves may."""
    below = Authority(tmp_path / "below", "CN=Radiology CA,O=Hospital", issuer=hospital)
    both = tmp_path / "both.pem"
    both.write_bytes(hospital.pem.read_bytes() + below.pem.read_bytes())
    node = below.certify("node")
    leaf_list = below.revocations()
    files = TlsFiles(node.certificate, node.key, both, leaf_list)
    assert server_context(files).verify_flags & ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    hospital.serials["below"] = below.serials["ca"]
    lists = tmp_path / "lists.pem"
    lists.write_bytes(leaf_list.read_bytes() + hospital.revocations("below").read_bytes())
    chained = server_context(replace(files, revocations=lists)).verify_flags
    assert (
        chained & ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN == ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    )
    assert "certificate revoked" in _refusal(replace(files, revocations=lists), node, both)


def test_a_caller_may_go_without_where_none_is_needed(hospital: Authority) -> None:
    """And is refused all the same, where what it shows is not in order."""
    files = hospital.files(hospital.certify("node"))
    door = ListenerTls(files, callers_need_certificates=False)
    assert _refusal_at(door, None, hospital.pem) is None
    expired = hospital.certify("expired", days=(-9, -1))
    assert "expired" in str(_refusal_at(door, expired, hospital.pem))


def test_who_speaks_drop_by_drop_is_let_go_in_time(hospital: Authority) -> None:
    """The time is that of the whole handshake, not of each read."""
    door = ListenerTls(hospital.files(hospital.certify("node")))
    ours, theirs = socket.socketpair()
    ours.settimeout(0.5)
    gone = threading.Event()
    dripping = threading.Thread(target=_drip, args=(theirs, gone))
    dripping.start()
    began = time.monotonic()
    try:
        with pytest.raises(HandshakeRefused, match="did not finish the handshake in time"):
            door.secure(ours)
        assert time.monotonic() - began < LIMIT_SECONDS
    finally:
        gone.set()
        dripping.join()
    assert ours.fileno() == -1


def _drip(connection: socket.socket, gone: threading.Event) -> None:
    """The head of a TLS record of 512 bytes, and a byte of it now and then."""
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        while not gone.wait(0.1):
            connection.sendall(b"\x00")


def _with_passphrase(key: Path) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    loaded = load_pem_private_key(key.read_bytes(), None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


def _refusal(files: TlsFiles, shown: Pair, authorities: Path) -> str:
    return str(_refusal_at(ListenerTls(files), shown, authorities))


def _refusal_at(door: ListenerTls, shown: Pair | None, authorities: Path) -> str | None:
    """Why the door refuses who shows this; None where it does not."""
    ours, theirs = socket.socketpair()
    ours.settimeout(LIMIT_SECONDS)
    theirs.settimeout(LIMIT_SECONDS)
    context = ssl.create_default_context(cafile=str(authorities))
    context.check_hostname = False
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    caller = threading.Thread(target=_shake_hands, args=(context, theirs))
    caller.start()
    try:
        door.secure(ours).close()
    except HandshakeRefused as refusal:
        return refusal.reason
    finally:
        caller.join()
    return None


def _shake_hands(context: ssl.SSLContext, connection: socket.socket) -> None:
    try:
        context.wrap_socket(connection, server_hostname="node").close()
    except OSError:
        connection.close()
