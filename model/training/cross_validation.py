"""Every image judged by a network that never saw its group."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def cross_validate(
    run: TrainingRun, images: Sequence[LabelledImage], loaded: ImageSet
) -> Judgement:
    """One network a judged fold, each measured on its fold as it would serve."""
    folds = fold_numbers(images, run.recipe.cross_validation_folds, run.recipe.seed)
    parts = []
    for fold in range(run.recipe.judged_folds or run.recipe.cross_validation_folds):
        unseen = np.flatnonzero(folds == fold)
        network = fit_one(run, f"fold-{fold}", loaded.rows(np.flatnonzero(folds != fold)), None)
        plan = Draft(
            run.recipe, fitted_spec(run.recipe), f"0.0.{fold}", run.out / "folds", origins(run)
        )
        classifier = FractureClassifier.load(draft(network, plan), "cpu")
        rows = measure(classifier, [images[row] for row in unseen.tolist()])
        log.info("fold_done", fold=fold, images=len(rows))
        parts.append(Judgement(rows, folds[unseen]))
    return Judgement(
        rows=[row for part in parts for row in part.rows],
        folds=np.concatenate([part.folds for part in parts]),
    )
