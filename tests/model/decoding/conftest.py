"""A codec with faults, for the decode children of one test."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def faulty_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode children load a codec with faults; this process does not."""
    shutil.copy(Path(__file__).with_name("faulty_codec.py"), tmp_path / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
