"""Settings of the audit trail: where it is told."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

_SCHEME = "syslog+tls"
_EXPECTED = f"expected {_SCHEME}://HOST:PORT"
_SYSLOG_TLS_PORT = 6514  # RFC 5425


class AuditSettings(BaseModel):
    """A part of `settings.Settings`."""

    audit_repository: str = Field(
        "",
        description="`syslog+tls://HOST:PORT` of the audit record repository that the "
        "[audit trail](audit.md) is told to; empty: none.",
    )
    audit_repository_authorities: Path | None = Field(
        None, description="PEM file of whom we trust there; unset: the system's own authorities."
    )
    audit_repository_certificate: Path | None = Field(
        None, description="PEM file of the certificate shown there; with `audit_repository_key`."
    )
    audit_repository_key: Path | None = Field(
        None, description="PEM file of that certificate's key."
    )
    audit_repository_close_notify: bool = Field(
        True,
        description="Whether it ends TLS as RFC 5425 demands; false for rsyslog with gtls.",
    )

    @property
    def audit_repository_place(self) -> tuple[str, int]:
        """Host and port of `audit_repository`."""
        parts = urlsplit(self.audit_repository)
        return parts.hostname or "", parts.port or _SYSLOG_TLS_PORT

    @field_validator("audit_repository")
    @classmethod
    def _repository_is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and not (parts.scheme == _SCHEME and parts.hostname and not parts.path.strip("/")):
            raise ValueError(_EXPECTED)
        if parts.port == 0:
            raise ValueError(_EXPECTED)
        return value

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.audit_repository_certificate is None) != (self.audit_repository_key is None):
            raise ValueError(
                "audit_repository_certificate and audit_repository_key are set together"
            )
        return self
