"""One image under the eye: decoded in a child, predicted, its pictures kept."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from db.analyses import AnalysisInput, AnalysisRecord
from db.purged import purged_sentence
from db.states import AnalysisState
from dicom_node.results.finding import ImageFinding
from dicom_node.results.overlay import annotate
from model.coverage import reason_not_covered
from model.prediction import Prediction, State, most_suspicious
from model.radiograph import NotAssessable, Radiograph
from worker.findings import encode_png, finding_of
from worker.kitchen import Kitchen


@dataclass
class Stopwatch:
    """Milliseconds spent in each stage of one analysis."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.milliseconds[name] = round((time.perf_counter() - started) * 1000, 1)


@dataclass(frozen=True)
class Examined:
    """What is said of an image, and what was looked at: nothing where it was not decoded."""

    record: AnalysisRecord
    radiographs: Sequence[Radiograph]


def examine(kitchen: Kitchen, subject: AnalysisInput, withdrawn: str | None = None) -> Examined:
    """What the eye says of the image, or why it says nothing: both are results.

    `withdrawn`: why the eye itself is not to be believed any more.
    """
    started_at, watch = datetime.now(UTC), Stopwatch()
    radiographs: Sequence[Radiograph] = ()
    try:
        _refuse_unseen(subject, withdrawn)
        with watch.stage("decode"):
            radiographs = kitchen.decoder.decode(_read(kitchen, subject.spool_key))
        record = _look(kitchen, subject, radiographs, watch)
    except NotAssessable as refusal:
        record = AnalysisRecord(state=AnalysisState.NOT_ANALYSED, reason=str(refusal))
    record = replace(record, started_at=started_at, stage_milliseconds=watch.milliseconds)
    return Examined(record, radiographs)


def _refuse_unseen(subject: AnalysisInput, withdrawn: str | None) -> None:
    purged = subject.purged_at and purged_sentence(subject.purged_at)
    reason = withdrawn or purged or reason_not_covered(subject.modality, subject.body_part)
    if reason is not None:
        raise NotAssessable(reason)


def _look(
    kitchen: Kitchen, subject: AnalysisInput, radiographs: Sequence[Radiograph], watch: Stopwatch
) -> AnalysisRecord:
    with watch.stage("predict"):
        prediction = most_suspicious(kitchen.classifier.predict(radiographs))
    if prediction.reason is not None:
        raise NotAssessable(prediction.reason)
    with watch.stage("explain"):
        return _with_pictures(kitchen, subject, prediction, radiographs)


def _read(kitchen: Kitchen, spool_key: str) -> bytes:
    with kitchen.spool.open_intact(spool_key) as stream:
        return stream.read()


def _with_pictures(
    kitchen: Kitchen,
    subject: AnalysisInput,
    prediction: Prediction,
    radiographs: Sequence[Radiograph],
) -> AnalysisRecord:
    """The record of the prediction with its heatmap and, where it is sent, its annotated image."""
    record = record_of(prediction)
    if prediction.heatmap is not None:
        heatmap = kitchen.spool.write(encode_png(_as_bytes(prediction.heatmap)))
        record = replace(record, heatmap_key=heatmap.key)
    if record.state is AnalysisState.NONE and not kitchen.plan.annotate_negatives:
        return record
    picture = draw(prediction, radiographs, finding_of(subject, record))
    return replace(record, annotated_key=kitchen.spool.write(encode_png(picture)).key)


def draw(
    prediction: Prediction, radiographs: Sequence[Radiograph], finding: ImageFinding
) -> NDArray[np.uint8]:
    """The radiograph the prediction is about, annotated: RGB [rows, columns, 3]."""
    shown = next(one for one in radiographs if one.frame == prediction.frame)
    label = f"Osteon · {prediction.model_name} {prediction.model_version}"
    return annotate(_as_bytes(shown.pixels), finding, prediction.heatmap, label)


def state_of(prediction: Prediction) -> AnalysisState:
    """The word the ledger has for a prediction's state."""
    return AnalysisState((prediction.state or State.NOT_ASSESSABLE).value)


def record_of(prediction: Prediction) -> AnalysisRecord:
    """The ledger's row for a prediction, without its pictures."""
    return AnalysisRecord(
        model_name=prediction.model_name,
        model_version=prediction.model_version,
        state=state_of(prediction),
        probability=prediction.probability,
        region=prediction.region,
        region_probability=prediction.region_probability,
        fracture_type=prediction.fracture_type,
        type_probability=prediction.type_probability,
        severity=prediction.severity,
        hardware_probability=prediction.hardware_probability,
        notes=prediction.notes,
        boxes=[asdict(box) for box in prediction.boxes],
        frame=prediction.frame,
    )


def _as_bytes(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    """0..1 as 0..255."""
    return np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
