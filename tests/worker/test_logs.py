"""What a process of the node writes to its log: JSON lines with ids, whatever libraries say."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.requirement("R-DATA-1")

CANARY = "CANARY^PATIENT"
# What happens in a node's process: our events, and libraries that talk about what they read.
_PROCESS = f"""
import logging, threading, warnings
import structlog
from io import BytesIO
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from logs import configure_logs

configure_logs("info", "analyst")
log = structlog.get_logger("worker.test")
log.debug("unheard")
log.info("analysed", instance="1.2.3")
with structlog.contextvars.bound_contextvars(job=7):
    log.warning("job_failed")
warnings.warn("Invalid value for VR UI: '{CANARY}'")
for name in ("pydicom", "pydicom.config", "pynetdicom.acse", "highdicom.sr", "PIL.Image"):
    logging.getLogger(name).error("value is {CANARY}")
dataset = Dataset()
dataset.add_new("PatientID", "LO", "{CANARY}" * 10)
dataset.add_new("StudyInstanceUID", "UI", "{CANARY}")
dataset.add_new("PatientBirthDate", "DA", "{CANARY}")
buffer = BytesIO()
dataset.save_as(buffer, implicit_vr=False, little_endian=True)
read = dcmread(BytesIO(buffer.getvalue()), force=True)
for element in read:
    str(element)
logging.getLogger("celery.worker").error("connection to broker lost")
logging.getLogger("celery.worker").info("unheard")
try:
    raise ValueError("{CANARY}")
except ValueError as error:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application\\n")
    logging.getLogger("celery.app").error("Task %s raised: %r", "analyse", error, exc_info=True)
    logging.getLogger("asyncio").error("never retrieved\\nfuture: " + repr(error), exc_info=error)
    log.error("unforeseen", error=type(error).__name__)
def fall():
    raise ValueError("{CANARY}")
thread = threading.Thread(target=fall)
thread.start()
thread.join()
print("said by the command itself")
fall()
"""


@pytest.fixture(scope="module")
def process() -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _PROCESS]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def events(process: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.stderr.splitlines()]


def test_every_line_is_a_document_with_its_part_level_and_time(
    events: list[dict[str, Any]],
) -> None:
    assert len(events) == 9
    for event in events:
        assert event["part"] == "analyst"
        assert event["timestamp"].endswith("Z")
        assert event["level"] in {"info", "warning", "error"}


def test_events_carry_what_is_bound(events: list[dict[str, Any]]) -> None:
    assert events[0]["event"] == "analysed"
    assert events[0]["instance"] == "1.2.3"
    assert (events[1]["event"], events[1]["job"]) == ("job_failed", 7)


def test_libraries_are_heard_in_the_same_form(events: list[dict[str, Any]]) -> None:
    assert (events[2]["event"], events[2]["level"]) == ("connection to broker lost", "error")


def test_no_value_of_a_data_set_is_printed(process: "subprocess.CompletedProcess[str]") -> None:
    assert "CANARY" not in process.stderr + process.stdout


def test_stdout_belongs_to_the_command(process: "subprocess.CompletedProcess[str]") -> None:
    assert process.stdout == "said by the command itself\n"


def test_of_an_exception_kind_and_place_are_told(events: list[dict[str, Any]]) -> None:
    told = [(event["event"], event["error"]) for event in events[3:]]
    assert told == [
        ("Exception in ASGI application", "ValueError"),
        ("Task %s raised: %r", "ValueError"),
        ("never retrieved", "ValueError"),
        ("unforeseen", "ValueError"),
        ("ended_by_exception", "ValueError"),
        ("ended_by_exception", "ValueError"),
    ]
    assert all(event["at"].startswith("<string>:") for event in events[4:] if "at" in event)


def test_a_process_that_fell_says_so(process: "subprocess.CompletedProcess[str]") -> None:
    assert process.returncode == 1
