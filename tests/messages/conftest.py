"""A certificate for receivers that speak TLS."""

from pathlib import Path

import pytest

from tests.certificates import make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key, in one file."""
    made, key = make_certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")
    made.write_bytes(made.read_bytes() + key.read_bytes())
    return made
