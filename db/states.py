"""The words the ledger uses for kinds and states."""

from enum import StrEnum


class JobKind(StrEnum):
    ANALYSE = "analyse"  # subject: an instance
    REPORT = "report"  # subject: a study
    DELIVER = "deliver"  # subject: a delivery


class JobState(StrEnum):
    WAITING = "waiting"  # open: may be claimed once it is due
    RUNNING = "running"  # open: held under a lease, claimable again when that runs out
    DONE = "done"
    DEAD = "dead"  # given up, with its reason; only a person requeues it


class AnalysisState(StrEnum):
    FRACTURE = "fracture"
    POSSIBLE = "possible"
    NONE = "none"
    NOT_ANALYSED = "not_analysed"  # always with a reason


class ObjectKind(StrEnum):
    SR = "sr"
    SR_FALLBACK = "sr_fallback"  # the same report in a class that more peers accept
    SC = "sc"


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    REFUSED = "refused"  # for good: a person looks
