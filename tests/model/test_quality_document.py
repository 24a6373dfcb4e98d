"""docs/quality.md names the limits of the code."""

from dataclasses import replace

import pytest

from model import quality
from model.quality import Grade, Quality
from tests.model.documented import rows_of

_GOOD = Quality(
    rows=480,
    columns=400,
    contrast=0.8,
    grey_levels=150,
    midtones=0.9,
    likeness=0.98,
    sharpness=1.3,
    white=0,
    black=0,
)
_MEASURES = {
    "shorter side": "rows",
    "contrast": "contrast",
    "grey levels": "grey_levels",
    "share of the image": "midtones",
    "likeness": "likeness",
    "sharpness": "sharpness",
    "share burnt out": "white",
    "share cut off": "black",
}
_HAIR = 1e-6
_BELOW = rows_of("quality.md", "What | Refused below")
_ABOVE = rows_of("quality.md", "What | Refused above")


def _grades(measure: str, value: float) -> set[Grade]:
    changed = replace(_GOOD, **{measure: value})
    return {problem.grade for problem in quality._problems(changed)}


def _measure(words: str) -> str:
    (found,) = (measure for start, measure in _MEASURES.items() if words.startswith(start))
    return found


def test_every_limit_is_documented() -> None:
    assert [_measure(row[0]) for row in [*_BELOW, *_ABOVE]] == list(_MEASURES.values())
    assert _grades("rows", _GOOD.rows) == set()


@pytest.mark.parametrize(("words", "refused", "noted"), _BELOW)
def test_below_its_limits_an_image_is_noted_or_refused(
    words: str, refused: str, noted: str
) -> None:
    measure = _measure(words)
    assert _grades(measure, float(refused) - _HAIR) == {Grade.NOT_ASSESSABLE}
    between = set() if noted == "–" else {Grade.NOTE}
    assert _grades(measure, float(refused)) == between
    if noted != "–":
        assert _grades(measure, float(noted) - _HAIR) == {Grade.NOTE}
        assert _grades(measure, float(noted)) == set()


@pytest.mark.parametrize(("words", "refused", "noted"), _ABOVE)
def test_above_its_limit_an_image_is_noted_alone(words: str, refused: str, noted: str) -> None:
    assert refused == "–"
    assert _grades(_measure(words), float(noted)) == set()
    assert _grades(_measure(words), float(noted) + _HAIR) == {Grade.NOTE}
    assert _grades(_measure(words), 1) == {Grade.NOTE}
