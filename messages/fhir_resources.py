"""A study's report as FHIR R4 resources, alone or as a transaction a server takes as a whole."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.imagingstudy import ImagingStudy
from fhir.resources.R4B.observation import Observation
from pydantic import BaseModel

from dicom_node.uids import derive_uid
from messages.fhir_device import device
from messages.fhir_observation import observations
from messages.fhir_report import diagnostic_report
from messages.fhir_source import FhirSource
from messages.fhir_study import imaging_study
from messages.fhir_values import Element, filled

# R4B (4.3.0) changed none of these against R4 (4.0.1), element for element.
_MODELS: dict[str, type[BaseModel]] = {
    "Bundle": Bundle,
    "Device": Device,
    "DiagnosticReport": DiagnosticReport,
    "ImagingStudy": ImagingStudy,
    "Observation": Observation,
}
_DIGEST_LENGTH = 12
_MAKERS: dict[str, Callable[[FhirSource], list[Element]]] = {
    "Device": lambda source: [device(equipment) for equipment in source.equipments],
    "ImagingStudy": lambda source: [imaging_study(source)],
    "Observation": observations,
    "DiagnosticReport": lambda source: [diagnostic_report(source)],
}


def make_resources(source: FhirSource) -> list[Element]:
    """A Device for each algorithm, ImagingStudy, Observations and DiagnosticReport.

    Of Devices and Observations the study's own comes first.
    """
    return [resource for name in _MAKERS for resource in make_resources_of(name, source)]


def make_resources_of(resource_type: str, source: FhirSource) -> list[Element]:
    return [versioned(resource) for resource in _MAKERS[resource_type](source)]


def versioned(resource: Element) -> Element:
    """Checked, its version told from others of its revision by what it says and since when.

    A model that is withdrawn changes what is said without a new revision.
    """
    whole = checked(resource)
    digest = hashlib.sha256(encode(whole)).hexdigest()[:_DIGEST_LENGTH]
    version = f"{whole['meta']['versionId']}-{digest}"
    return whole | {"meta": whole["meta"] | {"versionId": version}}


def checked(resource: Element) -> Element:
    """The resource without its empty parts; pydantic's ValidationError where it is not valid."""
    whole: Element = filled(resource)
    _MODELS[whole["resourceType"]].model_validate(whole)
    return whole


def make_transaction(source: FhirSource) -> bytes:
    """All resources in one transaction that leaves a server the same however often it is sent.

    All are put under ids of our own: a newer revision replaces an older one, and nothing that
    another system made is touched. A Device too: made where none is found (ifNoneExist), two
    senders at once could make two, and then no server knows which is meant (HTTP 412).
    """
    resources = make_resources(source)
    addresses = {f"{one['resourceType']}/{one['id']}": _full_url(one) for one in resources}
    entries = [_entry(_readdressed(resource, addresses)) for resource in resources]
    return encode(checked({"resourceType": "Bundle", "type": "transaction", "entry": entries}))


def encode(resource: Element) -> bytes:
    """JSON in the order the elements were put together."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()


def _entry(resource: Element) -> Element:
    request = {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    return {"fullUrl": _full_url(resource), "resource": resource, "request": request}


def _full_url(resource: Element) -> str:
    """What entries call each other until the server has its own address for them."""
    number = derive_uid("fhir entry", resource["resourceType"], resource["id"]).rpartition(".")[2]
    return uuid.UUID(int=int(number)).urn


def _readdressed(part: Any, addresses: dict[str, str]) -> Any:
    """The resource with references to its neighbours in the bundle (R4 3.1.0.11.2)."""
    if isinstance(part, dict):
        changed = {name: _readdressed(value, addresses) for name, value in part.items()}
        if part.get("reference") in addresses:
            changed["reference"] = addresses[part["reference"]]
        return changed
    if isinstance(part, list):
        return [_readdressed(value, addresses) for value in part]
    return part
