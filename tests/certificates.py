"""Certificates that nobody signed, for the tests' servers to speak TLS by."""

import subprocess
from pathlib import Path

from tests.services import require_program


def make_certificate(folder: Path, subject: str) -> tuple[Path, Path]:
    """PEM files of a certificate for the subject (`DNS:localhost`, `IP:127.0.0.1`) and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    openssl = [require_program("openssl", "openssl"), "req", "-x509", "-days", "2", "-nodes"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    named = ["-subj", "/CN=osteon", "-addext", f"subjectAltName={subject}"]
    files = ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run([*openssl, *curve, *named, *files], check=True, capture_output=True)
    return certificate, key
