"""What must hold of a node whatever happened to it: I1 to I8, each a list of what does not.

I1  each instance acknowledged with 0000 has a row and a file with the sent data set's SHA-256,
    unless retention has purged it since
I2  each row's file is there and is what its name says; nothing half done, nothing nobody names
I3  each study has come to an end: reported and sent, or given up with a reason
I4  the PACS has one SR for the same study, inputs and model; a repeat has the same bytes; what the
    ledger calls sent the PACS has taken
I5  no result is written by who does not hold the job any more (`fences.py`)
I6  an object carries its own patient and no other
I7  an SR names images that the ledger has of its study, and the latest one all of them
I8  each instance got an answer or a broken association; each failure has a reason
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from pydicom import Dataset

from tests.witness.acknowledgements import SILENT
from tests.witness.fences import is_watched, stale_writes
from tests.witness.records import Records, ReportSent, Violation
from tests.witness.settling import unsettled

_SENT = ("sent", "committed")
# What is shorter is met by chance.
_TELLING_BYTES = 4
_TEXT = re.compile(rb"[\x20-\x7e]{%d,}" % _TELLING_BYTES)


def acknowledged_is_kept(records: Records) -> Iterator[Violation]:
    """I1."""
    kept: dict[str, list[str]] = defaultdict(list)
    purged = {row["sop_instance_uid"] for row in records.instances if row.get("purged_at")}
    for row in records.instances:
        kept[row["sop_instance_uid"]].append(row["spool_key"])
    for outcome in records.outcomes:
        uid = outcome.sending.sop_instance_uid
        if not outcome.is_acknowledged:
            continue
        if uid not in kept:
            yield Violation("I1", uid, "acknowledged, and has no row")
        elif uid not in purged and outcome.sending.sha256 not in _data_sets(records, kept[uid]):
            yield Violation("I1", uid, "acknowledged, and no file has what was sent")


def files_match_rows(records: Records) -> Iterator[Violation]:
    """I2."""
    named = dict(_named_files(records))
    for key, owner in named.items():
        digests = records.digests(key)
        if digests is None:
            yield Violation("I2", owner, f"its file {key} is not there")
        elif digests.whole != key:
            yield Violation("I2", owner, f"its file {key} has other content than its name says")
    for path in (records.spool / "incoming").iterdir():
        yield Violation("I2", path.name, "left half done after the sweep")


def unnamed_files(records: Records) -> list[str]:
    """Kept files that no row names: harmless, but nobody knows of them."""
    named = dict(_named_files(records))
    kept = (path.name for path in (records.spool / "kept").glob("??/*"))
    return [key for key in kept if key not in named]


def studies_ended(records: Records) -> Iterator[Violation]:
    """I3."""
    yield from unsettled(records.ledger)


def one_report_each(records: Records) -> Iterator[Violation]:
    """I4."""
    yield from _alike_when_repeated(records)
    yield from _one_for_the_same(records)
    taken = {one.sop_instance_uid for one in records.arrivals if one.is_kept}
    for row in _objects_called_sent(records):
        if row["sop_instance_uid"] not in taken:
            yield Violation("I4", row["sop_instance_uid"], "called sent, and the PACS has it not")
    known = _known_objects(records)
    for report in records.reports_sent:
        arrival = report.arrival
        if report.study in records.images and arrival.sop_instance_uid not in known:
            yield Violation("I4", arrival.sop_instance_uid, "at the PACS, and not in the ledger")


def no_stale_results(records: Records) -> Iterator[Violation]:
    """I5; nothing where the fences were not watched."""
    if is_watched(records.ledger):
        yield from stale_writes(records.ledger)


def own_patient_alone(records: Records) -> Iterator[Violation]:
    """I6."""
    identities = {one.sending.study_instance_uid: one.sending.identity for one in records.outcomes}
    owners = {
        identity[word].encode(): study
        for study, identity in identities.items()
        for word in ("PatientID", "PatientName", "AccessionNumber")
        if len(identity[word]) >= _TELLING_BYTES
    }
    for report in records.reports_sent:
        uid, identity = report.arrival.sop_instance_uid, identities.get(report.study, {})
        for word in identity:
            if str(report.dataset.get(word, "")) != identity[word]:
                yield Violation("I6", uid, f"{word} is not its study's")
        if _named_in(report.arrival.encoded, owners) - {report.study}:
            yield Violation("I6", uid, "carries the identity of another study's patient")


def references_are_known(records: Records) -> Iterator[Violation]:
    """I7."""
    latest = {
        row["sop_instance_uid"]
        for row in records.ledger.rows(
            "SELECT o.sop_instance_uid FROM result_object o JOIN report r ON r.id = o.report_id"
            " JOIN study s ON s.id = r.study_id WHERE s.unreported_since IS NULL AND"
            " r.revision = (SELECT max(revision) FROM report WHERE study_id = r.study_id)"
        )
    }
    for report in records.reports_sent:
        uid = report.arrival.sop_instance_uid
        images = records.images.get(report.study, set())
        if report.evidence - images:
            yield Violation("I7", uid, "names images that the ledger has not of its study")
        elif uid in latest and images - report.evidence:
            missing = len(images - report.evidence)
            yield Violation("I7", uid, f"is the latest, and lacks {missing} of {len(images)}")


def everything_was_answered(records: Records) -> Iterator[Violation]:
    """I8."""
    for outcome in records.outcomes:
        if outcome.answer == SILENT:
            yield Violation("I8", outcome.sending.sop_instance_uid, "no answer, no broken end")
    for table, state, reason in (
        ("job", "dead", "last_error"),
        ("analysis", "not_analysed", "reason"),
        ("delivery", "refused", "reason"),
        ("delivery", "omitted", "reason"),
        ("delivery", "superseded", "reason"),
    ):
        unexplained = f"SELECT id FROM {table} WHERE state = '{state}' AND {reason} IS NULL"
        for number in records.ledger.values(unexplained):
            yield Violation("I8", f"{table} {number}", f"{state} without a reason")


Invariant = Callable[[Records], Iterator[Violation]]
INVARIANTS: dict[str, Invariant] = {
    "I1": acknowledged_is_kept,
    "I2": files_match_rows,
    "I3": studies_ended,
    "I4": one_report_each,
    "I5": no_stale_results,
    "I6": own_patient_alone,
    "I7": references_are_known,
    "I8": everything_was_answered,
}


def _data_sets(records: Records, keys: list[str]) -> set[str | None]:
    found = (records.digests(key) for key in keys)
    return {one.data_set for one in found if one is not None}


def _named_files(records: Records) -> Iterator[tuple[str, str]]:
    """Each key that a row names and that retention has not purged, with that row's name."""
    for table, columns, purged in (
        ("instance", ("spool_key",), "purged_at"),
        ("result_object", ("spool_key",), "purged_at"),
        ("analysis", ("heatmap_key", "annotated_key"), "pictures_purged_at"),
    ):
        for row in records.ledger.rows(f"SELECT * FROM {table}"):
            if row.get(purged) is None:
                yield from ((row[one], f"{table} {row['id']}") for one in columns if row[one])


def _alike_when_repeated(records: Records) -> Iterator[Violation]:
    forms: dict[str, set[str]] = defaultdict(set)
    for arrival in records.arrivals:
        if arrival.is_kept:
            forms[arrival.sop_instance_uid].add(arrival.sha256)
    for uid, digests in forms.items():
        if len(digests) > 1:
            yield Violation("I4", uid, f"came in {len(digests)} different forms")


def _one_for_the_same(records: Records) -> Iterator[Violation]:
    """Of the same images by the same networks: one SR of each class."""
    by_images: dict[object, dict[str, ReportSent]] = defaultdict(dict)
    for report in records.reports_sent:
        images = (report.study, report.evidence, report.arrival.sop_class_uid)
        by_images[images][report.arrival.sop_instance_uid] = report
    for several in by_images.values():
        networks = Counter(_networks(one) for one in several.values()) if len(several) > 1 else {}
        for count in networks.values():
            if count > 1:
                study = next(iter(several.values())).study
                yield Violation("I4", study, f"has {count} SRs of the same inputs")


def _networks(report: ReportSent) -> frozenset[str]:
    """Name and version of every algorithm that the SR's content names (DCM 111001, 111003)."""
    return frozenset(
        str(item.get("TextValue", ""))
        for item in _content(report.dataset)
        for name in item.get("ConceptNameCodeSequence", [])
        if name.get("CodeValue") in ("111001", "111003")
    )


def _content(item: Dataset) -> Iterator[Dataset]:
    for inner in item.get("ContentSequence", []):
        yield inner
        yield from _content(inner)


def _objects_called_sent(records: Records) -> list[dict[str, str]]:
    return records.ledger.rows(
        "SELECT o.sop_instance_uid FROM delivery d"
        " JOIN result_object o ON o.id = coalesce(d.sent_object_id, d.object_id)"
        f" WHERE d.state IN {_SENT} AND o.sop_instance_uid IS NOT NULL"
    )


def _known_objects(records: Records) -> set[str]:
    named = "SELECT sop_instance_uid FROM result_object WHERE sop_instance_uid IS NOT NULL"
    return set(records.ledger.values(named))


def _named_in(encoded: bytes, owners: dict[bytes, str]) -> set[str]:
    """The studies whose patient's identity is in these bytes: as a value, or as a word of one.

    What follows a value may look like a letter of it: beginnings of each length are looked up.
    """
    lengths = {len(identity) for identity in owners}
    beginnings = {
        word[:length]
        for text in _TEXT.findall(encoded)
        for word in (text, *text.split())
        for length in lengths
    }
    return {owners[one] for one in beginnings & owners.keys()}
