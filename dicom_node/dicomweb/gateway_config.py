"""What the doors over HTTP grant, and within which bounds."""

from collections.abc import Sequence
from dataclasses import dataclass

from dicom_node.policy import AssociationPolicy
from dicom_node.routing.rules import Rule

# Whoever comes by HTTP calls under this title: in the ledger, and among the allowed peers.
CALLING_AE_TITLE = "DICOMWEB"


@dataclass(frozen=True)
class GatewayConfig:
    """`name` is this process's own in the ledger, as a listener's is, and stays after a restart.

    `public_origin`, as https://host:port, is where clients find the node behind a proxy; without it
    the URLs in answers begin as the request's own.
    """

    policy: AssociationPolicy
    name: str
    stores_max: int = 16  # requests that store at the same time
    parts_max: int = 5000  # objects of one request
    matches_max: int = 1000
    instances_max: int = 10_000  # of one retrieval
    public_origin: str = ""
    rules: Sequence[Rule] = ()
    upkeep_seconds: float = 10
    abandoned_after_seconds: float = 30

    def admits(self, address: str) -> bool:
        return self.policy.admits(CALLING_AE_TITLE, address)
