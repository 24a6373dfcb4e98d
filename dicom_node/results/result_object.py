"""What a report is issued with, and what comes out: an encoded DICOM object and its UIDs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ResultKind(StrEnum):
    """What an object is to its report; a fallback goes only where the SR's class is refused."""

    SR = "sr"
    SR_FALLBACK = "sr_fallback"
    SC = "sc"
    GSPS = "gsps"
    SUMMARY = "summary"
    PDF = "pdf"
    KOS = "kos"
    SEG = "seg"
    REJECTION = "rejection"


@dataclass(frozen=True)
class Predecessor:
    """An SR of an earlier revision, which a new one supersedes."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True)
class ReportIssue:
    """When and where a report is made; `created_at` is kept with the job, never the clock's now.

    An object carries `created_at` in the time zone that its source names, else in the zone
    `created_at` itself has: hand it over in the hospital's.
    """

    revision: int
    created_at: datetime
    predecessors: Sequence[Predecessor] = ()
    serial_number: str = "OSTEON"


@dataclass(frozen=True)
class ResultObject:
    """One object for the PACS: `encoded` is a whole DICOM file (PS3.10)."""

    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    encoded: bytes
