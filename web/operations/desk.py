"""What the operations page remembers between requests: answers, the self-test, GPUs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from db.job_list import JobTotals
from dicom_node.peer import PeerTrouble
from dicom_node.self_test import SelfTest, Step, StepOutcome
from web.plan import NamedPeer


@dataclass(frozen=True)
class PeerAnswer:
    """What a peer said when somebody asked it, or why it said nothing."""

    asked_at: datetime
    answered: bool
    said: str


@dataclass(frozen=True)
class ShownStep:
    """A step as it is shown: passed, failed, running or open."""

    step: Step
    state: str
    outcome: StepOutcome | None


@dataclass
class SelfTestRun:
    """A self-test under way, or over."""

    study_instance_uid: str
    started_at: datetime
    outcomes: list[StepOutcome] = field(default_factory=list)
    is_over: bool = False

    @property
    def passed(self) -> bool:
        """Also where it broke off without a word, not all steps have an outcome."""
        return [one.passed for one in self.outcomes] == [True] * len(Step)

    def steps(self) -> list[ShownStep]:
        """All of them in their order; those after one that failed are never reached."""
        done = {outcome.step: outcome for outcome in self.outcomes}
        shown, running = [], not self.is_over
        for step in Step:
            outcome = done.get(step)
            if outcome is not None:
                shown.append(ShownStep(step, "passed" if outcome.passed else "failed", outcome))
            else:
                shown.append(ShownStep(step, "running" if running else "open", None))
                running = False
        return shown


class Desk:
    """One for all visitors: what one of them asked, the others see."""

    def __init__(self) -> None:
        self.answers: dict[str, PeerAnswer] = {}
        self.gpus: dict[str, str] = {}  # of each machine that was seen with one
        self.totals = JobTotals()
        self.test: SelfTestRun | None = None
        self._starting = threading.Lock()

    def ask(self, peer: NamedPeer) -> PeerAnswer:
        """Waits for the peer, which is asked at the address of the settings."""
        try:
            answered, said = True, peer.ask()
        except PeerTrouble as trouble:
            answered, said = False, str(trouble)
        answer = PeerAnswer(datetime.now(UTC), answered, said)
        self.answers[peer.name] = answer
        return answer

    def start_test(self, test: SelfTest, new_uid: Callable[[], str]) -> SelfTestRun | None:
        """Begin one in a thread of its own; None where one is under way already."""
        with self._starting:
            if self.test is not None and not self.test.is_over:
                return None
            self.test = run = SelfTestRun(new_uid(), datetime.now(UTC))
        threading.Thread(target=_run, args=(test, run), name="self-test", daemon=True).start()
        return run


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


InDesk = Annotated[Desk, Depends(desk_of)]


def _run(test: SelfTest, run: SelfTestRun) -> None:
    try:
        for outcome in test.run(run.study_instance_uid):
            run.outcomes.append(outcome)
    finally:
        run.is_over = True
