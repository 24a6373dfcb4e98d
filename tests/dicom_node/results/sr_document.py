"""What PS3.3 asks of a document's content tree, whatever its template."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage

from tests.dicom_node.results.template_rows import below, name_of

# Relationship → the value types of its sources, and of their targets.
_Table: TypeAlias = dict[str, list[tuple[set[str], set[str]]]]
_VALUES = {"TEXT", "CODE", "NUM", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME"}
_REFERENCES = {"COMPOSITE", "IMAGE", "WAVEFORM"}
_COORDINATES = {"SCOORD", "TCOORD"}
_OBSERVATIONS = {"TEXT", "CODE", "NUM"}
_PROPERTIES = _VALUES | _REFERENCES | _COORDINATES | {"CONTAINER"}
# By value, source → relationship → target: PS3.3 Table A.35.3-2 (Comprehensive SR).
_COMPREHENSIVE: _Table = {
    "CONTAINS": [({"CONTAINER"}, _PROPERTIES)],
    "HAS OBS CONTEXT": [({"CONTAINER"} | _OBSERVATIONS, _VALUES | {"COMPOSITE"})],
    "HAS ACQ CONTEXT": [({"CONTAINER", "NUM"} | _REFERENCES, _VALUES | {"CONTAINER"})],
    "HAS CONCEPT MOD": [(_PROPERTIES | _COORDINATES, {"TEXT", "CODE"})],
    "HAS PROPERTIES": [(_OBSERVATIONS, _PROPERTIES), ({"PNAME"}, _VALUES)],
    "INFERRED FROM": [(_OBSERVATIONS, _PROPERTIES)],
    "SELECTED FROM": [({"SCOORD"}, {"IMAGE"}), ({"TCOORD"}, {"SCOORD", "IMAGE", "WAVEFORM"})],
}
# Table A.35.13-2 adds what lies in space; what else it adds no report of ours has.
_SPATIAL: _Table = {"CONTAINS": [({"CONTAINER"}, {"SCOORD3D"})]}
_RELATIONSHIPS = {
    ComprehensiveSRStorage: (_COMPREHENSIVE,),
    Comprehensive3DSRStorage: (_COMPREHENSIVE, _SPATIAL),
}


def faults_of(report: Dataset) -> Iterator[str]:
    """Its template's name, the relationships of its items, and the evidence they point at."""
    yield from _template_faults(report)
    permitted = _RELATIONSHIPS[report.SOPClassUID]
    for path, parent, item in _items(report, f"/{name_of(report)}[1]"):
        if not _is_permitted(permitted, parent, item):
            stated = item.get("RelationshipType")
            yield f"{path}: a {parent.ValueType} may not {stated} a {item.ValueType}"
    yield from _evidence_faults(report)


def _template_faults(report: Dataset) -> Iterator[str]:
    """PS3.3 C.18.8: the root says which template the document follows."""
    stated = report.get("ContentTemplateSequence") or [Dataset()]
    named = (stated[0].get("MappingResource"), stated[0].get("TemplateIdentifier"))
    if named != ("DCMR", "1500"):
        yield f"/: the document says that it follows {named}, not TID 1500 of DCMR"
    if "RelationshipType" in report:
        yield "/: the root has a relationship"


def _items(parent: Dataset, path: str) -> Iterator[tuple[str, Dataset, Dataset]]:
    for number, item in enumerate(below(parent), start=1):
        where = f"{path}/{name_of(item)}[{number}]"
        yield where, parent, item
        yield from _items(item, where)


def _is_permitted(tables: Sequence[_Table], parent: Dataset, item: Dataset) -> bool:
    return any(
        parent.ValueType in sources and item.ValueType in targets
        for table in tables
        for sources, targets in table.get(item.get("RelationshipType", ""), [])
    )


def _evidence_faults(report: Dataset) -> Iterator[str]:
    evidence = _evidence(report)
    for path, _, item in _items(report, f"/{name_of(report)}[1]"):
        for reference in item.get("ReferencedSOPSequence", []):
            if reference.ReferencedSOPInstanceUID not in evidence:
                yield f"{path}: {reference.ReferencedSOPInstanceUID} is not among the evidence"


def _evidence(report: Dataset) -> set[str]:
    """Table C.17-2: the instances of the current and of other requested procedures."""
    studies = [
        *report.get("CurrentRequestedProcedureEvidenceSequence", []),
        *report.get("PertinentOtherEvidenceSequence", []),
    ]
    return {
        str(instance.ReferencedSOPInstanceUID)
        for study in studies
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
