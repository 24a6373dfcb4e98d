"""The rule of docs/severity.md, as a table and as promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.datasets.labelled import FRACTURE_TYPES
from model.prediction import Box, State
from model.radiograph import Radiograph
from model.severity import (
    Level,
    SeverityEvidence,
    bone_field,
    estimate_severity,
    gather_evidence,
    marked_extent,
)
from phantom.anatomy import REGIONS
from phantom.radiograph import PhantomSpec, make_phantom

FRACTURE, POSSIBLE = State.FRACTURE, State.POSSIBLE
MILD, MODERATE, SEVERE = Level.MILD, Level.MODERATE, Level.SEVERE


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (SeverityEvidence(FRACTURE, None, 1, 0.02), MILD),
        (SeverityEvidence(POSSIBLE, None, 1, 0.02), MILD),
        (SeverityEvidence(FRACTURE, None, 1, None), MILD),
        (SeverityEvidence(FRACTURE, None, 1, 0.22), MODERATE),
        (SeverityEvidence(FRACTURE, None, 2, 0.02), MODERATE),
        (SeverityEvidence(FRACTURE, None, 1, 0.35), MODERATE),
        (SeverityEvidence(FRACTURE, None, 2, 0.35), SEVERE),
        (SeverityEvidence(FRACTURE, None, 4, 0.22), SEVERE),
        (SeverityEvidence(FRACTURE, "hairline", 1, 0.02), MILD),
        (SeverityEvidence(FRACTURE, "hairline", 4, 0.35), MODERATE),
        (SeverityEvidence(FRACTURE, "greenstick", 1, 0.22), MODERATE),
        (SeverityEvidence(FRACTURE, "oblique", 1, 0.02), MODERATE),
        (SeverityEvidence(FRACTURE, "oblique", 2, 0.35), SEVERE),
        (SeverityEvidence(FRACTURE, "comminuted", 0, None), SEVERE),
        (SeverityEvidence(FRACTURE, "fracture_dislocation", 1, 0.02), SEVERE),
        (SeverityEvidence(FRACTURE, "buckle", 1, 0.02), MILD),
    ],
)
def test_the_rule(evidence: SeverityEvidence, expected: Level) -> None:
    severity = estimate_severity(evidence)
    assert severity is not None
    assert severity.level is expected
    assert len(severity.reasons) == 3


@pytest.mark.parametrize("state", [State.NONE, State.NOT_ASSESSABLE, None])
def test_nothing_is_said_where_no_fracture_is_suspected(state: State | None) -> None:
    assert estimate_severity(SeverityEvidence(state, "comminuted", 3, 0.4)) is None


def test_nothing_is_said_where_nothing_tells_of_it() -> None:
    assert estimate_severity(SeverityEvidence(FRACTURE, None, 0, None)) is None


def test_the_reasons_are_plain() -> None:
    severity = estimate_severity(SeverityEvidence(FRACTURE, "spiral", 2, 0.223))
    assert severity is not None
    assert severity.reasons == (
        "type spiral: at least moderate",
        "a wide part of the bone field is marked (about 22 %)",
        "2 suspicious places",
    )


@pytest.mark.parametrize("named", FRACTURE_TYPES)
def test_every_type_is_known(named: str) -> None:
    severity = estimate_severity(SeverityEvidence(FRACTURE, named, 1, 0.02))
    assert severity is not None
    assert severity.reasons[0].startswith(f"type {named.replace('_', ' ')}: at ")


_EVIDENCE = st.builds(
    SeverityEvidence,
    state=st.sampled_from([FRACTURE, POSSIBLE]),
    fracture_type=st.sampled_from([None, *FRACTURE_TYPES]),
    marks=st.integers(1, 9),
    extent=st.floats(0, 1),
)


def _rank(evidence: SeverityEvidence) -> int:
    severity = estimate_severity(evidence)
    assert severity is not None
    return tuple(Level).index(severity.level)


@given(_EVIDENCE, st.floats(0, 1), st.integers(0, 9))
def test_more_extent_and_more_marks_never_lower_it(
    less: SeverityEvidence, extent: float, marks: int
) -> None:
    assert less.extent is not None
    more = SeverityEvidence(
        less.state, less.fracture_type, less.marks + marks, max(less.extent, extent)
    )
    assert _rank(more) >= _rank(less)


@given(_EVIDENCE)
def test_a_graver_type_never_lowers_it(evidence: SeverityEvidence) -> None:
    of = {
        name: _rank(SeverityEvidence(evidence.state, name, evidence.marks, evidence.extent))
        for name in ("hairline", "oblique", "comminuted")
    }
    assert of["hairline"] <= of["oblique"] <= of["comminuted"]


def _radiograph(seed: int, region: str) -> Radiograph:
    pixels = make_phantom(PhantomSpec(seed, region, rows=480, columns=400)).pixels
    return Radiograph((pixels / 4095).astype(np.float32))


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_the_bone_field_is_bright_and_not_all_of_the_body(region: str) -> None:
    radiograph = _radiograph(1, region)
    field = bone_field(radiograph)
    assert 0.01 < field.mean() < 0.5
    step = radiograph.pixels.shape[0] // field.shape[0]
    grey = radiograph.pixels[::step, ::step][: field.shape[0], : field.shape[1]]
    shown = field[: grey.shape[0], : grey.shape[1]]
    assert grey[shown].mean() > grey[~shown].mean() + 0.1


def test_the_bone_field_is_a_property_of_the_picture_and_not_of_its_size_or_contrast() -> None:
    radiograph = _radiograph(2, "leg")
    doubled = Radiograph(np.kron(radiograph.pixels, np.ones((2, 2), np.float32)))
    faint = Radiograph(0.3 + 0.2 * radiograph.pixels)
    assert (bone_field(doubled) == bone_field(radiograph)).mean() > 0.99
    assert (bone_field(faint) == bone_field(radiograph)).mean() > 0.99


def test_the_extent_grows_with_the_boxes_and_stays_a_share() -> None:
    radiograph = _radiograph(3, "hand")
    small, wide = Box(180, 200, 220, 240, 0.9), Box(100, 150, 300, 350, 0.8)
    extents = [marked_extent(radiograph, boxes) for boxes in ([small], [wide], [small, wide])]
    assert all(extent is not None and 0 < extent < 1 for extent in extents)
    assert extents[0] < extents[1] == extents[2]  # type: ignore[operator]
    everything = marked_extent(radiograph, [Box(0, 0, 400, 480, 1)])
    assert everything == 1
    assert marked_extent(radiograph, [Box(399.5, 479.5, 400, 480, 1)]) is not None


def test_a_blank_image_has_no_bones() -> None:
    blank = Radiograph(np.full((100, 80), 0.5, np.float32))
    assert not bone_field(blank).any()
    assert marked_extent(blank, [Box(0, 0, 9, 9, 1)]) is None
    assert gather_evidence(blank, FRACTURE, [Box(0, 0, 9, 9, 1)], None).extent is None


def test_evidence_is_gathered_from_one_prediction() -> None:
    radiograph = _radiograph(3, "hand")
    boxes = (Box(180, 200, 220, 240, 0.9), Box(10, 10, 30, 30, 0.5))
    evidence = gather_evidence(radiograph, POSSIBLE, boxes, "oblique")
    assert evidence == SeverityEvidence(POSSIBLE, "oblique", 2, marked_extent(radiograph, boxes))
    assert gather_evidence(radiograph, State.NONE, (), None).extent is None
