"""STOW-RS: what comes over HTTP is kept, checked and recorded as what comes by C-STORE."""

from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    generate_uid,
)
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification
from sqlalchemy import select

from db.intake import OpenedAssociation, open_association
from db.session import transaction
from db.tables import Association, Study
from dicom_node.policy import Peer
from dicom_node.routing.table import read_rules
from dicom_node.statuses import StoreStatus
from tests.dicom_node.dicomweb.gateway import (
    END,
    PART,
    Gateway,
    body,
    file_bytes,
    part,
    running_gateway,
)
from tests.dicom_node.listening import Node, associated, store
from tests.dicom_node.sent_objects import CR, file_of, radiograph


def told(response: httpx.Response) -> Dataset:
    assert response.headers["Content-Type"] == "application/dicom+json"
    return Dataset.from_json(response.json())


def failures(response: httpx.Response) -> list[int]:
    answer = told(response)
    items = [*answer.get("FailedSOPSequence", []), *answer.get("OtherFailuresSequence", [])]
    return [int(item.FailureReason) for item in items]


def test_a_study_is_stored(gateway: Gateway, tmp_path: Path) -> None:
    study = generate_uid()
    sent = [radiograph(StudyInstanceUID=study) for _ in range(3)]
    files = [dcmread(file_of(dataset, tmp_path)) for dataset in sent]
    answer = gateway.client.store_instances(files, study_instance_uid=study)
    stored = [str(item.ReferencedSOPInstanceUID) for item in answer.ReferencedSOPSequence]
    assert stored == [dataset.SOPInstanceUID for dataset in sent]
    assert {item.RetrieveURL for item in answer.ReferencedSOPSequence} == {""}
    for dataset in sent:
        gateway.node.assert_kept(dataset)
        [row] = gateway.node.instances(dataset.SOPInstanceUID)
        assert len(gateway.node.analyse_jobs(row.id)) == 1


def test_the_request_is_an_association_of_the_ledger(gateway: Gateway) -> None:
    dataset = radiograph()
    assert gateway.post(body(file_bytes(dataset))).status_code == 200
    [row] = gateway.node.instances(dataset.SOPInstanceUID)
    with transaction(gateway.node.engine) as session:
        association = session.get_one(Association, row.association_id)
        assert association.calling_ae_title == "DICOMWEB"
        assert association.address == "127.0.0.1"
        assert association.listener == "gateway"
        assert association.closed_at is not None


@pytest.mark.parametrize(
    "transfer_syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        JPEGBaseline8Bit,
    ],
)
def test_by_either_door_it_is_the_same_object(gateway: Gateway, transfer_syntax: str) -> None:
    dataset = radiograph()
    with associated(gateway.node.port, CR, transfer_syntax=transfer_syntax) as association:
        assert store(association, dataset) == StoreStatus.SUCCESS
    response = gateway.post(body(file_bytes(dataset, transfer_syntax)))
    assert response.status_code == 200
    [row] = gateway.node.instances(dataset.SOPInstanceUID)
    assert row.transfer_syntax_uid == transfer_syntax
    gateway.node.assert_kept(dataset)


@pytest.mark.parametrize("magic", [b"MZ\x90\0", b"\x7fELF", b"#!/bin/sh\n", b"%PDF-1.7", b"II*\0"])
def test_a_file_that_is_a_program_too_is_kept_as_an_image_alone(
    gateway: Gateway, magic: bytes
) -> None:
    """What stands before DICM makes the same file another one to another reader (PS3.10 7.1)."""
    dataset = radiograph()
    polyglot = magic + file_bytes(dataset)[len(magic) :]
    assert gateway.post(body(polyglot)).status_code == 200
    gateway.node.assert_kept(dataset)


def test_other_bytes_under_a_known_uid_are_kept_apart(gateway: Gateway) -> None:
    uid = generate_uid()
    first, second = radiograph(SOPInstanceUID=uid), radiograph(SOPInstanceUID=uid, Rows=32)
    assert gateway.post(body(file_bytes(first), file_bytes(second))).status_code == 200
    rows = gateway.node.instances(uid)
    assert sorted(row.quarantine_reason is None for row in rows) == [False, True]


def test_two_patients_in_one_study_wait_for_a_person(gateway: Gateway) -> None:
    study = generate_uid()
    first = radiograph(StudyInstanceUID=study)
    other = radiograph(StudyInstanceUID=study, PatientID="P2")
    assert gateway.post(body(file_bytes(first), file_bytes(other))).status_code == 200
    with transaction(gateway.node.engine) as session:
        asked = select(Study.blocked_reason).where(Study.study_instance_uid == study)
        assert "two patients" in (session.scalar(asked) or "")


def _mismatched(dataset: Dataset) -> bytes:
    return file_bytes(dataset, MediaStorageSOPInstanceUID=generate_uid())


GOOD_HEADS = {
    "another object": (_mismatched, 0xA900, 409),
    "no storage class": (
        lambda dataset: file_bytes(dataset, MediaStorageSOPClassUID=Verification),
        0x0122,
        409,
    ),
    "a query": (
        lambda dataset: file_bytes(
            dataset, MediaStorageSOPClassUID=StudyRootQueryRetrieveInformationModelFind
        ),
        0x0122,
        409,
    ),
    "video": (
        lambda dataset: file_bytes(dataset, TransferSyntaxUID=MPEG2MPML),
        0xC122,
        409,
    ),
    "no data set": (lambda dataset: file_bytes(dataset)[:300], 0xC000, 400),
    "no DICM": (lambda dataset: bytes(132) + file_bytes(dataset)[132:], 0xC000, 400),
    "no preamble": (lambda dataset: file_bytes(dataset)[132:], 0xC000, 400),
    "nothing": (lambda _dataset: b"", 0xC000, 400),
    "data set cut off": (lambda dataset: file_bytes(dataset)[:500], 0xC000, 400),
    "text": (lambda _dataset: b"hello" * 1000, 0xC000, 400),
}


@pytest.mark.parametrize("case", GOOD_HEADS)
def test_a_bad_part_does_not_cost_the_good_ones(gateway: Gateway, case: str) -> None:
    spoil, reason, status = GOOD_HEADS[case]
    bad = spoil(radiograph())
    alone = gateway.post(body(bad))
    assert (alone.status_code, failures(alone)) == (status, [reason])
    assert alone.headers["Warning"].startswith("299 OSTEON ")
    good = radiograph()
    both = gateway.post(body(bad, file_bytes(good)))
    assert (both.status_code, failures(both)) == (202, [reason])
    gateway.node.assert_kept(good)
    assert not gateway.node.temporary_files()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"X-Nothing: here", 400),
        (b"", 400),
        (b"Content-Type: application/dicom+json", 415),
        (PART + b"\r\nContent-Transfer-Encoding: base64", 400),
    ],
)
def test_a_part_must_say_that_it_is_a_dicom_file(
    gateway: Gateway, headers: bytes, status: int
) -> None:
    dataset = radiograph()
    response = gateway.post(part(file_bytes(dataset), headers) + END)
    assert (response.status_code, failures(response)) == (status, [0xC000])
    assert not gateway.node.instances(dataset.SOPInstanceUID)


def test_part_headers_are_read_as_headers_are(gateway: Gateway) -> None:
    dataset = radiograph()
    headers = b'content-TYPE:application/dicom;\r\n  transfer-syntax="*"\r\nContent-ID: <1@x>'
    assert gateway.post(part(file_bytes(dataset), headers) + END).status_code == 200
    gateway.node.assert_kept(dataset)


def test_the_study_of_the_url_is_the_only_one(gateway: Gateway) -> None:
    dataset = radiograph()
    elsewhere = gateway.post(body(file_bytes(dataset)), f"/studies/{generate_uid()}")
    assert (elsewhere.status_code, failures(elsewhere)) == (409, [0xA900])
    assert not gateway.node.instances(dataset.SOPInstanceUID)
    there = gateway.post(body(file_bytes(dataset)), f"/studies/{dataset.StudyInstanceUID}")
    assert there.status_code == 200


DICOM_TYPE = 'multipart/related; type="application/dicom"'
REFUSED: dict[str, tuple[int, str, dict[str, str]]] = {
    "metadata in JSON": (
        415,
        "/studies",
        {"Content_Type": 'multipart/related; type="application/dicom+json"; boundary=x'},
    ),
    "one file": (415, "/studies", {"Content_Type": "application/dicom"}),
    "a form": (415, "/studies", {"Content_Type": "multipart/form-data; boundary=x"}),
    "no boundary": (400, "/studies", {"Content_Type": DICOM_TYPE}),
    "boundary too long": (400, "/studies", {"Content_Type": f"{DICOM_TYPE}; boundary={'x' * 300}"}),
    "another boundary": (400, "/studies", {"Content_Type": f"{DICOM_TYPE}; boundary=other"}),
    "compressed": (415, "/studies", {"Content_Encoding": "gzip"}),
    "answer in XML": (406, "/studies", {"Accept": "application/dicom+xml"}),
    "no UID": (400, "/studies/first", {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_store_request_is_refused_in_words(gateway: Gateway, case: str) -> None:
    status, path, headers = REFUSED[case]
    dataset = radiograph()
    response = gateway.post(body(file_bytes(dataset)), path, **headers)
    assert response.status_code == status
    words = response.headers.get("Warning") or response.text
    assert len(words) > 20
    assert not gateway.node.instances(dataset.SOPInstanceUID)


def test_a_body_without_parts_is_a_bad_request(gateway: Gateway) -> None:
    assert [gateway.post(empty).status_code for empty in (b"", END)] == [400, 400]


def test_who_is_no_allowed_peer_neither_stores_nor_asks(node: Node) -> None:
    dataset = radiograph()
    foreign = (Peer("DICOMWEB", "192.0.2.0/24"), Peer("MODALITY", "127.0.0.1"))
    with running_gateway(node, allowed_peers=foreign) as closed:
        assert closed.post(body(file_bytes(dataset))).status_code == 403
        assert closed.get("/studies").status_code == 403
    assert not node.instances(dataset.SOPInstanceUID)
    with running_gateway(node, allowed_peers=(Peer("DICOMWEB", "127.0.0.1"),)) as admitting:
        assert admitting.post(body(file_bytes(dataset))).status_code == 200


def test_routing_rules_know_this_door(node: Node) -> None:
    rules = read_rules([{"name": "web", "calling_ae_title": "DICOMWEB", "address": "127.0.0.1"}])
    dataset = radiograph()
    with running_gateway(node, rules=rules) as ruled:
        assert ruled.post(body(file_bytes(dataset))).status_code == 200
    [row] = node.instances(dataset.SOPInstanceUID)
    assert row.rule == "web"


def test_a_gateway_that_starts_again_closes_what_its_former_life_left_open(node: Node) -> None:
    left_open = OpenedAssociation("left-open", "gateway", "DICOMWEB", "OSTEON", "127.0.0.1")
    with transaction(node.engine) as session:
        open_association(session, left_open)
    with running_gateway(node):
        assert not node.open_associations()
