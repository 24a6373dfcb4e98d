"""Which outside programs a test needs: absent ones skip at home and fail in CI."""

import os
import shutil
from pathlib import Path

import pytest

# Debian keeps PostgreSQL's server programs off the PATH.
_EXTRA_FOLDERS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/sbin")]
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def find_program(name: str) -> str | None:
    search_path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, _EXTRA_FOLDERS)])
    return shutil.which(name, path=search_path)


def require_program(name: str, package: str) -> str:
    """The program's path; without it the test is skipped, in CI it fails."""
    program = find_program(name)
    if program is None:
        absent(f"{name} is missing: apt-get install {package}, or run tests/install-services")
    return str(program)


def absent(message: str) -> None:
    """What a test needs is not here: a skip at home, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def require_shared_data(folder: str) -> Path:
    """A folder of the real data beside the checkout; the project's own phantoms do without it."""
    path = SHARED_DATA / folder
    if not path.is_dir():
        pytest.skip(f"real data are not beside this checkout: {folder}")
    return path
