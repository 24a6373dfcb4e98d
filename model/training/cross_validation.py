"""Every image judged by a network that never saw its group."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from model.classifier import FractureClassifier
from model.datasets.images import ImageSet
from model.datasets.labelled import LabelledImage
from model.datasets.splits import fold_numbers
from model.evaluation.measure import measure
from model.evaluation.measured import Measured
from model.training.run import TrainingRun, fit_one, fitted_spec, origins
from model.training.ship import Draft, draft

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Images with what was said of them, fold by fold."""

    rows: list[Measured]
    folds: NDArray[np.intp]  # [n]: which network judged
    artefacts: tuple[Path, ...]  # of each fold's network

    def of_fold(self, fold: int) -> list[Measured]:
        """What one network judged."""
        return [row for row, number in zip(self.rows, self.folds, strict=True) if number == fold]


def cross_validate(
    run: TrainingRun, images: Sequence[LabelledImage], loaded: ImageSet
) -> Judgement:
    """One network a fold, each measured on its fold as it would serve."""
    folds = fold_numbers(images, run.recipe.cross_validation_folds, run.recipe.seed)
    parts: list[Judgement] = []
    for fold in range(run.recipe.cross_validation_folds):
        unseen = np.flatnonzero(folds == fold)
        network = fit_one(run, f"fold-{fold}", loaded.rows(np.flatnonzero(folds != fold)), None)
        plan = Draft(
            run.recipe, fitted_spec(run.recipe), f"0.0.{fold}", run.out / "folds", origins(run)
        )
        artefact = draft(network, plan)
        rows = measure(
            FractureClassifier.load(artefact, "cpu"), [images[row] for row in unseen.tolist()]
        )
        log.info("fold_done", fold=fold, images=len(rows))
        parts.append(Judgement(rows, folds[unseen], (artefact,)))
    return Judgement(
        rows=[row for part in parts for row in part.rows],
        folds=np.concatenate([part.folds for part in parts]),
        artefacts=tuple(artefact for part in parts for artefact in part.artefacts),
    )
