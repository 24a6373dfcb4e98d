"""How many associations there may be, altogether and of each origin."""

import threading
from collections import Counter

from dicom_node.policy import AssociationPolicy

# For the node's own questions to itself (health, self-test), when all others are taken.
_OWN_PLACES = 2


class AssociationPlaces:
    """The places that are taken; threads, and the doors of one node, share it."""

    def __init__(self, policy: AssociationPolicy) -> None:
        self._policy = policy
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._taken.total()

    def take(self, origin: str, *, is_own: bool) -> str | None:
        """Take a place, which has to be given back; None, or why there is none.

        `is_own`: a part of the node, for which some places are kept.
        """
        with self._lock:
            reason = self._why_not(origin, is_own)
            if reason is None:
                self._taken[origin] += 1
            return reason

    def give_back(self, origin: str) -> None:
        with self._lock:
            self._taken[origin] -= 1
            if not self._taken[origin]:
                del self._taken[origin]

    def _why_not(self, origin: str, is_own: bool) -> str | None:
        free = self._policy.max_associations - self._taken.total()
        if is_own:
            return None if free > -_OWN_PLACES else "too many associations of the node itself"
        if free <= 0:
            return "too many associations"
        if self._taken[origin] >= self._policy.places_per_address:
            return "too many associations of one address"
        return None
