"""Fixtures of the end-to-end tests."""

import logging
from collections.abc import Iterator

import pytest

from tests.witness.sink import Sink
from tests.witness.witness import Witness


@pytest.fixture(autouse=True, scope="session")
def quiet_libraries() -> None:
    """The tests' own SCU and SCP would fill a failure's report with their retries."""
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


@pytest.fixture
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """With a folder of its own: what it notes is not found in a node's."""
    with Witness(tmp_path_factory.mktemp("witness")) as witness:
        yield witness


@pytest.fixture
def sink(witness: Witness) -> Sink:
    return witness.sink
