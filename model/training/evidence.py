"""What a cross-validation leaves for whoever doubts the card: a report, and a row per image."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.card import Card
from model.evaluation.curves import measured_curves
from model.evaluation.environment import describe_environment
from model.evaluation.evaluation import Subject, evaluate
from model.evaluation.measured import Measured, truths
from model.evaluation.metrics import Sample
from model.evaluation.report import write_report
from model.measured_curves import write_measured_curves
from model.training.run import TrainingRun

FOLDER, ROWS = "cross-validation", "images.csv"
_COLUMNS = (
    *("file", "group", "fold", "rows", "columns", "regions", "fractured"),
    *("logit", "probability", "reason"),
)


def write_curves(folder: Path, card: Card, shown: Sequence[Measured]) -> None:
    """Into the artefact's own folder, for whoever asks what another operating point would do."""
    assert card.cross_validation is not None
    sample = Sample.of(truths([one for one in shown if one.judged]))
    write_measured_curves(folder, measured_curves(sample, card.cross_validation.note))


def write_evidence(
    run: TrainingRun, card: Card, shown: Sequence[Measured], folds: NDArray[np.intp]
) -> None:
    """report.html and metrics.json without any radiograph, and images.csv beside them."""
    assert card.cross_validation is not None
    subject = Subject(
        card=card,
        data=run.data.resolve().name,
        split="out of fold",
        environment=describe_environment(run.device),
        command=card.cross_validation.command,
        note=card.cross_validation.note,
    )
    folder = run.out / FOLDER
    write_report(evaluate(shown, [], subject), None, folder)
    with (folder / ROWS).open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, _COLUMNS)
        writer.writeheader()
        writer.writerows(_rows(shown, folds))


def _rows(shown: Sequence[Measured], folds: NDArray[np.intp]) -> Iterator[dict[str, object]]:
    for one, fold in zip(shown, folds.tolist(), strict=True):
        image = one.image
        yield {
            "file": image.path.name,
            "group": image.group,
            "fold": fold,
            "rows": one.rows,
            "columns": one.columns,
            "regions": " ".join(f"{told:g}" for told in image.regions),
            "fractured": int(image.fractured),
            "logit": one.logit,
            "probability": one.probability,
            "reason": one.reason or "",
        }
