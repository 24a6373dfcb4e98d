"""A disk that gives back other bytes than it was given: they are not judged, and not sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from db.jobs import JobKind, JobState
from db.states import ObjectKind
from db.tables import Instance, ResultObject
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward

OpenWard = Callable[..., Ward]
pytestmark = pytest.mark.requirement("R-KEEP-1")


@contextmanager
def damaged(ward: Ward, spool_key: str) -> Iterator[None]:
    """One bit of the file is another one; afterwards it is as it was, as after a restore."""
    path = ward.kitchen.spool.root / "kept" / spool_key[:2] / spool_key
    kept = path.read_bytes()
    path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    yield
    path.write_bytes(kept)


def test_an_image_that_changed_on_the_disk_is_not_judged(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(study_of_two_views()[0])
        [received] = ward.rows(Instance)
        with damaged(ward, received.spool_key):
            ward.run_due()
            [job] = ward.jobs(JobKind.ANALYSE, JobState.WAITING)
            assert (
                job.last_error
                == f"ObjectDamaged: {received.spool_key} is damaged in the spool; restore it"
            )
            assert ward.images()[0]["analysed_at"] is None
        ward.let_time_pass()
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1
    assert ward.images()[0]["probability"] is not None


@pytest.mark.requirement("R-SEND-1")
def test_a_report_that_changed_on_the_disk_is_not_sent(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(study_of_two_views()[0])
        while not (made := [row for row in ward.rows(ResultObject) if row.kind is ObjectKind.SR]):
            ward.run_due()
        with damaged(ward, made[0].spool_key):
            ward.run_until_quiet()
            assert pacs.reports() == []
            [job] = ward.jobs(JobKind.DELIVER, JobState.WAITING)
            assert "is damaged in the spool" in (job.last_error or "")
        ward.let_time_pass()
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1
