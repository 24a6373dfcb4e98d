"""The study of the node's self-test: a broken hand of nobody's, under fresh UIDs each time."""

from uuid import uuid4

from pydicom.dataset import Dataset

from dicom_node.phantom_study import phantom_study
from dicom_node.routing.own_rule import SELF_TEST_PATIENT_ID
from dicom_node.uids import derive_uid

_SEED = 8  # a break that the classifier that ships calls a fracture, from both sides


def new_study_uid() -> str:
    return derive_uid("self-test", uuid4())


def self_test_study(study_instance_uid: str) -> list[Dataset]:
    """Two views, an image each."""
    images = phantom_study(_SEED, fractured=True)
    for number, image in enumerate(images, start=1):
        image.PatientID, image.PatientName = SELF_TEST_PATIENT_ID, "SELF^TEST"
        image.AccessionNumber, image.StudyDescription = "", "self-test of the node"
        image.StudyInstanceUID = study_instance_uid
        image.SeriesInstanceUID = derive_uid("self-test series", study_instance_uid)
        image.SOPInstanceUID = derive_uid("self-test image", study_instance_uid, number)
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return images
