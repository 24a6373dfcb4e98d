"""What is asked of a PACS, and what is made of answers that are short of the question."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import Engine

from cli.pulling import Comparison, Pull
from cli.reconciling import Account
from db.reconciliation import Outcome
from db.session import open_ledger
from dicom_node.query_retrieve.query_client import StudyQuery
from dicom_node.query_retrieve.retrieve_client import Reception
from dicom_node.spool import FileSpool
from tests.db.ledger import receive, received
from tests.dicom_node.archive import Archive, running_archive, stored, stored_study

JANUARY = StudyQuery(datetime(2026, 1, 1), datetime(2026, 1, 31), ("CR", "DX"))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def running() -> Iterator[Archive]:
    with running_archive() as archive:
        yield archive


@pytest.fixture
def archive(running: Archive) -> Archive:
    running.reset()
    return running


@pytest.fixture
def engine(sqlite_ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(sqlite_ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def pull(archive: Archive, engine: Engine, tmp_path: Path) -> Pull:
    reception = Reception(engine, FileSpool(tmp_path / "spool"), "fetching")
    return Pull(archive.destination, frozenset(), "OSTEON", reception, lambda items, *_: items)


def arrive(engine: Engine, *datasets: Dataset) -> None:
    """The node has these."""
    for dataset in datasets:
        uids = {"study": dataset.StudyInstanceUID, "sop_instance_uid": dataset.SOPInstanceUID}
        receive(engine, received(**uids, spool_key=dataset.SOPInstanceUID))


def account(pull: Pull, *, by_count: bool = False) -> Account:
    return pull.account(Comparison(JANUARY, LONG_AGO, by_count))


def test_a_retaken_image_is_missed_though_the_number_is_right(
    pull: Pull, archive: Archive, engine: Engine
) -> None:
    """The first taking came here and was thrown away in the PACS; the second never came."""
    first, second = stored_study(2)
    arrive(engine, first)
    archive.datasets = [second]
    [study] = account(pull).studies.values()
    assert (study.outcome, study.missing) == (Outcome.INCOMPLETE, 1)
    archive.asked.clear()
    [study] = account(pull, by_count=True).studies.values()
    assert study.outcome is Outcome.WAITING
    assert {one.QueryRetrieveLevel for one in archive.asked} == {"STUDY"}


@pytest.mark.parametrize("status", [0x0110, 0xA700, 0xC000])
def test_images_that_the_pacs_does_not_name_are_not_taken_for_known(
    pull: Pull, archive: Archive, engine: Engine, status: int
) -> None:
    """Of one study it will not tell; the others are compared all the same."""
    untold, told = archive.datasets = [stored(), stored()]
    arrive(engine, untold, told)
    archive.refused_images = {untold.StudyInstanceUID: status}
    answer = account(pull)
    study = answer.studies[untold.StudyInstanceUID]
    assert (study.outcome, study.missing, answer.is_clear) == (Outcome.INCOMPLETE, None, False)
    assert f"0x{status:04X}" in answer.remarks[untold.StudyInstanceUID]
    assert answer.studies[told.StudyInstanceUID].outcome is Outcome.WAITING


def test_what_the_pacs_lacks_is_named(pull: Pull, archive: Archive) -> None:
    there = stored(AccessionNumber="A-2")
    archive.datasets = [there]
    uids = [there.StudyInstanceUID, "1.2.3"]
    named = pull.instances_of(uids, ["A-2", "A-3"], [there.SeriesInstanceUID, "1.2.4"])
    assert list(named.instances) == [there.StudyInstanceUID]
    assert named.lacking == [
        "accession number A-3",
        "study 1.2.3",
        "series 1.2.4 in these studies",
    ]
