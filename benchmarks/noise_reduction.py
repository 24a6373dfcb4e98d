"""Whether a filter before the network helps: a linear classifier on a trunk that stands still.

    python -m benchmarks.noise_reduction --data FOLDER --start-weights FOLDER [--others N]

A trunk as ImageNet left it describes each picture, once as it is and once after each filter; in
folds by group a linear classifier is fitted on what it says. The intervals redraw whole groups, and
those of a difference compare both classifiers in the same redraws.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.filters import FILTERS, PLAIN
from benchmarks.paired_ranking import rank_beside
from cli.output import print_table
from model.card import NetworkSpec
from model.datasets.images import read_image
from model.datasets.labelled import LabelledImage
from model.datasets.reading import read_data_set
from model.datasets.splits import fold_numbers
from model.evaluation.redraws import Redraws
from model.evaluation.wording import span
from model.figures import Interval
from model.letterbox import letterbox
from model.networks.build import build_network
from model.networks.plain import PlainNetwork
from model.networks.trunks import load_start_weights
from model.radiograph import Radiograph

Values = NDArray[np.float64]
Grey = NDArray[np.uint8]

_TRUNK, _SIDE, _FOLDS, _SEED = "mobilenet_v2", 224, 3, 0
# Chosen before any filter was looked at: there are more features than images to fit on.
_INVERSE_PENALTY = 0.01


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a filter does, beside the pictures as they are."""

    filter: str
    auroc: Interval
    against_plain: Interval  # difference of AUROC, in the same redraws


def choose_images(images: Sequence[LabelledImage], others: int) -> list[LabelledImage]:
    """All that are fractured, and so many of the others, drawn by chance."""
    whole = [image for image in images if not image.fractured]
    drawn = random.Random(_SEED).sample(whole, min(others, len(whole)))  # noqa: S311
    return [*(image for image in images if image.fractured), *drawn]


def still_trunk(start_weights: Path) -> PlainNetwork:
    network = build_network(NetworkSpec(kind="plain", trunk=_TRUNK)).eval()
    assert isinstance(network, PlainNetwork)
    load_start_weights(network.trunk, _TRUNK, start_weights)
    return network


@torch.inference_mode()
def describe(network: PlainNetwork, radiograph: Radiograph) -> Values:
    """The trunk's features of the picture after each filter, [filters, features]."""
    grey = radiograph.to_bytes()
    squares = [_shown(filtered(grey), radiograph) for filtered in FILTERS.values()]
    pictures = torch.from_numpy(np.stack(squares))[:, None].float() / 255
    normal = (pictures - network.grey_mean) / network.grey_deviation
    return np.asarray(network.trunk(normal.expand(-1, 3, -1, -1)), np.float64)


def _shown(grey: Grey, radiograph: Radiograph) -> Grey:
    pixels = np.asarray(grey / 255, np.float32)
    return letterbox(Radiograph(pixels, radiograph.pixel_aspect), _SIDE)[0]


def score_out_of_fold(features: Values, images: Sequence[LabelledImage]) -> Values:
    """What is said of each image by the classifier that never saw its group."""
    labels = np.array([image.fractured for image in images])
    folds = fold_numbers(images, _FOLDS, _SEED)
    scores = np.zeros(len(images))
    for fold in range(_FOLDS):
        linear = LogisticRegression(C=_INVERSE_PENALTY, max_iter=1000)
        classifier = make_pipeline(StandardScaler(), linear)
        classifier.fit(features[folds != fold], labels[folds != fold])
        scores[folds == fold] = classifier.decision_function(features[folds == fold])
    return scores


def compare_filters(scores: dict[str, Values], images: Sequence[LabelledImage]) -> list[Comparison]:
    labels = np.array([float(image.fractured) for image in images])
    redraws = Redraws.of(image.group for image in images)
    ranked = rank_beside(scores, labels, redraws, PLAIN)
    return [Comparison(name, *figures) for name, figures in ranked.items()]


def main(
    data: Annotated[Path, typer.Option(help="A data set's folder.")],
    start_weights: Annotated[Path, typer.Option(help="Folder of the trunk's ImageNet weights.")],
    others: Annotated[int, typer.Option(help="Images without a fracture.")] = 800,
) -> None:
    images = choose_images(read_data_set(data).images, others)
    network = still_trunk(start_weights)
    features = np.stack([describe(network, read_image(image.path)) for image in images])
    scores = {name: score_out_of_fold(features[:, row], images) for row, name in enumerate(FILTERS)}
    fractured = sum(image.fractured for image in images)
    typer.echo(f"{fractured} fractured images and {len(images) - fractured} others, {_SIDE} px")
    columns = ["filter", "AUROC", "interval", "against as it is", "interval of it"]
    print_table(columns, [_row(one, columns) for one in compare_filters(scores, images)])


def _row(one: Comparison, columns: Sequence[str]) -> dict[str, object]:
    changed = one.against_plain
    values = [one.filter, f"{one.auroc.value:.3f}", span(one.auroc), f"{changed.value:+.3f}"]
    return dict(zip(columns, [*values, span(changed)], strict=True))


if __name__ == "__main__":
    typer.run(main)
