"""C-GET and C-MOVE: what comes that way is kept as what a modality sends, and refusals are told."""

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit
from sqlalchemy import select

from db.session import reading
from db.tables import Association
from dicom_node.peer import PeerRefused, PeerUnavailable
from dicom_node.query_retrieve.retrieve_client import (
    Reception,
    RetrieveClient,
    Retrieved,
    Wanted,
    Way,
)
from tests.dicom_node.archive import (
    FIND,
    GET,
    MOVE,
    Archive,
    running_archive,
    stored,
    stored_study,
)
from tests.dicom_node.listening import AE_TITLE, Node, associated, eventually, store
from tests.dicom_node.sent_objects import CR, encoded


@pytest.fixture(scope="module")
def running() -> Iterator[Archive]:
    with running_archive() as archive:
        yield archive


@pytest.fixture
def archive(running: Archive, node: Node) -> Archive:
    running.reset()
    running.neighbours = {AE_TITLE: node.port}
    return running


def retrieve(
    archive: Archive, node: Node, study: Dataset, by: Way = Way.AUTO, max_bytes: int = 2 << 30
) -> Retrieved:
    reception = Reception(node.engine, node.spool, "fetch", max_bytes)
    client = RetrieveClient(archive.destination, AE_TITLE, reception)
    return client.retrieve(Wanted(study.StudyInstanceUID), by)


@pytest.mark.parametrize("by", [Way.GET, Way.MOVE])
def test_a_study_arrives_with_the_bytes_that_the_pacs_has(
    archive: Archive, node: Node, by: Way
) -> None:
    study = stored_study(2, rows=600, columns=500)
    archive.datasets = [*study, stored()]
    assert retrieve(archive, node, study[0], by) == Retrieved(by, sent=2, failed=0)
    for dataset in study:
        node.assert_kept(dataset)
        [row] = node.instances(dataset.SOPInstanceUID)
        assert len(node.analyse_jobs(row.id)) == 1
    assert node.temporary_files() == []
    assert eventually(lambda: node.open_associations() == [])


def test_by_get_the_ledger_names_the_peer(archive: Archive, node: Node) -> None:
    study = stored_study(1)
    archive.datasets = study
    retrieve(archive, node, study[0])
    [row] = node.instances(study[0].SOPInstanceUID)
    with reading(node.engine) as session:
        [came_by] = session.scalars(select(Association).where(Association.id == row.association_id))
        titles = (came_by.calling_ae_title, came_by.called_ae_title)
        assert (came_by.listener, *titles) == ("fetch", AE_TITLE, "ARCHIVE")
        assert came_by.address == "127.0.0.1"
        assert came_by.closed_at is not None


def test_what_a_modality_has_sent_already_is_a_duplicate(archive: Archive, node: Node) -> None:
    """Only if both ways give the very same file: its digest is its identity."""
    study = stored_study(1)
    archive.datasets = study
    with associated(node.port, CR) as association:
        assert store(association, study[0]) == 0
    files = node.kept_files()
    assert retrieve(archive, node, study[0]).sent == 1
    [row] = node.instances(study[0].SOPInstanceUID)
    assert node.kept_files() == files
    assert len(node.analyse_jobs(row.id)) == 1


def test_other_bytes_under_a_known_uid_are_kept_apart(archive: Archive, node: Node) -> None:
    study = stored_study(1)
    with associated(node.port, CR) as association:
        assert store(association, study[0]) == 0
    study[0].PixelData = b"\x01" * len(study[0].PixelData)
    archive.datasets = study
    assert retrieve(archive, node, study[0]).failed == 0
    reasons = [row.quarantine_reason for row in node.instances(study[0].SOPInstanceUID)]
    assert sorted(reason is not None for reason in reasons) == [False, True]


def test_a_compressed_object_comes_as_it_is(archive: Archive, node: Node) -> None:
    study = stored_study(1, transfer_syntax=JPEGBaseline8Bit)
    encoded(study[0], JPEGBaseline8Bit)
    archive.datasets = study
    retrieve(archive, node, study[0])
    [row] = node.instances(study[0].SOPInstanceUID)
    assert row.transfer_syntax_uid == JPEGBaseline8Bit


def test_what_the_node_refuses_fails_at_the_pacs(archive: Archive, node: Node) -> None:
    small = stored()
    large = stored(rows=600, columns=500, StudyInstanceUID=small.StudyInstanceUID)
    archive.datasets = [small, large]
    retrieved = retrieve(archive, node, small, max_bytes=100_000)
    assert (retrieved.sent, retrieved.failed) == (1, 1)
    assert node.instances(large.SOPInstanceUID) == []
    assert node.temporary_files() == []


def test_an_object_that_names_no_study_is_refused_as_from_a_modality(
    archive: Archive, node: Node
) -> None:
    good = stored()
    bad = stored(StudyInstanceUID=good.StudyInstanceUID, SeriesInstanceUID=None)
    archive.datasets = [good, bad]
    assert retrieve(archive, node, good).failed == 1
    assert node.instances(bad.SOPInstanceUID) == []


def test_a_pacs_that_dies_half_way_has_sent_what_it_has_sent(archive: Archive, node: Node) -> None:
    study = stored_study(3)
    archive.datasets, archive.breaks_off_after = study, 1
    with pytest.raises(PeerUnavailable, match="broke off"):
        retrieve(archive, node, study[0], Way.GET)
    assert [len(node.instances(one.SOPInstanceUID)) for one in study] == [1, 0, 0]
    assert node.open_associations() == []
    assert node.temporary_files() == []


def test_of_series_only_these_come(archive: Archive, node: Node) -> None:
    study = stored_study(2)
    archive.datasets = [*study, stored(StudyInstanceUID=study[0].StudyInstanceUID)]
    client = RetrieveClient(archive.destination, AE_TITLE, Reception(node.engine, node.spool, "f"))
    wanted = Wanted(study[0].StudyInstanceUID, (study[0].SeriesInstanceUID,), frozenset({CR}))
    assert client.retrieve(wanted).sent == 2
    assert node.instances(archive.datasets[2].SOPInstanceUID) == []


def test_a_pacs_that_does_not_know_where_we_are(archive: Archive, node: Node) -> None:
    archive.datasets = stored_study(1)
    archive.neighbours = {}
    with pytest.raises(PeerRefused, match=r"add our AE title there.*0xA801") as refusal:
        retrieve(archive, node, archive.datasets[0], Way.MOVE)
    assert refusal.value.status == 0xA801
    assert f"where {AE_TITLE} is" in str(refusal.value)


def test_failures_of_a_move_are_counted(archive: Archive, node: Node) -> None:
    good = stored()
    bad = stored(StudyInstanceUID=good.StudyInstanceUID, SeriesInstanceUID=None)
    archive.datasets = [good, bad]
    assert retrieve(archive, node, good, Way.MOVE) == Retrieved(Way.MOVE, sent=1, failed=1)


def test_without_get_the_pacs_calls_us(node: Node) -> None:
    study = stored_study(1)
    with running_archive(FIND, MOVE) as archive:
        archive.datasets, archive.neighbours = study, {AE_TITLE: node.port}
        assert retrieve(archive, node, study[0]).by is Way.MOVE
        with pytest.raises(PeerRefused, match="does not take C-GET from us"):
            retrieve(archive, node, study[0], Way.GET)
    node.assert_kept(study[0])


def test_a_pacs_that_may_not_send_on_our_association_calls_us(node: Node) -> None:
    study = stored_study(1)
    with running_archive(sends=False) as archive:
        archive.datasets, archive.neighbours = study, {AE_TITLE: node.port}
        assert retrieve(archive, node, study[0]).by is Way.MOVE


def test_a_pacs_that_gives_nothing_away(node: Node) -> None:
    neither = pytest.raises(PeerRefused, match="neither C-GET nor C-MOVE")
    with running_archive(FIND) as archive, neither:
        retrieve(archive, node, stored())


def test_a_pacs_that_takes_get_alone(node: Node) -> None:
    not_move = pytest.raises(PeerRefused, match="does not take C-MOVE")
    with running_archive(GET) as archive, not_move:
        retrieve(archive, node, stored(), Way.MOVE)
