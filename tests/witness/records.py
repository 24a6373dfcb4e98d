"""All that the witness judges by: its own logs, the sink's, the spool's files and the ledger."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from pydicom import Dataset

from tests.witness.acknowledgements import Outcome
from tests.witness.ledger import Ledger, Row
from tests.witness.sink import Arrival

_PREAMBLE_BYTES = 132  # with its DICM, PS3.10 7.1
_GROUP_LENGTH_BYTES = 12  # (0002,0000) UL


@dataclass(frozen=True, order=True)
class Violation:
    """What does not hold: the invariant's name, of which object, and what is wrong with it."""

    invariant: str
    subject: str
    fault: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.fault}"


@dataclass(frozen=True)
class FileDigests:
    """SHA-256 of a file as it lies, and of its data set where it is a DICOM file."""

    whole: str
    data_set: str | None


@dataclass(frozen=True)
class ReportSent:
    """An SR as the sink has it, and what it says: read once."""

    arrival: Arrival
    dataset: Dataset

    @property
    def study(self) -> str:
        return str(self.dataset.StudyInstanceUID)

    @property
    def evidence(self) -> frozenset[str]:
        """SOP Instance UIDs of the images that it names as its evidence."""
        return frozenset(
            str(item.ReferencedSOPInstanceUID)
            for study in self.dataset.get("CurrentRequestedProcedureEvidenceSequence", [])
            for series in study.ReferencedSeriesSequence
            for item in series.ReferencedSOPSequence
        )


@dataclass(frozen=True)
class Records:
    """`spool` is the folder of `kept` and `incoming`; the arrivals are those of one destination."""

    spool: Path
    ledger: Ledger
    outcomes: Sequence[Outcome]
    arrivals: Sequence[Arrival] = ()
    _digests: dict[str, FileDigests | None] = field(default_factory=dict)

    def digests(self, key: str) -> FileDigests | None:
        """Of a kept file; None where it is not there."""
        if key not in self._digests:
            path = self.spool / "kept" / key[:2] / key
            self._digests[key] = _digests_of(path) if path.is_file() else None
        return self._digests[key]

    @cached_property
    def instances(self) -> list[Row]:
        """Every received instance with its study, in the order of coming."""
        return self.ledger.rows(
            "SELECT i.*, s.study_instance_uid, s.blocked_reason FROM instance i"
            " JOIN series r ON r.id = i.series_id JOIN study s ON s.id = r.study_id ORDER BY i.id"
        )

    @cached_property
    def images(self) -> dict[str, set[str]]:
        """The images that count, by their study: SOP Instance UIDs."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self.instances:
            if row["is_image"] and row["quarantine_reason"] is None:
                found[row["study_instance_uid"]].add(row["sop_instance_uid"])
        return found

    @cached_property
    def reports_sent(self) -> list[ReportSent]:
        """The SRs that the sink did not refuse, each form of each once."""
        forms = {(one.sop_instance_uid, one.sha256): one for one in self._kept_reports()}
        return [ReportSent(arrival, arrival.dataset()) for arrival in forms.values()]

    def before(self, moment: object) -> "Records":
        """What was acknowledged before the moment, with the studies that it belongs to."""
        early = [one for one in self.outcomes if one.is_acknowledged and one.at <= moment]
        return replace(self, outcomes=early, _digests=self._digests)

    def _kept_reports(self) -> list[Arrival]:
        return [one for one in self.arrivals if one.is_report and one.is_kept]


def _digests_of(path: Path) -> FileDigests:
    content = path.read_bytes()
    whole = hashlib.sha256(content).hexdigest()
    if content[128:_PREAMBLE_BYTES] != b"DICM":
        return FileDigests(whole, None)
    length_at = _PREAMBLE_BYTES + 8
    meta_bytes = int.from_bytes(content[length_at : length_at + 4], "little")
    data_set = memoryview(content)[_PREAMBLE_BYTES + _GROUP_LENGTH_BYTES + meta_bytes :]
    return FileDigests(whole, hashlib.sha256(data_set).hexdigest())
