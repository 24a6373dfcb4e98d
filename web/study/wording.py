"""How the study's page words kinds of objects, proofs, work and verdicts."""

from db.states import DeliveryState, JobKind, JobState, ObjectKind, Opinion, Proof
from web.words import N_

KINDS = {
    ObjectKind.SR: N_("Structured Report"),
    ObjectKind.SR_FALLBACK: N_("Structured Report (older class)"),
    ObjectKind.SC: N_("Annotated image"),
    ObjectKind.GSPS: N_("Presentation state"),
    ObjectKind.SUMMARY: N_("Summary page"),
    ObjectKind.PDF: N_("PDF report"),
    ObjectKind.KOS: N_("Key objects"),
    ObjectKind.SEG: N_("Heatmap segmentation"),
    ObjectKind.REJECTION: N_("Rejection note"),
    ObjectKind.ORU: N_("HL7 v2 message"),
    ObjectKind.FHIR: N_("FHIR transaction"),
}
DELIVERY_STATES = {
    DeliveryState.QUEUED: N_("waits"),
    DeliveryState.SENT: N_("accepted"),
    DeliveryState.COMMITTED: N_("kept"),
    DeliveryState.OMITTED: N_("not for it"),
    DeliveryState.SUPERSEDED: N_("superseded"),
    DeliveryState.REFUSED: N_("refused"),
}
CONSIGNMENT_STATES = {
    "queued": N_("on its way"),
    "sent": N_("accepted"),
    "committed": N_("proved to be kept"),
    "superseded": N_("superseded"),
    "refused": N_("refused: a person looks"),
    "failed": N_("given up: a person looks"),
}
PROOFS = {
    Proof.COMMITMENT: N_("it said that it keeps it (Storage Commitment)"),
    Proof.QUERY: N_("found there by C-FIND"),
    Proof.NONE: N_("it offers no way to ask: its answer to the sending is all there is"),
}
WORK = {JobKind.DELIVER: N_("sending"), JobKind.CONFIRM: N_("asking whether it is kept")}
WORK_STATES = {
    JobState.WAITING: N_("waits for its next attempt"),
    JobState.RUNNING: N_("at work now"),
    JobState.DONE: N_("done"),
    JobState.DEAD: N_("given up, until a person requeues it"),
}
OPINIONS = {
    Opinion.AGREE: N_("Agree"),
    Opinion.PARTLY: N_("Partly"),
    Opinion.DISAGREE: N_("Disagree"),
}
# The network's words; one it does not know yet is shown as it is.
TERMS = {
    "hand": N_("hand"),
    "leg": N_("leg"),
    "hip": N_("hip"),
    "shoulder": N_("shoulder"),
    "avulsion": N_("avulsion"),
    "comminuted": N_("comminuted"),
    "fracture_dislocation": N_("fracture dislocation"),
    "greenstick": N_("greenstick"),
    "hairline": N_("hairline"),
    "impacted": N_("impacted"),
    "longitudinal": N_("longitudinal"),
    "oblique": N_("oblique"),
    "pathological": N_("pathological"),
    "spiral": N_("spiral"),
    "mild": N_("mild"),
    "moderate": N_("moderate"),
    "severe": N_("severe"),
}
SEEN = {"fracture": N_("Fracture"), "possible": N_("Not sure"), "none": N_("None")}
SIDES = {"L": N_("left"), "R": N_("right"), "B": N_("both sides")}


def bytes_said(size_bytes: int) -> str:
    """As one would say it: 812 B, 46 kB, 3.1 MB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 999_500:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def status(code: int) -> str:
    """A destination's C-STORE status in words, with its code."""
    from dicom_node.statuses import describe

    return describe(code)
