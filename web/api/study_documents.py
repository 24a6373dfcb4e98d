"""What the API says of studies, their reports, deliveries and verdicts."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from db.states import AnalysisState, Opinion
from db.verdicts import MAX_COMMENT
from web.api.result_documents import Box, ImageResult

_Text = Annotated[str, StringConstraints(max_length=40, pattern=r"^[^\x00\r\n]*$")]
_Uid = Annotated[str, StringConstraints(max_length=64, pattern=r"^[0-9.]+$")]


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _Counted(_Read):
    """What a study's row says, here and on the worklist."""

    study_instance_uid: str = Field(description="Study Instance UID")
    patient_id: str = Field(description="Patient ID as first received; may be empty")
    patient_name: str = Field(description="Patient's Name as first received, a DICOM PN")
    patient_birth_date: str = Field(description="YYYYMMDD as received; may be empty")
    patient_sex: str = Field(description="as received; may be empty")
    accession_number: str = Field(description="Accession Number; may be empty")
    study_date: str = Field(description="Study Date as it was sent, YYYYMMDD; may be empty")
    study_description: str = Field(description="Study Description; may be empty")
    state: str = Field(
        description="`receiving`, `analysing`, `reporting`, `reported`, `delivered`, `committed`, "
        "`blocked`, `failed` or `no_images`"
    )
    finding: str | None = Field(
        description="of its worst image: `fracture`, `possible`, `none`, `not_analysed`; null: none"
    )
    probability: float | None = Field(
        description="the highest of its images', calibrated, 0 to 1; null: no answer yet"
    )
    images: int = Field(description="images that count")
    images_not_analysed: int = Field(description="images not analysed, for good")
    images_pending: int = Field(description="images that still wait for an answer")
    quarantined: int = Field(description="objects kept apart")
    report_revision: int | None = Field(description="of its newest report; null: none yet")
    deliveries: int | None = Field(description="objects its destinations are to get")
    deliveries_sent: int | None = Field(description="of these, accepted")
    deliveries_committed: int | None = Field(description="of these, proved to be kept")
    reason: str | None = Field(description="what keeps it from going on; null: nothing does")
    received_at: datetime = Field(description="when its first object was stored, UTC")
    analysed_at: datetime | None = Field(description="when its last answer was saved, UTC")
    reported_at: datetime | None = Field(description="when its newest report was written, UTC")
    delivered_at: datetime | None = Field(description="when all of it was accepted, UTC")
    committed_at: datetime | None = Field(description="when all of it was proved to be kept, UTC")


class StudyEntry(_Counted):
    """A study as the worklist shows it."""

    regions: str = Field(description="the regions of its images, with commas between them")
    source_ae_title: str = Field(description="the AE title that sent its first object")
    priority: int = Field(description="of its work, by the routing rules; 0 is usual")
    opinion: str | None = Field(description="of the latest verdict; null: nobody has judged it")


class StudyList(BaseModel):
    """A page of the worklist."""

    items: list[StudyEntry] = Field(description="in the order that was asked for")
    next: str | None = Field(description="where the next page is; null: this is the last one")


class StudyResult(_Counted):
    """A study as a whole."""

    images_analysed: int = Field(description="images with a finding")
    other_objects: int = Field(description="objects that are no images")
    deliveries_refused: int | None = Field(description="objects refused for good")
    last_instance_at: datetime = Field(description="when its last object was stored, UTC")


class ReportDocument(BaseModel):
    """A revision of a study's report."""

    report_id: int = Field(description="its number in the ledger")
    revision: int = Field(description="1, 2, … within the study")
    finding: str = Field(description="when it was written")
    probability: float | None = Field(description="when it was written, 0 to 1; null: no answer")
    created_at: datetime = Field(description="the time written into its objects, UTC")
    reported_at: datetime = Field(description="when it was saved, UTC")
    deliveries: int = Field(description="objects its destinations are to get")
    deliveries_sent: int = Field(description="of these, accepted")
    deliveries_committed: int = Field(description="of these, proved to be kept")
    deliveries_refused: int = Field(description="of these, refused for good")
    delivered_at: datetime | None = Field(description="when all was accepted, UTC; null: not yet")
    committed_at: datetime | None = Field(description="when all was proved, UTC; null: not yet")
    delivery_error: str | None = Field(description="what the last attempt met; null: nothing")


class DeliveryDocument(BaseModel):
    """What one destination gets of one report, and how it fared."""

    consignment_id: int = Field(description="its number in the ledger")
    report_id: int = Field(description="its report's number in the ledger")
    study_instance_uid: str = Field(description="Study Instance UID")
    revision: int = Field(description="of the report")
    destination: str = Field(description="its name in the settings")
    state: str = Field(
        description="`queued`, `sent`, `committed`, `superseded`, `refused` (for good) or `failed`"
    )
    rung: str | None = Field(description="which objects were chosen; null: not tried yet")
    why: str | None = Field(description="what decided that; null: not tried yet")
    proof: str | None = Field(description="`commitment`, `query` or `none`; null: none yet")
    objects: int = Field(description="objects it is to get")
    sent: int = Field(description="of these, accepted")
    committed: int = Field(description="of these, proved to be kept")
    refused: int = Field(description="of these, refused for good")
    error: str | None = Field(description="what the last attempt met; null: nothing")
    created_at: datetime = Field(description="when it was ready to be sent, UTC")
    sent_at: datetime | None = Field(description="when the last object was accepted, UTC")
    committed_at: datetime | None = Field(description="when the last object was proved, UTC")


class DeliveryList(BaseModel):
    """A page of deliveries."""

    items: list[DeliveryDocument] = Field(description="the oldest first")
    next: str | None = Field(description="where the next page is; null: this is the last one")


class StudyDocument(BaseModel):
    """A study with all that came of it."""

    study: StudyResult
    images: list[ImageResult] = Field(description="all its objects, the oldest first")
    reports: list[ReportDocument] = Field(description="the newest first")
    deliveries: list[DeliveryDocument] = Field(description="the oldest first")


class VerdictDocument(_Read):
    """What a reader said of a finding; it is kept whatever comes later."""

    verdict_id: int = Field(description="its number in the ledger")
    study_instance_uid: str = Field(description="Study Instance UID")
    sop_instance_uid: str | None = Field(description="of the image; null: of the study as a whole")
    reader: str = Field(description="the account's name")
    opinion: Opinion = Field(description="whether the reader agrees with the network")
    corrected_finding: AnalysisState | None = Field(description="what the reader sees instead")
    corrected_region: str | None = Field(description="and in which region")
    corrected_type: str | None = Field(description="and of which type")
    boxes: list[Box] | None = Field(description="where the reader sees it; null: not marked")
    comment: str = Field(description="in the reader's words; may be empty")
    given_at: datetime = Field(description="when, UTC")
    finding: AnalysisState | None = Field(description="what was judged; null: no longer known")
    probability: float | None = Field(description="what was judged, 0 to 1")
    model: str | None = Field(description="the network that was judged")
    counts: bool = Field(description="false: its reader has judged the same anew since")


class VerdictList(BaseModel):
    """A page of verdicts."""

    items: list[VerdictDocument] = Field(description="the newest first")
    next: str | None = Field(description="where the next page is; null: this is the last one")


class GivenBox(BaseModel):
    """Where the reader sees it, in pixels of the stored image: x0 < x1, y0 < y1."""

    x0: float = Field(ge=0, le=65536, description="left edge")
    y0: float = Field(ge=0, le=65536, description="upper edge")
    x1: float = Field(ge=0, le=65536, description="right edge, exclusive")
    y1: float = Field(ge=0, le=65536, description="lower edge, exclusive")


class GivenOpinion(BaseModel):
    """A verdict to be given. Who disagrees says what they see in `finding`."""

    opinion: Opinion = Field(description="whether you agree with the network")
    sop_instance_uid: _Uid | None = Field(None, description="null: of the study as a whole")
    finding: AnalysisState | None = Field(None, description="what you see instead")
    region: _Text = Field("", description="one of the network's regions, or empty")
    type: _Text = Field("", description="one of the network's fracture types, or empty")
    boxes: list[GivenBox] = Field(default=[], max_length=50, description="of an image alone")
    comment: Annotated[str, StringConstraints(max_length=MAX_COMMENT, pattern=r"^[^\x00]*$")] = ""
