"""Settings of the gateway, which speaks DICOMweb and FHIR."""

from pydantic import BaseModel, Field, SecretStr


class GatewaySettings(BaseModel):
    """A part of `settings.Settings`."""

    gateway_enabled: bool = Field(
        False, description="Whether `osteon up` runs the gateway (DICOMweb and FHIR) too."
    )
    gateway_bind_address: str = Field(
        "127.0.0.1",
        description="Address the gateway binds; not a loopback one: set `gateway_token`.",
    )
    gateway_port: int = Field(8044, ge=0, le=65535, description="Port of the gateway.")
    gateway_token: SecretStr | None = Field(
        None, description="Bearer token that the gateway asks for; unset: it asks for none."
    )
    gateway_url: str = Field(
        "", description="URL by which others reach the gateway, where that is not its address."
    )
