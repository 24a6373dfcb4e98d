"""How the settings name other systems: who may call, and where results go."""

import re
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    field_validator,
    model_validator,
)

# An IPv6 address, or a network of them, stands in brackets, as in a URL.
_PEER = re.compile(
    r"(?P<ae_title>[^@\s\\]{1,16})"
    r"(@(\[(?P<ipv6>[0-9A-Fa-f:.]+(/\d{1,3})?)\]|(?P<host>[^@:\s\[\]]+))(:(?P<port>\d{1,5}))?)?"
)
_HL7, _FHIR = ("mllp", "mllps"), ("http", "https")


@dataclass(frozen=True)
class PeerAddress:
    """A remote node: AE title, and host and port where they matter (`AET@HOST:PORT`)."""

    ae_title: str
    host: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "PeerAddress":
        match = _PEER.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not AET, AET@HOST or AET@HOST:PORT (AE title ≤ 16)")
        port = match["port"]
        host = match["ipv6"] or match["host"]
        return cls(match["ae_title"], host, int(port) if port else None)

    def __str__(self) -> str:
        address = f"[{self.host}]" if self.host and ":" in self.host else self.host
        host = f"@{address}" if address else ""
        return f"{self.ae_title}{host}" + (f":{self.port}" if self.port else "")


class DicomNodeSettings(BaseModel):
    """How a node is known, called and recognised."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    address: str = Field(description="`AET@HOST:PORT`.")
    tls: bool = Field(False, description="Whether it comes, and is called, by TLS alone.")
    certificate: str = Field(
        "", description="The one it has to show: `CN=…,O=…`, `dns:NAME` or `sha256:DIGITS`."
    )

    @property
    def peer(self) -> PeerAddress:
        return PeerAddress.parse(self.address)

    @property
    def speaks_tls(self) -> bool:
        return self.tls or bool(self.certificate)

    @field_validator("certificate")
    @classmethod
    def _certificate_is_named(cls, value: str) -> str:
        if not value:
            return value
        # Here, since cryptography takes a while to load and most nodes have no use for it.
        from dicom_node.certificate_name import CertificateName

        return str(CertificateName.parse(value))


class PeerSettings(DicomNodeSettings):
    """A node that may call; with host and port it may be called back."""

    @property
    def ae_title(self) -> str:
        return self.peer.ae_title

    @property
    def host(self) -> str | None:
        return self.peer.host

    @property
    def port(self) -> int | None:
        return self.peer.port

    def __str__(self) -> str:
        return self.address

    @field_validator("address")
    @classmethod
    def _address_is_one(cls, value: str) -> str:
        peer = PeerAddress.parse(value)
        if peer.host is not None:
            ip_network(peer.host, strict=False)
        return str(peer)


class _Destination(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    address: str = Field(description="`AET@HOST:PORT`, `mllp://HOST:PORT` or `https://…`.")
    title: str = Field("", alias="name", description="What it is called; unset: its address.")

    @property
    def name(self) -> str:
        return self.title or self.address


class PacsSettings(DicomNodeSettings, _Destination):
    """A PACS or archive that takes DICOM objects."""

    also: frozenset[Literal["sc", "summary", "pdf", "kos", "seg"]] = Field(
        frozenset(), description="Sent as well, whatever the ladder chose, where it is accepted."
    )
    negatives: Literal["report", "pictures"] = Field(
        "report", description="What a study without a fracture goes as."
    )
    prove: bool = Field(
        True, description="Ask whether it keeps what it took: Storage Commitment, else C-FIND."
    )
    rejection_notes: bool = Field(
        False, description="Send IOCM rejection notes when a model is withdrawn."
    )

    @field_validator("address")
    @classmethod
    def _address_is_complete(cls, value: str) -> str:
        peer = PeerAddress.parse(value)
        if peer.host is None or peer.port is None:
            raise ValueError(f"{peer} needs a host and a port: AET@HOST:PORT")
        return str(peer)


class Hl7Settings(_Destination):
    """A receiver of HL7 v2 messages over MLLP."""

    receiving_application: str = Field("", description="MSH-5.")
    receiving_facility: str = Field("", description="MSH-6.")
    attach: Literal["text", "pdf"] = Field("text", description="How the report goes along.")

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def is_encrypted(self) -> bool:
        return self.address.startswith("mllps:")

    @field_validator("address")
    @classmethod
    def _address_is_complete(cls, value: str) -> str:
        if not (urlsplit(value).hostname and urlsplit(value).port):
            raise ValueError(f"{value} needs a host and a port: mllp://HOST:PORT")
        return value


class FhirSettings(_Destination):
    """A FHIR R4 server that takes transaction bundles."""

    token: SecretStr | None = Field(None, description="Bearer token.")
    token_file: Path | None = Field(
        None, description="File that holds the bearer token; read anew for each request."
    )
    attach: Literal["none", "pdf"] = Field("none", description="Whether the PDF goes along.")

    @field_validator("address")
    @classmethod
    def _address_names_a_host(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.username is not None or parts.password is not None:
            # Without a name of its own, logs and pages would call it so.
            raise ValueError("a user or a password has no place in an address: set token_file")
        if not parts.hostname:
            raise ValueError(f"{value} names no host: https://HOST/PATH")
        return value

    @model_validator(mode="after")
    def _token_is_said_once(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file are both set: keep one of them")
        return self


def _kind(value: Any) -> str:
    address = value.get("address", "") if isinstance(value, dict) else value.address
    scheme = str(address).partition("://")[0]
    if scheme in _HL7:
        return "hl7"
    return "fhir" if scheme in _FHIR else "pacs"


DestinationSettings = Annotated[
    Annotated[PacsSettings, Tag("pacs")]
    | Annotated[Hl7Settings, Tag("hl7")]
    | Annotated[FhirSettings, Tag("fhir")],
    Discriminator(_kind),
]
