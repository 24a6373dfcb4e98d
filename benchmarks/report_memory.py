"""What a process holds as it builds report after report, with and without giving back what is free.

    python -m benchmarks.report_memory --reports 400 --threads 8 [--keep]

Sixteen small studies are received once; their reports are then built, and kept in the spool, again
and again. Each line is fifty reports: the private memory while they are built (median and most) and
when all threads rest, glibc's part that is in use and that is free but held, and how many objects
Python tracks after a collection. A leak shows in the last; in the others the allocator does too.
`--keep` leaves to glibc what is free.
"""

import ctypes
import gc
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import psutil
import typer

from cli.assembly import build_kitchen, build_listener
from db.jobs import JobKind, claim_job
from db.reports import ReportSubject, open_report
from db.session import transaction
from db.upgrade import upgrade_ledger
from dicom_node.outbox import send_datasets
from dicom_node.peer import Destination
from logs import configure_logs
from settings import load_settings
from tests.servers import free_port
from tests.witness.studies import witness_studies
from worker.job_runner import run_job
from worker.kitchen import Kitchen
from worker.memory import return_free_memory
from worker.pipeline import offer_due_jobs
from worker.reporting import make_report
from worker.tasks import STEPS

_MIB = 1 << 20
_STUDIES = 16
_ROUND = 50


class _Heap(ctypes.Structure):
    """glibc's `struct mallinfo2`, of all threads' heaps together."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def main(
    reports: Annotated[int, typer.Option(min=_ROUND)] = 400,
    threads: Annotated[int, typer.Option(min=1)] = 8,
    keep: Annotated[bool, typer.Option(help="Leave to glibc what is free.")] = False,
) -> None:
    with TemporaryDirectory() as folder:
        kitchen, subjects = _kitchen_with_work(Path(folder) / "data")
        with ThreadPoolExecutor(threads) as pool:

            def build(number: int) -> float:
                make_report(kitchen, subjects[number % len(subjects)])
                if not keep:
                    return_free_memory()
                return _private_mib()

            for first in range(0, reports, _ROUND):
                began = time.process_time()
                held = list(pool.map(build, range(first, first + _ROUND)))
                seconds = (time.process_time() - began) / _ROUND
                print(f"{first + _ROUND:5}  {_as_line(held)}  {seconds * 1000:.0f} ms CPU each")
        kitchen.close()


def _kitchen_with_work(data_dir: Path) -> tuple[Kitchen, list[ReportSubject]]:
    """A kitchen whose ledger has studies to report, and what the reports are made from."""
    configure_logs("ERROR", "benchmark")
    port = free_port()
    settings = load_settings(
        data_dir=data_dir,
        ae_title="OSTEON",
        port=port,
        bind_address="127.0.0.1",
        quiet_seconds=0.1,
        disk_reserve_bytes=_MIB,
        destinations=f"NOWHERE@127.0.0.1:{free_port()}",
    )
    data_dir.mkdir()
    upgrade_ledger(settings.ledger_url)
    listener = build_listener(settings)
    listener.start()
    for study in witness_studies("memory", _STUDIES, images=2, looked_at=0):
        send_datasets(Destination("OSTEON", "127.0.0.1", port), "XRAYROOM", study)
    listener.stop()
    kitchen = build_kitchen(settings)
    return kitchen, _subjects(kitchen)


def _subjects(kitchen: Kitchen) -> list[ReportSubject]:
    subjects: list[ReportSubject] = []
    while len(subjects) < _STUDIES:
        for kind, job_id in offer_due_jobs(kitchen):
            if kind is not JobKind.REPORT:
                run_job(kitchen, job_id, STEPS[kind])
                continue
            with transaction(kitchen.ledger) as session:
                claim = claim_job(session, job_id, lease_seconds=3600)
                assert claim is not None
                subjects.append(open_report(session, claim))
        time.sleep(0.1)
    return subjects


def _as_line(held_mib: list[float]) -> str:
    rest_mib = _private_mib()
    glibc = ctypes.CDLL(None).mallinfo2
    glibc.restype = _Heap
    heap = glibc()
    gc.collect()
    return (
        f"private {statistics.median(held_mib):.0f} (most {max(held_mib):.0f}), at rest"
        f" {rest_mib:.1f} MiB; heap in use {heap.uordblks / _MIB:.1f}, free"
        f" {heap.fordblks / _MIB:.1f} MiB; {len(gc.get_objects())} objects"
    )


def _private_mib() -> float:
    memory = psutil.Process().memory_info()
    return float(memory.rss - memory.shared) / _MIB


if __name__ == "__main__":
    typer.run(main)
