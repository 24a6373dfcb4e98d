"""The node's own rule takes its self-test alone: nobody is kept from a result by a name."""

import pytest

from dicom_node.routing.own_rule import self_test_rule
from dicom_node.routing.rules import RoutedImage, Rule, decide
from dicom_node.self_test_study import new_study_uid, self_test_study

EVERYTHING = Rule("everything", destinations=("PACS",))
RULES = (self_test_rule("OSTEON"), EVERYTHING)


@pytest.mark.parametrize(
    ("calling_ae_title", "patient_id", "rule"),
    [
        ("OSTEON", "OSTEON-SELF-TEST", "self-test"),
        ("OSTEON ", " OSTEON-SELF-TEST ", "self-test"),  # padded, as DICOM pads
        ("PACS", "OSTEON-SELF-TEST", "everything"),
        ("osteon", "OSTEON-SELF-TEST", "everything"),
        ("", "OSTEON-SELF-TEST", "everything"),
        ("OSTEON", "osteon-self-test", "everything"),
        ("OSTEON", "OSTEON-SELF-TEST-2", "everything"),
        ("OSTEON", "X\\OSTEON-SELF-TEST", "everything"),
        ("OSTEON", "P1", "everything"),
    ],
)
def test_the_patient_and_the_caller_decide(
    calling_ae_title: str, patient_id: str, rule: str
) -> None:
    image = RoutedImage(calling_ae_title=calling_ae_title, patient_id=patient_id)
    decided = decide(RULES, image)
    assert decided.rule == rule
    assert decided.destinations == (() if rule == "self-test" else ("PACS",))
    assert decided.analyse


def test_no_log_shows_the_patient() -> None:
    assert "P1" not in repr(RoutedImage(patient_id="P1"))


def test_each_self_test_is_a_study_of_its_own() -> None:
    first, second = (self_test_study(new_study_uid()) for _ in range(2))
    images = [*first, *second]
    assert len({image.StudyInstanceUID for image in images}) == 2
    assert len({image.SOPInstanceUID for image in images}) == 4
    assert {image.file_meta.MediaStorageSOPInstanceUID for image in images} == {
        image.SOPInstanceUID for image in images
    }
    assert {(image.PatientID, str(image.PatientName)) for image in images} == {
        ("OSTEON-SELF-TEST", "SELF^TEST")
    }
