"""A run of many mutants through a node's rooms, and what must hold of each."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import structlog

from db.jobs import JobKind, JobState
from dicom_node.header_reading import NotUnderstood
from dicom_node.received import ReceivedObject
from dicom_node.routing.image import Origin
from dicom_node.routing.rules import decide
from dicom_node.spool import SpooledObject
from dicom_node.statuses import StoreStatus
from model.decoding.decoder import Decoder, DecoderKilled
from model.not_assessable import NotAssessable
from tests.fuzzing.door import Door
from tests.fuzzing.mutants import Mutant, mutant
from tests.fuzzing.seeds import CANARIES
from tests.worker.ward import Ward

_ANSWERS = {StoreStatus.SUCCESS, StoreStatus.DATA_SET_MISMATCH, StoreStatus.NOT_UNDERSTOOD}
_SPOOLED = SpooledObject("k", "s", 1)
_DEATHS = re.compile("the decoder (died|ended|stopped)|did not end|makes no sense")
_VALUES = re.compile(r"'[^']*'|[0-9A-F]*[0-9][0-9A-F.]*")
_NOT_OVER = {JobState.WAITING, JobState.RUNNING}


@dataclass
class Findings:
    """What a campaign saw; `failures` must be empty, the rest is for the report."""

    folder: Path  # for the mutants that failed
    failures: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    inputs: int = 0

    def fail(self, one: Mutant, what: str) -> None:
        """Keep the input beside how to make it again."""
        path = self.folder / f"{one.seed}-{one.number}.dcm"
        path.write_bytes(one.file())
        again = f"python -m tests.fuzzing {one.seed} {one.number}"
        self.failures.append(f"{what}\n  {one.recipe}\n  {path}\n  {again}")

    @property
    def child_deaths(self) -> int:
        return sum(count for said, count in self.outcomes.items() if _DEATHS.search(said))

    def __str__(self) -> str:
        rows = [f"{count:6d} {said}" for said, count in self.outcomes.most_common()]
        return "\n".join([f"{self.inputs} inputs, slowest {self.slowest_seconds:.1f} s", *rows])


def read_and_decode(mutants: Iterable[Mutant], decoder: Decoder, findings: Findings) -> None:
    """Each through the listener's reading of its header and through a decode child."""
    with _watched_logs(findings):
        for one in mutants:
            findings.inputs += 1
            started_at = time.monotonic()
            try:
                findings.answers[_read_header(one)] += 1
                findings.outcomes[_decode(one, decoder)] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                findings.fail(one, f"{type(error).__name__}: {error}")
            findings.slowest_seconds = max(findings.slowest_seconds, time.monotonic() - started_at)


def store_all(mutants: Iterable[Mutant], door: Door, findings: Findings) -> None:
    """Each through the listener's own code into the spool and the ledger."""
    with _watched_logs(findings):
        for one in mutants:
            status = door.store(one)
            findings.answers[f"0x{status:04X}"] += 1
            if status not in _ANSWERS:
                findings.fail(one, f"answered with 0x{status:04X}")


def report_all(mutants: list[Mutant], ward: Ward, findings: Findings) -> None:
    """Each to the end: an analysis or a reason for each image, a report for each study."""
    store_all(mutants, door := Door(ward.kitchen.ledger, ward.kitchen.spool), findings)
    door.close()
    with _watched_logs(findings):
        ward.run_until_quiet()
        while any(ward.jobs(kind, *_NOT_OVER) for kind in (JobKind.ANALYSE, JobKind.REPORT)):
            ward.let_time_pass()
            ward.run_until_quiet()
    by_uid = {one.sop_instance_uid: one for one in mutants}
    for image in ward.images():
        one = by_uid.get(image["sop_instance_uid"])
        if one is not None and image["probability"] is None and not image["reason"]:
            findings.fail(one, "neither a result nor a reason")
    _require_reports(ward, mutants, findings)


def _require_reports(ward: Ward, mutants: list[Mutant], findings: Findings) -> None:
    """A study is blocked for a person to see, or it has a report, however bad its files are."""
    of_study = {str(one.study_instance_uid): one for one in mutants}
    for kind in (JobKind.ANALYSE, JobKind.REPORT):
        for job in ward.jobs(kind, JobState.DEAD):
            guilty = of_study.get(str(job.study_instance_uid))
            if guilty is not None and "two patients" not in str(job.last_error):
                findings.fail(guilty, f"{kind.value} is dead: {job.last_error}")


def bred(seed: int, numbers: Iterable[int]) -> Iterator[Mutant]:
    return (mutant(seed, number) for number in numbers)


def resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def _read_header(one: Mutant) -> str:
    try:
        received = ReceivedObject(BytesIO(one.data), one.transfer_syntax_uid)
        received.instance("association", _SPOOLED, decide((), received.routed(Origin())))
    except NotUnderstood:
        return "not understood"
    return "read"


def _decode(one: Mutant, decoder: Decoder) -> str:
    """What became of it, in the words a person would read, without what differs between files."""
    try:
        decoder.decode(one.file())
    except NotAssessable as refusal:
        return _VALUES.sub("…", str(refusal))[:90]
    except DecoderKilled as killed:
        raise AssertionError("the operating system had to kill a decoder") from killed
    return "decoded"


@contextmanager
def _watched_logs(findings: Findings) -> Iterator[None]:
    """No event that is logged meanwhile says anything of a patient."""

    def watch(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line = repr(dict(event))
        if any(canary.split("^")[0] in line for canary in CANARIES.values()):
            findings.failures.append(f"a patient in the log: {line}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[watch], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
