"""What the audit trail says of requests over HTTP: noted before anything is answered."""

from collections.abc import Iterable

from fastapi import Request
from sqlalchemy import Engine

from db.audit import PEER, Action, AuditRecord, Outcome, record_event
from db.audit_receptions import Carried
from db.audit_transfers import Sending, record_sent
from db.result_catalogue import CataloguedInstance
from db.session import transaction
from dicom_node.dicomweb.gateway_config import CALLING_AE_TITLE
from dicom_node.dicomweb.request_reading import client_address


def peer_refused(address: str) -> AuditRecord:
    return AuditRecord(
        CALLING_AE_TITLE, PEER, Action.PEER_REFUSED, address, Outcome.REFUSED, detail="no peer here"
    )


def note_search(engine: Engine, request: Request, what: str) -> None:
    """Of which kind, and never by which keys. Raises LedgerUnavailable."""
    event = _event(request, Action.SEARCH_ANSWERED, detail=f"QIDO-RS {what}")
    with transaction(engine) as session:
        record_event(session, event)


def note_objects(engine: Engine, request: Request, objects: Iterable[CataloguedInstance]) -> None:
    """Whole objects go to whoever asked, noted as they begin to. Raises LedgerUnavailable."""
    sent: Carried = {}
    for one in objects:
        classes = sent.setdefault(one.study_instance_uid, {})
        classes[one.sop_class_uid] = classes.get(one.sop_class_uid, 0) + 1
    with transaction(engine) as session:
        record_sent(session, Sending(CALLING_AE_TITLE, PEER, client_address(request)), sent)


def note_parts(engine: Engine, request: Request, objects: Iterable[CataloguedInstance]) -> None:
    """Something of these objects is looked at. Raises LedgerUnavailable."""
    with transaction(engine) as session:
        for uid in dict.fromkeys(one.study_instance_uid for one in objects):
            event = _event(request, Action.STUDY_VIEWED, study_instance_uid=uid, detail="WADO-RS")
            record_event(session, event)


def _event(
    request: Request, action: Action, *, detail: str, study_instance_uid: str | None = None
) -> AuditRecord:
    return AuditRecord(
        actor=CALLING_AE_TITLE,
        role=PEER,
        action=action,
        address=client_address(request),
        study_instance_uid=study_instance_uid,
        detail=detail,
    )
