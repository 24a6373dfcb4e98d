"""Whose examination a dicomized image belongs to, and what it shows: harmless unless stated."""

from dataclasses import dataclass
from typing import Literal

from dicom_node.results import codes


class UnknownRegion(ValueError):
    """The body region is not one of codes.REGIONS."""


@dataclass(frozen=True)
class Examination:
    """Patient and study; the same `study_seed` and `patient_id` give the same study."""

    # Empty: each picture is a study of its own, named by its pixels.
    study_seed: str = ""
    patient_name: str = "PHANTOM^RADIOGRAPH"
    patient_id: str = "OSTEON-TEST"
    patient_birth_date: str = "19700101"
    patient_sex: str = "O"
    accession_number: str = ""
    study_date: str = "20260101"
    study_time: str = "120000"
    study_description: str = "Radiograph"


@dataclass(frozen=True)
class View:
    """What the image shows, as one instance of its study; `region` is a word of codes.REGIONS."""

    region: str | None = None
    view_position: str = ""
    # U is "unpaired", which is also as near as DX comes to "not stated".
    laterality: Literal["R", "L", "B", "U"] = "U"
    # Where the rows and the columns of the picture point, PS3.3 C.7.6.1.1.1.
    patient_orientation: tuple[str, str] | None = None
    instance_number: int = 1

    def __post_init__(self) -> None:
        if self.region is not None and self.region not in codes.REGIONS:
            raise UnknownRegion(f"{self.region!r} is not one of {', '.join(codes.REGIONS)}")

    @property
    def body_part_examined(self) -> str:
        """The region as PS3.16 Annex L spells it: LEG, UPPERARM."""
        return (self.region or "").replace("_", "").upper()
