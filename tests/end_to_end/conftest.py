"""Fixtures of the end-to-end tests."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.modality import Diary
from tests.end_to_end.pacs_sink import PacsSink


@pytest.fixture(autouse=True, scope="session")
def quiet_libraries() -> None:
    """The tests' own SCU and SCP would fill a failure's report with their retries."""
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


@pytest.fixture
def sink() -> Iterator[PacsSink]:
    with PacsSink() as sink:
        yield sink


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "acknowledged")
