"""Every code the node writes, with what speaks for its meaning."""

from collections.abc import Iterator

from pydicom.sr.coding import Code

from cli.statement.markdown import table
from dicom_node.results import codes, report_concepts
from dicom_node.results.coded_items import private_scheme_item
from dicom_node.results.codes import PRIVATE_SCHEME, PRIVATE_SCHEME_NAME, Evidence

GROUPS = {
    "regions": codes.REGIONS,
    "sides": codes.SIDES,
    "severities": codes.SEVERITIES,
    "fracture types": codes.FRACTURE_TYPES,
    "quality reasons": codes.QUALITY_REASONS,
    "modalities": codes.MODALITIES,
}


def single_codes() -> str:
    grouped = {code for group in GROUPS.values() for code in group.values()}
    own = [code for code in codes.EVIDENCE if code not in grouped]
    rows = [_row(code) for code in _by_scheme({*own, *_concepts()})]
    return table(("Code", "Scheme", "Meaning", "Evidence"), rows)


def grouped_codes() -> str:
    rows = [
        (f"{name}: {word}", *_row(code))
        for name, group in GROUPS.items()
        for word, code in group.items()
    ]
    return table(("Word", "Code", "Scheme", "Meaning", "Evidence"), rows)


def private_scheme() -> str:
    item = private_scheme_item()
    rows = [
        ("Coding Scheme Designator", PRIVATE_SCHEME),
        ("Coding Scheme UID", f"`{item.CodingSchemeUID}`"),
        ("Coding Scheme Name", PRIVATE_SCHEME_NAME),
        ("Coding Scheme Responsible Organization", item.CodingSchemeResponsibleOrganization),
        ("Codes", ", ".join(one.value for one in codes.EVIDENCE if _is_private(one))),
    ]
    return table(("What", "Value"), rows)


def _is_private(code: Code) -> bool:
    return codes.EVIDENCE[code] is Evidence.PRIVATE


def _concepts() -> Iterator[Code]:
    return (code for code in vars(report_concepts).values() if isinstance(code, Code))


def _row(code: Code) -> tuple[str, str, str, str]:
    # The concept names of templates come out of the dictionary itself.
    evidence = codes.EVIDENCE.get(code, Evidence.STANDARD)
    return code.value, code.scheme_designator, code.meaning, evidence.value


def _by_scheme(found: set[Code]) -> list[Code]:
    return sorted(found, key=lambda code: (code.scheme_designator, code.meaning.casefold()))
