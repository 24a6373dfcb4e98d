"""Every kind of report follows TID 1500, and the checker that says so sees what does not."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.results import codes
from dicom_node.results.coded_items import coded_item
from dicom_node.results.content_items import Relationship, text_item, uid_item
from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding, aggregate_study
from dicom_node.results.result_object import Predecessor
from dicom_node.results.structured_report import build_reports
from tests.dicom_node.results.object_checks import reread
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    full_dx,
    minimal_cr,
    monochrome1_cr,
    multi_frame,
    not_assessable,
    nothing_in,
    numbered_cr,
    received,
    rgb_secondary_capture,
)
from tests.dicom_node.results.template_rows import below, name_of
from tests.dicom_node.results.tid1500 import violations

Study = tuple[list[Dataset], list[ImageFinding]]
_BOXES = (BoundingBox(50, 60, 150.5, 260, 0.91), BoundingBox(5, 6, 15, 26, 0.5))


def _one(source: Dataset, find: Callable[[Dataset], ImageFinding]) -> Study:
    header = received(source)
    return [header], [find(header)]


def _typed(header: Dataset) -> ImageFinding:
    return fracture_in(
        header, fracture_type="hairline", type_probability=0.7, severity="mild", boxes=_BOXES
    )


def _two_frames() -> Study:
    header = received(multi_frame())
    return [header], [fracture_in(header, frame=2), replace(nothing_in(header), frame=4)]


def _all_answers() -> Study:
    headers = [received(numbered_cr(*place)) for place in ((1, 1), (2, 1), (1, 2))]
    finds = (_typed, nothing_in, not_assessable)
    return headers, [find(header) for find, header in zip(finds, headers, strict=True)]


def _with_document(*, image_too: bool) -> Study:
    document = numbered_cr(2)
    document.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.59"
    del document.Rows, document.Columns
    headers = [received(document)]
    findings = [not_assessable(headers[0], "no image")]
    if image_too:
        headers.append(received(numbered_cr(1)))
        findings.append(fracture_in(headers[1]))
    return headers, findings


KINDS: dict[str, Callable[[], Study]] = {
    "fracture": lambda: _one(full_dx(), _typed),
    "possible": lambda: _one(
        full_dx(), lambda header: fracture_in(header, state=FindingState.POSSIBLE)
    ),
    "none": lambda: _one(full_dx(), nothing_in),
    "not assessable": lambda: _one(full_dx(), not_assessable),
    "blurred": lambda: _one(full_dx(), lambda h: not_assessable(h, "the image is blurred")),
    "several images": _all_answers,
    "several frames": _two_frames,
    "RGB": lambda: _one(rgb_secondary_capture(), fracture_in),
    "MONOCHROME1": lambda: _one(monochrome1_cr(), fracture_in),
    "minimal": lambda: _one(minimal_cr(), nothing_in),
    "document beside an image": lambda: _with_document(image_too=True),
    "document alone": lambda: _with_document(image_too=False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_report_follows_the_template(kind: str) -> None:
    headers, findings = KINDS[kind]()
    before = [Predecessor("1.2.840.10008.5.1.4.1.1.88.34", f"1.2.{i}", "1.2.9") for i in (3, 4)]
    issue = replace(ISSUE, revision=3, predecessors=before)
    for made in build_reports(headers, aggregate_study(findings, ALGORITHM), issue):
        assert violations(reread(made)) == []


@pytest.fixture(scope="module")
def sound() -> Dataset:
    """A report of one image: the study's group, the image's, and that of its box."""
    headers, findings = _one(full_dx(), fracture_in)
    return reread(build_reports(headers, aggregate_study(findings, ALGORITHM), ISSUE)[0])


def _at(item: Dataset, *names: str) -> Dataset:
    for name in names:
        item = next(one for one in below(item) if name_of(one) == name)
    return item


def _groups(report: Dataset) -> Dataset:
    return _at(report, "Imaging Measurements")


def _image(report: Dataset) -> Dataset:
    return below(_groups(report))[1]


def _box(report: Dataset) -> Dataset:
    return below(_groups(report))[2]


def _entry(report: Dataset) -> Dataset:
    return _at(report, "Image Library", "Image Library Group", "Source")


def _remove(item: Dataset, name: str) -> None:
    item.ContentSequence.remove(_at(item, name))


def _remove_measurements(item: Dataset) -> None:
    item.ContentSequence = [one for one in below(item) if one.ValueType != "NUM"]


def _repeat(item: Dataset, name: str) -> None:
    found = _at(item, name)
    item.ContentSequence.insert(list(below(item)).index(found), deepcopy(found))


def _to_the_end(item: Dataset, name: str) -> None:
    found = _at(item, name)
    item.ContentSequence.remove(found)
    item.ContentSequence.append(found)


def _set_value(item: Dataset, code: Code) -> None:
    item.ConceptCodeSequence = [coded_item(code)]


def _set_unit(item: Dataset, code: Code) -> None:
    item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [coded_item(code)]


def _retype(item: Dataset, value_type: str) -> None:
    item.ValueType = value_type


def _relate(item: Dataset, relationship: str) -> None:
    item.RelationshipType = relationship


def _add(item: Dataset, new: Dataset) -> None:
    item.ContentSequence = [*below(item), new]


_CONTAINS, _MOD = Relationship.CONTAINS, Relationship.HAS_CONCEPT_MOD
_REMARK = text_item(_MOD, codes.COMMENT, "extra")
Damage = Callable[[Dataset], None]
MISSING: dict[str, Damage] = {
    "TID 1500 row 6 is missing": lambda r: _remove(r, "Imaging Measurements"),
    "TID 1002 row 1 is missing": lambda r: _remove(r, "Observer Type"),
    "TID 1004 row 1 is missing": lambda r: _remove(r, "Device Observer UID"),
    "TID 1501 row 2 is missing": lambda r: _remove(_image(r), "Tracking Identifier"),
    "TID 1501 row 3 is missing": lambda r: _remove(_image(r), "Tracking Unique Identifier"),
    "TID 4019 row 1 is missing": lambda r: _remove(_image(r), "Algorithm Name"),
    "TID 4019 row 2 is missing": lambda r: _remove(_box(r), "Algorithm Version"),
    "TID 1410 row 5 is missing": lambda r: _remove(_box(r), "Image Region"),
    "TID 1410 row 6 is missing": lambda r: _remove(_at(_box(r), "Image Region"), "Source"),
    "TID 1419 row 5 is missing": lambda r: _remove_measurements(_box(r)),
    "not TID 1500 of DCMR": lambda r: r.pop("ContentTemplateSequence"),
    "is not among the evidence": lambda r: r.pop("CurrentRequestedProcedureEvidenceSequence"),
}
TOO_MUCH: dict[str, Damage] = {
    "TID 1004 row 1 may be there 1 times": lambda r: _repeat(r, "Device Observer UID"),
    "TID 1204 row 1 may be there 1 times": lambda r: _repeat(
        r, "Language of Content Item and Descendants"
    ),
    "TID 1600 row 1 may be there 1 times": lambda r: _repeat(r, "Image Library"),
    "TID 1501 row 3b may be there 1 times": lambda r: _repeat(_image(r), "Finding"),
    "TID 1410 row 5 may be there 1 times": lambda r: _repeat(_box(r), "Image Region"),
    "TID 1602 row 11 may be there 1 times": lambda r: _repeat(_entry(r), "Pixel Data Rows"),
    "TID 1204 may not be extended": lambda r: _add(below(r)[0], _REMARK),
    "TID 1500 has no such row": lambda r: _add(r, _REMARK),
    "TID 1602 has no such row": lambda r: _add(below(_entry(r))[0], _REMARK),
    "TID 1501 has no such row": lambda r: _add(_image(r), uid_item(_CONTAINS, codes.SOURCE, "1.2")),
}
WRONG: dict[str, Damage] = {
    "TID 1501 row 3b asks for CONTAINS": lambda r: _relate(
        _at(_image(r), "Finding"), "HAS OBS CONTEXT"
    ),
    "TID 4019 row 2 asks for HAS CONCEPT MOD": lambda r: _relate(
        _at(_box(r), "Algorithm Version"), "HAS OBS CONTEXT"
    ),
    "a CONTAINER may not HAS CONCEPT MOD a NUM": lambda r: _relate(
        _at(_image(r), "Certainty of Finding"), "HAS CONCEPT MOD"
    ),
    "a CONTAINER may not CONTAINS a TABLE": lambda r: _retype(_box(r), "TABLE"),
    "TID 1410 row 2 is a TEXT, not a CODE": lambda r: _retype(
        _at(_box(r), "Tracking Identifier"), "CODE"
    ),
    "the root has a relationship": lambda r: _relate(r, "CONTAINS"),
    "does not allow the value 255604002 SCT": lambda r: _set_value(
        _at(_image(r), "Fracture"), codes.SEVERITIES["mild"]
    ),
    "TID 1410 row 3c does not allow": lambda r: _set_value(
        _at(_box(r), "Geometric purpose of region"), codes.PRESENT
    ),
    "TID 1602 row 1 does not allow": lambda r: _set_value(
        _at(_entry(r), "Modality"), codes.PRESENT
    ),
    "TID 1602 row 12 does not allow": lambda r: _set_unit(
        _at(_entry(r), "Pixel Data Columns"), codes.MILLIMETER
    ),
    "TID 300 row 1 does not allow": lambda r: _set_unit(
        _at(_image(r), "Certainty of Finding"), codes.PIXELS
    ),
    "TID 1500 has no such row: CONTAINER": lambda r: setattr(
        r, "ConceptNameCodeSequence", [coded_item(codes.CONCLUSION)]
    ),
}
OUT_OF_ORDER: dict[str, Damage] = {
    "TID 1600 row 1 stands after TID 1500 row 6": lambda r: _to_the_end(r, "Image Library"),
    "TID 1410 row 5 stands after TID 1410 row 11": lambda r: _to_the_end(_box(r), "Image Region"),
    "TID 1501 row 3b stands after TID 1501 row 12": lambda r: _to_the_end(_image(r), "Finding"),
    "TID 4019 row 1 stands after": lambda r: _to_the_end(_image(r), "Algorithm Name"),
    "TID 1602 row 1 stands after": lambda r: _to_the_end(_entry(r), "Modality"),
}
DAMAGE = MISSING | TOO_MUCH | WRONG | OUT_OF_ORDER


def test_sound_report_has_no_violation(sound: Dataset) -> None:
    assert violations(sound) == []


@pytest.mark.parametrize("expected", DAMAGE)
def test_damage_is_seen(sound: Dataset, expected: str) -> None:
    report = deepcopy(sound)
    DAMAGE[expected](report)
    assert [fault for fault in violations(report) if expected in fault]


def test_fault_says_where_it_is(sound: Dataset) -> None:
    report = deepcopy(sound)
    _remove(_at(_box(report), "Image Region"), "Source")
    (fault,) = violations(report)
    path, _, row = fault.partition(": ")
    assert path.endswith("/Imaging Measurements[10]/Measurement Group[3]/Image Region[5]")
    assert row == "TID 1410 row 6 is missing"
