"""One job from claim to end: the task boundary, where every error becomes a next step."""

import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import structlog

from db.analyses import save_unanalysable
from db.jobs import (
    Claim,
    ClaimLost,
    JobKind,
    RetryPolicy,
    bury_job,
    claim_job,
    fail_job,
    heartbeat,
    put_off_job,
)
from db.session import LedgerUnavailable, transaction
from dicom_node.peer import NotTakenNow
from dicom_node.spool import ObjectGone
from worker.kitchen import Kitchen
from worker.retrying import (
    NODE_TROUBLE,
    NODE_TROUBLE_DELAY_SECONDS,
    NOT_TAKEN,
    OBJECT_GONE,
    RETRY_POLICIES,
    NotNow,
    PersonNeeded,
)

log = structlog.get_logger(__name__)

_OUR_ROOMS = ("db", "dicom_node", "messages", "model", "worker")


class Step(Protocol):
    """A step of the pipeline: does one job's work and finishes the job under its claim."""

    def __call__(self, kitchen: Kitchen, claim: Claim) -> None: ...


def run_job(kitchen: Kitchen, job_id: int, step: Step) -> bool:
    """Claims the job and runs its step; whether that went well.

    A job that is not ours to take is a cheap no-op.
    """
    try:
        with transaction(kitchen.ledger) as session:
            claim = claim_job(session, job_id, lease_seconds=kitchen.plan.waits.lease_seconds)
        return claim is not None and _run_claimed(kitchen, claim, step)
    except (ClaimLost, LedgerUnavailable) as error:
        # Nothing is lost: the lease runs out, if it has not, and the job is offered again.
        log.warning("job_let_go", job=job_id, reason=type(error).__name__)
        return False


def _run_claimed(kitchen: Kitchen, claim: Claim, step: Step) -> bool:
    bound = {"job": claim.job_id, "kind": claim.kind.value, "subject": claim.subject_id}
    with structlog.contextvars.bound_contextvars(**bound), _kept_alive(kitchen, claim):
        try:
            step(kitchen, claim)
            return True
        except (ClaimLost, LedgerUnavailable):
            raise
        except PersonNeeded as error:
            _bury(kitchen, claim, error)
        except NotTakenNow as error:
            _fail(kitchen, claim, error, NOT_TAKEN)
        except ObjectGone as error:
            _fail(kitchen, claim, error, OBJECT_GONE)
        except NotNow as error:
            _put_off(kitchen, claim, error, error.delay_seconds)
        except NODE_TROUBLE as error:
            _put_off(kitchen, claim, error, NODE_TROUBLE_DELAY_SECONDS)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the task boundary
            # MemoryError would end Celery; what SystemExit leaves would wait for its lease to end.
            _fail(kitchen, claim, error, RETRY_POLICIES[claim.kind])
    return False


def _bury(kitchen: Kitchen, claim: Claim, error: PersonNeeded) -> None:
    with transaction(kitchen.ledger) as session:
        bury_job(session, claim, error=str(error))
    log.error("job_dead", error=str(error))


def _put_off(kitchen: Kitchen, claim: Claim, error: Exception, delay_seconds: float) -> None:
    described = describe(error)
    with transaction(kitchen.ledger) as session:
        put_off_job(session, claim, error=described, delay_seconds=delay_seconds)
    log.error("job_put_off", error=described)


def _fail(kitchen: Kitchen, claim: Claim, error: BaseException, policy: RetryPolicy) -> None:
    described = describe(error)
    with transaction(kitchen.ledger) as session:
        if claim.kind is JobKind.ANALYSE and policy.exhausted_by(claim.attempt):
            save_unanalysable(session, claim.subject_id, described)
        state = fail_job(session, claim, error=described, policy=policy)
    log.warning("job_failed", error=described, attempt=claim.attempt, state=state.value)


def describe(error: BaseException) -> str:
    """What may be written down of an error: others' messages quote values of data sets."""
    kind = type(error)
    if kind.__module__.split(".")[0] in _OUR_ROOMS:
        return f"{kind.__name__}: {error}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{kind.__name__} in {Path(place.filename).name}:{place.lineno}"


@contextmanager
def _kept_alive(kitchen: Kitchen, claim: Claim) -> Iterator[None]:
    """Renews the lease from a thread of its own for as long as the step runs."""
    done = threading.Event()
    beating = threading.Thread(target=_beat, args=(kitchen, claim, done), daemon=True)
    beating.start()
    try:
        yield
    finally:
        done.set()
        beating.join()


def _beat(kitchen: Kitchen, claim: Claim, done: threading.Event) -> None:
    waits = kitchen.plan.waits
    hangs_from = time.monotonic() + waits.longest_step_seconds
    while not done.wait(waits.lease_seconds / 3):
        if time.monotonic() > hangs_from:
            log.error("job_hangs", job=claim.job_id, kind=claim.kind.value)
            return
        try:
            with transaction(kitchen.ledger) as session:
                heartbeat(session, claim, lease_seconds=waits.lease_seconds)
        except ClaimLost:
            return
        except LedgerUnavailable:
            log.warning("heartbeat_missed", job=claim.job_id)
