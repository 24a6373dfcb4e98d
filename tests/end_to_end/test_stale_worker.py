"""A worker that slept through its lease: another has its job, and what it brings comes too late."""

import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from db.session import reading
from db.tables import Analysis, Job
from tests.end_to_end.node import Node
from tests.end_to_end.small_studies import small_study
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.servers import running_postgres
from tests.waiting import wait_for
from tests.witness.sink import Sink
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.requirement("R-WORK-2")]
LEASE_SECONDS = 6
RESULT_SECONDS = 60


def test_a_stale_worker_writes_nothing(
    tmp_path: Path, witness: Witness, sink: Sink, nursery: Nursery
) -> None:
    """On PostgreSQL, which can tell the witness who wrote what."""
    with running_postgres() as postgres:
        settings = {
            "destinations": sink.address,
            "lease_seconds": LEASE_SECONDS,
            "database_url": postgres.create_database(),
        }
        parts = ("listener", "beat", "reporter", "courier")
        with forked_node(tmp_path, nursery, *parts, **settings) as node:
            witness.watch(node.ledger_url)
            assert witness.client(node.address).store(small_study("stale", 1)) == [0x0000]
            node.start("analyst")
            _pause_at_work(node, "analyst", fence_token=1)
            sleeper = node.processes["sleeper"] = node.processes.pop("analyst")
            node.start("analyst")
            _pause_at_work(node, "analyst", fence_token=2)
            sleeper.send_signal(signal.SIGCONT)
            wait_for(lambda: "ClaimLost" in node.log("analyst"), "the refusal", RESULT_SECONDS)
            node.processes["analyst"].send_signal(signal.SIGCONT)
            witness.wait_until_settled(node.ledger_url, limit_seconds=RESULT_SECONDS)
            assert witness.check(node.spool.root, node.ledger_url) == []
            assert _analyses(node) == 1


def _pause_at_work(node: Node, part: str, fence_token: int) -> None:
    """Stop the process once it has claimed the job; loading the network keeps it at it."""

    def has_claimed() -> bool:
        with reading(node.ledger) as session:
            rows = session.execute(select(Job.state, Job.fence_token)).all()
        return [tuple(row) for row in rows] == [("running", fence_token)]

    wait_for(has_claimed, f"claim {fence_token}", RESULT_SECONDS)
    node.processes[part].send_signal(signal.SIGSTOP)


def _analyses(node: Node) -> int:
    with reading(node.ledger) as session:
        return len(session.scalars(select(Analysis.id)).all())
