"""Every setting of a node: the only reader of the environment and of osteon.toml."""

import difflib
import os
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from remote_systems import (
    DestinationSettings,
    FhirSettings,
    Hl7Settings,
    PacsSettings,
    PeerAddress,
)

_PREFIX = "OSTEON_"
# Names of the environment that say where settings are, and are no settings themselves.
_CONFIG_VARIABLE = "OSTEON_CONFIG"
_SECRETS_VARIABLE = "OSTEON_SECRETS_DIR"
_EXPECTED = "expected a list of AET@HOST:PORT"
# By the tags of DestinationSettings.
_KINDS: dict[str, type[BaseModel]] = {
    "pacs": PacsSettings,
    "hl7": Hl7Settings,
    "fhir": FhirSettings,
}
# TOML's words for pydantic's.
_AS_TOML = {
    "Input should be a valid tuple": "each is a table of its own, headed [[rules]]",
    "Input should be a valid frozenset": "a list is needed",
    "Input should be a valid dictionary": "it is no table, headed [[rules]]",
}


class SettingsRefused(Exception):
    """The settings cannot be used; the message says which one and why."""


Peers = Annotated[tuple[PeerAddress, ...], NoDecode]
Destinations = Annotated[tuple[DestinationSettings, ...], NoDecode]
Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What may be set in osteon.toml or as OSTEON_… variables; frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        # `NAME=` in an .env file says nothing: it does not empty what osteon.toml has.
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(Path("osteon-data"), description="Spool, results and SQLite ledger.")
    database_url: str = Field(
        "", description="SQLAlchemy URL of the ledger; empty: SQLite in `data_dir`."
    )
    broker_url: str = Field(
        "", description="Celery broker (`redis://…`); empty: files in `data_dir`, no server."
    )
    ae_title: str = Field("OSTEON", max_length=16, description="AE title others call us by.")
    bind_address: str = Field("0.0.0.0", description="Address the DICOM listener binds.")  # noqa: S104
    port: int = Field(11112, ge=0, le=65535, description="DICOM port.")
    dicom_address: str = Field(
        "", description="`HOST:PORT` to tell a PACS, where that is not `bind_address` and `port`."
    )
    own_hosts: Words = Field(
        (),
        description="Hosts of other parts of the node: they may call by its own AE title.",
    )
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
    peers: Peers = Field(
        (),
        description="Who may call: `AET`, or `AET@ADDRESS` with an IP address or network; "
        "empty: anyone.",
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
    object_max_bytes: int = Field(
        2 << 30, ge=1 << 20, description="Largest DICOM object taken; a larger one is refused."
    )
    disk_reserve_bytes: int = Field(
        512 << 20, ge=0, description="Free space kept: below it C-STORE answers A700."
    )
    model_dir: Path | None = Field(
        None, description="Folder of the classifier's artefact; unset: the bundled one."
    )
    shadow_model_dir: Path | None = Field(
        None,
        description="Folder of an artefact on trial: it looks too, and nothing of it is sent.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where the classifier runs: `auto`, `cpu` or `cuda`."
    )
    analyse_workers: int = Field(2, ge=1, description="Images analysed at once by one worker.")
    deliver_workers: int = Field(
        4, ge=1, description="Reports built and objects sent at once by one worker."
    )
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

    @field_validator(
        *("own_hosts", "web_hosts"),
        *("web_oidc_administrators", "web_oidc_readers", "web_oidc_viewers"),
        mode="before",
    )
    @classmethod
    def _parse_words(cls, value: Any) -> Any:
        return tuple(
            entry.strip() if isinstance(entry, str) else entry
            for entry in _entries(value, "expected a list of words")
        )

    @field_validator("dicom_address")
    @classmethod
    def _dicom_address_has_a_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isdecimal()):
            raise ValueError("expected HOST:PORT")
        return value

    @field_validator("web_proxy_address")
    @classmethod
    def _proxy_is_an_address(cls, value: str) -> str:
        ip_network(value, strict=False)
        return value

    @field_validator("peers", mode="before")
    @classmethod
    def _parse_peers(cls, value: Any) -> Any:
        return tuple(map(_peer, _entries(value)))

    @field_validator("peers")
    @classmethod
    def _peers_have_addresses(cls, value: tuple[PeerAddress, ...]) -> tuple[PeerAddress, ...]:
        for peer in value:
            if peer.host is not None:
                ip_network(peer.host, strict=False)
        return value

    @field_validator("destinations", mode="before")
    @classmethod
    def _parse_destinations(cls, value: Any) -> Any:
        return tuple(
            entry if isinstance(entry, dict | BaseModel) else {"address": entry}
            for entry in _entries(value)
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
        secrets = SecretsSettingsSource(settings_cls, os.environ.get(_SECRETS_VARIABLE) or None)
        return init_settings, env_settings, secrets, toml


def _peer(entry: Any) -> PeerAddress:
    if isinstance(entry, PeerAddress):
        return entry
    if not isinstance(entry, str):
        raise ValueError(_EXPECTED)
    return PeerAddress.parse(entry)


def _entries(value: Any, expected: str = _EXPECTED) -> list[Any]:
    """A list as TOML has it, or what a variable has between its commas."""
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        raise ValueError(expected)
    return [entry for entry in entries if entry]


def config_file() -> Path:
    return Path(os.environ.get(_CONFIG_VARIABLE) or "osteon.toml")


def load_settings(**overrides: Any) -> Settings:
    """The settings in force: command line, then environment, secret files, osteon.toml, defaults.

    Raises SettingsRefused; an unknown name is answered with the nearest known one.
    """
    _refuse_unknown_variables()
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        _refuse_missing_files()
        return Settings(**given)
    except ValidationError as error:
        raise SettingsRefused(_explain(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsRefused(f"{config_file()} is not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise SettingsRefused(f"{config_file()}, or a secret, is not written in UTF-8") from error
    except OSError as error:
        place = error.filename or config_file()
        raise SettingsRefused(f"{place} cannot be read: {error.strerror}") from error


def _refuse_unknown_variables() -> None:
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    known |= {_CONFIG_VARIABLE, _SECRETS_VARIABLE}
    for name in os.environ:
        if name.startswith(_PREFIX) and name.upper() not in known:
            raise SettingsRefused(f"unknown setting {name}{_nearest(name, known)}")


def _refuse_missing_files() -> None:
    """What is named has to be there: by the defaults alone a node would take from anyone."""
    if os.environ.get(_CONFIG_VARIABLE) and not config_file().is_file():
        raise SettingsRefused(f"{_CONFIG_VARIABLE} names no file: {config_file()}")
    folder = os.environ.get(_SECRETS_VARIABLE)
    if folder and not Path(folder).is_dir():
        raise SettingsRefused(f"{_SECRETS_VARIABLE} names no folder: {folder}")


def _explain(error: ValidationError) -> str:
    return "; ".join(_sentence(problem["loc"], problem) for problem in error.errors())


def _sentence(place: tuple[int | str, ...], problem: Any) -> str:
    """Lists are counted from 1; of a destination the kind is left out, which its address says."""
    kind = _KINDS.get(str(place[2])) if len(place) > 2 else None
    parts = place if kind is None else (*place[:2], *place[3:])
    name = "".join(f"[{one + 1}]" if isinstance(one, int) else f".{one}" for one in parts)[1:]
    if problem["type"] == "extra_forbidden":
        known = _keys(Settings if kind is None else kind)
        return f"unknown setting {name}{_nearest(str(parts[-1]), known)}"
    said = problem["msg"].removeprefix("Value error, ")
    return f"setting {name}: {_AS_TOML.get(said, said)}"


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _nearest(name: str, known: set[str]) -> str:
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {matches[0]}?" if matches else ""
