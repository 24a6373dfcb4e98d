"""Whether the node has come to the end of its work: what is still open, by the ledger (I3)."""

from tests.witness.ledger import Ledger
from tests.witness.records import Violation

# Each question gives what is named as its subject, and a word on it.
_OPEN = {
    "an image without a result": (
        "SELECT i.sop_instance_uid FROM instance i"
        " JOIN series r ON r.id = i.series_id JOIN study s ON s.id = r.study_id"
        " WHERE i.is_image AND i.quarantine_reason IS NULL AND s.blocked_reason IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM analysis a WHERE a.instance_id = i.id)"
    ),
    "a job that is open": (
        "SELECT 'job ' || id || ', ' || kind || ' ' || subject_id || ', attempt ' || attempt"
        " FROM job WHERE state IN ('waiting', 'running')"
    ),
    "a study with evidence that no report has seen": (
        "SELECT s.study_instance_uid FROM study s WHERE s.unreported_since IS NOT NULL"
        " AND s.blocked_reason IS NULL AND NOT EXISTS (SELECT 1 FROM job j"
        " WHERE j.kind = 'report' AND j.subject_id = s.id AND j.state = 'dead')"
    ),
    "a delivery that nobody works on": (
        "SELECT 'delivery ' || d.id FROM delivery d WHERE d.state = 'queued'"
        " AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'deliver'"
        " AND j.subject_id = d.consignment_id AND j.state <> 'done')"
    ),
}


def unsettled(ledger: Ledger) -> list[Violation]:
    return [
        Violation("I3", str(subject), fault)
        for fault, question in _OPEN.items()
        for subject in ledger.values(question)
    ]
