"""Shows that the tests of faults fail where the node is broken.

The checkout is copied, one thing in the copy is broken, and the test that has to notice it runs
there. `python -m tests.faults.broken_builds` prints the table of docs/faults.md, with `--only WORD`
that of the builds whose name has the word; exit code 1: a broken build passed.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.broken_source import COMMIT, MARK_AND_SEND, SEND, SourceBreak, commit_later

ROOT = Path(__file__).resolve().parents[2]
_FAULTS = "tests/faults"
_LIMIT_SECONDS = 400


@dataclass(frozen=True)
class BrokenBuild:
    """With this change `test` has to fail."""

    name: str
    change: SourceBreak
    test: str


_ORDER = f"{_FAULTS}/test_order_of_calls.py::test_nothing_is_answered_before_it_is_durable"
_EACH_DIES = f"{_FAULTS}/test_failpoints.py::test_each_part_dies_while_a_study_is_dealt_with"
_SYNC_AND_RENAME = """            os.fsync(self._file.fileno())
            with _shelf_locked(final_path.parent, fcntl.LOCK_SH) as shelf:
                self._path.rename(final_path)
"""
_RENAME_AND_SYNC = """            with _shelf_locked(final_path.parent, fcntl.LOCK_SH) as shelf:
                self._path.rename(final_path)
                os.fsync(self._file.fileno())
"""
BUILDS = [
    BrokenBuild(
        "the answer goes out before the commit",
        SourceBreak("dicom_node/store_service.py", COMMIT, commit_later(0.02)),
        f"{_ORDER}[sqlite-100]",
    ),
    BrokenBuild(
        "the file is not synced",
        SourceBreak("dicom_node/spool.py", "            os.fsync(self._file.fileno())\n", ""),
        f"{_ORDER}[sqlite-100]",
    ),
    BrokenBuild(
        "the folder is not synced",
        SourceBreak("dicom_node/spool.py", "                os.fsync(shelf)\n", ""),
        f"{_ORDER}[sqlite-100]",
    ),
    BrokenBuild(
        "the file is renamed before it is synced",
        SourceBreak("dicom_node/spool.py", _SYNC_AND_RENAME, _RENAME_AND_SYNC),
        f"{_ORDER}[sqlite-100]",
    ),
    BrokenBuild(
        "SQLite does not sync its commits",
        SourceBreak("db/session.py", "synchronous=FULL", "synchronous=OFF"),
        f"{_ORDER}[sqlite-100]",
    ),
    BrokenBuild(
        "a connection whose file failed it is used again",
        SourceBreak(
            "db/session.py", '    event.listen(engine, "handle_error", _give_up_faulty)\n', ""
        ),
        f"{_FAULTS}/test_failing_calls.py::test_each_of_the_listeners_first_calls_fails[EIO]",
    ),
    BrokenBuild(
        "a full disk is answered with success",
        SourceBreak(
            "dicom_node/store_service.py",
            'return Answer(StoreStatus.OUT_OF_RESOURCES, f"spool: {refusal}")',
            "return Answer(StoreStatus.SUCCESS)",
        ),
        f"{_FAULTS}/test_failing_calls.py::test_each_of_the_listeners_first_calls_fails[ENOSPC]",
    ),
    BrokenBuild(
        "a database that is away is answered with success",
        SourceBreak(
            "dicom_node/store_service.py",
            'return Answer(StoreStatus.OUT_OF_RESOURCES, "the database is away")',
            "return Answer(StoreStatus.SUCCESS)",
        ),
        f"{_FAULTS}/test_bad_weather.py::test_without_a_database_there_is_no_success",
    ),
    BrokenBuild(
        "a listener that was killed leaves its associations open",
        SourceBreak("dicom_node/listener.py", "        self._rows.close_those_left_open()\n", ""),
        f"{_EACH_DIES}[sqlite-the answer is sent]",
    ),
    BrokenBuild(
        "a lease that ran out is not taken over",
        SourceBreak(
            "db/jobs.py", "    return or_(waited, _lease_is_over())\n", "    return waited\n"
        ),
        f"{_EACH_DIES}[sqlite-a part of the data set is written]",
    ),
    BrokenBuild(
        "an object is marked as sent before it is",
        SourceBreak("worker/delivering.py", SEND, MARK_AND_SEND),
        f"{_EACH_DIES}[sqlite-the data set is whole]",
    ),
    BrokenBuild(
        "a job pays an attempt for a full disk",
        SourceBreak("db/jobs.py", "        attempt=claim.attempt - 1,\n", ""),
        f"{_FAULTS}/test_failing_calls.py::test_a_report_that_cannot_be_kept_is_put_off[1]",
    ),
    BrokenBuild(
        "a PACS without room is taken for one that stored",
        SourceBreak(
            "dicom_node/sender.py",
            "        if verdict is Verdict.TRY_AGAIN:\n",
            "        if False:\n",
        ),
        f"{_FAULTS}/test_bad_weather.py::test_a_pacs_without_room_is_asked_again[42752]",
    ),
]


@contextmanager
def checkout_copied() -> Iterator[Path]:
    """What git tracks, and what is new beside it, in a folder of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory(prefix="osteon-broken-") as folder:
        for name in listed.stdout.splitlines():
            copy = Path(folder) / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy2(ROOT / name, copy)
        yield Path(folder)


def broken(build: BrokenBuild, copy: Path) -> str | None:
    """Which test failed in the broken copy, which is mended afterwards; None: none did."""
    path = copy / build.change.file
    sound = path.read_text()
    build.change.apply(copy)
    try:
        return _failure(build.test, copy)
    finally:
        path.write_text(sound)


def _failure(test: str, copy: Path) -> str | None:
    options = [
        "-x",
        "-q",
        "-rfE",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, test],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    failed = re.search(r"^FAILED (.*?)(?: - .*)?$", ran.stdout, re.MULTILINE)
    if ran.returncode == 0:
        return None
    if failed is None:
        raise RuntimeError(f"{test} did not run:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return failed.group(1).rpartition("::")[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    wanted = [build for build in BUILDS if parser.parse_args().only in build.name]
    passed = 0
    print("| What is broken | Where | The test that fails |\n|---|---|---|", flush=True)
    with checkout_copied() as copy:
        for build in wanted:
            failure = broken(build, copy)
            passed += failure is None
            told = f"`{failure}`" if failure else "**none**"
            print(f"| {build.name} | `{build.change.file}` | {told} |", flush=True)
    return 1 if passed else 0


if __name__ == "__main__":
    sys.exit(main())
