"""The very files that ship do at least what their card claims for images they never saw."""

import pytest

from model.classifier import FractureClassifier
from model.datasets.labelled import of_split
from model.datasets.reading import read_data_set
from model.evaluation.measure import measure_each
from model.evaluation.measured import Measured
from model.evaluation.summary import summarise
from tests.services import require_shared_data

pytestmark = pytest.mark.requirement("R-MODEL-3")


@pytest.mark.soak
@pytest.mark.slow
def test_the_shipped_files_do_no_worse_than_the_card_claims(shipped: FractureClassifier) -> None:
    """The card's figures are a like network's on unseen groups; these images fitted this one."""
    claimed = shipped.card.cross_validation
    assert claimed is not None
    images = of_split(read_data_set(require_shared_data("fracatlas")).images, "val")[::3]
    rows = [one for one in measure_each(shipped, images) if isinstance(one, Measured)]
    measured = summarise(rows, shipped.card.operating_points, claimed.command)
    pairs = [
        (measured.auroc, claimed.auroc),
        (measured.sensitive.sensitivity, claimed.sensitive.sensitivity),
        (measured.specific.specificity, claimed.specific.specificity),
        (measured.region_accuracy, claimed.region_accuracy),
    ]
    for found, promised in pairs:
        assert found is not None
        assert promised is not None
        assert found.value >= promised.low
    assert measured.not_assessable <= 0.02 * len(rows)
