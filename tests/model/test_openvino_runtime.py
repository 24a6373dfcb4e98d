"""Loading OpenVINO tells nobody: no fork, no name asked for, no file in anybody's home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hospital.compose import ROOT

pytestmark = pytest.mark.requirement("R-NODE-3")
# What a load does is written down by a hook that forks inherit, and the thread that would report
# is given the time to.
_WATCHED = """
import os, sys
seen = os.open({seen!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
watched = "os.fork", "os.posix_spawn", "subprocess.Popen", "socket.connect", "socket.getaddrinfo"
sys.addaudithook(lambda event, _: event in watched and os.write(seen, event.encode() + b"\\n"))
{load}
import concurrent.futures.thread, time
time.sleep(0.5)
"""


def _done_by(load: str, home: Path) -> str:
    """The watched events of a process that is in no CI, where the telemetry would be silent."""
    seen = home / "seen"
    in_ci = ("CI", "TF_BUILD", "JENKINS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in in_ci}
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # not from here
    subprocess.run(
        [sys.executable, "-c", _WATCHED.format(seen=str(seen), load=load)],
        cwd=ROOT,
        env=environment | nowhere | {"HOME": str(home)},
        check=True,
        timeout=60,
    )
    return seen.read_text()


def test_the_classifiers_runtime_is_loaded_without_a_word(tmp_path: Path) -> None:
    load = "from model.openvino_runtime import openvino; openvino.Core()"
    assert _done_by(load, tmp_path) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["seen"]


def test_without_our_door_it_would_report(tmp_path: Path) -> None:
    """When this fails OpenVINO has changed: see whether the door is still needed."""
    assert "os.fork" in _done_by("import openvino", tmp_path)
    assert (tmp_path / "intel").exists()
