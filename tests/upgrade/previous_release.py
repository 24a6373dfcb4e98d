"""The release before this one, as its users run it: unpacked from the archive beside this file.

The archive is made from that release's commit, without its network and its page's files, by

    git archive 7b1b7fd -- db dicom_node worker model cli web gateway messages phantom logs.py \\
        settings.py remote_systems.py http_serving.py pyproject.toml \\
        ':!model/weights' ':!web/static' | xz -9e > tests/upgrade/osteon-0.4.0.tar.xz

It works with the network of this release.
"""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.end_to_end.node import ROOT
from tests.made_once import made_once

_ARCHIVE = Path(__file__).parent / "osteon-0.4.0.tar.xz"
[NETWORK] = (ROOT / "model" / "weights").glob("osteon-*")
_MIGRATION_SECONDS = 60


def previous_release(factory: pytest.TempPathFactory) -> Path:
    """The folder of its source."""
    return made_once(factory, _ARCHIVE.name.removesuffix(".tar.xz"), _unpack)


def migrate_as_before(source: Path, url: str) -> None:
    """Give the ledger the schema of that release, by that release."""
    command = "import sys; from db.upgrade import upgrade_ledger; upgrade_ledger(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", command, url],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        check=True,
        timeout=_MIGRATION_SECONDS,
    )


def _unpack(folder: Path) -> None:
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
