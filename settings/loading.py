"""Reading the settings in force, and saying in one sentence what is wrong with them."""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from remote_systems import FhirSettings, Hl7Settings, PacsSettings, PeerSettings
from settings.node import Settings
from settings.sources import CONFIG_VARIABLE, PREFIX, SECRETS_VARIABLE, config_file

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
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {CONFIG_VARIABLE, SECRETS_VARIABLE}
    for name in os.environ:
        if name.startswith(PREFIX) and name.upper() not in known:
            raise SettingsRefused(f"unknown setting {name}{_nearest(name, known)}")


def _refuse_missing_files() -> None:
    """What is named has to be there: by the defaults alone a node would take from anyone."""
    if os.environ.get(CONFIG_VARIABLE) and not config_file().is_file():
        raise SettingsRefused(f"{CONFIG_VARIABLE} names no file: {config_file()}")
    folder = os.environ.get(SECRETS_VARIABLE)
    if folder and not Path(folder).is_dir():
        raise SettingsRefused(f"{SECRETS_VARIABLE} names no folder: {folder}")


def _explain(error: ValidationError) -> str:
    return "; ".join(_sentence(problem["loc"], problem) for problem in error.errors())


def _sentence(place: tuple[int | str, ...], problem: Any) -> str:
    """Lists are counted from 1; of a destination the kind is left out, which its address says."""
    kind = _KINDS.get(str(place[2])) if len(place) > 2 else None
    parts = place if kind is None else (*place[:2], *place[3:])
    name = "".join(f"[{one + 1}]" if isinstance(one, int) else f".{one}" for one in parts)[1:]
    if problem["type"] == "extra_forbidden":
        known = _keys(kind or (PeerSettings if parts[0] == "peers" else Settings))
        return f"unknown setting {name}{_nearest(str(parts[-1]), known)}"
    said = problem["msg"].removeprefix("Value error, ")
    if not parts:  # of several together, which it names itself
        return f"settings: {said}"
    return f"setting {name}: {_AS_TOML.get(said, said)}"


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _nearest(name: str, known: set[str]) -> str:
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {matches[0]}?" if matches else ""
