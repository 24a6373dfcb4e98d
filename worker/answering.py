"""A peer asked what we keep of what it sent: looked up in the ledger and on the disk, and told."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import SystemRandom

import structlog

from db.jobs import Claim, JobKind
from db.peer_requests import OpenRequest, find_held, put_off_answers
from db.session import reading, transaction
from dicom_node.commitment.answering import failures_among, require_reachable, send_answer
from dicom_node.commitment.messages import Reference
from dicom_node.peer import Destination, PeerRefused, PeerTrouble
from worker.kitchen import Kitchen
from worker.retrying import RETRY_POLICIES, PersonNeeded

log = structlog.get_logger(__name__)


def tell_peer_what_is_kept(kitchen: Kitchen, claim: Claim, request: OpenRequest) -> None:
    """PeerTrouble: it cannot be told now. Nothing is read from the disk for a peer that is away."""
    peer = _address(kitchen, request)
    with _counted_for_all(kitchen, claim, request):
        require_reachable(peer, kitchen.plan.ae_title)
    kept, failed = _looked_up(kitchen, request)
    try:
        send_answer(peer, kitchen.plan.ae_title, request.transaction_uid, (kept, failed))
    except PeerRefused as refusal:
        if refusal.status is None:  # of the association, which a person may put right there
            raise
        raise PersonNeeded(str(refusal)) from refusal
    log.info("peer_told_what_is_kept", peer=str(peer), kept=len(kept), failed=len(failed))


def _address(kitchen: Kitchen, request: OpenRequest) -> Destination:
    for peer in kitchen.plan.peers:
        if peer.ae_title == request.peer_ae_title:
            return peer
    raise PersonNeeded("the peer that asked is no longer in the settings with host and port")


@contextmanager
def _counted_for_all(kitchen: Kitchen, claim: Claim, request: OpenRequest) -> Iterator[None]:
    """A peer that is away is away for all its questions: they wait with the one that was tried."""
    try:
        yield
    except PeerTrouble as trouble:
        seconds = RETRY_POLICIES[JobKind.ANSWER].delay_seconds(claim.attempt, SystemRandom())
        with transaction(kitchen.ledger) as session:
            put_off_answers(session, request.peer_ae_title, error=str(trouble), seconds=seconds)
        raise


def _looked_up(
    kitchen: Kitchen, request: OpenRequest
) -> tuple[list[Reference], dict[Reference, int]]:
    """What is kept, and the Failure Reason of what is not."""
    references = [Reference(*pair) for pair in request.references]
    with reading(kitchen.ledger) as session:
        held = find_held(session, [one.sop_instance_uid for one in references])
    failed = failures_among(references, held, kitchen.spool)
    return [one for one in references if one not in failed], failed
