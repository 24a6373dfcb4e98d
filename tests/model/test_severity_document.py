"""docs/severity.md says what the code does, and real marks reach more than one level."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from model.classifier import FractureClassifier
from model.datasets.labelled import FRACTURE_TYPES
from model.prediction import State
from model.radiograph import read_picture
from model.severity import Level, SeverityEvidence, estimate_severity, gather_evidence
from tests.model.documented import DOCUMENTS, rows_of
from tests.services import require_shared_data

_LEVEL_OF_STEPS = (Level.MILD, Level.MODERATE, Level.MODERATE, Level.SEVERE, Level.SEVERE)


def _level(fracture_type: str | None, marks: int, extent: float | None) -> Level:
    severity = estimate_severity(SeverityEvidence(State.FRACTURE, fracture_type, marks, extent))
    assert severity is not None
    return severity.level


def test_every_type_has_its_least_and_its_most() -> None:
    documented = {named: (least, most) for named, least, most in rows_of("severity.md", "Type |")}
    assert documented == {
        named: (_level(named, 1, 0), _level(named, 9, 1)) for named in FRACTURE_TYPES
    }


def _from(heading: str) -> list[float]:
    """Where the first and the second step begin."""
    below, first, second = rows_of("severity.md", heading)
    assert [below[1], first[1], second[1]] == ["0", "1", "2"]
    assert below[0].removeprefix("below ") == first[0].removeprefix("from ")
    return [float(row[0].removeprefix("from ")) for row in (first, second)]


def test_the_steps_of_extent_and_number_add_up_as_documented() -> None:
    extents, numbers = _from("Extent"), _from("Number")
    for extent in (0, *(limit + shift for limit in extents for shift in (-0.001, 0, 0.001)), 1):
        for marks in range(1, 8):
            steps = sum(extent >= limit for limit in extents)
            steps += sum(marks >= limit for limit in numbers)
            assert _level(None, marks, extent) is _LEVEL_OF_STEPS[steps], (extent, marks)


@pytest.mark.parametrize(("named", "marks", "extent", "level"), rows_of("severity.md", "Example"))
def test_the_examples_hold(named: str, marks: str, extent: str, level: str) -> None:
    assert _level(None if named == "not told" else named, int(marks), float(extent)) == level


def test_it_says_that_it_is_no_measurement() -> None:
    assert "never a measurement" in (DOCUMENTS / "severity.md").read_text()


def _evidence(classifier: FractureClassifier, path: Path) -> SeverityEvidence:
    radiograph = read_picture(path)
    (told,) = classifier.predict([radiograph])
    return gather_evidence(radiograph, told.state, told.boxes, told.fracture_type)


def test_the_limits_suit_the_boxes_of_the_shipped_classifier(shipped: FractureClassifier) -> None:
    """Limits that nearly every image reaches, or none, would tell nothing."""
    folder = require_shared_data("fracatlas")
    with (folder / "labels.csv").open() as table:
        broken = [row["image_id"] for row in csv.DictReader(table) if row["fractured"] == "1"]
    evidence = [_evidence(shipped, folder / "images" / name) for name in broken[::13]]
    extents = [one.extent for one in evidence if one.extent is not None]
    assert len(extents) > 30
    wide, widest = _from("Extent")
    assert 0.05 < np.mean([extent >= wide for extent in extents]) < 0.45
    assert np.mean([extent >= widest for extent in extents]) < 0.15
    levels = Counter(found.level for one in evidence if (found := estimate_severity(one)))
    assert min(levels[Level.MILD], levels[Level.MODERATE]) > 0.2 * len(extents)
