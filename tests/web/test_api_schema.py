"""The API against its own description: whatever is sent by it, or against it, is answered by it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.db.results import tell_story
from tests.web.api_client import make_token
from tests.web.signing import login_window
from tests.web.window import Window

# Boxes have an area, who disagrees says why: a schema cannot say so.
_SAYS_MORE = "/api/v1/studies/{study_instance_uid}/verdicts"
_CONFIG = f"""
[[operations]]
include-path = "{_SAYS_MORE}"
checks.positive_data_acceptance.enabled = false
parameters = {{ study_instance_uid = "1.2.3" }}
"""


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Window, Engine]]:
    with login_window(new_ledger("sqlite"), tmp_path_factory.mktemp("window")) as (window, engine):
        tell_story(engine)
        yield window, engine


def test_every_answer_is_as_described(node: tuple[Window, Engine], tmp_path: Path) -> None:
    check(node, tmp_path, "--phases", "examples,fuzzing", "--max-examples", "3")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_whatever_is_sent_is_answered(node: tuple[Window, Engine], tmp_path: Path) -> None:
    check(node, tmp_path, "--max-examples", "50")


def check(node: tuple[Window, Engine], folder: Path, *options: str) -> None:
    """Schemathesis finds nothing, in a process of its own with nothing but a token."""
    window, engine = node
    (folder / "schemathesis.toml").write_text(_CONFIG)
    address = f"http://127.0.0.1:{window.port}/api/v1/openapi.json"
    token = make_token(engine, "administrator")
    shown = ("--header", f"Authorization: Bearer {token}")
    ended = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", address, *shown, "--seed", "7", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]
