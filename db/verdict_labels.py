"""The verdicts as labels to train with: one answer an image, or the reason why it has none."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import AnalysisState, Opinion
from db.tables import Instance, Series, Study, Verdict
from db.verdicts import GivenVerdict, counting_verdicts

# In the words of docs/data-sets.md, "DICOM and a table"; the last two are for people.
LABEL_COLUMNS = (
    *("fractured", "region", "fracture_type", "patient", "x0", "y0", "x1", "y1"),
    *("boxes_by", "model"),
)


@dataclass(frozen=True)
class Label:
    """What readers agreed on of one image; boxes by a reader, or the node's that they agreed to.

    `patient` numbers the patients from 1, so that no identity is kept; boxes are in stored pixels.
    """

    sop_instance_uid: str
    spool_key: str
    frame: int | None
    fractured: bool
    region: str
    fracture_type: str
    patient: int
    boxes: Sequence[dict[str, Any]]
    boxes_by: str
    model: str

    def rows(self) -> list[dict[str, Any]]:
        """As the table has them: one for each box, or one without."""
        said = {
            "fractured": int(self.fractured),
            "region": self.region,
            "fracture_type": self.fracture_type,
            "patient": self.patient,
            "boxes_by": self.boxes_by,
            "model": self.model,
        }
        corners = [{name: box[name] for name in ("x0", "y0", "x1", "y1")} for box in self.boxes]
        return [said | box for box in corners or [dict.fromkeys(("x0", "y0", "x1", "y1"), "")]]


@dataclass(frozen=True)
class LabelExport:
    """The labels, oldest image first, and why other judged images have none."""

    labels: list[Label]
    left_out: dict[str, int]


PURGED = "its file was purged after retention"


@dataclass(frozen=True)
class _Image:
    sop_instance_uid: str
    spool_key: str
    study_instance_uid: str
    patient: tuple[str, str]
    is_purged: bool  # there is nothing to be labelled


def training_labels(session: Session) -> LabelExport:
    """From the verdicts that count; an image is labelled only if its readers do not contradict."""
    verdicts = counting_verdicts(session)
    images = _images(session)
    patients: dict[tuple[str, str], int] = {}
    labels, left_out = [], Counter[str]()
    for image, said in _said_of_images(verdicts, images):
        why_not = PURGED if image.is_purged else _why_not(said)
        if why_not is not None:
            left_out[why_not] += 1
            continue
        patient = patients.setdefault(image.patient, len(patients) + 1)
        labels.append(_label(image, said, patient))
    return LabelExport(labels, dict(left_out))


def _said_of_images(
    verdicts: Sequence[GivenVerdict], images: dict[str, list[_Image]]
) -> list[tuple[_Image, list[GivenVerdict]]]:
    """A study's verdict is one on each image that its reader did not judge, if it can be."""
    on_image: defaultdict[str, list[GivenVerdict]] = defaultdict(list)
    for one in verdicts:
        if one.sop_instance_uid is not None:
            on_image[one.sop_instance_uid].append(one)
    for one in verdicts:
        of_study = images.get(one.study_instance_uid, [])
        if one.sop_instance_uid is None and _says_of_each(one, len(of_study)):
            for image in of_study:
                said = on_image[image.sop_instance_uid]
                if all(other.reader != one.reader for other in said):
                    said.append(one)
    every = [image for of_study in images.values() for image in of_study]
    return [(image, said) for image in every if (said := on_image[image.sop_instance_uid])]


def _says_of_each(verdict: GivenVerdict, images: int) -> bool:
    """No fracture in a study is none on any image; one in a study may be on any of several."""
    return verdict.said is AnalysisState.NONE or images == 1


def _why_not(said: Sequence[GivenVerdict]) -> str | None:
    findings = {one.said for one in said}
    if len(findings) > 1:
        return "its readers contradict each other"
    finding = findings.pop()
    if finding is None:
        return "what its reader sees is not told"
    if finding not in (AnalysisState.FRACTURE, AnalysisState.NONE):
        return "its reader is not sure" if finding is AnalysisState.POSSIBLE else "not assessable"
    return None


def _label(image: _Image, said: Sequence[GivenVerdict], patient: int) -> Label:
    newest_first = sorted(said, key=lambda one: -one.verdict_id)
    fractured = newest_first[0].said is AnalysisState.FRACTURE
    boxes, boxes_by = _boxes(newest_first) if fractured else ([], "")
    return Label(
        sop_instance_uid=image.sop_instance_uid,
        spool_key=image.spool_key,
        frame=next((one.frame for one in newest_first if one.frame is not None), None),
        fractured=fractured,
        region=_region(newest_first),
        fracture_type=_type(newest_first) if fractured else "",
        patient=patient,
        boxes=boxes,
        boxes_by=boxes_by,
        model=next((one.model for one in newest_first if one.model), ""),
    )


def _boxes(newest_first: Sequence[GivenVerdict]) -> tuple[Sequence[dict[str, Any]], str]:
    for one in newest_first:
        if one.boxes and one.sop_instance_uid is not None:
            return one.boxes, "reader"
    for one in newest_first:
        if one.opinion is Opinion.AGREE and one.node_boxes:
            return one.node_boxes, "network"
    return [], ""


def _region(newest_first: Sequence[GivenVerdict]) -> str:
    """A reader's correction, else as found: the form says so where nothing is chosen."""
    words = [one.corrected_region for one in newest_first]
    return next((word for word in (*words, *(one.region for one in newest_first)) if word), "")


def _type(newest_first: Sequence[GivenVerdict]) -> str:
    """A reader's correction, else what one agreed to; where nothing is chosen it is not said."""
    words = [one.corrected_type for one in newest_first]
    agreed = [one.type for one in newest_first if one.opinion is Opinion.AGREE]
    return next((word for word in (*words, *agreed) if word), "")


def _images(session: Session) -> dict[str, list[_Image]]:
    """Of every study that was judged, and is not blocked: that may mix two patients."""
    asked = (
        select(
            Instance.sop_instance_uid,
            Instance.spool_key,
            Study.study_instance_uid,
            Study.patient_id,
            Study.issuer_of_patient_id,
            Instance.purged_at,
        )
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Instance.is_image, Instance.quarantine_reason.is_(None))
        .where(Study.blocked_reason.is_(None), Study.id.in_(select(Verdict.study_id)))
        .order_by(Instance.id)
    )
    images: defaultdict[str, list[_Image]] = defaultdict(list)
    for uid, key, study_uid, patient_id, issuer, purged_at in session.execute(asked):
        patient = (patient_id, issuer) if patient_id else ("", study_uid)
        images[study_uid].append(_Image(uid, key, study_uid, patient, purged_at is not None))
    return dict(images)
