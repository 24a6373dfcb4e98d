"""How well fracture types are told apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    confusion_matrix,
    precision_recall_fscore_support,
)

from model.evaluation.measured import Measured
from model.evaluation.redraws import Redraws, interval, mean_interval
from model.figures import Interval, TypeFigures, TypeRow

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TypeAnswers:
    """True types and predicted probabilities, image by image."""

    true: NDArray[np.intp]  # [images], an index into names
    probabilities: Values  # [images, types]
    names: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def told(self) -> NDArray[np.intp]:
        return np.asarray(self.probabilities.argmax(axis=1))


def type_answers(measured: Sequence[Measured]) -> TypeAnswers | None:
    """Of images whose type is known and was told; None where there is none."""
    known = [one for one in measured if one.image.fracture_type in one.types]
    if not known:
        return None
    names = tuple(known[0].types)
    return TypeAnswers(
        np.array([names.index(str(one.image.fracture_type)) for one in known]),
        np.array([[one.types[name] for name in names] for one in known]),
        names,
        tuple(one.image.group for one in known),
    )


def type_figures(
    true: Sequence[str], probabilities: Values, names: Sequence[str], groups: Sequence[str]
) -> TypeFigures:
    """Figures of probabilities [images, types] in the order of the names."""
    numbers = np.array([list(names).index(name) for name in true])
    return figures_of_types(TypeAnswers(numbers, probabilities, tuple(names), tuple(groups)))


def figures_of_types(answers: TypeAnswers) -> TypeFigures:
    """Macro figures are means over the types that occur, each type counting as much."""
    redraws = Redraws.of(answers.groups)
    labels = np.arange(len(answers.names))
    counts = confusion_matrix(answers.true, answers.told, labels=labels)
    precision, recall, f1 = _macro_intervals(answers, redraws)
    return TypeFigures(
        images=len(answers.true),
        accuracy=mean_interval(_among_likeliest(answers, 1), redraws),
        top_two_accuracy=mean_interval(_among_likeliest(answers, 2), redraws),
        macro_precision=precision,
        macro_recall=recall,
        macro_f1=f1,
        rows=_rows(answers),
        confusion=tuple(tuple(map(int, row)) for row in counts),
    )


def _among_likeliest(answers: TypeAnswers, count: int) -> Values:
    """1 where the true type is among so many likeliest, 0 elsewhere."""
    likeliest = np.argsort(-answers.probabilities, axis=1, kind="stable")[:, :count]
    return np.asarray((likeliest == answers.true[:, None]).any(axis=1), dtype=np.float64)


def _macro_intervals(answers: TypeAnswers, redraws: Redraws) -> list[Interval]:
    """Of precision, recall and F1."""
    present = np.unique(answers.true)
    *values, _ = precision_recall_fscore_support(
        answers.true, answers.told, labels=present, average="macro", zero_division=0
    )
    redrawn = redraws.each(lambda weights: _macro(weights, answers, present))
    return [interval(float(value), redrawn[:, n]) for n, value in enumerate(values)]


def _macro(weights: Values, answers: TypeAnswers, present: NDArray[np.intp]) -> Values:
    """Macro precision, recall and F1 of each weighting over the types it holds, [weightings, 3]."""
    is_true = (answers.true[:, None] == present).astype(np.float64)
    is_told = (answers.told[:, None] == present).astype(np.float64)
    both, true, told = weights @ (is_true * is_told), weights @ is_true, weights @ is_told
    held = (true > 0).astype(np.float64)
    # Nothing right is nought, whatever it is divided by.
    parts = (both / np.maximum(told, 1), both / np.maximum(true, 1), 2 * both / (true + told))
    return np.stack([(np.nan_to_num(part) * held).sum(1) / held.sum(1) for part in parts], axis=1)


def _rows(answers: TypeAnswers) -> tuple[TypeRow, ...]:
    labels = np.arange(len(answers.names))
    precision, recall, f1, images = precision_recall_fscore_support(
        answers.true, answers.told, labels=labels, zero_division=np.nan
    )
    return tuple(
        TypeRow(
            name=name,
            images=int(images[n]),
            precision=_known(precision[n]),
            recall=_known(recall[n]),
            f1=_known(f1[n]),
        )
        for n, name in enumerate(answers.names)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
