"""Files leave after their rows: none is lost that a row promises, none stays that nobody names."""

import os
import signal
from collections.abc import Collection
from multiprocessing import get_context
from types import ModuleType

import pytest
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from db.holds import place_hold, release_hold
from db.leaving_files import leaving_keys, named_keys
from db.retention import Purged
from db.session import open_ledger, reading, transaction
from db.storage import kept_sizes
from db.tables import ResultObject
from dicom_node.keeping import leaving, purging
from dicom_node.keeping.foreseeing import foresee
from dicom_node.keeping.leaving import StraySweep, remove_leaving
from dicom_node.keeping.purging import Purger, RetentionPlan, Step
from dicom_node.spool import FileSpool
from tests.db.ledger import receive, rows
from tests.dicom_node.keeping.archive import KeptStudies

pytestmark = pytest.mark.requirement("R-DATA-2")

PLAN = RetentionPlan(received_days=30)
RESULTS = RetentionPlan(results_days=30)


def run(kept: KeptStudies, plan: RetentionPlan = PLAN) -> Purged:
    """Steps until there is nothing more to do; what they removed."""
    purger, purged = Purger(kept.engine, kept.spool, plan), Purged()
    step = Step(purged, purged, has_more=True)
    while step.has_more:
        step = purger.step()
        purged += step.received + step.results
    return purged


def test_files_go_when_their_days_are_over_and_not_a_day_earlier(kept: KeptStudies) -> None:
    old = kept.finish("1.1")
    kept.age(31)
    young = kept.finish("1.2")
    assert foresee(kept.engine, PLAN).received == Purged(1, 1, 13)
    with capture_logs() as logs:
        assert run(kept) == Purged(1, 1, 13)
    assert [one["event"] for one in logs] == ["files_purged"]
    assert kept.files() == [young]
    assert old not in kept.promised()
    assert foresee(kept.engine, PLAN).kept == {"received, reported or delivered lately": 1}


def test_without_days_nothing_ever_goes(kept: KeptStudies) -> None:
    key = kept.finish("1.1")
    kept.age(9999)
    assert run(kept, RetentionPlan()) == Purged()
    assert kept.files() == [key]


def test_a_study_that_is_held_keeps_every_file(kept: KeptStudies) -> None:
    kept.finish("1.1")
    files = kept.give_results_files()
    kept.age(31)
    with transaction(kept.engine) as session:
        place_hold(session, "1.1", reason="a complaint", person="Ada")
    both = RetentionPlan(received_days=1, results_days=1, quota_bytes=1)
    assert run(kept, both) == Purged()
    assert kept.files() == files
    assert foresee(kept.engine, both).kept == {"held": 1}


def test_a_file_of_two_rows_goes_with_the_last_of_them(kept: KeptStudies) -> None:
    kept.finish("1.1")
    kept.finish("1.2")
    kept.give_results_files()
    kept.age(31)
    with transaction(kept.engine) as session:
        place_hold(session, "1.2", reason="a complaint", person="Ada")
    assert run(kept, RESULTS).studies == 1
    assert kept.promised() <= set(kept.files())
    [heat] = {one for one in kept.promised() if one == kept.spool.write(b"heat").key}
    kept.age(31)
    with transaction(kept.engine) as session:
        release_hold(session, "1.2", reason="settled", person="Ada")
    assert run(kept, RESULTS).studies == 1
    assert heat not in kept.files()
    assert {one.spool_key for one in rows(kept.engine, ResultObject)}.isdisjoint(kept.files())


def test_the_last_row_lets_go_while_the_files_are_looked_at(kept: KeptStudies) -> None:
    """Its note is the first row's, which a look that knew both rows would have taken away."""
    kept.finish("1.1")
    kept.finish("1.2")
    kept.give_results_files()
    kept.age(31)
    with transaction(kept.engine) as session:
        place_hold(session, "1.2", reason="a complaint", person="Ada")

    def look_and_let_go(session: Session, keys: Collection[str]) -> set[str]:
        named = named_keys(session, keys)
        patched.setattr(leaving, "named_keys", named_keys)
        with transaction(kept.engine) as another:
            release_hold(another, "1.2", reason="settled", person="Ada")
        Purger(kept.engine, kept.spool, RESULTS).step()
        return named

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(purging, "remove_leaving", lambda *_: 0)
        Purger(kept.engine, kept.spool, RESULTS).step()
        patched.setattr(leaving, "named_keys", look_and_let_go)
        remove_leaving(kept.engine, kept.spool)
    remove_leaving(kept.engine, kept.spool)
    assert kept.promised() == set(kept.files())


def test_bytes_that_come_again_as_they_are_purged_are_not_lost(kept: KeptStudies) -> None:
    """The file is there before its row: what was written just now is nobody's to remove."""
    key = kept.finish("1.1")
    kept.age(31)
    purger = Purger(kept.engine, kept.spool, PLAN)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dicom_node.keeping.purging.remove_leaving", lambda *_: 0)
        purger.step()
    assert key not in kept.promised()
    kept.spool.write(b"pixels of 1.1")
    assert remove_leaving(kept.engine, kept.spool) == 0
    receive(kept.engine, kept.instance("1.1"))
    assert remove_leaving(kept.engine, kept.spool) == 0
    assert kept.files() == [key]
    assert key in kept.promised()
    with reading(kept.engine) as session:
        assert leaving_keys(session, limit=None) == []


def step_until_killed(url: str, spool: FileSpool, module: ModuleType, name: str) -> None:
    """In a process of its own, which dies where `name` would be called."""
    setattr(module, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    Purger(open_ledger(url), spool, PLAN).step()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (purging, "purge_received"),  # nothing is written yet
        (purging, "remove_leaving"),  # rows are committed, no file is gone
        (leaving, "forget_leaving"),  # files are gone, their notes are not
    ],
)
def test_killed_anywhere_it_leaves_no_row_that_lies_and_no_file_for_ever(
    kept: KeptStudies, module: ModuleType, name: str
) -> None:
    for study in ("1.1", "1.2"):
        kept.finish(study)
    results = set(kept.give_results_files()) - kept.received()
    kept.age(31)
    url = kept.engine.url.render_as_string()
    dying = get_context("fork").Process(
        target=step_until_killed, args=(url, kept.spool, module, name)
    )
    dying.start()
    dying.join(60)
    assert dying.exitcode == -signal.SIGKILL
    assert kept.promised() <= set(kept.files())
    run(kept)
    assert set(kept.files()) == results == kept.promised()
    with reading(kept.engine) as session:
        assert leaving_keys(session, limit=None) == []


def test_above_the_quota_the_oldest_go_until_there_is_room(kept: KeptStudies) -> None:
    keys = [kept.finish(f"1.{number}", bytes(1000)) for number in range(6)]
    kept.age(2)
    with reading(kept.engine) as session:
        all_bytes = kept_sizes(session).size_bytes
    plan = RetentionPlan(quota_bytes=all_bytes, quota_low_bytes=all_bytes - 1500)
    assert run(kept, plan) == Purged()
    young = kept.finish("1.6", bytes(1000))
    assert foresee(kept.engine, plan).quota == Purged(3, 3, 3009)
    assert run(kept, plan) == Purged(3, 3, 3009)
    assert kept.files() == sorted([*keys[3:], young])
    assert run(kept, plan) == Purged()


def test_a_quota_takes_nothing_that_is_not_proved_to_be_kept_and_says_so(kept: KeptStudies) -> None:
    receive(kept.engine, kept.instance("1.1"))
    kept.age(2)
    plan = RetentionPlan(quota_bytes=10, quota_low_bytes=5)
    purger = Purger(kept.engine, kept.spool, plan)
    with capture_logs() as logs:
        for _ in range(3):
            assert purger.step() == Step(Purged(), Purged(), has_more=False)
    assert [(one["event"], one["excess_bytes"]) for one in logs] == [("quota_exceeded", 996)]


def sweep(kept: KeptStudies) -> int:
    return StraySweep(kept.engine, kept.spool).round()


def test_a_file_that_no_row_names_goes_after_two_days(kept: KeptStudies) -> None:
    key = kept.finish("1.1")
    stray = kept.spool.write(b"its process was killed before the commit").key
    kept.age(1.9)
    assert sweep(kept) == 0
    kept.age(2.1)
    coming = kept.spool.write(b"its row is just being committed").key
    with capture_logs() as logs:
        assert sweep(kept) == 1
    assert [one["event"] for one in logs] == ["strays_removed"]
    assert kept.files() == sorted([key, coming])
    assert stray not in kept.files()


def test_a_ledger_that_knows_little_of_the_spool_removes_nothing(kept: KeptStudies) -> None:
    """An empty ledger, or another node's: all would be strays."""
    kept.finish("1.1")
    for number in range(5):
        kept.spool.write(f"of another ledger {number}".encode())
    kept.age(9)
    with capture_logs() as logs:
        assert StraySweep(kept.engine, kept.spool).step() == 0
    assert [(one["event"], one["known"]) for one in logs] == [("strays_unexplained", 1)]
    assert len(kept.files()) == 6


def test_the_spool_stays_private(kept: KeptStudies) -> None:
    kept.finish("1.1")
    assert {one.stat().st_mode & 0o777 for one in kept.spool.root.rglob("*") if one.is_dir()} == {
        0o700
    }
    assert {one.stat().st_mode & 0o777 for one in kept.spool.root.glob("kept/*/*")} == {0o600}
    assert kept.spool.root.stat().st_mode & 0o777 == 0o700
