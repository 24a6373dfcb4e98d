"""Every event of the trail as an audit message: by schema, and by the tables of A.5.3."""

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from db.audit import NODE, PEER, Action, Outcome
from db.audit_forwarding import ForwardedEvent
from messages.audit_codes import KINDS
from messages.audit_message import AuditSource, build_message

pytestmark = pytest.mark.requirement("R-AUDIT-3")

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parent / "audit-message.rng"))
NODE_NAME = "OSTEON@node"
STUDY, PATIENT = "1.2.3.4", "MRN 0815"
CR = "1.2.840.10008.5.1.4.1.1.1"
EVENT = ForwardedEvent(
    sequence=17,
    happened_at=datetime(2026, 11, 29, 17, 40, tzinfo=UTC),
    actor="anna",
    role="reader",
    action=Action.STUDY_VIEWED,
    outcome=Outcome.DONE,
    study_instance_uid=STUDY,
    address="10.1.2.3",
    detail="what else",
    peer=None,
    sop_classes=None,
    patient_id=PATIENT,
    issuer_of_patient_id="HOSPITAL",
)


def message(**changes: Any) -> etree._Element:
    """The message, which the schema has to find valid."""
    encoded = build_message(replace(EVENT, **changes), AuditSource(NODE_NAME))
    document = etree.fromstring(encoded)
    SCHEMA.assertValid(document)
    return document


def _texts(document: etree._Element, path: str) -> list[str]:
    return [str(found) for found in document.xpath(path)]


@dataclass(frozen=True)
class Table:
    """A table of A.5.3: what is required of whoever took part, and of the objects.

    `roles` are RoleIDCodes that occur once, or, with a star, at least once; `objects` are
    ParticipantObjectIDTypeCodes with type code and role.
    """

    event_action: str
    roles: tuple[str, ...] = ()
    objects: tuple[tuple[str, str, str], ...] = ()
    event_types: tuple[str, ...] = ()


_STUDY = ("110180", "2", "3")
_PATIENT = ("2", "1", "1")
TABLES = {
    "110100": Table("E", ("110150",), event_types=("110120", "110121")),
    "110101": Table("R", objects=(("12", "2", "13"),)),
    "110102": Table("E", ("110153", "110152"), (_STUDY, _PATIENT)),
    "110103": Table("CRUD", objects=(_STUDY, _PATIENT)),
    "110104": Table("CRU", ("110153", "110152"), (_STUDY, _PATIENT)),
    "110105": Table("D", objects=(_STUDY, _PATIENT)),
    "110106": Table("R", ("110153*", "110154"), (_PATIENT,)),
    "110107": Table("C", ("110152*", "110155"), (_PATIENT,)),
    "110112": Table("E", ("110153", "110152")),
    "110113": Table("E", event_types=tuple(str(code) for code in range(110126, 110139))),
    "110114": Table("E", event_types=("110122", "110123")),
}
# Who does it, where that is not a reader at the page.
_BY = {
    Action.PART_STARTED: {"actor": "listener@node", "role": NODE, "address": ""},
    Action.PART_STOPPED: {"actor": "listener@node", "role": NODE, "address": ""},
    Action.INSTANCES_RECEIVED: {"actor": "CR1", "role": PEER, "sop_classes": {CR: 3}},
    Action.SENDING_BEGUN: {"actor": NODE_NAME, "role": NODE, "peer": "PACS@pacs:104"},
    Action.INSTANCES_SENT: {"actor": NODE_NAME, "role": NODE, "peer": "PACS@pacs:104"},
    Action.MESSAGE_SENT: {"actor": NODE_NAME, "role": NODE, "peer": "mllp://ris:2575"},
    Action.QUERY_ANSWERED: {"actor": "PACS", "role": PEER, "study_instance_uid": None},
    Action.QUERY_SENT: {"actor": "root (command)", "peer": "PACS", "study_instance_uid": None},
    Action.STUDY_DELETED: {"actor": NODE_NAME, "role": NODE, "address": ""},
    Action.PEER_REFUSED: {"actor": "MALLORY", "role": PEER, "outcome": Outcome.REFUSED},
}


@pytest.mark.parametrize("action", list(Action))
def test_every_event_is_what_its_table_says(action: Action) -> None:
    document = message(**{"action": action, **_BY.get(action, {})})
    [event] = document.xpath("EventIdentification/EventID/@csd-code")
    table = TABLES[event]
    assert event == KINDS[action].event.value
    assert document.xpath("EventIdentification/@EventActionCode")[0] in table.event_action
    types = _texts(document, "EventIdentification/EventTypeCode/@csd-code")
    assert bool(types) == bool(table.event_types)
    assert set(types) <= set(table.event_types)
    roles = _texts(document, "ActiveParticipant/RoleIDCode/@csd-code")
    for role in table.roles:
        count = roles.count(role.removesuffix("*"))
        assert count >= 1 if role.endswith("*") else count == 1
    for kind, type_code, role in table.objects:
        [found] = document.xpath(
            "ParticipantObjectIdentification[ParticipantObjectIDTypeCode/@csd-code=$kind]",
            kind=kind,
        )
        assert found.get("ParticipantObjectTypeCode") == type_code
        assert found.get("ParticipantObjectTypeCodeRole") == role
    assert len(document.xpath("ActiveParticipant[@UserIsRequestor='true']")) <= 1


def test_who_received_what_from_whom() -> None:
    document = message(
        action=Action.INSTANCES_RECEIVED, actor="CR1", role=PEER, sop_classes={CR: 3, "1.2": 1}
    )
    source = document.find("ActiveParticipant[RoleIDCode]")
    assert source is not None
    assert (source.get("UserID"), source.get("UserIsRequestor")) == ("CR1", "true")
    assert source.get("NetworkAccessPointID") == "10.1.2.3"
    assert _texts(document, "ActiveParticipant/@UserID") == ["CR1", NODE_NAME]
    assert _texts(document, "//SOPClass/@NumberOfInstances") == ["1", "3"]
    [patient] = document.xpath("ParticipantObjectIdentification[@ParticipantObjectTypeCode='1']")
    assert patient.get("ParticipantObjectID") == f"{PATIENT}^^^HOSPITAL"


def test_third_who_asked_for_a_transfer_is_the_requestor() -> None:
    document = message(
        action=Action.INSTANCES_SENT, actor="WORKSTATION", role=PEER, peer="PACS@pacs:104"
    )
    assert _texts(document, "ActiveParticipant/@UserID") == [
        *(NODE_NAME, "PACS@pacs:104", "WORKSTATION")
    ]
    assert _texts(document, "ActiveParticipant[@UserIsRequestor='true']/@UserID") == ["WORKSTATION"]


@pytest.mark.parametrize("action", [Action.QUERY_ANSWERED, Action.SEARCH_ANSWERED])
def test_query_tells_nothing_of_what_was_asked(action: Action) -> None:
    document = message(action=action, study_instance_uid=None, detail="PatientID")
    assert document.findtext("ParticipantObjectIdentification/ParticipantObjectQuery") in ("", None)
    assert "PatientID" not in etree.tostring(document).decode()


@pytest.mark.parametrize(
    ("outcome", "indicator"), [("done", "0"), ("refused", "4"), ("failed", "8")]
)
def test_outcome(outcome: str, indicator: str) -> None:
    document = message(outcome=outcome)
    assert document.xpath("EventIdentification/@EventOutcomeIndicator") == [indicator]


def test_alert_says_what_happened() -> None:
    document = message(action=Action.SETTINGS_CHANGED, study_instance_uid=None, detail="peers")
    [said] = document.xpath("//ParticipantObjectDetail[@type='Alert Description']/@value")
    assert base64.b64decode(said) == b"peers"


@pytest.mark.parametrize(
    "hostile", ["<AuditMessage/>", "]]>&\"'", "\0\x1b\ud800", "A\nB", "\u202e", "x" * 2000]
)
def test_hostile_words_stay_words(hostile: str) -> None:
    changes = dict.fromkeys(("actor", "address", "detail", "peer", "patient_id"), hostile)
    for action in (Action.PEER_REFUSED, Action.INSTANCES_SENT, Action.STUDY_VIEWED):
        document = message(action=action, study_instance_uid=hostile, **changes)
        assert len(document.xpath("//AuditMessage")) == 1


def test_event_of_many_patients_names_none() -> None:
    document = message(action=Action.RESULTS_EXPORTED, study_instance_uid=None, patient_id=None)
    [patient] = document.xpath("ParticipantObjectIdentification/@ParticipantObjectID")
    assert patient == "unknown"


def test_table_of_codes_is_complete() -> None:
    assert set(KINDS) == set(Action)
