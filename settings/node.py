"""The settings of a node, all in one: its own, and those of its page and gateway."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from remote_systems import DestinationSettings, PacsSettings, PeerSettings
from settings.audit import AuditSettings
from settings.classifier import ClassifierSettings
from settings.entries import Words, list_entries, parse_words
from settings.gateway import GatewaySettings
from settings.page import PageSettings
from settings.retention import RetentionSettings
from settings.servers import ServerSettings
from settings.sources import PREFIX, SECRETS_VARIABLE, config_file
from settings.tls import TlsSettings

_EXPECTED = "expected a list of AET@HOST:PORT"
Peers = Annotated[tuple[PeerSettings, ...], NoDecode]
Destinations = Annotated[tuple[DestinationSettings, ...], NoDecode]


class Settings(
    PageSettings,
    GatewaySettings,
    ClassifierSettings,
    TlsSettings,
    ServerSettings,
    AuditSettings,
    RetentionSettings,
    BaseSettings,
):
    """What may be set in osteon.toml or as OSTEON_… variables; frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        # `NAME=` in an .env file says nothing: it does not empty what osteon.toml has.
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(Path("osteon-data"), description="Spool, results and SQLite ledger.")
    ae_title: str = Field("OSTEON", max_length=16, description="AE title others call us by.")
    bind_address: str = Field("0.0.0.0", description="Address the DICOM listener binds.")  # noqa: S104 # nosec B104
    port: int = Field(11112, ge=0, le=65535, description="DICOM port.")
    dicom_address: str = Field(
        "", description="`HOST:PORT` to tell a PACS, where that is not `bind_address` and `port`."
    )
    own_hosts: Words = Field(
        (),
        description="Hosts of other parts of the node: they may call by its own AE title.",
    )
    peers: Peers = Field(
        (),
        description="Who may call: `AET`, or `AET@ADDRESS` with an IP address or network; or "
        "tables, see [TLS](tls.md#who-a-peer-is); empty: anyone.",
    )
    destinations: Destinations = Field(
        (),
        description="Where results are sent: `AET@HOST:PORT`, or tables, see "
        "[destinations](destinations.md).",
    )
    rules: tuple[dict[str, Any], ...] = Field(
        (), description="What becomes of an image, see [routing](routing.md); only in the file."
    )
    fhir_patient_id_system: str = Field(
        "", description="URI of the namespace of patient IDs in FHIR; empty: none is stated."
    )
    fhir_accession_number_system: str = Field(
        "", description="URI of the namespace of accession numbers in FHIR; empty: none is stated."
    )
    quiet_seconds: float = Field(
        5.0, ge=0, description="A study is complete when nothing came for this long."
    )
    max_wait_seconds: float = Field(
        300.0, gt=0, description="Longest wait for quiet; then what is there is reported."
    )
    max_pdu: int = Field(131072, ge=4096, description="Largest PDU we announce, in bytes.")
    max_associations: int = Field(50, ge=1, description="Associations open at once.")
    max_associations_per_address: int | None = Field(
        None, ge=1, description="Of these, from one address; unset: four fifths."
    )
    object_max_bytes: int = Field(
        2 << 30, ge=1 << 20, description="Largest DICOM object taken; a larger one is refused."
    )
    disk_reserve_bytes: int = Field(
        512 << 20, ge=0, description="Free space kept: below it C-STORE answers A700."
    )
    analyse_workers: int = Field(2, ge=1, description="Images analysed at once by one worker.")
    report_workers: int = Field(2, ge=1, description="Reports built at once by one worker.")
    deliver_workers: int = Field(4, ge=1, description="Objects sent at once by one worker.")
    decode_seconds: float = Field(30.0, gt=0, description="Longest time one image may decode.")
    decode_memory_bytes: int = Field(
        2 << 30, ge=256 << 20, description="Address space of the process that decodes an image."
    )
    lease_seconds: float = Field(
        60.0, gt=0, description="A job whose worker is silent for this long is given to another."
    )
    time_zone: str = Field(
        "UTC",
        description="The hospital's zone (`Europe/Berlin`) for times in results and on the page.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )

    @field_validator("own_hosts", mode="before")
    @classmethod
    def _parse_own_hosts(cls, value: Any) -> Any:
        return parse_words(value)

    @field_validator("dicom_address")
    @classmethod
    def _dicom_address_has_a_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isdecimal()):
            raise ValueError("expected HOST:PORT")
        return value

    @field_validator("peers", mode="before")
    @classmethod
    def _parse_peers(cls, value: Any) -> Any:
        return tuple(map(_peer, list_entries(value, _EXPECTED)))

    @field_validator("destinations", mode="before")
    @classmethod
    def _parse_destinations(cls, value: Any) -> Any:
        return tuple(
            entry if isinstance(entry, dict | BaseModel) else {"address": entry}
            for entry in list_entries(value, _EXPECTED)
        )

    @field_validator("destinations")
    @classmethod
    def _destinations_have_own_names(
        cls, value: tuple[DestinationSettings, ...]
    ) -> tuple[DestinationSettings, ...]:
        names = [destination.name for destination in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two destinations are called {name}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _time_zone_is_known(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no zone of the IANA list") from error

    @model_validator(mode="after")
    def _tls_is_there_for_who_asks(self) -> Self:
        pacs = (one for one in self.destinations if isinstance(one, PacsSettings))
        for one in (*self.peers, *pacs):
            if one.speaks_tls and not self.has_tls:
                raise ValueError(f"{one.address} is to speak TLS: set tls_certificate and its kin")
        if self.tls_named_certificates_only and not any(peer.certificate for peer in self.peers):
            raise ValueError("tls_named_certificates_only: no peer names its certificate")
        return self

    @property
    def ledger_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'ledger.sqlite'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env files
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours names its folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        secrets = SecretsSettingsSource(settings_cls, os.environ.get(SECRETS_VARIABLE) or None)
        return init_settings, env_settings, secrets, toml


def _peer(entry: Any) -> Any:
    if isinstance(entry, dict | PeerSettings):
        return entry
    if not isinstance(entry, str):
        raise ValueError(_EXPECTED)
    return {"address": entry}
