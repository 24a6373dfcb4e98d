"""The Compose files as Compose reads them: tags, merging, variables, durations."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BASE = "docker-compose.yml"
ON_CPU = "docker-compose.cpu.yml"
Mapping = dict[str, Any]
_UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600}
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")
# Of these Compose takes the overriding file's alone; other lists it appends.
_REPLACED = {"command", "entrypoint", "test"}


class _Reset:
    """What `!reset` leaves: the attribute is taken out of the merged file."""


class _Loader(yaml.SafeLoader):
    """YAML with Compose's tag `!reset`."""


_Loader.add_constructor("!reset", lambda *_: _Reset())


def load_compose(*names: str) -> Mapping:
    """The files merged, the later over the earlier, with variables left as they are."""
    merged: Mapping = {}
    for name in names:
        # The loader is a SafeLoader that knows one tag more.
        merged = _merge(merged, yaml.load((ROOT / name).read_text(), _Loader))
    return merged


def load_compose_with(override: str) -> Mapping:
    """The base file with an override file of this content, as Compose finds one by itself."""
    merged: Mapping = _merge(load_compose(BASE), yaml.safe_load(override))
    return merged


def faults_in(compose: Mapping) -> list[str]:
    """What the Compose specification does not allow in it."""
    # Loading them takes seconds of every process of the tests.
    from check_jsonschema.builtin_schemas import get_builtin_schema
    from jsonschema import Draft7Validator

    validator = Draft7Validator(get_builtin_schema("vendor.compose-spec"))
    return [error.message for error in validator.iter_errors(compose)]


def services(*names: str) -> dict[str, Mapping]:
    found: dict[str, Mapping] = load_compose(*names)["services"]
    return found


def substitute(text: str, environment: dict[str, str]) -> str:
    """Fill in `${NAME:-default}`, and `$$` for a dollar, as Compose does before anything else."""

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        return environment.get(match["name"]) or match["default"] or ""

    return _VARIABLE.sub(value, text)


def seconds(duration: str) -> float:
    parts = re.findall(r"(\d+)([smh])", duration)
    return float(sum(int(number) * _UNITS_SECONDS[unit] for number, unit in parts))


def _merge(base: Any, over: Any, key: str = "") -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        merged = {**base, **{name: _merge(base.get(name), over[name], name) for name in over}}
        return {name: value for name, value in merged.items() if not isinstance(value, _Reset)}
    if isinstance(base, list) and isinstance(over, list) and key not in _REPLACED:
        return base + over
    return over
