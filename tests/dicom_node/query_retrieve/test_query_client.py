"""The C-FIND SCU against PACS of every kind: thorough, sloppy, unwilling and dying."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicom_node.peer import PeerRefused, PeerUnavailable
from dicom_node.query_retrieve.query_client import (
    FoundStudy,
    QueryClient,
    StudyQuery,
    TooManyMatches,
    querying,
)
from dicom_node.transport.requested_association import Checkpoint
from tests.dicom_node.archive import GET, Archive, running_archive, stored, stored_study

JANUARY = (datetime(2026, 1, 1), datetime(2026, 1, 31, 23, 59))
JANUARY_2 = (datetime(2026, 1, 2), datetime(2026, 1, 2, 23, 59))


@pytest.fixture(scope="module")
def running() -> Iterator[Archive]:
    with running_archive() as archive:
        yield archive


@pytest.fixture
def archive(running: Archive) -> Archive:
    running.reset()
    return running


def studies(
    archive: Archive, *period: datetime, modalities: tuple[str, ...] = ("CR", "DX"), **query: Any
) -> list[FoundStudy]:
    since, until = period or JANUARY
    with querying(archive.destination, "OSTEON") as pacs:
        windows = pacs.studies(StudyQuery(since, until, modalities, **query))
        return [study for _, found in windows for study in found]


def uids(found: list[FoundStudy]) -> set[str]:
    return {study.study_instance_uid for study in found}


def study_of(dataset: Dataset) -> str:
    return str(dataset.StudyInstanceUID)


def test_studies_of_a_period_and_of_modalities(archive: Archive) -> None:
    wanted = stored_study(3, StudyDate="20260131", Modality="DX")
    mixed = stored_study(1, StudyDate="20260102")
    scan = stored(StudyInstanceUID=mixed[0].StudyInstanceUID, Modality="CT", StudyDate="20260102")
    others = [stored(Modality="CT"), stored(StudyDate="20251231"), stored(StudyDate="20260201")]
    archive.datasets = [*wanted, *mixed, scan, *others]
    found = studies(archive)
    assert sorted(found, key=lambda one: one.instances or 0) == [
        FoundStudy(study_of(scan), 2),
        FoundStudy(study_of(wanted[0]), 3),
    ]


def test_the_time_of_day_counts_where_it_is_known(archive: Archive) -> None:
    early, late = stored(StudyTime="0959"), stored(StudyTime="100001.5")
    unknown = stored(StudyTime=None)
    archive.datasets = [early, late, unknown]
    period = datetime(2026, 1, 2, 10), datetime(2026, 1, 2, 12)
    assert uids(studies(archive, *period)) == {study_of(late), study_of(unknown)}


def test_a_pacs_that_knows_no_optional_key_is_asked_for_series(archive: Archive) -> None:
    wanted, scan = stored(StudyDate="20250101"), stored(Modality="CT")
    archive.datasets = [wanted, scan]
    archive.ignored_keys = frozenset(
        {"StudyDate", "StudyTime", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"}
    )
    assert studies(archive) == [FoundStudy(study_of(wanted), None)]
    levels = [one.QueryRetrieveLevel for one in archive.asked]
    # Each study once, though every window and every modality brings it again.
    assert levels.count("SERIES") == 2


def test_a_pacs_that_answers_more_than_was_asked_is_not_believed(archive: Archive) -> None:
    wanted = stored()
    archive.datasets = [wanted, stored(StudyDate="20250101")]
    archive.additions = {"ModalitiesInStudy": ["CT", "DX"]}
    assert uids(studies(archive, modalities=("DX",))) == set()
    assert uids(studies(archive)) == {study_of(wanted)}


def test_images_are_asked_for_level_by_level(archive: Archive) -> None:
    images = stored_study(3)
    scan = stored(StudyInstanceUID=images[0].StudyInstanceUID, Modality="CT")
    archive.datasets = [*images, scan, stored()]
    with querying(archive.destination, "OSTEON") as pacs:
        found = pacs.instances(study_of(scan), ("CR", "DX"))
        everything = pacs.instances(study_of(scan))
    assert {one.sop_instance_uid for one in found} == {one.SOPInstanceUID for one in images}
    assert {one.series_instance_uid for one in found} == {images[0].SeriesInstanceUID}
    assert all(one.may_be_image for one in found)
    assert len(everything) == 4
    assert [one.QueryRetrieveLevel for one in archive.asked[:2]] == ["SERIES", "IMAGE"]
    assert all("PatientName" not in one for one in archive.asked)


def test_no_character_set_and_no_name_stands_in_the_way(archive: Archive) -> None:
    archive.datasets = [stored()]
    archive.additions = {"SpecificCharacterSet": "NOT_A_SET", "PatientName": b"\xff\xfe\x80"}
    assert len(studies(archive)) == 1


def test_an_answer_without_a_study_is_counted(archive: Archive) -> None:
    archive.datasets = [stored()]
    archive.additions = {"StudyInstanceUID": ""}
    with querying(archive.destination, "OSTEON") as pacs:
        query = StudyQuery(*JANUARY, ("CR",))
        assert [found for _, found in pacs.studies(query) if found] == []
        assert pacs.unreadable_matches == 1


def test_an_accession_number_is_a_study(archive: Archive) -> None:
    wanted = stored(AccessionNumber="Ä-77")
    archive.datasets = [wanted, stored()]
    with querying(archive.destination, "OSTEON") as pacs:
        assert pacs.studies_with_accession_number("Ä-77") == [study_of(wanted)]
        assert pacs.studies_with_accession_number("none") == []


@pytest.mark.parametrize("number", ["A-77", "Ä-77"])
def test_a_study_of_another_number_is_not_the_one(archive: Archive, number: str) -> None:
    """A PACS may match what has no number, as the standard has it; sloppy ones match anything."""
    archive.datasets = [stored(AccessionNumber="B-1"), stored(AccessionNumber="")]
    archive.additions = {"AccessionNumber": "B-1"}
    archive.ignored_keys = frozenset({"AccessionNumber"})
    with querying(archive.destination, "OSTEON") as pacs:
        assert pacs.studies_with_accession_number(number) == []
        archive.additions = {"AccessionNumber": f" {number.lower()} "}
        assert len(pacs.studies_with_accession_number(number)) == 2
        archive.additions, archive.ignored_keys = {}, frozenset()
        assert pacs.studies_with_accession_number(number) == []


def test_the_request_for_too_much_is_cancelled(archive: Archive) -> None:
    archive.datasets = [stored() for _ in range(40)]
    archive.pause_seconds = 0.01
    with pytest.raises(TooManyMatches, match="more than 3 matches"):
        studies(archive, limit=3)
    assert archive.was_cancelled


def test_after_a_cancelled_request_the_association_goes_on(archive: Archive) -> None:
    archive.datasets = [stored() for _ in range(40)]
    with querying(archive.destination, "OSTEON") as pacs:
        with pytest.raises(TooManyMatches):
            _first_window(pacs, limit=3)
        assert len(_first_window(pacs, limit=40)) == 40


def test_a_wide_period_takes_few_requests(archive: Archive) -> None:
    archive.datasets = [stored(StudyDate=f"2026{month:02}15") for month in range(1, 11)]
    found = studies(archive, datetime(2026, 1, 1), datetime(2026, 10, 31))
    assert len(found) == 10
    assert len(archive.asked) < 30


@pytest.mark.parametrize("status", [0xA700, 0xFE00])
def test_a_pacs_that_gives_little_at_once_is_asked_by_the_day(
    archive: Archive, status: int
) -> None:
    archive.too_wide = status
    archive.datasets = [stored(StudyDate=f"202601{day:02}") for day in range(1, 13)]
    archive.widest_days = 3
    assert uids(studies(archive)) == {study_of(one) for one in archive.datasets}


def test_a_pacs_that_hides_what_is_over_its_limit_is_caught_at_it(archive: Archive) -> None:
    """It tells of sixty and says that these were all, where a day has more."""
    days = ("20260102", "20260105")
    times = [f"{number // 60:02}{number % 60:02}00" for number in range(0, 800, 10)]
    archive.datasets = [stored(StudyDate=days[0], StudyTime=time) for time in times]
    archive.tells_at_most = 60
    with pytest.raises(PeerRefused, match="more than the 60 studies it tells of"):
        studies(archive)
    archive.datasets = archive.datasets[:30]
    archive.datasets += [stored(StudyDate=days[1], StudyTime=time) for time in times[:50]]
    assert uids(studies(archive)) == {study_of(one) for one in archive.datasets}


def test_a_study_that_comes_in_the_meantime_is_not_a_hidden_one(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = stored(StudyTime="235900")
    archive.datasets = [stored() for _ in range(60)]

    def arriving(identifier: Dataset) -> int:
        if identifier.get("StudyTime") and new not in archive.datasets:
            archive.datasets = [*archive.datasets, new]
        return 0

    monkeypatch.setattr(archive, "_refusal", arriving)
    assert len(studies(archive, *JANUARY_2, modalities=("CR",))) == 60


@pytest.mark.parametrize("status", [0x0110, 0xC000])
def test_a_pacs_that_does_not_look_at_times_is_believed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    archive.datasets = [stored() for _ in range(50)]
    monkeypatch.setattr(archive, "_refusal", lambda asked: status if asked.StudyTime else 0)
    assert len(studies(archive, *JANUARY_2, modalities=("CR",))) == 50


REFUSALS = [
    (0xA700, PeerUnavailable, "out of resources"),
    (0xA900, PeerRefused, "does not fit"),
    (0xC000, PeerRefused, "cannot process"),
    (0x0122, PeerRefused, "does not support"),
    (0x0124, PeerRefused, "give OSTEON the right"),
    (0xFE00, PeerRefused, "gives so many matches and no more"),
]


@pytest.mark.parametrize(("status", "kind", "words"), REFUSALS)
def test_a_refusal_in_plain_words(
    archive: Archive, status: int, kind: type[Exception], words: str
) -> None:
    archive.status = status
    with pytest.raises(kind, match=f"ARCHIVE@.*{words}.*0x{status:04X}"):
        studies(archive)


def test_a_pacs_that_dies_half_way_has_not_answered(archive: Archive) -> None:
    archive.datasets = [stored() for _ in range(3)]
    archive.breaks_off_after = 2
    with pytest.raises(PeerUnavailable, match=r"broke off.*may OSTEON query"):
        # Of one request, so that no later one can notice.
        studies(archive, *JANUARY_2, modalities=("CR",))


def test_no_answer_is_taken_away_by_the_thread_of_the_library(archive: Archive) -> None:
    """On a busy machine it wakes when the answer is there, before who asked looks for it."""
    with querying(replace(archive.destination, dimse_timeout_seconds=2), "OSTEON") as pacs:
        dimse = pacs._association.dimse
        send = dimse.send_msg

        def send_and_pause(*message: Any) -> None:
            send(*message)
            time.sleep(0.15)

        dimse.send_msg = send_and_pause
        waited_at = pacs._association._reactor_checkpoint
        pacs._association._reactor_checkpoint = Overslept()
        waited_at.tell()
        time.sleep(0.01)
        assert pacs.studies_with_accession_number("none") == []


class Overslept(Checkpoint):
    """Lets the library's thread look around without end; each time it waits for the CPU first."""

    def wait(self, timeout: float | None = None) -> bool:
        self.tell()
        is_set = super().wait(timeout)
        self.is_waited_at = True
        time.sleep(0.05)
        self.is_waited_at = False
        return is_set


def test_a_pacs_that_takes_no_queries() -> None:
    with running_archive(GET) as archive, pytest.raises(PeerRefused, match="enable C-FIND"):
        studies(archive)


def test_a_pacs_that_does_not_know_us() -> None:
    unknown = pytest.raises(PeerRefused, match="does not know our AE title OSTEON")
    with running_archive(calling=("OTHER",)) as archive, unknown:
        studies(archive)


def _first_window(pacs: QueryClient, limit: int) -> list[FoundStudy]:
    return next(pacs.studies(StudyQuery(*JANUARY_2, ("CR",), limit)))[1]
