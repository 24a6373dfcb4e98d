"""One report to one destination: the rung chosen on the association, each object sent once."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

import structlog

from db.deliveries import (
    Acceptance,
    Choice,
    ConsignmentOrder,
    Item,
    StoredObject,
    mark_refused,
    mark_sent,
    may_send,
    save_choice,
)
from db.destinations import note_answer, note_failure
from db.jobs import Claim
from db.session import transaction
from db.states import AnalysisState
from dicom_node.ladder import Offered, Rung, Standing, choose_rung
from dicom_node.peer import NotTakenNow, PeerRefused, PeerTrouble
from dicom_node.results.result_object import ResultKind
from dicom_node.sender import SendableObject
from dicom_node.spool import ObjectGone
from messages.fhir_push import push_bundle
from messages.mllp import send_message
from worker.destinations import FhirServer, Hl7Receiver, PacsDestination, ResultDestination
from worker.kitchen import Kitchen
from worker.retrying import PersonNeeded
from worker.sending_note import SendingNote, sending_noted

log = structlog.get_logger(__name__)

Sending: TypeAlias = tuple[Item, Callable[[], Acceptance]]


def destination_named(kitchen: Kitchen, name: str) -> ResultDestination:
    """The configured destination; one that was taken out of the settings needs a person."""
    for destination in kitchen.plan.destinations:
        if destination.name == name:
            return destination
    raise PersonNeeded(f"{name} is no longer among the destinations; add it and requeue the job")


@contextmanager
def watched(kitchen: Kitchen, name: str) -> Iterator[None]:
    """Notes how the destination fares: after a failure it is left alone for a while.

    That it cannot take one object says nothing of others.
    """
    try:
        yield
    except NotTakenNow:
        _note_answer(kitchen, name)
        raise
    except PeerTrouble as trouble:
        with transaction(kitchen.ledger) as session:
            note_failure(session, name, str(trouble))
        raise
    _note_answer(kitchen, name)


def _note_answer(kitchen: Kitchen, name: str) -> None:
    with transaction(kitchen.ledger) as session:
        note_answer(session, name)


def send_consignment(
    kitchen: Kitchen, claim: Claim, destination: ResultDestination, order: ConsignmentOrder
) -> None:
    """Sends what is not sent yet; one object that is not taken does not keep the others back.

    PeerTrouble: what is left is sent another time.
    """
    with sending_noted(kitchen, destination, order) as note:
        if isinstance(destination, PacsDestination):
            sendings = _objects(kitchen, claim, destination, order, note)
        else:
            sendings = _messages(kitchen, claim, destination, order)
        trouble: NotTakenNow | ObjectGone | None = None
        for item, send in sendings:
            try:
                note.sent += _send_if_due(kitchen, claim, item, send)
            except (NotTakenNow, ObjectGone) as of_this_one:
                trouble = trouble or of_this_one
        if trouble is not None:
            raise trouble


def _messages(
    kitchen: Kitchen, claim: Claim, destination: Hl7Receiver | FhirServer, order: ConsignmentOrder
) -> Iterator[Sending]:
    with transaction(kitchen.ledger) as session:
        save_choice(session, claim, Choice(*_language(destination), omitted={}))
    for item in order.items:
        yield item, partial(_tell, kitchen, destination, item.candidates[0])


def _language(destination: Hl7Receiver | FhirServer) -> tuple[str, str]:
    if isinstance(destination, Hl7Receiver):
        return "HL7 v2 ORU^R01", "the destination is an HL7 v2 receiver"
    return "FHIR R4 transaction", "the destination is a FHIR server"


def _tell(
    kitchen: Kitchen, destination: Hl7Receiver | FhirServer, stored: StoredObject
) -> Acceptance:
    with kitchen.spool.open_intact(stored.spool_key) as stream:
        encoded = stream.read()
    if isinstance(destination, Hl7Receiver):
        send_message(destination.address, encoded)
        return Acceptance(stored.object_id, status=None, warning=None)
    pushed = push_bundle(destination.address, encoded)
    return Acceptance(stored.object_id, status=pushed.status, warning=None)


def _objects(
    kitchen: Kitchen,
    claim: Claim,
    destination: PacsDestination,
    order: ConsignmentOrder,
    note: SendingNote,
) -> Iterator[Sending]:
    accepted = kitchen.sender.accepted_classes(destination.peer)
    rung = choose_rung(
        [_offered(item) for item in order.items],
        accepted,
        destination.wishes,
        _standing(order),
    )
    if not rung.sent:
        raise PeerRefused(f"{destination.peer} accepts none of our results; enable them there")
    with transaction(kitchen.ledger) as session:
        save_choice(session, claim, Choice(rung.name, rung.reason, rung.omitted))
        note.begin(session)
    for item in order.items:
        if item.delivery_id in rung.sent:
            yield item, partial(_store, kitchen, destination, _chosen(item, rung))


def _store(kitchen: Kitchen, destination: PacsDestination, stored: StoredObject) -> Acceptance:
    sent = kitchen.sender.send(destination.peer, _sendable(kitchen, stored))
    return Acceptance(stored.object_id, sent.status, sent.warning)


def _send_if_due(
    kitchen: Kitchen, claim: Claim, item: Item, send: Callable[[], Acceptance]
) -> Counter[str]:
    """What went, by SOP Class UID; a message has none."""
    with transaction(kitchen.ledger) as session:
        is_due = may_send(session, claim, item.delivery_id)
    acceptance = _send(kitchen, claim, item, send) if is_due else None
    if acceptance is None:
        return Counter()
    candidates = {one.object_id: one for one in item.candidates}
    return Counter([candidates[acceptance.sent_object_id].sop_class_uid])


def _send(
    kitchen: Kitchen, claim: Claim, item: Item, send: Callable[[], Acceptance]
) -> Acceptance | None:
    """Sends one object and notes the answer; a lasting refusal is an answer too."""
    try:
        acceptance = send()
    except PeerRefused as refusal:
        with transaction(kitchen.ledger) as session:
            mark_refused(
                session, claim, item.delivery_id, status=refusal.status, error=str(refusal)
            )
        log.error("refused", delivery=item.delivery_id, what=item.kind.value)
        return None
    with transaction(kitchen.ledger) as session:
        mark_sent(session, claim, item.delivery_id, acceptance)
    return acceptance


def _standing(order: ConsignmentOrder) -> Standing:
    return Standing(
        negative=order.state is AnalysisState.NONE,
        partial=order.is_partial,
        before=frozenset(kind for kind in ResultKind if kind.value in order.kinds_before),
    )


def _offered(item: Item) -> Offered:
    return Offered(
        number=item.delivery_id,
        kind=ResultKind(item.kind.value),
        sop_class_uids=tuple(one.sop_class_uid for one in item.candidates),
        image=item.candidates[0].instance_id,
    )


def _chosen(item: Item, rung: Rung) -> StoredObject:
    sop_class_uid = rung.sent[item.delivery_id]
    return next(one for one in item.candidates if one.sop_class_uid == sop_class_uid)


def _sendable(kitchen: Kitchen, stored: StoredObject) -> SendableObject:
    return SendableObject(
        stored.sop_class_uid,
        stored.sop_instance_uid,
        partial(kitchen.spool.open_intact, stored.spool_key),
    )
