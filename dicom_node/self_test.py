"""The node's self-test: a phantom goes in by the listener, and each step of its way is watched.

Nothing of it is sent anywhere: the node's own routing rule sees to that, and the last step proves
it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset
from sqlalchemy import Engine

from db.presence import processes
from db.self_test import SELF_TEST_RULE, WatchedFinding, WatchedStudy, watched_study
from db.session import LedgerUnavailable, LedgerUnsafe, reading
from db.standstill import MissingPart, missing_parts
from db.states import AnalysisState, JobKind, JobState, ObjectKind
from dicom_node.echo import verify_peer
from dicom_node.outbox import send_datasets
from dicom_node.peer import Destination, PeerRefused, PeerTrouble
from dicom_node.self_test_study import self_test_study

LIMIT_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_STANDSTILL = {
    MissingPart.BEAT: "no beat has been heard of for a minute: start it (`osteon beat`)",
    MissingPart.ANALYST: "no worker that analyses has been heard of for a minute: start one "
    "(`osteon work --queue analyse`)",
    MissingPart.REPORTER: "no worker that reports has been heard of for a minute: start one "
    "(`osteon work --queue report`)",
}
_NEEDED = {
    JobKind.ANALYSE: (MissingPart.BEAT, MissingPart.ANALYST),
    JobKind.REPORT: (MissingPart.BEAT, MissingPart.REPORTER),
}


class Step(StrEnum):
    """The steps in their order."""

    ECHO = "echo"
    STORED = "stored"
    RECORDED = "recorded"
    ANALYSED = "analysed"
    REPORTED = "reported"
    KEPT_BACK = "kept_back"  # nothing of it goes to anybody


@dataclass(frozen=True)
class StepOutcome:
    """What became of a step: whether it passed, what was seen or is to be done, and how long."""

    step: Step
    passed: bool
    said: str
    seconds: float


class StepFailed(Exception):
    """The step did not come about; the message says why, and what to do."""


@dataclass(frozen=True)
class SelfTest:
    """How the node is reached: its listener, by our own AE title, and its ledger."""

    ledger: Callable[[], Engine]  # opened by the first step that needs it
    listener: Destination
    ae_title: str
    limit_seconds: float = LIMIT_SECONDS

    def run(self, study_instance_uid: str) -> Iterator[StepOutcome]:
        """Each step's outcome as soon as it is there; the first that fails is the last."""
        # Made here, so that no step's time has it.
        images = self_test_study(study_instance_uid)
        way = _Way(self, images, time.monotonic() + self.limit_seconds)
        steps: dict[Step, Callable[[], str]] = {
            Step.ECHO: way.ask,
            Step.STORED: way.store,
            Step.RECORDED: way.find,
            Step.ANALYSED: way.wait_for_analysis,
            Step.REPORTED: way.wait_for_report,
            Step.KEPT_BACK: way.look_for_destinations,
        }
        for step, act in steps.items():
            outcome = _timed(step, act)
            yield outcome
            if not outcome.passed:
                return


def _timed(step: Step, act: Callable[[], str]) -> StepOutcome:
    started = time.monotonic()
    try:
        passed, said = True, act()
    except (StepFailed, PeerTrouble) as failure:
        passed, said = False, str(failure)
    except (LedgerUnavailable, LedgerUnsafe) as trouble:
        passed, said = False, f"the ledger does not answer: {trouble}"
    return StepOutcome(step, passed, said, round(time.monotonic() - started, 2))


@dataclass(frozen=True)
class _Way:
    """One study's way, until the time is over."""

    test: SelfTest
    images: list[Dataset]
    ends_at: float

    def ask(self) -> str:
        here = self.test.listener
        try:
            verify_peer(here, calling_ae_title=self.test.ae_title)
        except PeerRefused as refusal:
            raise StepFailed(
                f"{refusal}. The self-test calls itself {self.test.ae_title}, which the listener "
                "admits from its own machine and `own_hosts` alone; run it there, or name this "
                "machine in `own_hosts` of the listener's settings"
            ) from refusal
        return f"{here} answers C-ECHO"

    def store(self) -> str:
        send_datasets(self.test.listener, self.test.ae_title, self.images)
        return f"{len(self.images)} images, each answered 0x0000"

    def find(self) -> str:
        study = self._look()
        if study is None:
            raise StepFailed(
                "the listener stored it in another ledger than this: "
                "`database_url` and `data_dir` must be the same for both"
            )
        if any(rule != SELF_TEST_RULE for rule in study.rules):
            raise StepFailed(
                "the listener did not know the self-test, so the phantom's results go where any "
                "study's do: is it of an older version, or called by another AE title?"
            )
        return f"rule {SELF_TEST_RULE}: it is analysed and goes to nobody"

    def wait_for_analysis(self) -> str:
        return self._wait(JobKind.ANALYSE, _said_of_findings)

    def wait_for_report(self) -> str:
        return self._wait(JobKind.REPORT, _said_of_report)

    def look_for_destinations(self) -> str:
        study = self._look()
        if study is None or study.destinations:
            names = ", ".join(study.destinations) if study else "?"
            raise StepFailed(f"results of the phantom go to {names}: remove them there")
        return "nothing of it goes to any destination"

    def _look(self) -> WatchedStudy | None:
        with reading(self.test.ledger()) as session:
            return watched_study(session, str(self.images[0].StudyInstanceUID))

    def _wait(self, kind: JobKind, said_of: Callable[[WatchedStudy], str | None]) -> str:
        while True:
            study = self._look()
            said = None if study is None else said_of(study)
            if study is not None and said is not None:
                return said
            if time.monotonic() > self.ends_at:
                raise StepFailed(self._what_hangs(kind, study))
            time.sleep(_LOOK_SECONDS)

    def _what_hangs(self, kind: JobKind, study: WatchedStudy | None) -> str:
        with reading(self.test.ledger()) as session:
            missing = missing_parts(processes(session))
        reasons = [_STANDSTILL[part] for part in _NEEDED[kind] if part in missing]
        if not reasons:
            reasons = [_what_a_job_says(kind, study)]
        return f"after {self.test.limit_seconds:.0f} s not yet: {'; '.join(reasons)}"


def _said_of_findings(study: WatchedStudy) -> str | None:
    """None: not all images have an answer. StepFailed: it is not the one that is expected."""
    _refuse_given_up(study, JobKind.ANALYSE)
    if len(study.findings) < len(study.rules):
        return None
    said = [_finding_in_words(finding) for finding in study.findings]
    if any(finding.state is not AnalysisState.FRACTURE for finding in study.findings):
        raise StepFailed(
            f"a fracture was expected in each image, and found was: {', '.join(said)}; "
            "compare the classifier with the one that ships (`model_dir`)"
        )
    return ", ".join(said)


def _finding_in_words(finding: WatchedFinding) -> str:
    number = "" if finding.probability is None else f" {finding.probability:.2f}"
    reason = f" ({finding.reason})" if finding.reason else ""
    return f"{finding.state.replace('_', ' ')}{number}{reason}"


def _said_of_report(study: WatchedStudy) -> str | None:
    _refuse_given_up(study, JobKind.REPORT)
    if not study.objects:
        return None
    if ObjectKind.SR not in study.objects:
        raise StepFailed("the report has no Structured Report: look into the log of its worker")
    return f"{len(study.objects)} objects built, the Structured Report among them"


def _refuse_given_up(study: WatchedStudy, kind: JobKind) -> None:
    for job in study.jobs:
        if job.kind is kind and job.state is JobState.DEAD:
            raise StepFailed(f"given up: {job.last_error or 'without a reason'}")


def _what_a_job_says(kind: JobKind, study: WatchedStudy | None) -> str:
    for job in study.jobs if study else ():
        if job.kind is not kind:
            continue
        if job.state is JobState.RUNNING:
            return "a worker is still at it"
        if job.last_error:
            return f"attempt {job.attempt} met: {job.last_error}"
        return f"it waits for a worker, with {job.ahead} before it"
    return "the study has not been quiet for long enough (`quiet_seconds`)"
