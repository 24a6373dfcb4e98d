"""The classifier: radiographs in, predictions out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.answers import Answers, read_answers
from model.artefact import load_artefact
from model.calibration import PlattScaling
from model.card import Card
from model.heatmap import Grid, find_boxes, image_heatmap
from model.letterbox import Letterbox, letterbox
from model.prediction import Box, Prediction, State
from model.quality import Grade, QualityProblem, assess_quality
from model.radiograph import Radiograph
from model.runtime import CpuPlan, Logits, Runtime, Squares, open_runtime
from model.severity import estimate_severity, gather_evidence


class FractureClassifier:
    """A network with its card; load once per process and keep."""

    def __init__(self, card: Card, runtime: Runtime) -> None:
        self.card = card
        self._runtime = runtime
        self._scaling = PlattScaling(card.calibration.slope, card.calibration.intercept)

    @classmethod
    def load(
        cls,
        folder: Path,
        device: str = "auto",
        threads: int | None = None,
        bulk: bool = False,
    ) -> "FractureClassifier":
        """Check the artefact and open it on auto, cpu or cuda.

        Threads are those of the CPU; bulk uses them on many images at once.
        """
        artefact = load_artefact(folder)
        return cls(artefact.card, open_runtime(artefact, device, CpuPlan(threads, bulk)))

    @property
    def device(self) -> str:
        """Where it runs, as a person is told."""
        return self._runtime.device

    def predict(self, radiographs: Sequence[Radiograph]) -> list[Prediction]:
        """One prediction per radiograph, each independent of the others.

        One that shows too little to be judged is refused before the network sees it.
        """
        problems = [assess_quality(radiograph) for radiograph in radiographs]
        seen = [
            self._fit(radiograph)
            for radiograph, found in zip(radiographs, problems, strict=True)
            if not _refused(found)
        ]
        judged = iter(self._judge(seen))
        return [
            self._refusal(radiograph, found[0].reason)
            if _refused(found)
            else _noted(next(judged), found)
            for radiograph, found in zip(radiographs, problems, strict=True)
        ]

    def _fit(self, radiograph: Radiograph) -> "_Fitted":
        square, frame = letterbox(radiograph, self.card.input.side)
        return _Fitted(radiograph, square, frame)

    def _judge(self, seen: Sequence["_Fitted"]) -> list[Prediction]:
        if not seen:
            return []
        logits = self._answer(np.stack([one.square for one in seen]))
        return [
            self._predict_one(one, {name: rows[row] for name, rows in logits.items()})
            for row, one in enumerate(seen)
        ]

    def _answer(self, squares: Squares) -> Logits:
        if not self.card.input.mirrored_too:
            return self._runtime.run(squares)
        both = self._runtime.run(np.concatenate([squares, squares[:, :, ::-1]]))
        straight = {name: rows[: len(squares)] for name, rows in both.items()}
        mirrored = {name: rows[len(squares) :] for name, rows in both.items()}
        if "heatmap" in mirrored:
            mirrored["heatmap"] = mirrored["heatmap"][:, :, ::-1]
        return {name: _mean(rows, mirrored[name]) for name, rows in straight.items()}

    def _predict_one(self, seen: "_Fitted", logits: Logits) -> Prediction:
        answers = read_answers(self.card, logits)
        if answers.strange:
            return self._unlike(seen.radiograph, _STRANGE, answers)
        logit = float(logits["fracture"]) if "fracture" in logits else None
        probability = None if logit is None else self._probability(logit)
        state = None if probability is None else self._state(probability)
        if answers.doubtful and state is State.NONE:
            return self._unlike(seen.radiograph, _DOUBTFUL, answers)
        heatmap = image_heatmap(logits["heatmap"], seen.frame) if "heatmap" in logits else None
        boxes = self._boxes(heatmap, seen.frame, state)
        fracture_type, type_probability = answers.told_type(state)
        severity = estimate_severity(gather_evidence(seen.radiograph, state, boxes, fracture_type))
        return Prediction(
            state=state,
            probability=probability,
            logit=None if logit is None else round(logit, 4),
            region=answers.region,
            region_probability=answers.region_probability,
            boxes=boxes,
            heatmap=heatmap,
            frame=seen.radiograph.frame,
            model_name=self.card.name,
            model_version=self.card.version,
            regions=answers.regions,
            hardware_probability=answers.hardware,
            fracture_type=fracture_type,
            type_probability=type_probability,
            types=answers.types,
            severity=severity.level.value if severity is not None else None,
            notes=_notes(answers),
        )

    def _unlike(self, radiograph: Radiograph, reason: str, answers: Answers) -> Prediction:
        return replace(self._refusal(radiograph, reason), regions=answers.regions, unlike=True)

    def _refusal(self, radiograph: Radiograph, reason: str) -> Prediction:
        return Prediction(
            state=State.NOT_ASSESSABLE,
            probability=None,
            logit=None,
            region=None,
            region_probability=None,
            boxes=(),
            heatmap=None,
            frame=radiograph.frame,
            model_name=self.card.name,
            model_version=self.card.version,
            reason=reason,
        )

    def _probability(self, logit: float) -> float:
        """Rounded before it is compared: what is shown and what is decided are one number."""
        return round(float(self._scaling.probability(np.array(logit))), 4)

    def _state(self, probability: float) -> State:
        points = self.card.operating_points
        if probability >= points.specific.probability:
            return State.FRACTURE
        return State.POSSIBLE if probability >= points.sensitive.probability else State.NONE

    def _boxes(
        self, heatmap: Grid | None, frame: Letterbox, state: State | None
    ) -> tuple[Box, ...]:
        """None where no fracture is claimed: a box would claim one."""
        if state in (State.NONE, None) or heatmap is None:
            return ()
        share = self.card.operating_points.box.peak_share
        return find_boxes(heatmap, frame.rows, frame.columns, share)


def _noted(prediction: Prediction, problems: Sequence[QualityProblem]) -> Prediction:
    reasons = tuple(problem.reason for problem in problems)
    return replace(prediction, notes=(*reasons, *prediction.notes))


def _notes(answers: Answers) -> tuple[str, ...]:
    metal = answers.hardware is not None and answers.hardware >= _METAL
    told = {_UNUSUAL: answers.doubtful, _HARDWARE: metal}
    return tuple(note for note, true in told.items() if true)


_METAL = 0.5
_HARDWARE = "screws, plates or nails are seen: metal by itself may raise the probability"
_UNUSUAL = "the image is unlike most that the classifier has learned"
_DOUBTFUL = f"{_UNUSUAL}: it cannot be said to show no fracture"
_STRANGE = "image is unlike the hands, legs, hips and shoulders the classifier has learned"


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A radiograph as the network sees it."""

    radiograph: Radiograph
    square: NDArray[np.uint8]  # [side, side]
    frame: Letterbox


def _refused(problems: Sequence[QualityProblem]) -> bool:
    return any(problem.grade is Grade.NOT_ASSESSABLE for problem in problems)


def _mean(first: Grid, second: Grid) -> Grid:
    return np.asarray((first + second) / 2, np.float32)
