"""The words the ledger uses for kinds and states."""

from enum import StrEnum


class JobKind(StrEnum):
    ANALYSE = "analyse"  # subject: an instance
    REPORT = "report"  # subject: a study
    DELIVER = "deliver"  # subject: a consignment
    CONFIRM = "confirm"  # subject: a consignment; does the destination really keep it?
    ANSWER = "answer"  # subject: a peer's request that we confirm what it sent us


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
    GSPS = "gsps"
    SUMMARY = "summary"  # the study on one page, a secondary capture
    PDF = "pdf"
    KOS = "kos"
    SEG = "seg"
    REJECTION = "rejection"  # asks to hide what a withdrawn model said
    ORU = "oru"  # an HL7 v2 message
    FHIR = "fhir"  # a transaction bundle


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"  # the destination said that it has it
    COMMITTED = "committed"  # and that it keeps it
    OMITTED = "omitted"  # not for this destination, which got something else
    SUPERSEDED = "superseded"  # never to be sent: a later revision or a withdrawal came first
    REFUSED = "refused"  # for good: a person looks


class Proof(StrEnum):
    """How we know that a destination keeps what it was sent."""

    COMMITMENT = "commitment"  # it said so: Storage Commitment
    QUERY = "query"  # it was found there by C-FIND
    NONE = "none"  # it offers neither: its answer to the sending is all there is


class Role(StrEnum):
    """What an account may do; each may do what the one before may."""

    VIEWER = "viewer"  # looks
    READER = "reader"  # and gives verdicts and tries images
    ADMINISTRATOR = "administrator"  # and runs the node and its accounts


class Opinion(StrEnum):
    """What a reader says of a finding."""

    AGREE = "agree"
    PARTLY = "partly"
    DISAGREE = "disagree"
