"""Settings of how long files are kept."""

from pydantic import BaseModel, Field, model_validator


class RetentionSettings(BaseModel):
    """A part of `settings.Settings`."""

    retention_days: int | None = Field(
        None,
        ge=1,
        description="Days after a study's results are proved to be kept until its received files "
        "go; unset: they stay for ever, see [retention](retention.md).",
    )
    results_retention_days: int | None = Field(
        None, ge=1, description="The same for its results' files; unset: they stay for ever."
    )
    retention_requires_proof: bool = Field(
        True,
        description="Whether that a destination took a result is too little: it has to be proved "
        "that it keeps it.",
    )
    spool_quota_bytes: int | None = Field(
        None,
        ge=1 << 20,
        description="Above it received files go before their time, the oldest first; unset: none.",
    )
    spool_quota_low_bytes: int | None = Field(
        None, ge=0, description="They go until so few are left; unset: nine tenths of the quota."
    )

    @model_validator(mode="after")
    def _low_is_below_the_quota(self) -> "RetentionSettings":
        low, high = self.spool_quota_low_bytes, self.spool_quota_bytes
        if low is not None and (high is None or low >= high):
            raise ValueError("spool_quota_low_bytes has to be below spool_quota_bytes")
        return self

    @property
    def quota_low_bytes(self) -> int:
        """Until how much is left files go, once the quota was exceeded."""
        low = self.spool_quota_low_bytes
        return (self.spool_quota_bytes or 0) * 9 // 10 if low is None else low
