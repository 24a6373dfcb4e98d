"""The card's figures are those of the very files beside it."""

import pytest

from model.classifier import FractureClassifier
from model.datasets.fracatlas import read_labels
from model.datasets.labelled import of_split
from model.evaluation.measure import measure, summarise
from tests.services import require_shared_data


@pytest.mark.slow
def test_the_cards_figures_can_be_made_again(shipped: FractureClassifier) -> None:
    images = of_split(read_labels(require_shared_data("fracatlas")), "val")
    claimed = shipped.card.validation
    assert claimed is not None
    measured = summarise(measure(shipped, images), shipped, claimed.command)
    assert measured.auroc.value >= 0.90
    # Another processor may add in another order: the last digits of a logit are not ours to keep.
    assert measured.auroc.value == pytest.approx(claimed.auroc.value, abs=0.001)
    assert measured.sensitive.sensitivity.value == pytest.approx(
        claimed.sensitive.sensitivity.value, abs=0.013
    )
    assert measured.images == claimed.images
    assert measured.region_accuracy == pytest.approx(claimed.region_accuracy, abs=0.003)
