"""Whatever is done to jobs in whatever order, they behave as a small honest description says."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, delete

from db.job_list import requeue_jobs
from db.jobs import (
    Claim,
    ClaimLost,
    JobKind,
    JobState,
    Lane,
    RetryPolicy,
    add_job,
    bury_exhausted_jobs,
    bury_job,
    claim_job,
    fail_job,
    finish_job,
    heartbeat,
    offer_due_jobs,
)
from db.session import open_ledger, transaction
from db.tables import Job
from tests.db.ledger import in_transaction, rows

pytestmark = pytest.mark.requirement("R-WORK-2")

AT_ONCE = RetryPolicy(max_attempts=3, first_delay_seconds=0, max_delay_seconds=0)
WINDOW = 2
SUBJECTS = st.integers(1, 2)
PICK = st.integers(0, 20)


@dataclass
class Expected:
    """What we believe of one job. A lease of 0 s stands for a claimer that died."""

    subject_id: int
    state: JobState = JobState.WAITING
    attempt: int = 0
    token: int = 0
    lease_is_over: bool = False
    offered: bool = False
    claims: list[Claim] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.state in (JobState.WAITING, JobState.RUNNING)

    @property
    def is_due(self) -> bool:
        return self.state is JobState.WAITING or (self.is_running and self.lease_is_over)

    @property
    def is_running(self) -> bool:
        return self.state is JobState.RUNNING


class Jobs(RuleBasedStateMachine):
    ledger: Engine

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[int, Expected] = {}
        with transaction(self.ledger) as session:
            session.execute(delete(Job))

    @rule(subject_id=SUBJECTS)
    def add(self, subject_id: int) -> None:
        in_transaction(self.ledger, lambda s: add_job(s, JobKind.ANALYSE, subject_id))
        known = {job.id for job in rows(self.ledger, Job)} - set(self.expected)
        was_open = any(e.is_open for e in self.expected.values() if e.subject_id == subject_id)
        assert len(known) == (0 if was_open else 1)
        self.expected |= {job_id: Expected(subject_id) for job_id in known}

    @rule()
    def offer(self) -> None:
        offered = sum(e.offered for e in self.expected.values() if e.is_open)
        due = [job_id for job_id, e in self.expected.items() if e.is_due and not e.offered]
        ids = in_transaction(
            self.ledger,
            lambda s: offer_due_jobs(s, Lane(JobKind.ANALYSE), window=WINDOW, offer_seconds=600),
        )
        assert set(ids) <= set(due)
        assert len(ids) == min(len(due), max(WINDOW - offered, 0))
        for job_id in ids:
            self.expected[job_id].offered = True

    @rule(pick=PICK, dies=st.booleans())
    def claim(self, pick: int, dies: bool) -> None:
        if not self.expected:
            return
        job_id, expected = self._pick(pick)
        lease_seconds = 0 if dies else 600
        claim = in_transaction(
            self.ledger, lambda s: claim_job(s, job_id, lease_seconds=lease_seconds)
        )
        assert (claim is not None) == expected.is_due
        if claim is not None:
            expected.state, expected.offered = JobState.RUNNING, False
            expected.lease_is_over = dies
            expected.attempt += 1
            expected.token += 1
            assert (claim.attempt, claim.fence_token) == (expected.attempt, expected.token)
            expected.claims.append(claim)

    @rule(pick=PICK, which=PICK, end=st.sampled_from(["finish", "fail", "bury", "heartbeat"]))
    def write(self, pick: int, which: int, end: str) -> None:
        if not self.expected:
            return
        _, expected = self._pick(pick)
        if not expected.claims:
            return
        claim = expected.claims[which % len(expected.claims)]
        if expected.is_running and claim.fence_token == expected.token:
            self._end(claim, end)
            self._expect_end(expected, end)
        else:
            with pytest.raises(ClaimLost):
                self._end(claim, end)

    @rule()
    def bury_exhausted(self) -> None:
        policies = {JobKind.ANALYSE: AT_ONCE}
        buried = in_transaction(self.ledger, lambda s: bury_exhausted_jobs(s, policies))
        exhausted = {
            job_id
            for job_id, e in self.expected.items()
            if e.is_running and e.lease_is_over and e.attempt >= 3
        }
        assert {job.job_id for job in buried} == exhausted
        for job_id in exhausted:
            self.expected[job_id].state = JobState.DEAD

    @rule(pick=PICK)
    def requeue(self, pick: int) -> None:
        if not self.expected:
            return
        job_id, expected = self._pick(pick)
        others = (e for e in self.expected.values() if e.subject_id == expected.subject_id)
        may = expected.state is JobState.DEAD and not any(e.is_open for e in others)
        assert in_transaction(self.ledger, lambda s: requeue_jobs(s, [job_id])) == int(may)
        if may:
            expected.state, expected.attempt = JobState.WAITING, 0

    @invariant()
    def the_ledger_says_the_same(self) -> None:
        told = {j.id: (j.state, j.attempt, j.fence_token) for j in rows(self.ledger, Job)}
        assert told == {i: (e.state, e.attempt, e.token) for i, e in self.expected.items()}

    def _pick(self, number: int) -> tuple[int, Expected]:
        return list(self.expected.items())[number % len(self.expected)]

    def _end(self, claim: Claim, end: str) -> None:
        with transaction(self.ledger) as session:
            if end == "finish":
                finish_job(session, claim)
            elif end == "fail":
                fail_job(session, claim, error="failed", policy=AT_ONCE)
            elif end == "bury":
                bury_job(session, claim, error="buried")
            else:
                heartbeat(session, claim, lease_seconds=600)

    def _expect_end(self, expected: Expected, end: str) -> None:
        if end == "heartbeat":
            expected.lease_is_over = False
        elif end == "finish":
            expected.state = JobState.DONE
        elif end == "bury" or expected.attempt >= 3:
            expected.state = JobState.DEAD
        else:
            expected.state = JobState.WAITING


def test_jobs_in_any_order(ledger_url: str) -> None:
    engine = open_ledger(ledger_url)
    machine: type[Jobs] = type("JobsHere", (Jobs,), {"ledger": engine})
    checks = settings(
        max_examples=60,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=checks)
