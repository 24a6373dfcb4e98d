"""The bill of materials (CycloneDX 1.6) of a node: packages, the page's scripts, the classifier."""

import json
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from model.artefact import bundled_artefact, load_artefact
from release.locked import LockedPackage, licence_of, locked_packages

# What is installed where there is no GPU, and where there is one.
LOCKS = {"node": "requirements.lock", "gpu": "requirements-gpu.lock"}
FOLDER = Path("docs", "sbom")
_SCRIPTS = Path("web", "static", "vendor", "package.json")
# The bill of the same materials is the same file: no time and no chance in it.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "osteon")


def write_bills(root: Path) -> list[Path]:
    """One file for each way of installing; returns their paths."""
    return [_write(root, name) for name in LOCKS]


def bill_path(root: Path, name: str) -> Path:
    return root / FOLDER / f"osteon-{name}.cdx.json"


def bill_of(root: Path, name: str) -> str:
    """The bill as JSON, of the lock of that name."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    components = [*_packages(root / LOCKS[name]), *_scripts(root), _classifier()]
    itself = Component(
        name=f"osteon-{name}",
        version=project["version"],
        type=ComponentType.APPLICATION,
        bom_ref="osteon",
    )
    bom = Bom(components=components, metadata=BomMetaData(component=itself))
    bom.register_dependency(itself, components)
    written = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    described = json.loads(written)
    del described["metadata"]["timestamp"], described["serialNumber"]
    content = json.dumps(described, sort_keys=True)
    described["serialNumber"] = uuid.uuid5(_NAMESPACE, content).urn
    return json.dumps(described, indent=1, sort_keys=True) + "\n"


def _write(root: Path, name: str) -> Path:
    path = bill_path(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(bill_of(root, name), encoding="utf-8")
    return path


def _packages(lock: Path) -> Iterator[Component]:
    for package in locked_packages(lock):
        yield Component(
            name=package.name,
            version=package.version,
            bom_ref=f"pypi/{package.name}",
            purl=PackageURL("pypi", None, package.name, package.version),
            licenses=_licences(package),
        )


def _licences(package: LockedPackage) -> list[DisjunctiveLicense]:
    named = licence_of(package)
    return [DisjunctiveLicense(name=named)] if named else []


def _scripts(root: Path) -> Iterator[Component]:
    wanted = json.loads((root / _SCRIPTS).read_text(encoding="utf-8"))["dependencies"]
    for name, version in sorted(wanted.items()):
        purl = PackageURL("npm", None, name, version)
        yield Component(name=name, version=version, bom_ref=f"npm/{name}", purl=purl)


def _classifier() -> Component:
    card = load_artefact(bundled_artefact()).card
    return Component(
        name=card.name,
        version=card.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model/{card.name}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in card.files.values()],
    )
