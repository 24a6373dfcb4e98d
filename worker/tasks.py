"""Celery's side of the kitchen: an integer in, the ledger's claim taken, the pipeline's step run."""

from functools import partial

from celery import Celery

from db.jobs import JobKind
from worker import pipeline
from worker.app import LEDGER_QUEUE, OFFER_TASK, Broker, create_app
from worker.job_runner import run_job
from worker.kitchen import Kitchen

STEPS = {
    JobKind.ANALYSE: pipeline.analyse_instance,
    JobKind.REPORT: pipeline.report_study,
    JobKind.DELIVER: pipeline.deliver_object,
}
_QUIET = ["--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", "WARNING"]
# Threads: CUDA does not survive a fork, and every decoder and OpenVINO release the GIL.
_THREADS = ["--pool", "threads"]


def run_worker(broker: Broker, kitchen: Kitchen, queues: list[str], concurrency: int) -> None:
    """Blocks, working on `queues` until SIGTERM; what is in hand is finished first."""
    app = create_app(broker, queues)
    for kind in JobKind:
        app.task(name=kind.value)(partial(_run, kitchen, kind))
    _start(app, ["--concurrency", str(concurrency)], f"{'-'.join(queues)}@%h")
    kitchen.close()


def run_beat(broker: Broker, kitchen: Kitchen) -> None:
    """Blocks, offering due jobs once a second until SIGTERM."""
    app = create_app(broker, [LEDGER_QUEUE])

    def offer_due_jobs() -> None:
        for kind, job_id in pipeline.offer_due_jobs(kitchen):
            app.send_task(kind.value, args=[job_id], queue=kind.value, retry=False)

    app.task(name=OFFER_TASK)(offer_due_jobs)
    _start(app, ["--beat", "--concurrency", "1"], "beat@%h")


def _run(kitchen: Kitchen, kind: JobKind, job_id: int) -> None:
    run_job(kitchen, job_id, STEPS[kind])


def _start(app: Celery, options: list[str], name: str) -> None:
    app.worker_main(["worker", *_THREADS, *_QUIET, *options, "--hostname", name])
