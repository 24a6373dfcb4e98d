"""Proof that a destination keeps what it took: by Storage Commitment, else by finding it there."""

import uuid
from contextlib import AbstractContextManager

import structlog

from db.audit import NODE, Action, AuditRecord, record_event
from db.commitments import (
    ConfirmationOrder,
    finish_confirmation,
    record_found,
    record_unprovable,
    save_request,
    wait_for_answer,
)
from db.deliveries import StoredObject
from db.jobs import Claim
from db.session import transaction
from dicom_node.commitment.messages import Reference
from dicom_node.commitment.proof import CommitmentNotOffered, Questions, QuestionUnanswered, asking
from dicom_node.commitment.service import recorder
from dicom_node.peer import NothingAccepted, PeerRefused, PeerUnavailable
from worker.destinations import PacsDestination, ResultDestination
from worker.kitchen import Kitchen
from worker.retrying import NotNow

log = structlog.get_logger(__name__)

# Most archives answer on an association of their own, at once or in the night.
_ANSWER_WAIT_SECONDS = 3
_ASK_AGAIN_SECONDS = 24 * 3600
# A destination that left so many questions unanswered is looked into by query.
_MOST_UNANSWERED = 3
# An archive may take a while until it shows what it stored.
_LOOKS_BEFORE_SENDING_AGAIN = 3
# Who does not answer a query so often will not.
_MOST_ATTEMPTS = 5
_NOT_FOUND = "a query does not find it"
# After an outage it is asked again; that says nothing about what it shows, and counts no attempt.
_OUTAGE_SECONDS = 300


class NotFoundYet(Exception):
    """The destination does not show everything yet; it is asked again before that is sent anew.

    No trouble of the destination, which answered: what else waits for it is not held up.
    """


def seek_proof(
    kitchen: Kitchen, claim: Claim, destination: ResultDestination, order: ConfirmationOrder
) -> None:
    """Asks about all that is not proved; what the destination does not keep is sent again."""
    if not order.objects or not isinstance(destination, PacsDestination):
        with transaction(kitchen.ledger) as session:
            finish_confirmation(session, claim, order)
        return
    try:
        _ask(kitchen, claim, destination, order)
    except PeerUnavailable as outage:
        raise NotNow(str(outage), delay_seconds=_OUTAGE_SECONDS) from outage
    except NothingAccepted:
        _give_up(kitchen, claim, order)
    except (QuestionUnanswered, PeerRefused):
        if claim.attempt < _MOST_ATTEMPTS:
            raise
        _give_up(kitchen, claim, order)


def _ask(
    kitchen: Kitchen, claim: Claim, destination: PacsDestination, order: ConfirmationOrder
) -> None:
    """By Storage Commitment; by a query where that is not offered, or promised and not kept."""
    if order.requests < _MOST_UNANSWERED:
        with _asking(kitchen, destination) as questions:
            if not questions.offers_commitment:
                _search(kitchen, claim, destination, order, questions)
                return
            try:
                _request_commitment(kitchen, claim, questions, order)
                return
            except CommitmentNotOffered as refusal:
                log.warning("commitment_refused", destination=order.destination, why=str(refusal))
    # Who refused the request may have closed that association.
    with _asking(kitchen, destination) as questions:
        _search(kitchen, claim, destination, order, questions)


def _search(
    kitchen: Kitchen,
    claim: Claim,
    destination: PacsDestination,
    order: ConfirmationOrder,
    questions: Questions,
) -> None:
    if not questions.offers_query:
        raise NothingAccepted(f"{destination.peer} offers no way to ask what it keeps")
    _note_query(kitchen, destination, order)
    _find(kitchen, claim, questions, order)


def _note_query(kitchen: Kitchen, destination: PacsDestination, order: ConfirmationOrder) -> None:
    asked = AuditRecord(
        actor=kitchen.plan.ae_title,
        role=NODE,
        action=Action.QUERY_SENT,
        address="",
        study_instance_uid=order.study_instance_uid,
        peer=str(destination.peer),
    )
    with transaction(kitchen.ledger) as session:
        record_event(session, asked)


def _asking(kitchen: Kitchen, destination: PacsDestination) -> AbstractContextManager[Questions]:
    return asking(destination.peer, kitchen.plan.ae_title, recorder(kitchen.ledger))


def _give_up(kitchen: Kitchen, claim: Claim, order: ConfirmationOrder) -> None:
    with transaction(kitchen.ledger) as session:
        record_unprovable(session, claim, order)


def _request_commitment(
    kitchen: Kitchen, claim: Claim, questions: Questions, order: ConfirmationOrder
) -> None:
    transaction_uid = f"2.25.{uuid.uuid4().int}"
    with transaction(kitchen.ledger) as session:
        save_request(session, claim, transaction_uid)
    questions.request_commitment(
        transaction_uid,
        [Reference(one.sop_class_uid, one.sop_instance_uid) for one in order.objects],
        wait_seconds=_ANSWER_WAIT_SECONDS,
    )
    with transaction(kitchen.ledger) as session:
        wait_for_answer(session, claim, order, seconds=_ASK_AGAIN_SECONDS)


def _find(kitchen: Kitchen, claim: Claim, questions: Questions, order: ConfirmationOrder) -> None:
    found = {one.sop_instance_uid for one in order.objects if _is_there(questions, order, one)}
    missing = len(order.objects) - len(found)
    if missing and claim.attempt < _LOOKS_BEFORE_SENDING_AGAIN:
        raise NotFoundYet(f"{order.destination} does not show {missing} of what it took")
    with transaction(kitchen.ledger) as session:
        record_found(session, claim, order, found, _NOT_FOUND)


def _is_there(questions: Questions, order: ConfirmationOrder, one: StoredObject) -> bool:
    return questions.find(order.study_instance_uid, one.series_instance_uid, one.sop_instance_uid)
