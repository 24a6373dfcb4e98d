"""Events of the audit trail as messages of the DICOM audit schema (PS3.15 A.5).

A message names the patient by ID where A.5.3 requires it, and never by name; it has no pixels, no
probability, no finding, and of a query no keys.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from xml.etree import ElementTree

from db.audit import NODE, Action, Outcome
from db.audit_forwarding import ForwardedEvent
from messages.audit_codes import (
    ACCESSED,
    ACTIVITY,
    ALERT,
    APPLICATION,
    AUTHENTICATION,
    BEGIN_TRANSFERRING,
    DELETED,
    DESTINATION,
    DESTINATION_MEDIA,
    EXPORT,
    IMPORT,
    LOG_USED,
    QUERY,
    SOURCE,
    SOURCE_MEDIA,
    TRANSFERRED,
    URI_MEDIA,
    Code,
    kind_of,
)
from messages.audit_objects import (
    Element,
    alert_subject,
    audit_log,
    coded,
    patient,
    plain,
    query,
    study,
)

_MINOR_FAILURE = "4"
_OUTCOMES: dict[str, str] = {
    Outcome.DONE: "0",
    Outcome.REFUSED: _MINOR_FAILURE,
    Outcome.FAILED: "8",
}
_APPLICATION_SERVER = "4"  # A.5.1.2.1
_NAME, _IP_ADDRESS = "1", "2"


@dataclass(frozen=True)
class Participant:
    """Somebody or something that took part; `media`: it is not who, but onto or from what."""

    user_id: str
    role: Code | None = None
    is_requestor: bool = False
    address: str = ""
    media: Code | None = None


@dataclass(frozen=True)
class AuditSource:
    """Who reports: the node, as `AE_TITLE@HOST`."""

    id: str


def build_message(event: ForwardedEvent, source: AuditSource) -> bytes:
    """The message in UTF-8, without a declaration."""
    kind = kind_of(event.action)
    message = Element("AuditMessage")
    identification = ElementTree.SubElement(
        message,
        "EventIdentification",
        EventActionCode=kind.action_code,
        EventDateTime=event.happened_at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=_OUTCOMES.get(event.outcome, _MINOR_FAILURE),
    )
    coded(identification, "EventID", kind.event)
    if kind.type is not None:
        coded(identification, "EventTypeCode", kind.type)
    participants, objects = _SHAPES[kind.event]
    for participant in participants(event, source.id):
        message.append(_participant(participant))
    told_by = ElementTree.SubElement(message, "AuditSourceIdentification", AuditSourceID=source.id)
    ElementTree.SubElement(told_by, "AuditSourceTypeCode", {"csd-code": _APPLICATION_SERVER})
    message.extend(objects(event))
    encoded: bytes = ElementTree.tostring(message, encoding="utf-8", xml_declaration=False)
    return encoded


def _participant(who: Participant) -> Element:
    element = Element(
        "ActiveParticipant",
        UserID=plain(who.user_id),
        UserIsRequestor="true" if who.is_requestor else "false",
    )
    if who.address:
        element.set("NetworkAccessPointID", plain(who.address))
        element.set("NetworkAccessPointTypeCode", _access_point_type(who.address))
    if who.role is not None:
        coded(element, "RoleIDCode", who.role)
    if who.media is not None:
        identifier = ElementTree.SubElement(element, "MediaIdentifier")
        coded(identifier, "MediaType", who.media)
    return element


def _access_point_type(address: str) -> str:
    try:
        ip_address(address)
    except ValueError:
        return _NAME
    return _IP_ADDRESS


def _actor(event: ForwardedEvent, role: Code | None = None) -> Participant:
    return Participant(event.actor, role, event.role != NODE, event.address)


def _started(event: ForwardedEvent, _node: str) -> Iterator[Participant]:
    yield Participant(event.actor, APPLICATION, address=event.address)


def _signed_in(event: ForwardedEvent, node: str) -> Iterator[Participant]:
    # A.5.3.12: the network access point is required of the person.
    yield Participant(event.actor, is_requestor=True, address=event.address or "unknown")
    yield Participant(node)


def _alone(event: ForwardedEvent, node: str) -> Iterator[Participant]:
    if event.actor != node:
        yield _actor(event)
    yield Participant(node, is_requestor=event.role == NODE)


def _reported(event: ForwardedEvent, node: str) -> Iterator[Participant]:
    """A.5.3.11: we report, somebody else did it."""
    yield Participant(node, is_requestor=True)
    yield Participant(event.actor, address=event.address)


def _transferred(event: ForwardedEvent, node: str) -> Iterator[Participant]:
    if event.action == Action.INSTANCES_RECEIVED:
        yield _actor(event, SOURCE)
        yield Participant(node, DESTINATION)
        return
    yield Participant(node, SOURCE, event.role == NODE)
    if event.peer is None:  # whoever asked gets it
        yield _actor(event, DESTINATION)
        return
    yield Participant(event.peer, DESTINATION)
    if event.role != NODE:
        yield _actor(event)


def _asked(event: ForwardedEvent, node: str) -> Iterator[Participant]:
    if event.action != Action.QUERY_SENT:
        yield _actor(event, SOURCE)
        yield Participant(node, DESTINATION)
        return
    yield Participant(node, SOURCE, event.role == NODE)
    yield Participant(event.peer or "unknown", DESTINATION)
    if event.role != NODE:
        yield _actor(event)


def _exported(event: ForwardedEvent, node: str) -> Iterator[Participant]:
    if event.peer is not None:
        yield Participant(event.peer, DESTINATION)
    yield Participant(node, SOURCE, event.role == NODE)
    if event.role != NODE:
        yield _actor(event, SOURCE)
    media = event.peer or event.address or node
    yield Participant(media, DESTINATION_MEDIA, media=URI_MEDIA)


def _imported(event: ForwardedEvent, node: str) -> Iterator[Participant]:
    yield Participant(node, DESTINATION, event.role == NODE)
    if event.role != NODE:
        yield _actor(event, DESTINATION)
    media = event.peer or event.address or node
    yield Participant(media, SOURCE_MEDIA, media=URI_MEDIA)


def _nothing(_event: ForwardedEvent) -> Iterator[Element]:
    return iter(())


def _log(_event: ForwardedEvent) -> Iterator[Element]:
    yield audit_log()


def _query(event: ForwardedEvent) -> Iterator[Element]:
    yield query(event)


def _alert(event: ForwardedEvent) -> Iterator[Element]:
    yield alert_subject(event)


def _study_and_patient(event: ForwardedEvent) -> Iterator[Element]:
    if event.study_instance_uid is not None:
        yield study(event)
    yield patient(event)


_Participants = Callable[[ForwardedEvent, str], Iterator[Participant]]
_Objects = Callable[[ForwardedEvent], Iterator[Element]]
_SHAPES: dict[Code, tuple[_Participants, _Objects]] = {
    ACTIVITY: (_started, _nothing),
    LOG_USED: (_alone, _log),
    BEGIN_TRANSFERRING: (_transferred, _study_and_patient),
    ACCESSED: (_alone, _study_and_patient),
    TRANSFERRED: (_transferred, _study_and_patient),
    DELETED: (_alone, _study_and_patient),
    EXPORT: (_exported, _study_and_patient),
    IMPORT: (_imported, _study_and_patient),
    QUERY: (_asked, _query),
    ALERT: (_reported, _alert),
    AUTHENTICATION: (_signed_in, _nothing),
}
