"""The report says what was found, where, how surely and by whom, in a form other tools accept."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom.sr as hd
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage

from dicom_node.results import codes
from dicom_node.results import report_concepts as concepts
from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding, aggregate_study
from dicom_node.results.reading_order import EvidenceMismatch
from dicom_node.results.result_object import Predecessor, ResultKind, ResultObject
from dicom_node.results.structured_report import build_reports
from tests.dicom_node.results.object_checks import conformance_errors, reread, shown_text
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    OLDER,
    SOURCES,
    fracture_in,
    full_dx,
    multi_frame,
    not_assessable,
    nothing_in,
    numbered_cr,
    received,
)


def _reports(sources: Sequence[Dataset], findings: Sequence[ImageFinding]) -> list[ResultObject]:
    return build_reports(sources, aggregate_study(findings, ALGORITHM), ISSUE)


def _content(made: ResultObject) -> hd.MeasurementReport:
    return hd.srread(BytesIO(made.encoded)).content


def _image_groups(made: ResultObject) -> list[hd.MeasurementsAndQualitativeEvaluations]:
    """The study's group first, then one per image."""
    groups: list[hd.MeasurementsAndQualitativeEvaluations] = _content(
        made
    ).get_image_measurement_groups()
    return groups


def _box_groups(made: ResultObject) -> list[hd.PlanarROIMeasurementsAndQualitativeEvaluations]:
    groups: list[hd.PlanarROIMeasurementsAndQualitativeEvaluations] = _content(
        made
    ).get_planar_roi_measurement_groups()
    return groups


def _evaluation(group: hd.ContentSequence, name: Code) -> str | None:
    found = group.get_qualitative_evaluations(name)
    return str(found[0].value.meaning) if found else None


def _certainty(group: hd.ContentSequence) -> float | None:
    found = group.get_measurements(codes.CERTAINTY_OF_FINDING)
    return float(found[0].value) if found else None


def _texts(group: hd.ContentSequence, name: Code) -> list[str]:
    return [str(item.TextValue) for item in group[0].ContentSequence.find(name)]


def _algorithm(group: hd.ContentSequence) -> tuple[list[str], int]:
    """The version, and how many operating points of it are known."""
    points = _texts(group, concepts.ALGORITHM_PARAMETERS)
    return _texts(group, concepts.ALGORITHM_VERSION), len(points)


def _remarks(image: hd.ContentSequence) -> list[str]:
    """What is said of an image beyond its name."""
    return _texts(image, codes.COMMENT)[1:]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("find", [fracture_in, nothing_in, not_assessable])
def test_every_source_and_answer_makes_conformant_reports(
    kind: str, find: Callable[[Dataset], ImageFinding], tmp_path: Path
) -> None:
    source = received(SOURCES[kind]())
    finding = replace(find(source), frame=2 if kind == "multi-frame" else None)
    made = _reports([source], [finding])
    assert [report.kind for report in made] == [ResultKind.SR, ResultKind.SR_FALLBACK]
    for report in made:
        assert conformance_errors(report, tmp_path) == []


def test_fallback_has_the_same_content_in_the_older_class() -> None:
    source = received(full_dx())
    primary, fallback = map(reread, _reports([source], [fracture_in(source)]))
    assert primary.SOPClassUID == Comprehensive3DSRStorage
    assert fallback.SOPClassUID == ComprehensiveSRStorage
    assert primary.SOPInstanceUID != fallback.SOPInstanceUID
    assert primary.SeriesInstanceUID != fallback.SeriesInstanceUID
    assert primary.ContentSequence == fallback.ContentSequence


@pytest.mark.parametrize(
    ("state", "value", "summary"),
    [
        (FindingState.FRACTURE, "Present", "All algorithms succeeded; with findings"),
        (FindingState.POSSIBLE, "Undetermined", "All algorithms succeeded; with findings"),
        (FindingState.NONE, "Absent", "All algorithms succeeded; without findings"),
    ],
)
def test_answer_is_coded_for_study_and_image(state: FindingState, value: str, summary: str) -> None:
    source = received(full_dx())
    made = _reports([source], [fracture_in(source, state=state, boxes=())])[0]
    for group in _image_groups(made):
        assert _evaluation(group, codes.FRACTURE) == value
        assert _evaluation(group, codes.SUMMARY) == summary
        assert _certainty(group) == 93.7


@pytest.mark.parametrize(
    ("reason", "quality"),
    [
        ("the image is blurred: it shows no sharp edge", "Motion blur"),
        ("no pixel data", "No image"),
        ("blank image: every pixel has the same value", "No image"),
    ],
)
def test_image_not_analysed_has_its_reason_and_no_answer(reason: str, quality: str) -> None:
    source = received(full_dx())
    study, image = _image_groups(_reports([source], [not_assessable(source, reason)])[0])
    for group in (study, image):
        assert group.finding_type is None
        assert _evaluation(group, codes.FRACTURE) is None
        assert _evaluation(group, codes.SUMMARY) == codes.NONE_SUCCEEDED.meaning
        assert _certainty(group) is None
    assert _evaluation(image, codes.QUALITY_ASSESSMENT) == codes.UNUSABLE.meaning
    assert _evaluation(image, codes.QUALITY_FINDING) == quality
    assert _remarks(image) == [f"Not analysed: {reason}"]


def test_reason_without_a_code_is_text_alone() -> None:
    source = received(full_dx())
    made = _reports([source], [not_assessable(source, "body part not covered")])[0]
    image = _image_groups(made)[1]
    assert _evaluation(image, codes.QUALITY_ASSESSMENT) is None
    assert _remarks(image) == ["Not analysed: body part not covered"]


def test_what_makes_an_answer_less_sure_is_noted_beside_it() -> None:
    source = received(full_dx())
    noted = replace(fracture_in(source), notes=("the image is noisy", "the image is small"))
    image = _image_groups(_reports([source], [noted])[0])[1]
    assert _remarks(image) == ["Note: the image is noisy; the image is small"]
    assert _evaluation(image, codes.FRACTURE) == "Present"


def test_study_names_the_images_behind_its_answer() -> None:
    sources = [received(numbered_cr(number)) for number in (1, 2, 3, 4)]
    findings = [
        nothing_in(sources[0]),
        fracture_in(sources[1], probability=0.7),
        not_assessable(sources[2]),
        fracture_in(sources[3], probability=0.9),
    ]
    study = _image_groups(_reports(sources, findings)[0])[0]
    behind = {item.referenced_sop_instance_uid for item in study.source_images}
    assert behind == {sources[1].SOPInstanceUID, sources[3].SOPInstanceUID}
    assert _certainty(study) == 90.0
    assert _evaluation(study, codes.SUMMARY) == codes.SOME_WITH_FINDINGS.meaning
    assert _texts(study, codes.CONCLUSION) == [
        "Fracture, probability of fracture 90.0 %: Image 2 (series 1, instance 2); "
        "Image 4 (series 1, instance 4). 3 of 4 images analysed. AI RESULT - NOT VERIFIED. "
        "Research use - not for clinical diagnosis."
    ]


def test_box_is_a_closed_polyline_in_the_stored_matrix() -> None:
    source = received(full_dx())
    made = _reports([source], [fracture_in(source, fracture_type="hairline", severity="mild")])[0]
    (box,) = _box_groups(made)
    assert box.roi.GraphicType == "POLYLINE"
    corners = [[50, 60], [150.5, 60], [150.5, 260], [50, 260], [50, 60]]
    assert box.roi.value.tolist() == corners
    assert _certainty(box) == 91.0
    assert _evaluation(box, codes.ASSOCIATED_MORPHOLOGY) == "Hairline fracture"
    assert _evaluation(box, codes.SEVERITY) == "Mild"
    assert _evaluation(box, Code("130400", "DCM", "Geometric purpose of region")) == "Bounded by"


def test_boxes_are_clamped_to_the_matrix() -> None:
    source = received(full_dx())
    outside = BoundingBox(3000, 10, 3100, 20, 0.4)
    finding = fracture_in(source, boxes=(BoundingBox(-5, -7, 5000, 5000, 0.8), outside))
    (box,) = _box_groups(_reports([source], [finding])[0])
    assert box.roi.value.min(axis=0).tolist() == [0, 0]
    assert box.roi.value.max(axis=0).tolist() == [2048, 2500]


def test_frame_is_named_where_the_object_has_several() -> None:
    source = received(multi_frame())
    made = _reports([source], [fracture_in(source, frame=3)])[0]
    (box,) = _box_groups(made)
    reference = box.roi.ContentSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedFrameNumber == 3
    assert _image_groups(made)[1].source_images[0].referenced_frame_numbers == [3]


def test_frame_is_not_named_where_there_is_one() -> None:
    source = received(full_dx())
    (box,) = _box_groups(_reports([source], [fracture_in(source, frame=1)])[0])
    reference = box.roi.ContentSequence[0].ReferencedSOPSequence[0]
    assert "ReferencedFrameNumber" not in reference


def test_site_has_the_region_and_the_side_of_the_image() -> None:
    source = received(full_dx())
    made = _reports([source], [fracture_in(source, region="leg")])[0]
    for group in (_image_groups(made)[1], _box_groups(made)[0]):
        (site,) = group.finding_sites
        assert site.value.value == "61685007"
        assert site.laterality.meaning == "Left"


def test_region_without_a_code_has_no_site() -> None:
    source = received(full_dx())
    group = _image_groups(_reports([source], [fracture_in(source, region="mixed")])[0])[1]
    assert group.finding_sites == []


def test_type_is_as_sure_as_it_says() -> None:
    source = received(full_dx())
    finding = fracture_in(source, fracture_type="comminuted", type_probability=0.714)
    (box,) = _box_groups(_reports([source], [finding])[0])
    assert box.get_measurements(codes.CERTAINTY_OF_FEATURE)[0].value == 71.4


def test_algorithm_and_device_are_named(tmp_path: Path) -> None:
    source = received(full_dx())
    text = shown_text(_reports([source], [fracture_in(source)])[0], tmp_path)
    assert '"Algorithm Name")="osteon-fracture"' in text
    assert '"Algorithm Version")="0.1.0"' in text
    assert '"Algorithm Parameters")="operating point sensitive = 0.2100"' in text
    assert '"Device Observer Name")="Osteon"' in text


@pytest.mark.parametrize("which", [0, 1])
def test_viewer_shows_the_answer(which: int, tmp_path: Path) -> None:
    source = received(full_dx())
    text = shown_text(_reports([source], [fracture_in(source)])[which], tmp_path)
    for shown in (
        "Müller^Jürgen (M, 1970-01-02, #PID-0001:HOSPITAL)",
        "UNVERIFIED",
        "PRELIMINARY",
        'Procedure reported")=(36572-6,LN,"XR Chest AP")',
        'Finding")=(72704001,SCT,"Fracture")',
        'Fracture")=(52101004,SCT,"Present")',
        'Certainty of Finding")="93.7" (%,UCUM,"Percent")',
        'Finding Site")=(74670003,SCT,"Wrist joint")',
        'Laterality")=(7771000,SCT,"Left")',
        "POLYLINE,50/60,150.5/60,150.5/260,50/260,50/60",
        "Fracture, probability of fracture 93.7 %: Image 1 (series 4, instance 2).",
    ):
        assert shown in text


def test_procedure_requested_stands_in_for_the_performed_one() -> None:
    source = full_dx()
    del source.ProcedureCodeSequence
    report = reread(_reports([source], [fracture_in(source)])[0])
    names = [item.ConceptNameCodeSequence[0].CodeMeaning for item in report.ContentSequence]
    item = report.ContentSequence[names.index("Procedure reported")]
    assert item.ConceptCodeSequence[0].CodeValue == "WRIST-L"


def test_requests_are_referenced_once() -> None:
    sources = [full_dx(), full_dx()]
    sources[1].SOPInstanceUID += ".1"
    report = reread(_reports(sources, [fracture_in(source) for source in sources])[0])
    (request,) = report.ReferencedRequestSequence
    assert (request.AccessionNumber, request.RequestedProcedureID) == ("ACC-123", "RP-1")
    assert request.RequestedProcedureCodeSequence[0].CodeValue == "WRIST-L"


def test_twelve_images_of_two_series_are_all_evidence(tmp_path: Path) -> None:
    places = [(number, series) for series in (1, 2) for number in range(1, 7)]
    sources = [received(numbered_cr(*place)) for place in places]
    findings = [fracture_in(s) if i % 3 else not_assessable(s) for i, s in enumerate(sources)]
    made = _reports(sources, findings)[0]
    assert conformance_errors(made, tmp_path) == []
    (study,) = reread(made).CurrentRequestedProcedureEvidenceSequence
    referenced = [len(series.ReferencedSOPSequence) for series in study.ReferencedSeriesSequence]
    assert referenced == [6, 6]
    assert len(_image_groups(made)) == 13
    assert len(_box_groups(made)) == 8


def test_object_that_is_no_image_is_evidence_with_a_reason(tmp_path: Path) -> None:
    image, document = received(numbered_cr(1)), numbered_cr(2)
    document.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.59"
    del document.Rows, document.Columns
    document = received(document)
    made = _reports([image, document], [nothing_in(image), not_assessable(document, "no image")])
    assert conformance_errors(made[0], tmp_path) == []
    group = _image_groups(made[0])[2]
    assert group.source_images == []
    (comment,) = _remarks(group)
    assert comment.startswith("Not analysed: no image (Key Object Selection Document Storage, ")


def test_each_group_names_the_algorithm_that_looked(tmp_path: Path) -> None:
    sources = [received(numbered_cr(number)) for number in (1, 2)]
    made = _reports(sources, [nothing_in(sources[0]), fracture_in(sources[1], algorithm=OLDER)])[0]
    newer, older = (["0.1.0"], 2), (["0.0.9"], 0)
    assert [_algorithm(group) for group in _image_groups(made)] == [older, newer, older]
    assert [_algorithm(group) for group in _box_groups(made)] == [older]
    (conclusion,) = _texts(_image_groups(made)[0], codes.CONCLUSION)
    assert (
        "Images analysed by different models: 1 by osteon-fracture 0.1.0, "
        "1 by osteon-fracture 0.0.9." in conclusion
    )
    assert conformance_errors(made, tmp_path) == []


def test_order_of_the_evidence_does_not_matter() -> None:
    sources = [received(numbered_cr(number)) for number in (1, 2, 3)]
    findings = [nothing_in(source) for source in sources]
    assert _reports(sources, findings) == _reports(sources[::-1], findings[::-1])


def test_order_of_the_frames_does_not_matter() -> None:
    source = received(multi_frame())
    findings = [fracture_in(source, frame=2), nothing_in(source)]
    findings[1] = replace(findings[1], frame=4)
    assert _reports([source], findings) == _reports([source], findings[::-1])


def test_noise_below_a_tenth_of_a_percent_makes_no_other_report() -> None:
    source = received(full_dx())
    one, other = (
        _reports([source], [fracture_in(source, probability=p)]) for p in (0.93714, 0.93718)
    )
    assert one == other


def test_another_answer_is_another_object_in_the_same_series() -> None:
    source = received(full_dx())
    one, other = (_reports([source], [find(source)])[0] for find in (fracture_in, nothing_in))
    assert one.sop_instance_uid != other.sop_instance_uid
    assert one.series_instance_uid == other.series_instance_uid


def test_revision_names_its_predecessor_of_the_same_class(tmp_path: Path) -> None:
    source = received(full_dx())
    study = aggregate_study([fracture_in(source)], ALGORITHM)
    before = build_reports([source], study, ISSUE)
    predecessors = [
        Predecessor(made.sop_class_uid, made.sop_instance_uid, made.series_instance_uid)
        for made in before
    ]
    after = build_reports([source], study, replace(ISSUE, revision=2, predecessors=predecessors))
    for old, new in zip(before, after, strict=True):
        report = reread(new)
        (named,) = report.PredecessorDocumentsSequence
        (series,) = named.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == old.series_instance_uid
        assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == old.sop_instance_uid
        assert report.InstanceNumber == 2
        assert conformance_errors(new, tmp_path) == []


def test_predecessor_of_another_class_is_not_named() -> None:
    source = received(full_dx())
    before = Predecessor(str(Comprehensive3DSRStorage), "1.2.3", "1.2.4")
    study = aggregate_study([fracture_in(source)], ALGORITHM)
    issue = replace(ISSUE, revision=2, predecessors=[before])
    primary, fallback = map(reread, build_reports([source], study, issue))
    assert "PredecessorDocumentsSequence" in primary
    assert "PredecessorDocumentsSequence" not in fallback


def test_finding_without_its_header_is_refused() -> None:
    first, second = numbered_cr(1), numbered_cr(2)
    with pytest.raises(EvidenceMismatch, match=second.SOPInstanceUID):
        _reports([first], [fracture_in(first), fracture_in(second)])


def test_headers_of_two_studies_are_refused() -> None:
    first, second = numbered_cr(1), numbered_cr(2)
    second.StudyInstanceUID += ".1"
    with pytest.raises(EvidenceMismatch, match="one study"):
        _reports([first, second], [fracture_in(first)])
