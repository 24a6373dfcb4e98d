"""What the FHIR service can do, said by the table that it does it by: CapabilityStatement."""

from dicom_node.results.equipment import PRODUCT, product_version
from messages.fhir_search import PARAMETERS, SearchParameter
from messages.fhir_values import Element

FHIR_VERSION = "4.0.1"
# When what follows was last changed; the statement is the same until then.
_CHANGED = "2026-11-29"


def capability_statement(base_url: str) -> Element:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _CHANGED,
        "kind": "instance",
        "software": {"name": PRODUCT, "version": product_version()},
        "implementation": {
            "description": "Findings of software that looks for fractures, none of them verified",
            "url": base_url,
        },
        "fhirVersion": FHIR_VERSION,
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Read only. A blocked study, which may mix two patients, is in no "
                "answer. A search parameter that is listed here is an error in any form that its "
                "documentation does not name; with Prefer: handling=strict an unknown one is too.",
                "resource": [_resource(*item) for item in PARAMETERS.items()],
            }
        ],
    }


def _resource(resource_type: str, parameters: tuple[SearchParameter, ...]) -> Element:
    return {
        "type": resource_type,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "conditionalRead": "not-match",
        "referencePolicy": ["literal", "logical"],
        "searchParam": [
            {"name": one.name, "type": one.kind, "documentation": one.documentation}
            for one in parameters
        ],
    }
