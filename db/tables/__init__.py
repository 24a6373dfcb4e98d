"""The ledger's tables, named as DICOM and the hospital name things (see docs/ledger.md)."""

from db.tables.auditing import UNSEALED, AuditAnchor, AuditEvent, AuditForwarding
from db.tables.base import Base, HeaderText
from db.tables.keeping import OPEN_HOLD, Forgetting, LeavingFile, LegalHold
from db.tables.people import ApiToken, AppUser, UserSession, Verdict
from db.tables.received import SELF_TEST_INSTANCE, Association, Instance, Series, Study
from db.tables.results import Analysis, Report, ResultObject, ShadowAnalysis, WithdrawnModel
from db.tables.sending import CommitmentRequest, Consignment, Delivery, Destination, PeerRequest
from db.tables.work import DEAD_JOB, OPEN_JOB, RUNNING_JOB, Job, JobAttempt, Presence
from db.tables.worklist import WorklistEntry, WorklistStale

__all__ = [
    "DEAD_JOB",
    "OPEN_HOLD",
    "OPEN_JOB",
    "RUNNING_JOB",
    "SELF_TEST_INSTANCE",
    "UNSEALED",
    "Analysis",
    "ApiToken",
    "AppUser",
    "Association",
    "AuditAnchor",
    "AuditEvent",
    "AuditForwarding",
    "Base",
    "CommitmentRequest",
    "Consignment",
    "Delivery",
    "Destination",
    "Forgetting",
    "HeaderText",
    "Instance",
    "Job",
    "JobAttempt",
    "LeavingFile",
    "LegalHold",
    "PeerRequest",
    "Presence",
    "Report",
    "ResultObject",
    "Series",
    "ShadowAnalysis",
    "Study",
    "UserSession",
    "Verdict",
    "WithdrawnModel",
    "WorklistEntry",
    "WorklistStale",
]
