"""What the doors write into the audit trail: one event an association and study, and no patient."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
)
from sqlalchemy import Engine

from db.audit import PEER, Action, AuditRow, list_events
from db.audit_tally import AuditTally
from db.intake import OpenedAssociation, open_association, record_instance
from db.session import open_ledger, reading, transaction
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy, Peer
from dicom_node.refusals import RefusalLog
from tests.db.ledger import received
from tests.dicom_node.dicomweb.gateway import running_gateway
from tests.dicom_node.kept_results import SC, SR, keep, study_row
from tests.dicom_node.listening import (
    AE_TITLE,
    Node,
    associated,
    eventually,
    running_node,
    store,
)
from tests.dicom_node.query_retrieve.test_retrieve_service import (
    get,
    identifier,
    move,
    running_archive,
)
from tests.dicom_node.sent_objects import radiograph

pytestmark = pytest.mark.requirement("R-AUDIT-1")

CR = str(ComputedRadiographyImageStorage)


def events(engine: Engine, *actions: Action) -> list[AuditRow]:
    """Of these kinds, oldest first."""
    with reading(engine) as session:
        return [one for one in list_events(session, limit=500) if one.action in actions][::-1]


def image(study: str, number: int, **changes: object) -> Dataset:
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1"}
    return radiograph(**uids, SOPInstanceUID=f"{study}.1.{number}", **changes)


def test_reception_is_one_event_a_study_when_the_association_ends(node: Node) -> None:
    sop_class = str(image("1.2.8", 1).SOPClassUID)
    with associated(node.port, sop_class) as association:
        for study, number in (("1.2.8", 1), ("1.2.8", 2), ("1.2.9", 1), ("1.2.8", 2)):
            assert store(association, image(study, number)) == 0x0000
        assert events(node.engine, Action.INSTANCES_RECEIVED) == []
    assert eventually(lambda: len(events(node.engine, Action.INSTANCES_RECEIVED)) == 2)
    first, second = events(node.engine, Action.INSTANCES_RECEIVED)
    assert (first.actor, first.role, first.address) == ("MODALITY", PEER, "127.0.0.1")
    # What was here already was transferred all the same.
    assert (first.study_instance_uid, first.sop_classes) == ("1.2.8", {sop_class: 3})
    assert (second.study_instance_uid, second.sop_classes) == ("1.2.9", {sop_class: 1})
    with associated(node.port, sop_class) as association:
        store(association, image("1.2.9", 1))
    assert eventually(lambda: len(events(node.engine, Action.INSTANCES_RECEIVED)) == 3)


def test_reception_that_a_crash_left_open_is_written_down_by_the_next_listener(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    url = new_ledger("sqlite")
    engine = open_ledger(url)
    with transaction(engine) as session:
        open_association(session, OpenedAssociation("a1", "test", "MODALITY", AE_TITLE, "10.0.0.7"))
    for number in (1, 2):
        with transaction(engine) as session:
            record_instance(session, received(number, study="1.2.3", association_id="a1"))
    with running_node(url, tmp_path):
        pass
    with running_node(url, tmp_path):
        pass
    [event] = events(engine, Action.INSTANCES_RECEIVED)
    assert (event.actor, event.address, event.study_instance_uid) == (
        "MODALITY",
        "10.0.0.7",
        "1.2.3",
    )
    assert list((event.sop_classes or {}).values()) == [2]
    parts = [one.action for one in events(engine, Action.PART_STARTED, Action.PART_STOPPED)]
    assert parts == [Action.PART_STARTED, Action.PART_STOPPED] * 2
    engine.dispose()


def test_whoever_is_refused_is_counted_and_written_down(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    policy = AssociationPolicy(AE_TITLE, (Peer("PACS", "127.0.0.1"),))
    with running_node(new_ledger("sqlite"), tmp_path, policy) as node:
        for _ in range(3):
            with pytest.raises(AssertionError), associated(node.port, CR, calling="MALLORY"):
                pass
        engine = node.engine
        node.listener.stop(drain_seconds=1)

        def refused() -> list[AuditRow]:
            return [one for one in events(engine, Action.PEER_REFUSED) if one.actor == "MALLORY"]

        assert eventually(lambda: len(refused()) == 1, 30)
        [event] = refused()
    assert (event.outcome, event.address) == ("refused", "127.0.0.1")
    assert (event.detail or "").endswith("3 times")


def test_thousands_of_strangers_are_few_events(sqlite_ledger_url: str) -> None:
    tally, engine = AuditTally(), open_ledger(sqlite_ledger_url)
    log = RefusalLog(tally=tally)
    for number in range(5000):
        log.warning("association_rejected", calling_ae_title=f"AE{number}", address="10.0.0.7")
    with transaction(engine) as session:
        forget = tally.write(session)
    forget()
    refused = events(engine, Action.PEER_REFUSED)
    assert len(refused) == 51
    assert (refused[-1].actor, refused[-1].detail) == (
        *("(others)",),
        "association rejected; 4950 times",
    )
    with transaction(engine) as session:
        tally.write(session)
    assert len(events(engine, Action.PEER_REFUSED)) == 51
    engine.dispose()


def test_query_is_written_down_without_its_keys(node: Node) -> None:
    asked = identifier(PatientName="CANARY^ANNA", PatientID="MRN-4711")
    with associated(node.port, StudyRootQueryRetrieveInformationModelFind) as association:
        list(association.send_c_find(asked, StudyRootQueryRetrieveInformationModelFind))
    [event] = events(node.engine, Action.QUERY_ANSWERED)
    assert (event.actor, event.detail) == ("MODALITY", "study level")
    assert "CANARY" not in repr(event)


@pytest.fixture(scope="module")
def retrieved(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A node with two results of a study, which may move them to an archive."""
    with running_archive() as archive:
        destinations = (Destination("ARCHIVE", "127.0.0.1", archive.port),)
        folder = tmp_path_factory.mktemp("spool")
        with running_node(new_ledger("sqlite"), folder, destinations=destinations) as node:
            study = study_row("1.2.3")
            keep(node, study, SR)
            keep(node, study, SC)
            yield node


_SENDING = (Action.SENDING_BEGUN, Action.INSTANCES_SENT)


def test_retrieval_is_written_down_as_begun_and_as_ended(retrieved: Node) -> None:
    before = len(events(retrieved.engine, *_SENDING))
    get(retrieved, identifier(StudyInstanceUID="1.2.3"))
    begun, sent = events(retrieved.engine, *_SENDING)[before:]
    assert (begun.action, sent.action) == _SENDING
    assert (sent.actor, sent.role, sent.peer) == ("WORKSTATION", PEER, None)
    assert sent.sop_classes == {SR: 1, SC: 1}
    move(retrieved, identifier(StudyInstanceUID="1.2.3"))
    begun, sent = events(retrieved.engine, *_SENDING)[before + 2 :]
    assert (sent.actor, (sent.peer or "")[:8]) == ("MODALITY", "ARCHIVE@")
    assert sent.sop_classes == {SR: 1, SC: 1}


def test_retrieval_of_what_fails_in_part_says_so(retrieved: Node) -> None:
    get(retrieved, identifier(StudyInstanceUID="1.2.3"), lambda _: 0xA700)
    sent = events(retrieved.engine, Action.INSTANCES_SENT)[-1]
    assert (sent.outcome, sent.sop_classes) == ("failed", {})


def test_gateway_writes_down_searches_and_what_it_gives(retrieved: Node) -> None:
    with running_gateway(retrieved) as gateway:
        gateway.get("/studies", "application/dicom+json", PatientID="MRN-4711")
        gateway.get("/studies/1.2.3", 'multipart/related; type="application/dicom"')
        gateway.get("/studies/1.2.3/metadata", "application/dicom+json")
    kinds = (Action.SEARCH_ANSWERED, Action.INSTANCES_SENT, Action.STUDY_VIEWED)
    found = [one for one in events(retrieved.engine, *kinds) if one.actor == "DICOMWEB"]
    assert [one.action for one in found] == list(kinds)
    assert found[0].detail == "QIDO-RS study"
    assert found[1].sop_classes == {SR: 1, SC: 1}
    assert "4711" not in repr(found)
