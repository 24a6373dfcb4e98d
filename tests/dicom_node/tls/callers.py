"""Callers that are not ours: openssl, which speaks any TLS, and DCMTK, which speaks DICOM by it."""

import socket
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pynetdicom.sop_class import Verification

from tests.dicom_node.tls.hospital_pki import Pair
from tests.services import require_program

LIMIT_SECONDS = 30
_ACCEPTED, _REJECTED = 0x02, 0x03


class Answer(StrEnum):
    """How far a caller comes."""

    ASSOCIATED = "associated"
    REJECTED = "A-ASSOCIATE-RJ: calling AE title not recognised"
    NO_HANDSHAKE = "no handshake; the connection is closed"
    CLOSED = "the connection is closed"


@dataclass(frozen=True)
class Door:
    """A port to knock at, and the authority that its certificate is of."""

    port: int
    authorities: Path


def ask_by_openssl(
    door: Door, shown: Pair | None, *options: str, calling: str = "PACS", source: str = "127.0.0.1"
) -> tuple[Answer, str]:
    """Asks for an association by `openssl s_client`; what came of it, and what openssl says."""
    asked = [require_program("openssl", "openssl"), "s_client", "-quiet", "-bind", f"{source}:0"]
    asked += ["-connect", f"127.0.0.1:{door.port}", "-CAfile", str(door.authorities), *options]
    if shown is not None:
        asked += ["-cert", str(shown.certificate), "-key", str(shown.key)]
    pipe = subprocess.PIPE
    with subprocess.Popen(asked, stdin=pipe, stdout=pipe, stderr=pipe) as client:
        assert client.stdin is not None and client.stdout is not None and client.stderr is not None
        client.stdin.write(association_request(calling))
        client.stdin.flush()
        first = client.stdout.read(1)  # a PDU's type, or the end
        client.kill()
        said = client.stderr.read().decode(errors="replace")
    return _answer(first, otherwise=Answer.NO_HANDSHAKE), said


def ask_by_dcmtk(
    door: Door, shown: Pair | None, *options: str, calling: str = "PACS"
) -> tuple[Answer, str]:
    """Asks by `echoscu`, with TLS where there is something to show."""
    asked = [require_program("echoscu", "dcmtk"), "-aet", calling, "-aec", "OSTEON", *options]
    if shown is not None:
        asked += ["+tls", str(shown.key), str(shown.certificate), "+cf", str(door.authorities)]
    asked += ["127.0.0.1", str(door.port)]
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if ran.returncode == 0:
        return Answer.ASSOCIATED, ran.stderr
    if "Rejected" in ran.stderr:
        return Answer.REJECTED, ran.stderr
    return Answer.NO_HANDSHAKE if shown is not None else Answer.CLOSED, ran.stderr


def ask_plainly(door: Door, first_bytes: bytes) -> Answer:
    """Sends bytes as they are, and waits for whatever comes back."""
    with socket.create_connection(("127.0.0.1", door.port), LIMIT_SECONDS) as client:
        client.sendall(first_bytes)
        received = client.recv(1)
    return _answer(received, otherwise=Answer.CLOSED)


def s_client(door: Door, options: Sequence[str], typed: bytes) -> str:
    """All that `openssl s_client` says, given what is typed at it."""
    asked = [require_program("openssl", "openssl"), "s_client", *options]
    asked += ["-connect", f"127.0.0.1:{door.port}", "-CAfile", str(door.authorities)]
    ran = subprocess.run(
        asked, input=typed, capture_output=True, timeout=LIMIT_SECONDS, check=False
    )
    return (ran.stdout + ran.stderr).decode(errors="replace")


def association_request(calling: str, called: str = "OSTEON") -> bytes:
    """An A-ASSOCIATE-RQ for Verification, PS3.8 9.3.2."""
    context = b"\x01\x00\x00\x00" + _item(0x30, Verification.encode())
    context += _item(0x40, b"1.2.840.10008.1.2")
    user = _item(0x51, struct.pack(">L", 16384)) + _item(0x52, b"1.2.3.4")
    body = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16).encode(), calling.ljust(16).encode())
    body += _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, context) + _item(0x50, user)
    return struct.pack(">BBL", 1, 0, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _answer(first: bytes, *, otherwise: Answer) -> Answer:
    if first[:1] == bytes([_ACCEPTED]):
        return Answer.ASSOCIATED
    return Answer.REJECTED if first[:1] == bytes([_REJECTED]) else otherwise
