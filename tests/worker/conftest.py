"""One eye for all tests of the kitchen: loading the network for each would take the time of ten."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dicom_node.sender import Destination
from model.artefact import bundled_artefact
from model.classifier import FractureClassifier
from model.decoding.decoder import DecodeLimits, Decoder
from settings import load_settings
from tests.worker.ward import Eye, Ward, running_ward

OpenWard = Callable[..., Ward]


@pytest.fixture(scope="session")
def artefact_folder() -> Path:
    """The classifier in force: the bundled one, unless the settings name another."""
    return load_settings().model_dir or bundled_artefact()


@pytest.fixture(scope="session")
def eye(artefact_folder: Path) -> Iterator[Eye]:
    decoder = Decoder(DecodeLimits(seconds=30, memory_bytes=1 << 30))
    yield Eye(artefact_folder, FractureClassifier.load(artefact_folder, "cpu"), decoder)
    decoder.close()


@pytest.fixture
def open_ward(sqlite_ledger_url: str, tmp_path: Path, eye: Eye) -> Iterator[OpenWard]:
    """Make a ward whose results go to the destinations given; it is closed at the end."""
    opened = []

    def open_with(*destinations: Destination, **plan: object) -> Ward:
        ward = running_ward(sqlite_ledger_url, tmp_path / "spool", eye, destinations, **plan)
        opened.append(ward)
        return ward

    yield open_with
    for ward in opened:
        ward.close()
