"""What must hold of a node whatever happened to it, by diary, sink, disk and ledger."""

import hashlib
from collections import defaultdict
from pathlib import Path

from pynetdicom.dsutils import split_dataset
from sqlalchemy import select

from db.session import reading
from db.tables import Analysis, Instance, Job, Report, ResultObject, Study
from tests.end_to_end.node import Node
from tests.end_to_end.pacs_sink import PacsSink


def assert_nothing_acknowledged_is_lost(node: Node, acknowledged: dict[str, str]) -> None:
    """I1: each instance that was answered with 0000 has a row and a file of the very data set."""
    with reading(node.ledger) as session:
        keys = select(Instance.sop_instance_uid, Instance.spool_key)
        kept = {uid: key for uid, key in session.execute(keys)}  # noqa: C416 - rows are no pairs
    lost = set(acknowledged) - set(kept)
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged instances have no row"
    for sop_instance_uid, sha256 in acknowledged.items():
        assert _data_set_digest(kept_file(node, kept[sop_instance_uid])) == sha256


def assert_files_match_rows(node: Node) -> None:
    """I2: each row's file is there and is what its name says; a sweep leaves nothing half done."""
    for key in _referenced_keys(node):
        assert hashlib.sha256(kept_file(node, key).read_bytes()).hexdigest() == key
    node.spool.sweep(older_than_seconds=-1)
    assert not list((node.data_dir / "spool" / "incoming").iterdir())


def assert_each_image_ended(node: Node) -> None:
    """I3 and I8: a result or a reason for each, and no job that nobody works on."""
    for image in node.images():
        has_result = image["probability"] is not None
        assert has_result or image["reason"], f"{image['sop_instance_uid']} has no result"
    with reading(node.ledger) as session:
        unexplained = select(Job.id).where(Job.state == "dead", Job.last_error.is_(None))
        assert not session.scalars(unexplained).all()


def assert_one_report_per_revision(node: Node, sink: PacsSink) -> None:
    """I4: the sink has, of each study and revision, one SR; it may have come twice, but alike."""
    forms = defaultdict(set)
    revisions = defaultdict(set)
    for arrival in sink.reports():
        forms[arrival.sop_instance_uid].add(arrival.sha256)
        revisions[str(arrival.dataset().StudyInstanceUID)].add(arrival.sop_instance_uid)
    assert all(len(digests) == 1 for digests in forms.values()), "a repeat had other bytes"
    assert {study: len(uids) for study, uids in revisions.items()} == _revisions(node)


def assert_reports_are_of_their_study(node: Node, sink: PacsSink) -> None:
    """I6 and I7: an SR names its own patient, and images that the ledger has of its study."""
    images = defaultdict(set)
    for image in node.images():
        images[image["study_instance_uid"]].add(image["sop_instance_uid"])
    patients = {study["study_instance_uid"]: study["patient_id"] for study in node.studies()}
    for arrival in sink.reports():
        report = arrival.dataset()
        study = str(report.StudyInstanceUID)
        assert report.PatientID == patients[study]
        (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
        for series in evidence.ReferencedSeriesSequence:
            named = {item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence}
            assert named <= images[study]


def kept_file(node: Node, key: str) -> Path:
    return node.data_dir / "spool" / "kept" / key[:2] / key


def _data_set_digest(path: Path) -> str:
    _, offset = split_dataset(path)
    return hashlib.sha256(path.read_bytes()[offset:]).hexdigest()


def _referenced_keys(node: Node) -> set[str]:
    columns = (
        Instance.spool_key,
        ResultObject.spool_key,
        Analysis.heatmap_key,
        Analysis.annotated_key,
    )
    with reading(node.ledger) as session:
        return {key for column in columns for key in session.scalars(select(column)) if key}


def _revisions(node: Node) -> dict[str, int]:
    """How many reports the ledger has of each study."""
    with reading(node.ledger) as session:
        rows = select(Study.study_instance_uid, Report.revision).join(Report)
        count: dict[str, int] = defaultdict(int)
        for study_instance_uid, _ in session.execute(rows):
            count[study_instance_uid] += 1
    return dict(count)
