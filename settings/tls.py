"""Settings of TLS in DICOM: what the node shows, whom it trusts, and what it insists on."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator


class TlsSettings(BaseModel):
    """A part of `settings.Settings`."""

    tls_certificate: Path | None = Field(
        None,
        description="PEM file of the node's certificate and its chain: with `tls_key` and "
        "`tls_authorities` it speaks DICOM by TLS too, see [TLS](tls.md).",
    )
    tls_key: Path | None = Field(None, description="PEM file of that certificate's key.")
    tls_authorities: Path | None = Field(
        None, description="PEM file of the authorities whose certificates peers may show."
    )
    tls_revocations: Path | None = Field(
        None, description="PEM file of their revocation lists; unset: none is looked at."
    )
    tls_port: int = Field(2762, ge=0, le=65535, description="DICOM port on which TLS is spoken.")
    tls_only: bool = Field(False, description="Whether there is no DICOM port without TLS.")
    tls_mutual: bool = Field(
        True, description="Whether who calls by TLS has to show a certificate, too."
    )
    tls_named_certificates_only: bool = Field(
        False,
        description="Whether by TLS only those peers come whose table names their `certificate`.",
    )

    @property
    def has_tls(self) -> bool:
        return self.tls_certificate is not None

    @model_validator(mode="after")
    def _tls_files_come_together(self) -> Self:
        three = (self.tls_certificate, self.tls_key, self.tls_authorities)
        if any(three) and not all(three):
            raise ValueError("tls_certificate, tls_key and tls_authorities are set together")
        if not any(three) and (self.tls_only or self.tls_revocations):
            raise ValueError("tls_only and tls_revocations need tls_certificate")
        return self
