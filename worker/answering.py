"""A peer asked what we keep of what it sent: looked up in the ledger and on the disk, and told."""

import structlog

from db.peer_requests import OpenRequest, find_held
from db.session import reading
from dicom_node.commitment.answering import failures_among, send_answer
from dicom_node.commitment.messages import Reference
from worker.kitchen import Kitchen
from worker.retrying import PersonNeeded

log = structlog.get_logger(__name__)


def tell_peer_what_is_kept(kitchen: Kitchen, request: OpenRequest) -> None:
    """PeerTrouble: it cannot be told now."""
    peer = next((p for p in kitchen.plan.peers if p.ae_title == request.peer_ae_title), None)
    if peer is None:
        raise PersonNeeded("the peer that asked is no longer in the settings with host and port")
    references = [Reference(*pair) for pair in request.references]
    with reading(kitchen.ledger) as session:
        held = find_held(session, [one.sop_instance_uid for one in references])
    failed = failures_among(references, held, kitchen.spool)
    kept = [one for one in references if one not in failed]
    send_answer(peer, kitchen.plan.ae_title, request.transaction_uid, (kept, failed))
    log.info("peer_told_what_is_kept", peer=str(peer), kept=len(kept), failed=len(failed))
