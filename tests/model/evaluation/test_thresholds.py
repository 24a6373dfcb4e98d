"""What a call is worth at a prevalence, and the counts behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation.measured import truths
from model.evaluation.metrics import Sample
from model.evaluation.thresholds import (
    Confusion,
    at_prevalence,
    confusion,
    positive_predictive_value,
    threshold_table,
)
from tests.model.evaluation.made_rows import rows

SAMPLE = Sample.of(truths(rows([0.9, 0.5, 0.4], [0.5, 0.1])))
SHARES = st.floats(0.01, 0.99)


def test_confusion_counts_images() -> None:
    assert confusion(SAMPLE, 0.5) == Confusion(
        true_negative=1, false_positive=1, false_negative=1, true_positive=2
    )


def test_predictive_values_by_hand() -> None:
    # Of 1,000 images 100 are fractured: 90 of them called, and 90 of the others.
    worth = at_prevalence(sensitivity=0.9, specificity=0.9, prevalence=0.1)
    assert worth.positive_predictive_value == 0.5
    assert worth.negative_predictive_value == pytest.approx(810 / 820, abs=1e-4)
    assert worth.alarms_per_100 == 18.0


def test_a_call_that_is_never_made_is_worth_nothing_known() -> None:
    assert positive_predictive_value(0.0, 1.0, 0.1) is None
    assert at_prevalence(1.0, 0.0, 0.1).negative_predictive_value is None


@given(SHARES, SHARES)
def test_more_fractures_make_a_call_worth_more(sensitivity: float, specificity: float) -> None:
    rare, common = (positive_predictive_value(sensitivity, specificity, p) for p in (0.05, 0.2))
    assert rare is not None
    assert common is not None
    assert rare <= common


def test_at_the_samples_own_prevalence_values_are_its_counts() -> None:
    assert positive_predictive_value(2 / 3, 1 / 2, 3 / 5) == pytest.approx(2 / 3, abs=1e-4)


def test_the_table_names_the_operating_points_in_their_place() -> None:
    table = threshold_table(SAMPLE, {"possible": 0.25, "fracture": 0.5})
    assert [row.probability for row in table] == sorted(row.probability for row in table)
    assert {row.name: row.probability for row in table if row.name} == {
        "possible": 0.25,
        "fracture": 0.5,
    }
    half = next(row for row in table if row.probability == 0.5)
    assert (half.sensitivity, half.specificity) == (0.6667, 0.5)
