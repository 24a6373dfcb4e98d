"""What a program may ask for: every parameter with its limits, and none that is not known."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from db.periods import BadMoment, day_or_moment
from db.result_query import RESULT_STATES, ResultQuery
from db.states import AnalysisState, JobState
from db.worklist import Order
from web.api.places import RESULT_PLACE, STUDY_PLACE
from web.words import STATES

MAX_ROWS = 500
_MOMENT = "a day of the hospital's clocks (2026-07-01) or a moment (2026-07-01T13:30:00Z)"

Text = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00\r\n]*$")]
Uid = Annotated[str, StringConstraints(max_length=64, pattern=r"^[0-9.]*$")]
Limit = Annotated[int, Field(ge=1, le=MAX_ROWS, description="rows on a page")]
ResultState = Literal[
    "fracture", "possible", "none", "not_analysed",
    "waiting", "analysing", "blocked", "quarantined", "failed",
]  # fmt: skip
StudyState = Literal[
    "receiving", "analysing", "reporting", "reported", "delivered", "committed",
    "blocked", "failed", "no_images",
]  # fmt: skip
assert ResultState.__args__ == RESULT_STATES  # type: ignore[attr-defined]
assert set(StudyState.__args__) == set(STATES)  # type: ignore[attr-defined]


def _read(value: Any) -> date:
    """pydantic itself would take a day for the moment that it begins."""
    try:
        return day_or_moment(str(value).upper())
    except BadMoment as error:
        raise PydanticCustomError("no_moment", "{why}", {"why": str(error)}) from error


_SHAPE = {"anyOf": [{"type": "string", "format": one} for one in ("date-time", "date")]}
Moment = Annotated[datetime | date, PlainValidator(_read), WithJsonSchema(_SHAPE)]


class _Known(BaseModel):
    """A misspelt parameter would narrow nothing, and nobody would notice."""

    model_config = ConfigDict(extra="forbid")


class ResultFilter(_Known):
    since: Moment | None = Field(
        None, alias="from", description=f"received from then on: {_MOMENT}"
    )
    until: Moment | None = Field(
        None, alias="to", description="received up to this day's end, or before this moment"
    )
    region: Text = Field("", description="body region the network sees")
    state: ResultState | None = Field(None, description="state of the row")
    source: Text = Field("", description="the AE title that sent it")
    study: Uid = Field("", description="Study Instance UID")
    modality: Text = Field("", description="Modality")
    model_version: Text = Field("", description="version of the network that answered")
    order: Literal["oldest", "newest"] = Field("oldest", description="which comes first")

    def narrowed_by(self) -> str:
        """For the audit trail: by what, and never by which value."""
        given = self.model_dump(by_alias=True, exclude_defaults=True, exclude={"order"})
        return ", ".join(name for name in given if name not in ("after", "limit", "format"))

    def within(
        self, received_from: datetime | None, received_until: datetime | None
    ) -> ResultQuery:
        return ResultQuery(
            received_from=received_from,
            received_until=received_until,
            region=self.region,
            state=self.state or "",
            source_ae_title=self.source,
            study_instance_uid=self.study,
            modality=self.modality,
            model_version=self.model_version,
            newest_first=self.order == "newest",
        )


class ResultFile(ResultFilter):
    format: Literal["csv", "ndjson", "parquet"] = Field("csv", description="of the file")


class ResultPageFilter(ResultFilter):
    after: str = Field("", pattern=f"^$|{RESULT_PLACE}", description="take it from `next`")
    limit: Limit = 100
    format: Literal["json", "csv", "ndjson", "parquet"] | None = Field(
        None, description="instead of the header Accept"
    )


class StudyFilter(_Known):
    since: Moment | None = Field(
        None, alias="from", description=f"received from then on: {_MOMENT}"
    )
    state: StudyState | None = Field(None, description="state of the study")
    finding: AnalysisState | None = Field(None, description="of its worst image")
    region: Text = Field("", description="a region of one of its images")
    source: Text = Field("", description="the AE title that sent its first object")
    search: Text = Field(
        "", description="words of name, Patient ID, Accession Number, description or UID"
    )
    order: Order = Field(Order.NEWEST, description="which comes first")
    after: str = Field("", pattern=f"^$|{STUDY_PLACE}", description="take it from `next`")
    limit: Limit = 100


class DeliveryFilter(_Known):
    study: Uid = Field("", description="Study Instance UID")
    destination: Text = Field("", description="its name in the settings")
    after: int = Field(0, ge=0, le=2**31 - 1, description="take it from `next`")
    limit: Limit = 100


class JobFilter(_Known):
    state: list[JobState] = Field(
        [JobState.WAITING, JobState.RUNNING, JobState.DEAD],
        description="one or several",
        max_length=len(JobState),
    )
    after: int = Field(0, ge=0, le=2**31 - 1, description="take it from `next`")
    limit: Limit = 100


class VerdictFilter(_Known):
    after: int | None = Field(
        None, ge=1, le=2**31 - 1, description="those before this one; take it from `next`"
    )
    limit: Limit = 100
