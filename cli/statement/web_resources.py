"""The resources of the DICOMweb gateway, read off the application that serves them."""

from collections.abc import Iterator
from dataclasses import fields

from starlette.routing import Route

from cli.statement.markdown import table
from cli.statement.wire import workplace
from dicom_node.dicomweb.app import PREFIX
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.dicomweb.routes import dicomweb_routes
from dicom_node.policy import AssociationPolicy

# By how the names of the routes begin.
_SERVICES = {
    "store": "STOW-RS, store (PS3.18 10.5)",
    "search": "QIDO-RS, search (PS3.18 10.6)",
    "retrieve": "WADO-RS, instances (PS3.18 10.4)",
    "metadata": "WADO-RS, metadata (PS3.18 10.4)",
    "frames": "WADO-RS, frames (PS3.18 10.4)",
    "rendered": "WADO-RS, rendered (PS3.18 10.4)",
    "bulk": "WADO-RS, bulk data (PS3.18 10.4)",
}
_LIMITS = {
    "stores_max": "requests that store at the same time; more are answered 503",
    "parts_max": "objects in one store request",
    "matches_max": "matches told at once; `offset` asks for the next",
    "instances_max": "objects in one retrieval; more are answered 400",
}


def resources(policy: AssociationPolicy) -> str:
    return table(("Service", "Method", "Resource"), sorted(_resources(policy)))


def _resources(policy: AssociationPolicy) -> Iterator[tuple[str, str, str]]:
    with workplace() as place:
        config = GatewayConfig(policy, place.name)
        router = dicomweb_routes(place.engine, place.spool, config)
    for route in router.routes:
        if isinstance(route, Route):
            methods = ", ".join(sorted((route.methods or set()) - {"HEAD"}))
            service = _SERVICES[route.name.partition("_")[0]]
            yield service, methods, f"`{PREFIX}{route.path}`"


def limits(policy: AssociationPolicy) -> str:
    config = GatewayConfig(policy, "conformance statement")
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    rows = [(words, values[name]) for name, words in _LIMITS.items()]
    return table(("Limit", "Value"), rows)
