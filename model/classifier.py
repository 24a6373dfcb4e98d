"""The classifier: radiographs in, predictions out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model.artefact import load_artefact
from model.calibration import PlattScaling
from model.card import Card
from model.heatmap import Grid, find_boxes, image_heatmap
from model.letterbox import Letterbox, letterbox
from model.prediction import Box, Prediction, State
from model.radiograph import Radiograph
from model.runtime import Logits, Runtime, Squares, open_runtime


class FractureClassifier:
    """A network with its card; load once per process and keep."""

    def __init__(self, card: Card, runtime: Runtime) -> None:
        self.card = card
        self._runtime = runtime
        self._scaling = PlattScaling(card.calibration.slope, card.calibration.intercept)

    @classmethod
    def load(
        cls, folder: Path, device: str = "auto", threads: int | None = None
    ) -> "FractureClassifier":
        """Check the artefact and open it on auto, cpu or cuda; threads are those of the CPU."""
        artefact = load_artefact(folder)
        return cls(artefact.card, open_runtime(artefact, device, threads))

    def predict(self, radiographs: Sequence[Radiograph]) -> list[Prediction]:
        """One prediction per radiograph, each independent of the others."""
        if not radiographs:
            return []
        fitted = [letterbox(radiograph, self.card.input.side) for radiograph in radiographs]
        logits = self._answer(np.stack([square for square, _ in fitted]))
        return [
            self._predict_one(radiograph, frame, logits, row)
            for row, (radiograph, (_, frame)) in enumerate(zip(radiographs, fitted, strict=True))
        ]

    def _answer(self, squares: Squares) -> Logits:
        straight = self._runtime.run(squares)
        if not self.card.input.mirrored_too:
            return straight
        mirrored = self._runtime.run(np.ascontiguousarray(squares[:, :, ::-1]))
        return Logits(
            _mean(straight.fracture, mirrored.fracture),
            _mean(straight.heatmap, mirrored.heatmap[:, :, ::-1]),
            _mean(straight.regions, mirrored.regions),
        )

    def _predict_one(
        self, radiograph: Radiograph, frame: Letterbox, logits: Logits, row: int
    ) -> Prediction:
        logit = float(logits.fracture[row])
        # Rounded before it is compared: what is shown and what is decided are one number.
        probability = round(float(self._scaling.probability(np.array(logit))), 4)
        state = self._state(probability)
        heatmap = image_heatmap(logits.heatmap[row], frame)
        region, region_probability = self._region(logits.regions[row])
        return Prediction(
            state=state,
            probability=probability,
            logit=round(logit, 4),
            region=region,
            region_probability=region_probability,
            boxes=self._boxes(heatmap, frame, state),
            heatmap=heatmap,
            frame=radiograph.frame,
            model_name=self.card.name,
            model_version=self.card.version,
        )

    def _state(self, probability: float) -> State:
        points = self.card.operating_points
        if probability >= points.specific.probability:
            return State.FRACTURE
        return State.POSSIBLE if probability >= points.sensitive.probability else State.NONE

    def _boxes(self, heatmap: Grid, frame: Letterbox, state: State) -> tuple[Box, ...]:
        """None where no fracture is claimed: a box would claim one."""
        if state is State.NONE:
            return ()
        point = self.card.operating_points.box.probability
        return find_boxes(heatmap, frame.rows, frame.columns, point)

    def _region(self, logits: Grid) -> tuple[str, float]:
        best = int(logits.argmax())
        return self.card.regions[best], round(float(1 / (1 + np.exp(-logits[best]))), 4)


def _mean(first: Grid, second: Grid) -> Grid:
    return np.asarray((first + second) / 2, np.float32)
