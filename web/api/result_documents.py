"""What the API says of images: a row of `osteon results` each, field by field."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Box(BaseModel):
    """Where a finding lies, in pixels of the stored image; far edges are exclusive."""

    model_config = ConfigDict(extra="allow")

    x0: float = Field(description="left edge, pixels from the left")
    y0: float = Field(description="upper edge, pixels from the top")
    x1: float = Field(description="right edge, exclusive")
    y1: float = Field(description="lower edge, exclusive")
    score: float | None = Field(None, description="how sure the network is of this place, 0 to 1")


class ImageResult(BaseModel):
    """A received object and what was found on it. What is not known is null."""

    study_instance_uid: str = Field(description="Study Instance UID")
    series_instance_uid: str = Field(description="Series Instance UID")
    sop_instance_uid: str = Field(
        description="SOP Instance UID; appears twice only if one row is `quarantined`"
    )
    sop_class_uid: str = Field(description="SOP Class UID")
    patient_id: str = Field(description="Patient ID of the study's first object; may be empty")
    accession_number: str = Field(description="Accession Number; may be empty")
    study_date: str = Field(description="Study Date as it was sent, YYYYMMDD; may be empty")
    modality: str = Field(description="Modality")
    body_part: str = Field(description="Body Part Examined; may be empty")
    laterality: str = Field(description="Image Laterality or Laterality; may be empty")
    view_position: str = Field(description="View Position; may be empty")
    is_image: bool = Field(description="false for reports, presentation states and the like")
    file: str = Field(description="the object's key in the spool")
    rule: str | None = Field(description="the routing rule that hit; null: none did")
    state: str = Field(
        description="`fracture`, `possible`, `none`; `not_analysed` (for good, see `reason`); "
        "`waiting`, `analysing`; `blocked` (its study is); `quarantined` (kept apart); `failed`"
    )
    probability: float | None = Field(
        description="calibrated probability of a fracture, 0 to 1; null: no answer"
    )
    region: str | None = Field(description="body region the network sees; null: no answer")
    region_probability: float | None = Field(description="how sure it is of the region, 0 to 1")
    type: str | None = Field(description="fracture type; null: none told")
    type_probability: float | None = Field(description="how sure it is of the type, 0 to 1")
    severity: str | None = Field(
        description="`mild`, `moderate` or `severe`: a rule of thumb; null: not estimated"
    )
    hardware_probability: float | None = Field(
        description="probability of screws, plates or nails, 0 to 1"
    )
    notes: list[str] | None = Field(description="what makes the answer less sure; null: no answer")
    boxes: list[Box] | None = Field(description="where findings lie; null: no answer")
    frame: int | None = Field(description="the frame looked at, from 0; null: it has but one")
    model: str | None = Field(description="name and version of the network; null: none looked")
    reason: str | None = Field(description="why there is no finding; null: there is no such reason")
    withdrawn: str | None = Field(
        description="why the network that answered was withdrawn; null: its answer counts"
    )
    received_at: datetime = Field(description="when it was stored, UTC")
    analysed_at: datetime | None = Field(
        description="when the answer was saved, UTC; null: not yet"
    )
    reported_at: datetime | None = Field(
        description="when the first report with this answer was written, UTC; null: not yet"
    )
    delivered_at: datetime | None = Field(
        description="when all of such a report was accepted everywhere, UTC; null: not yet"
    )
    committed_at: datetime | None = Field(
        description="when all of it was proved to be kept everywhere, UTC; null: not yet"
    )
    purged_at: datetime | None = Field(
        description="when its file was removed after retention, UTC; null: it is here"
    )
    source_ae_title: str = Field(description="the AE title that sent it")


class ResultList(BaseModel):
    """A page of results."""

    items: list[ImageResult] = Field(description="in the order of receipt, the oldest first")
    next: str | None = Field(description="where the next page is; null: this is the last one")
