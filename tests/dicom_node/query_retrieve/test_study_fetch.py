"""What became of a fetched study, as the ledger counts it and not as the PACS says."""

from collections.abc import Iterator

import pytest

from dicom_node.query_retrieve.query_client import querying
from dicom_node.query_retrieve.retrieve_client import Reception, RetrieveClient, Way
from dicom_node.query_retrieve.study_fetch import FetchedStudy, StudyFetch
from tests.dicom_node.archive import Archive, running_archive, stored, stored_study
from tests.dicom_node.listening import AE_TITLE, Node, associated, store
from tests.dicom_node.sent_objects import CR


@pytest.fixture(scope="module")
def archive() -> Iterator[Archive]:
    with running_archive() as archive:
        yield archive


def fetch(
    archive: Archive, node: Node, by: Way = Way.AUTO, max_bytes: int = 1 << 20
) -> FetchedStudy:
    uid = archive.datasets[0].StudyInstanceUID
    reception = Reception(node.engine, node.spool, "fetch", max_bytes)
    client = RetrieveClient(archive.destination, AE_TITLE, reception)
    with querying(archive.destination, AE_TITLE) as pacs:
        instances = pacs.instances(uid)
    return StudyFetch(node.engine, client, by).fetch(uid, instances)


def test_new_known_and_changed_objects_are_told_apart(archive: Archive, node: Node) -> None:
    archive.reset()
    new, same, changed = archive.datasets = stored_study(3)
    with associated(node.port, CR) as association:
        assert {store(association, one) for one in (same, changed)} == {0}
    changed.PixelData = b"\x01" * len(changed.PixelData)
    uid = new.StudyInstanceUID
    expected = FetchedStudy(uid, 3, Way.GET, stored=1, duplicate=2, kept_apart=1)
    assert fetch(archive, node) == expected
    again = FetchedStudy(uid, 3, Way.GET, duplicate=3)
    assert fetch(archive, node) == again


def test_what_did_not_arrive_has_a_reason(archive: Archive, node: Node) -> None:
    archive.reset()
    small = stored()
    large = stored(rows=600, columns=500, StudyInstanceUID=small.StudyInstanceUID)
    archive.datasets = [small, large]
    fetched = fetch(archive, node, max_bytes=100_000)
    assert (fetched.found, fetched.stored, fetched.refused) == (2, 1, 1)
    assert str(fetched.reason).startswith("1 of 2 objects did not arrive: our log")


def test_a_refusal_is_the_reason(archive: Archive, node: Node) -> None:
    archive.reset()
    archive.datasets = stored_study(2)
    fetched = fetch(archive, node, Way.MOVE)
    assert (fetched.found, fetched.stored, fetched.refused, fetched.by) == (2, 0, 2, None)
    assert "add our AE title there with our host and port" in str(fetched.reason)
