"""Celery's side of the kitchen: a job's number in, its claim taken, the pipeline's step run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery
from celery.utils.nodenames import host_format
from kombu.exceptions import OperationalError as BrokerUnavailable

from db.jobs import Claim, JobKind
from db.presence import PresenceKeeper, RunningProcess
from db.session import LedgerUnavailable
from worker import pipeline
from worker.app import Broker, create_app
from worker.job_runner import Step, run_job
from worker.keeping import RetentionKeeper, purger_of
from worker.kitchen import Kitchen
from worker.stop_signal import StopSignal

log = structlog.get_logger(__name__)

STEPS: dict[JobKind, Step] = {
    JobKind.ANALYSE: pipeline.analyse_instance,
    JobKind.REPORT: pipeline.report_study,
    JobKind.DELIVER: pipeline.deliver_report,
    JobKind.CONFIRM: pipeline.confirm_delivery,
    JobKind.ANSWER: pipeline.answer_peer,
}
_OFFER_SECONDS = 1.0
# How long a worker goes on with one destination's jobs before it looks at its other calls.
_TURN_SECONDS = 5.0
# Celery's command line, which would offer the same, loads a shell and all its other commands first.
_QUIET: dict[str, Any] = {
    "quiet": True,
    "loglevel": "WARNING",
    "without_mingle": True,
    "without_gossip": True,
    "without_heartbeat": True,
}
# Threads: CUDA does not survive a fork, and the decoders and OpenVINO release the GIL.
_POOL = "threads"


class WorkerBroken(Exception):
    """Celery cannot go on: the process ends, and whoever watches it starts another."""


def run_worker(broker: Broker, kitchen: Kitchen, queues: list[str], concurrency: int) -> None:
    """Blocks, working on `queues` until SIGTERM; what is in hand is finished first.

    WorkerBroken where Celery has ended by itself.
    """
    app = create_app(broker)
    for kind in STEPS:
        app.task(name=kind.value)(_task(kitchen))
    name = host_format(f"{'-'.join(queues)}@%h")
    with _present(kitchen, lambda: _worker(kitchen, queues)):
        working = app.Worker(
            hostname=name, queues=queues, concurrency=concurrency, pool_cls=_POOL, **_QUIET
        )
        working.start()
    if working.exitcode:
        raise WorkerBroken("Celery ended by itself; the log above says of what")


def run_beat(broker: Broker, kitchen: Kitchen, stopping: StopSignal) -> None:
    """Offers due jobs once a second until `stopping`; an unforeseen error ends the process.

    Beside it retention goes on, which may fail as it likes.
    """
    offer = _offering(create_app(broker), kitchen)
    retention = RetentionKeeper(lambda: purger_of(kitchen))
    with _present(kitchen, lambda: RunningProcess("beat")), retention:
        while not stopping.wait(_OFFER_SECONDS):
            offer()


def _offering(app: Celery, kitchen: Kitchen) -> Callable[[], None]:
    clock = pipeline.ClockWatch()

    def offer() -> None:
        try:
            clock.mind(kitchen)
            for kind, job_id in pipeline.offer_due_jobs(kitchen):
                app.send_task(kind.value, args=[job_id], queue=kind.value)
        except (LedgerUnavailable, BrokerUnavailable) as error:
            # What was not offered, or not sent, is offered again when both are back.
            log.warning("offers_put_off", reason=type(error).__name__)

    return offer


def _do(kitchen: Kitchen, claim: Claim) -> None:
    """The step of the job's own kind: a call may be old, and its number another job's by now."""
    STEPS[claim.kind](kitchen, claim)


def _task(kitchen: Kitchen) -> Callable[[int], None]:
    def run(job_id: int) -> None:
        turn_ends = time.monotonic() + _TURN_SECONDS
        going_on: int | None = job_id
        while going_on is not None and run_job(kitchen, going_on, _do):
            in_time = time.monotonic() < turn_ends
            going_on = _next(kitchen, going_on) if in_time else None

    return run


def _next(kitchen: Kitchen, job_id: int) -> int | None:
    try:
        return pipeline.next_for_destination(kitchen, job_id)
    except LedgerUnavailable:
        return None  # the beat offers it when the ledger is back


@contextmanager
def _present(kitchen: Kitchen, describe: Callable[[], RunningProcess]) -> Iterator[None]:
    """The process says that it is there for as long as it works; then its kitchen is closed."""
    try:
        with PresenceKeeper(lambda: kitchen.ledger, describe):
            yield
    finally:
        kitchen.close()


def _worker(kitchen: Kitchen, queues: list[str]) -> RunningProcess:
    loaded = kitchen.loaded_classifier
    if loaded is None:
        return RunningProcess("worker", tuple(queues))
    return RunningProcess("worker", tuple(queues), loaded.device, loaded.card.version)
