"""Settings of the page: where it is served, and who may look."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, field_validator

from settings.entries import Words, parse_words


class PageSettings(BaseModel):
    """A part of `settings.Settings`."""

    web_bind_address: str = Field(
        "127.0.0.1", description="Address the page binds; not a loopback one: set `web_login`."
    )
    web_port: int = Field(8042, ge=0, le=65535, description="Port of the page.")
    web_login: bool = Field(
        False,
        description="Whether the page asks for a name and a password, see [access](access.md).",
    )
    web_hosts: Words = Field((), description="Names by which browsers reach the page.")
    web_certificate: Path | None = Field(
        None, description="PEM file of the page's certificate and its chain; with `web_key`."
    )
    web_key: Path | None = Field(None, description="PEM file of the certificate's key.")
    web_behind_proxy: bool = Field(
        False, description="Whether a proxy in front of the page speaks TLS for it."
    )
    web_proxy_address: str = Field(
        "127.0.0.1", description="Address or network of that proxy: no other may call."
    )
    web_idle_minutes: float = Field(
        15.0, gt=0, description="Who is not seen for this long is signed out."
    )
    web_session_hours: float = Field(
        12.0, gt=0, description="Who signed in this long ago is signed out."
    )
    web_oidc_issuer: str = Field(
        "", description="URL of an OpenID Connect provider; empty: accounts of this node alone."
    )
    web_oidc_client_id: str = Field("", description="What the provider knows this node by.")
    web_oidc_client_secret: SecretStr | None = Field(
        None, description="What proves to the provider that it is this node."
    )
    web_oidc_role_claim: str = Field(
        "groups", description="Claim that says in which groups somebody is."
    )
    web_oidc_administrators: Words = Field((), description="Groups whose people administer.")
    web_oidc_readers: Words = Field((), description="Groups whose people are readers.")
    web_oidc_viewers: Words = Field((), description="Groups whose people are viewers.")

    @field_validator(
        *("web_hosts", "web_oidc_administrators", "web_oidc_readers", "web_oidc_viewers"),
        mode="before",
    )
    @classmethod
    def _parse_words(cls, value: Any) -> Any:
        return parse_words(value)

    @field_validator("web_proxy_address")
    @classmethod
    def _proxy_is_an_address(cls, value: str) -> str:
        ip_network(value, strict=False)
        return value
