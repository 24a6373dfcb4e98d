"""What a lock file pins, and under which licence it comes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)")


@dataclass(frozen=True)
class LockedPackage:
    """A package at one version; the lock has the hashes of the files it may come as."""

    name: str
    version: str


def locked_packages(lock: Path) -> Iterator[LockedPackage]:
    """Each entry of a lock made by `uv pip compile --generate-hashes`, in its order."""
    for entry in lock.read_text(encoding="utf-8").splitlines():
        pin = _PIN.match(entry)
        if pin is not None:
            yield LockedPackage(pin["name"], pin["version"])


def licence_of(package: LockedPackage) -> str | None:
    """What the installed package says its licence is; None where it is not installed or silent."""
    try:
        said = metadata(package.name)
    except PackageNotFoundError:
        return None
    return _first(said, "License-Expression") or _classified(said) or _named(said)


def _classified(said: PackageMetadata) -> str | None:
    licences = [one for one in said.get_all("Classifier") or () if one.startswith("License ::")]
    return licences[0].rpartition(" :: ")[2] if licences else None


def _named(said: PackageMetadata) -> str | None:
    """Some put the whole text there, of which the first line is its name."""
    lines = _first(said, "License").strip().splitlines()
    return lines[0].strip() if lines else None


def _first(said: PackageMetadata, key: str) -> str:
    return str((said.get_all(key) or [""])[0])
