"""The operations page's words for kinds, states, parts, stages and steps."""

from db.standstill import MissingPart
from dicom_node.self_test import Step
from web.words import N_, duration

KINDS = {
    "analyse": N_("Analyse images"),
    "report": N_("Build reports"),
    "deliver": N_("Send results"),
    "confirm": N_("Ask whether they are kept"),
    "answer": N_("Answer who asks us"),
}
PARTS = {
    "listener": N_("Listener"),
    "worker": N_("Worker"),
    "beat": N_("Beat"),
    "web": N_("Page"),
    "gateway": N_("Gateway"),
}
STANDSTILL = {
    MissingPart.LISTENER: N_("no listener has been heard of, so nothing is received"),
    MissingPart.BEAT: N_("no beat has been heard of, so nothing is given to the workers"),
    MissingPart.ANALYST: N_("no worker that analyses has been heard of, so no image is looked at"),
    MissingPart.REPORTER: N_("no worker that reports has been heard of, so no report is built"),
    MissingPart.COURIER: N_("no worker that delivers has been heard of, so nothing is sent"),
}
DESTINATION_STATES = {
    "up": N_("answers"),
    "failing": N_("failing"),
    "down": N_("down"),
}
STAGES = {
    "queued": N_("waiting for a worker"),
    "analysed": N_("received → analysed"),
    "reported": N_("analysed → reported"),
    "delivered": N_("reported → delivered"),
    "committed": N_("delivered → committed"),
    "total": N_("received → delivered"),
}
STEPS = {
    Step.ECHO: N_("The listener answers C-ECHO"),
    Step.STORED: N_("The phantom is stored"),
    Step.RECORDED: N_("It is in the ledger"),
    Step.ANALYSED: N_("Its fracture is found"),
    Step.REPORTED: N_("Its report is built"),
    Step.KEPT_BACK: N_("Nothing of it is sent"),
}
STEP_STATES = {
    "passed": N_("passed"),
    "failed": N_("failed"),
    "running": N_("under way"),
    "open": N_("not reached"),
}
KEPT = {
    "received": N_("Received objects"),
    "results": N_("Result objects"),
    "pictures": N_("Pictures for the pages"),
    "ledger": N_("Ledger"),
}
EVENTS = {
    "sign-in": N_("signed in"),
    "sign-out": N_("signed out"),
    "access-refused": N_("was refused access"),
    "worklist-viewed": N_("saw the worklist"),
    "study-viewed": N_("saw a study"),
    "object-downloaded": N_("downloaded an object"),
    "results-viewed": N_("saw results"),
    "results-exported": N_("exported results"),
    "verdict-given": N_("gave a verdict"),
    "verdicts-viewed": N_("saw verdicts"),
    "labels-exported": N_("exported labels"),
    "image-tried": N_("tried an image"),
    "study-sent": N_("sent an image in"),
    "job-requeued": N_("requeued a job"),
    "peer-asked": N_("asked a peer whether it answers"),
    "self-test": N_("tested the node"),
    "account-changed": N_("changed an account"),
    "token-made": N_("made an API token"),
    "token-revoked": N_("revoked an API token"),
    "trail-viewed": N_("read the audit trail"),
    "trail-checked": N_("verified the audit trail"),
    "trail-pruned": N_("removed the oldest of the audit trail"),
    "part-started": N_("started"),
    "part-stopped": N_("stopped"),
    "instances-received": N_("sent objects to the node"),
    "sending-begun": N_("began to send objects"),
    "instances-sent": N_("sent objects"),
    "message-sent": N_("sent a message"),
    "query-answered": N_("queried the node"),
    "query-sent": N_("queried a PACS"),
    "search-answered": N_("searched the node"),
    "study-deleted": N_("removed a study"),
    "study-held": N_("put a study on hold"),
    "hold-released": N_("released a hold"),
    "studies-exported": N_("exported studies"),
    "backup-made": N_("made a backup"),
    "backup-restored": N_("restored a backup"),
    "peer-refused": N_("was refused as a peer"),
    "token-refused": N_("was refused for its token"),
    "settings-changed": N_("started with other settings"),
    "model-changed": N_("started with another network"),
    "model-withdrawn": N_("withdrew a network"),
    "chain-broken": N_("found the audit trail broken"),
}
OUTCOMES = {"done": N_("done"), "refused": N_("refused"), "failed": N_("failed")}
PERIODS = {"1": N_("last 24 hours"), "7": N_("last 7 days")}
_KILO = 1000


def size(size_bytes: float) -> str:
    """As disks are sold: 1 kB is 1000 bytes."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < 999.5:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= _KILO
    return f"{size_bytes:,.1f} TB"


def seconds(value: float) -> str:
    """To the tenth where it is short."""
    return f"{value:.1f} s" if value < 9.95 else duration(value)
