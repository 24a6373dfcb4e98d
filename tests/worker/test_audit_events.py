"""What the couriers write into the audit trail: what went to whom, once for each consignment."""

from collections.abc import Callable

import pytest

from db.audit import NODE, Action, AuditRow, list_events
from db.jobs import JobKind
from db.session import reading
from dicom_node.peer import Destination
from tests.messages.receivers import python_hl7_receiver
from tests.servers import free_port
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward
from worker.destinations import Hl7Receiver

pytestmark = pytest.mark.requirement("R-AUDIT-1")

OpenWard = Callable[..., Ward]
_SENDING = (Action.SENDING_BEGUN, Action.INSTANCES_SENT, Action.MESSAGE_SENT)


def sendings(ward: Ward) -> list[AuditRow]:
    """Oldest first."""
    with reading(ward.kitchen.ledger) as session:
        return [one for one in list_events(session) if one.action in _SENDING][::-1]


def test_what_a_pacs_got_is_begun_and_ended_once(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
    begun, sent = sendings(ward)
    assert (begun.action, sent.action) == _SENDING[:2]
    assert (sent.actor, sent.role) == (ward.kitchen.plan.ae_title, NODE)
    assert sent.peer == str(pacs.destination)
    assert sent.study_instance_uid == ward.study()["study_instance_uid"]
    assert sum((sent.sop_classes or {}).values()) == len(pacs.received) > 1
    with reading(ward.kitchen.ledger) as session:
        asked = [one for one in list_events(session) if one.action == Action.QUERY_SENT]
    assert {one.peer for one in asked} <= {str(pacs.destination)}


def test_peer_that_is_away_fills_no_trail(open_ward: OpenWard) -> None:
    ward = open_ward(Destination("AWAY", "127.0.0.1", free_port()))
    ward.receive(*study_of_two_views())
    ward.run_until_quiet()
    ward.run_kind(JobKind.DELIVER)
    assert sendings(ward) == []


def test_message_is_an_event_of_its_own(open_ward: OpenWard) -> None:
    with python_hl7_receiver() as (address, received):
        ward = open_ward(Hl7Receiver(name="RIS", address=address))
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
        assert received.get(timeout=10)
    [event] = sendings(ward)
    assert (event.action, event.peer, event.outcome) == (Action.MESSAGE_SENT, "RIS", "done")
