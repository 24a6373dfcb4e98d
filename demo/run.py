"""The demonstration, step by step; each step that fails ends it with what was expected."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from db.results import image_results
from db.session import open_ledger, reading
from demo.screen import Screen
from demo.studies import DemoStudy, choose_study
from demo.test_pacs import TestPacs
from dicom_node.echo import verify_peer
from dicom_node.report_text import report_lines
from dicom_node.sender import Destination, Sender

_START_SECONDS = 90
_RESULT_SECONDS = 180
_POLL_SECONDS = 0.1
_QUIET_SECONDS = 2


class DemoFailed(Exception):
    """A step did not do what it should; the message says which and where to look."""


@dataclass(frozen=True)
class Node:
    """The node that the demonstration started."""

    address: Destination
    folder: Path
    process: "subprocess.Popen[bytes]"

    @property
    def log(self) -> Path:
        return self.folder / "node.log"


def run_demo(folder: Path, image: Path | None, screen: Screen, *, keep_running: bool) -> None:
    """Node up, study in, report back; raises DemoFailed where a step does not pass."""
    folder.mkdir(parents=True, exist_ok=True)
    study = choose_study(image)
    with TestPacs(folder / "returned") as pacs:
        node = _timed(screen, "node is up", lambda: start_node(folder, pacs.address))
        try:
            _show_study(node, pacs, study, screen)
            if keep_running:
                _wait_for_interrupt(node, screen)
        finally:
            stop_node(node)
