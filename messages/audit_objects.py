"""The objects of an audit message: study, patient, query, trail, and what an alert is about."""

import base64
import re
from typing import TypeAlias
from xml.etree import ElementTree

from db.audit import Action
from db.audit_forwarding import ForwardedEvent
from messages.audit_codes import (
    NODE_ID,
    PATIENT_NUMBER,
    SOP_CLASS_UID,
    STUDY_INSTANCE_UID,
    URI,
    Code,
)

Element: TypeAlias = ElementTree.Element

# XML 1.0 has no way to write these at all.
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PERSON, _SYSTEM = "1", "2"
_PATIENT, _REPORT, _SECURITY_RESOURCE = "1", "3", "13"
_PERMANENT_ERASURE = "15"
_WITHHELD = "withheld"
_UNKNOWN = "unknown"
_STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
_DICOM_QUERIES = (Action.QUERY_ANSWERED, Action.QUERY_SENT)


def study(event: ForwardedEvent) -> Element:
    """With the classes and numbers of what was transferred, where that is known."""
    element = _object(STUDY_INSTANCE_UID, event.study_instance_uid or _UNKNOWN, _SYSTEM, _REPORT)
    if event.action == Action.STUDY_DELETED:
        element.set("ParticipantObjectDataLifeCycle", _PERMANENT_ERASURE)
    _name(element, "Study")
    if event.sop_classes:
        description = ElementTree.SubElement(element, "ParticipantObjectDescription")
        for uid, count in sorted(event.sop_classes.items()):
            ElementTree.SubElement(
                description, "SOPClass", UID=plain(uid), NumberOfInstances=str(count)
            )
    return element


def patient(event: ForwardedEvent) -> Element:
    """By ID alone; `unknown` where the event is of many patients, or of one no longer known."""
    identifier = event.patient_id or _UNKNOWN
    if event.patient_id and event.issuer_of_patient_id:
        identifier = f"{identifier}^^^{event.issuer_of_patient_id}"
    element = _object(PATIENT_NUMBER, identifier, _PERSON, _PATIENT)
    _name(element, _WITHHELD)  # the schema wants a name, or a query
    return element


def query(event: ForwardedEvent) -> Element:
    """That there was one, and of which kind: its keys may name patients and are left out."""
    if event.action not in _DICOM_QUERIES:
        element = _object(URI, f"osteon:{event.action}", _SYSTEM, _REPORT)
        ElementTree.SubElement(element, "ParticipantObjectQuery")
        return element
    element = _object(SOP_CLASS_UID, _STUDY_ROOT_FIND, _SYSTEM, _REPORT)
    ElementTree.SubElement(element, "ParticipantObjectQuery")
    _detail(element, "TransferSyntax", _IMPLICIT_VR_LITTLE_ENDIAN)
    return element


def audit_log() -> Element:
    element = _object(URI, "osteon:audit-trail", _SYSTEM, _SECURITY_RESOURCE)
    _name(element, "Security Audit Log")
    return element


def alert_subject(event: ForwardedEvent) -> Element:
    """What it is about: a study, a peer or an address, and in words what happened."""
    subject = event.study_instance_uid or event.peer or event.address or "osteon"
    kind = URI if event.study_instance_uid else NODE_ID
    element = _object(kind, subject, _SYSTEM, _SECURITY_RESOURCE)
    _name(element, event.action)
    _detail(element, "Alert Description", event.detail or event.action)
    return element


def coded(parent: Element, tag: str, code: Code) -> Element:
    return ElementTree.SubElement(
        parent,
        tag,
        {"csd-code": code.value, "codeSystemName": code.system, "originalText": code.meaning},
    )


def plain(text: str) -> str:
    """Text as XML can hold it."""
    return _NOT_IN_XML.sub("?", text)


def _object(kind: Code, identifier: str, type_code: str, role: str) -> Element:
    element = Element(
        "ParticipantObjectIdentification",
        ParticipantObjectID=plain(identifier),
        ParticipantObjectTypeCode=type_code,
        ParticipantObjectTypeCodeRole=role,
    )
    coded(element, "ParticipantObjectIDTypeCode", kind)
    return element


def _name(element: Element, name: str) -> None:
    ElementTree.SubElement(element, "ParticipantObjectName").text = plain(name)


def _detail(element: Element, kind: str, value: str) -> None:
    encoded = base64.b64encode(value.encode(errors="replace")).decode()
    ElementTree.SubElement(element, "ParticipantObjectDetail", type=kind, value=encoded)
