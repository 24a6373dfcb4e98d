"""How often each kind of work is tried before a person is needed."""

from db.jobs import JobKind, RetryPolicy
from dicom_node.spool import SpoolError
from model.artefact import ARTEFACT_TROUBLE
from model.runtime import DeviceUnavailable

# A study that cannot be analysed or reported after three tries needs a person. A PACS that is away
# comes back, be it after a weekend: deliveries are tried until it answers or refuses. A peer that
# asked what we keep, and cannot be told for three days, will ask again.
RETRY_POLICIES = {
    JobKind.ANALYSE: RetryPolicy(3, first_delay_seconds=2, max_delay_seconds=60),
    JobKind.REPORT: RetryPolicy(3, first_delay_seconds=2, max_delay_seconds=60),
    JobKind.DELIVER: RetryPolicy(None, first_delay_seconds=2, max_delay_seconds=300),
    JobKind.CONFIRM: RetryPolicy(None, first_delay_seconds=30, max_delay_seconds=900),
    JobKind.ANSWER: RetryPolicy(80, first_delay_seconds=2, max_delay_seconds=3600),
}
# What lacks room, weights or a device says nothing about the image: the work waits for a person to
# mend the node, and counts no attempt.
NODE_TROUBLE = (SpoolError, *ARTEFACT_TROUBLE, DeviceUnavailable)
NODE_TROUBLE_DELAY_SECONDS = 15
# What a destination cannot take for three days, though it takes other things, needs a person.
NOT_TAKEN = RetryPolicy(80, first_delay_seconds=2, max_delay_seconds=3600)
# A file that is gone is hardly coming back by itself: after some two hours a person is told.
OBJECT_GONE = RetryPolicy(12, first_delay_seconds=15, max_delay_seconds=900)


class PersonNeeded(Exception):
    """Trying again cannot help: the job is dead, with this reason, until a person requeues it."""


class NotNow(Exception):
    """What is missing says nothing about the job: it waits so long, and counts no attempt."""

    def __init__(self, reason: str, *, delay_seconds: float) -> None:
        super().__init__(reason)
        self.delay_seconds = delay_seconds
