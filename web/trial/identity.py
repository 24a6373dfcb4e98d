"""As whose study tried pictures are sent: as the form says, plainly a trial where it is left."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from dicom_node.examination import Examination, View
from dicom_node.results import codes
from dicom_node.routing.own_rule import SELF_TEST_PATIENT_ID

TRIAL_PATIENT_ID, TRIAL_PATIENT_NAME = "OSTEON-TRIAL", "TRIAL^OSTEON"
TRIAL_DESCRIPTION = "Trial of an image"
MAX_FILES = 10  # waiting at a time
# PS3.5 6.2: LO, PN and SH are single values without control characters.
_SINGLE_VALUE = re.compile(r"[^\\\x00-\x1f\x7f]*")


def _single_value(text: str) -> str:
    if not _SINGLE_VALUE.fullmatch(text):
        raise ValueError("it has a backslash or a control character")
    return text


def _not_the_self_tests(text: str) -> str:
    if text == SELF_TEST_PATIENT_ID:
        raise ValueError("that is the patient of the node's self-test")
    return text


def _known_region(word: str) -> str:
    if word and word not in codes.REGIONS:
        raise ValueError("no such region")
    return word


_Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_single_value)]


class Identity(BaseModel):
    """What comes before the file that is sent; `begun` is the moment of the study's first picture.

    The same seed and patient ID are the same study, the same number in it the same place.
    """

    model_config = ConfigDict(extra="forbid")

    patient_id: Annotated[
        _Text, Field(min_length=1, max_length=64), AfterValidator(_not_the_self_tests)
    ] = TRIAL_PATIENT_ID
    patient_name: Annotated[_Text, Field(max_length=64)] = TRIAL_PATIENT_NAME
    accession_number: Annotated[_Text, Field(max_length=16)] = ""
    region: Annotated[str, AfterValidator(_known_region)] = ""
    laterality: Literal["R", "L", "B", "U"] = "U"
    seed: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    number: Annotated[int, Field(ge=1, le=9999)] = 1
    begun: Annotated[str | None, Field(pattern=r"^[0-9]{14}$")] = None

    def examination(self, begun: str) -> Examination:
        """`begun`: YYYYMMDDHHMMSS on the hospital's clocks."""
        return Examination(
            study_seed=f"trial {self.seed}",
            patient_name=self.patient_name,
            patient_id=self.patient_id,
            patient_birth_date="",
            patient_sex="",
            accession_number=self.accession_number,
            study_date=begun[:8],
            study_time=begun[8:],
            study_description=TRIAL_DESCRIPTION,
        )

    def view(self) -> View:
        return View(self.region or None, laterality=self.laterality, instance_number=self.number)
