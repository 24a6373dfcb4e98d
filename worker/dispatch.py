"""What a delivery names, found: the destination in the settings, the objects in the spool."""

from collections.abc import Sequence
from functools import partial

from db.deliveries import DeliveryOrder
from dicom_node.sender import Destination, SendableObject, Sent
from worker.kitchen import Kitchen
from worker.retrying import PersonNeeded


def destination_named(kitchen: Kitchen, name: str) -> Destination:
    """The configured destination; one that was taken out of the settings needs a person."""
    for destination in kitchen.plan.destinations:
        if str(destination) == name:
            return destination
    raise PersonNeeded(f"{name} is no longer among the destinations; add it and requeue the job")


def sendable(kitchen: Kitchen, order: DeliveryOrder) -> Sequence[SendableObject]:
    return [
        SendableObject(
            one.sop_class_uid, one.sop_instance_uid, partial(kitchen.spool.open, one.spool_key)
        )
        for one in order.candidates
    ]


def object_id_of(order: DeliveryOrder, sent: Sent) -> int:
    """Which of the candidates the peer took: the report or its fallback."""
    ids = {one.sop_instance_uid: one.object_id for one in order.candidates}
    return ids[sent.sop_instance_uid]
