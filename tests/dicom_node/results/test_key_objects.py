"""Key objects are the images with a fracture or a possible one; a rejection names our results."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
)

from dicom_node.results.finding import FindingState, ImageFinding, aggregate_study
from dicom_node.results.key_objects import NothingToReject, build_key_objects, build_rejection
from dicom_node.results.reading_order import EvidenceMismatch
from dicom_node.results.result_object import Predecessor, ResultKind, ResultObject
from tests.dicom_node.results.object_checks import conformance_errors, reread, shown_text
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    SOURCES,
    fracture_in,
    full_dx,
    grey_multi_frame,
    in_character_set,
    minimal_cr,
    not_assessable,
    nothing_in,
    numbered_cr,
    received,
)
from tests.dicom_node.results.test_character_set import NAMES

OURS = (
    Predecessor(str(Comprehensive3DSRStorage), "1.2.3.1", "1.2.4.1"),
    Predecessor(str(SecondaryCaptureImageStorage), "1.2.3.2", "1.2.4.2"),
    Predecessor(str(SecondaryCaptureImageStorage), "1.2.3.3", "1.2.4.2"),
    Predecessor(str(GrayscaleSoftcopyPresentationStateStorage), "1.2.3.4", "1.2.4.3"),
)


def _key_objects(
    sources: Sequence[Dataset], findings: Sequence[ImageFinding]
) -> ResultObject | None:
    return build_key_objects(sources, aggregate_study(findings, ALGORITHM), ISSUE)


def _selected(sources: Sequence[Dataset], findings: Sequence[ImageFinding]) -> ResultObject:
    made = _key_objects(sources, findings)
    assert made is not None
    return made


def _rejection(source: Dataset, rejected: Sequence[Predecessor] = OURS) -> ResultObject:
    return build_rejection(source, rejected, "found faulty", ALGORITHM, ISSUE)


def _content(made: ResultObject) -> hd.ko.KeyObjectSelection:
    document = hd.ko.KeyObjectSelectionDocument.from_dataset(dcmread(BytesIO(made.encoded)))
    return document.content


def _references(made: ResultObject) -> list[tuple[str, str]]:
    """Value type and SOP Instance UID of each, as highdicom reads them."""
    return [
        (item.ValueType, item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        for item in _content(made).get_references()
    ]


def _evidence(made: ResultObject) -> list[str]:
    (study,) = reread(made).CurrentRequestedProcedureEvidenceSequence
    return [
        instance.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    ]


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_makes_conformant_documents(kind: str, tmp_path: Path) -> None:
    source = received(SOURCES[kind]())
    selection = _selected([source], [fracture_in(source, frame=2)])
    rejection = _rejection(source)
    assert (selection.kind, rejection.kind) == (ResultKind.KOS, ResultKind.REJECTION)
    assert conformance_errors(selection, tmp_path) == []
    assert conformance_errors(rejection, tmp_path) == []


def test_positive_images_are_selected_and_no_others() -> None:
    sources = [received(numbered_cr(*place)) for place in ((1, 1), (2, 1), (3, 1), (1, 2), (2, 2))]
    findings = [
        nothing_in(sources[0]),
        fracture_in(sources[1], state=FindingState.POSSIBLE, probability=0.4),
        fracture_in(sources[2], probability=0.7),
        not_assessable(sources[3]),
        fracture_in(sources[4], probability=0.9),
    ]
    made = _selected(sources, findings)
    surest_first = [sources[place].SOPInstanceUID for place in (4, 2, 1)]
    assert _references(made) == [("IMAGE", uid) for uid in surest_first]
    assert sorted(_evidence(made)) == sorted(surest_first)
    assert made == _selected(sources[::-1], findings[::-1])
    findings[2] = replace(findings[2], probability=0.95)
    assert _references(_selected(sources, findings))[0] == ("IMAGE", sources[2].SOPInstanceUID)


@pytest.mark.parametrize("find", [nothing_in, not_assessable])
def test_study_without_a_fracture_has_no_key_objects(
    find: Callable[[Dataset], ImageFinding],
) -> None:
    source = received(minimal_cr())
    assert _key_objects([source], [find(source)]) is None


def test_frames_are_named_where_there_are_several() -> None:
    source = received(grey_multi_frame())
    findings = [fracture_in(source, frame=frame, probability=0.9) for frame in (4, 2)]
    made = _selected([source], findings)
    references = [item.ReferencedSOPSequence[0] for item in _content(made).get_references()]
    assert [reference.ReferencedFrameNumber for reference in references] == [2, 4]
    assert _evidence(made) == [source.SOPInstanceUID]
    single = received(minimal_cr())
    (item,) = _content(_selected([single], [fracture_in(single, frame=1)])).get_references()
    assert "ReferencedFrameNumber" not in item.ReferencedSOPSequence[0]


def test_selection_says_why_and_that_nobody_verified_it(tmp_path: Path) -> None:
    source = received(full_dx())
    made = _selected([source], [fracture_in(source)])
    text = shown_text(made, tmp_path)
    for shown in (
        '<CONTAINER:(,,"Of Interest")=SEPARATE>',
        "Fracture, probability of fracture 93.7 %. AI RESULT - NOT VERIFIED. "
        "Research use - not for clinical diagnosis.",
        'Device Observer Name")="Osteon"',
        "Müller^Jürgen",
    ):
        assert shown in text
    document = reread(made)
    assert (document.Modality, document.SeriesNumber, document.InstanceNumber) == ("KO", 9105, 1)
    assert document.ReferencedRequestSequence[0].RequestedProcedureID == "RP-1"


def test_image_without_its_header_is_refused() -> None:
    first, second = numbered_cr(1), numbered_cr(2)
    with pytest.raises(EvidenceMismatch, match=second.SOPInstanceUID):
        _key_objects([first], [fracture_in(first), fracture_in(second)])


def test_images_of_two_studies_are_refused() -> None:
    first, second = numbered_cr(1), numbered_cr(2)
    second.StudyInstanceUID += ".1"
    with pytest.raises(EvidenceMismatch, match="one study"):
        _key_objects([first, second], [fracture_in(first), fracture_in(second)])


def test_rejection_names_each_result_once(tmp_path: Path) -> None:
    made = _rejection(received(full_dx()), [*OURS, OURS[0]])
    assert _references(made) == [
        ("COMPOSITE", "1.2.3.1"),
        ("IMAGE", "1.2.3.2"),
        ("IMAGE", "1.2.3.3"),
        ("COMPOSITE", "1.2.3.4"),
    ]
    assert _evidence(made) == [each.sop_instance_uid for each in OURS]
    text = shown_text(made, tmp_path)
    assert reread(made).ConceptNameCodeSequence[0].CodeValue == "113037"
    assert "AI results withdrawn: found faulty" in text


def test_rejection_is_in_the_study_and_in_a_series_of_its_own() -> None:
    source = received(full_dx())
    rejection, selection = _rejection(source), _selected([source], [fracture_in(source)])
    document = reread(rejection)
    assert document.StudyInstanceUID == source.StudyInstanceUID
    assert document.PatientID == source.PatientID
    assert (document.Modality, document.SeriesNumber) == ("KO", 9108)
    assert document.DeviceSerialNumber == "OSTEON"
    assert document.InstanceCreatorUID == reread(selection).InstanceCreatorUID
    assert rejection.series_instance_uid != selection.series_instance_uid
    assert rejection.series_instance_uid not in {each.series_instance_uid for each in OURS}


def test_rejection_of_nothing_is_refused() -> None:
    with pytest.raises(NothingToReject):
        _rejection(received(full_dx()), [])


@pytest.mark.parametrize("name", NAMES)
def test_name_survives_in_its_character_set(name: str, tmp_path: Path) -> None:
    character_set, patient_name, description = NAMES[name]
    source = in_character_set(character_set, patient_name, description)
    for made in (_selected([source], [fracture_in(source)]), _rejection(source)):
        document = reread(made)
        assert document.get("SpecificCharacterSet") == character_set
        assert str(document.PatientName) == patient_name
        assert document.StudyDescription == description
        assert conformance_errors(made, tmp_path) == []


def test_same_input_has_the_same_bytes() -> None:
    source = received(full_dx())
    assert _selected([source], [fracture_in(source)]) == _selected([source], [fracture_in(source)])
    assert _rejection(source) == _rejection(source, OURS[::-1])
    later = replace(ISSUE, revision=2)
    study = aggregate_study([fracture_in(source)], ALGORITHM)
    assert build_key_objects([source], study, later) != build_key_objects([source], study, ISSUE)
