"""The codes of audit messages (PS3.16 CID 400 to 406), and which of our events is which."""

from dataclasses import dataclass

from db.audit import Action


@dataclass(frozen=True)
class Code:
    """A coded value; `system` is DCM, or RFC-3881 for what the schema itself counts."""

    value: str
    meaning: str
    system: str = "DCM"


@dataclass(frozen=True)
class EventKind:
    """EventID, EventActionCode and EventTypeCode of an event."""

    event: Code
    action_code: str
    type: Code | None = None


ACTIVITY = Code("110100", "Application Activity")
LOG_USED = Code("110101", "Audit Log Used")
BEGIN_TRANSFERRING = Code("110102", "Begin Transferring DICOM Instances")
ACCESSED = Code("110103", "DICOM Instances Accessed")
TRANSFERRED = Code("110104", "DICOM Instances Transferred")
DELETED = Code("110105", "DICOM Study Deleted")
EXPORT = Code("110106", "Export")
IMPORT = Code("110107", "Import")
QUERY = Code("110112", "Query")
ALERT = Code("110113", "Security Alert")
AUTHENTICATION = Code("110114", "User Authentication")

APPLICATION = Code("110150", "Application")
DESTINATION = Code("110152", "Destination Role ID")
SOURCE = Code("110153", "Source Role ID")
DESTINATION_MEDIA = Code("110154", "Destination Media")
SOURCE_MEDIA = Code("110155", "Source Media")
URI_MEDIA = Code("110037", "URI")

STUDY_INSTANCE_UID = Code("110180", "Study Instance UID")
SOP_CLASS_UID = Code("110181", "SOP Class UID")
NODE_ID = Code("110182", "Node ID")
PATIENT_NUMBER = Code("2", "Patient Number", "RFC-3881")
URI = Code("12", "URI", "RFC-3881")

_START = Code("110120", "Application Start")
_STOP = Code("110121", "Application Stop")
_LOGIN = Code("110122", "Login")
_LOGOUT = Code("110123", "Logout")
_NODE_AUTHENTICATION = Code("110126", "Node Authentication")
_SECURITY_CONFIGURATION = Code("110129", "Security Configuration")
_SOFTWARE_CONFIGURATION = Code("110131", "Software Configuration")
_RESTRICTED_FUNCTION = Code("110132", "Use of Restricted Function")
_OBJECT_ATTRIBUTES = Code("110135", "Object Security Attributes Changed")
_USER_ATTRIBUTES = Code("110137", "User Security Attributes Changed")


def _alert(kind: Code) -> EventKind:
    return EventKind(ALERT, "E", kind)


KINDS: dict[Action, EventKind] = {
    Action.SIGN_IN: EventKind(AUTHENTICATION, "E", _LOGIN),
    Action.SIGN_OUT: EventKind(AUTHENTICATION, "E", _LOGOUT),
    Action.ACCESS_REFUSED: _alert(_RESTRICTED_FUNCTION),
    Action.WORKLIST_VIEWED: EventKind(QUERY, "E"),
    Action.STUDY_VIEWED: EventKind(ACCESSED, "R"),
    Action.OBJECT_DOWNLOADED: EventKind(EXPORT, "R"),
    Action.RESULTS_VIEWED: EventKind(QUERY, "E"),
    Action.RESULTS_EXPORTED: EventKind(EXPORT, "R"),
    Action.VERDICT_GIVEN: EventKind(ACCESSED, "R"),
    Action.VERDICTS_VIEWED: EventKind(QUERY, "E"),
    Action.LABELS_EXPORTED: EventKind(EXPORT, "R"),
    Action.IMAGE_TRIED: EventKind(IMPORT, "C"),
    Action.STUDY_SENT: EventKind(IMPORT, "C"),
    Action.JOB_REQUEUED: _alert(_RESTRICTED_FUNCTION),
    Action.PEER_ASKED: _alert(_RESTRICTED_FUNCTION),
    Action.SELF_TEST: _alert(_RESTRICTED_FUNCTION),
    Action.ACCOUNT_CHANGED: _alert(_USER_ATTRIBUTES),
    Action.TOKEN_MADE: _alert(_USER_ATTRIBUTES),
    Action.TOKEN_REVOKED: _alert(_USER_ATTRIBUTES),
    Action.TRAIL_VIEWED: EventKind(LOG_USED, "R"),
    Action.TRAIL_CHECKED: EventKind(LOG_USED, "R"),
    Action.TRAIL_PRUNED: _alert(_OBJECT_ATTRIBUTES),
    Action.PART_STARTED: EventKind(ACTIVITY, "E", _START),
    Action.PART_STOPPED: EventKind(ACTIVITY, "E", _STOP),
    Action.INSTANCES_RECEIVED: EventKind(TRANSFERRED, "C"),
    Action.SENDING_BEGUN: EventKind(BEGIN_TRANSFERRING, "E"),
    Action.INSTANCES_SENT: EventKind(TRANSFERRED, "R"),
    Action.MESSAGE_SENT: EventKind(EXPORT, "R"),
    Action.QUERY_ANSWERED: EventKind(QUERY, "E"),
    Action.QUERY_SENT: EventKind(QUERY, "E"),
    Action.SEARCH_ANSWERED: EventKind(QUERY, "E"),
    Action.STUDY_DELETED: EventKind(DELETED, "D"),
    Action.STUDY_HELD: _alert(_OBJECT_ATTRIBUTES),
    Action.HOLD_RELEASED: _alert(_OBJECT_ATTRIBUTES),
    Action.STUDIES_EXPORTED: EventKind(EXPORT, "R"),
    Action.BACKUP_MADE: EventKind(EXPORT, "R"),
    Action.BACKUP_RESTORED: EventKind(IMPORT, "C"),
    Action.PEER_REFUSED: _alert(_NODE_AUTHENTICATION),
    Action.TOKEN_REFUSED: _alert(_NODE_AUTHENTICATION),
    Action.SETTINGS_CHANGED: _alert(_SECURITY_CONFIGURATION),
    Action.MODEL_CHANGED: _alert(_SOFTWARE_CONFIGURATION),
    Action.MODEL_WITHDRAWN: _alert(_SOFTWARE_CONFIGURATION),
    Action.CHAIN_BROKEN: _alert(_OBJECT_ATTRIBUTES),
}


def kind_of(action: str) -> EventKind:
    """Of a word that only another release knows too: it is told, as something unusual."""
    return KINDS[Action(action)] if action in set(Action) else _alert(_RESTRICTED_FUNCTION)
