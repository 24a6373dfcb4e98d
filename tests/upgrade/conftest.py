"""Fixtures of the tests of upgrading and of the way back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upgrade.previous_release import previous_release
from tests.witness.witness import Witness


@pytest.fixture(scope="session")
def old_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return previous_release(tmp_path_factory)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    with Witness(tmp_path / "witness") as witness:
        yield witness
