"""The content of the documents that the node writes, item by item, read out of real ones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from cli.statement.markdown import table
from cli.statement.terminology import GROUPS
from dicom_node.results import codes
from dicom_node.results import report_concepts as concepts
from dicom_node.results.coded_items import read_code

Path: TypeAlias = tuple[tuple[str, str, str], ...]  # relationship, value type and concept of each

_MOST_VALUES = 6
_LOCAL_SCHEME = "99LOCAL"  # of the codes that a source brought along
# The template that an item comes from where its container does not say it.
_TEMPLATES = {
    concepts.LANGUAGE: "1204",
    concepts.OBSERVER_TYPE: "1002",
    concepts.DEVICE_UID: "1004",
    concepts.DEVICE_NAME: "1004",
    concepts.DEVICE_MANUFACTURER: "1004",
    concepts.DEVICE_MODEL_NAME: "1004",
    concepts.DEVICE_SERIAL_NUMBER: "1004",
    codes.IMAGE_LIBRARY: "1600",
    codes.IMAGE_LIBRARY_GROUP: "1600",
    codes.MODALITY: "1602",
    codes.IMAGE_LATERALITY: "1602",
    codes.PIXEL_DATA_ROWS: "1602",
    codes.PIXEL_DATA_COLUMNS: "1602",
    codes.HORIZONTAL_PIXEL_SPACING: "1603",
    codes.VERTICAL_PIXEL_SPACING: "1603",
    concepts.TRACKING_IDENTIFIER: "4108",
    concepts.TRACKING_UID: "4108",
    concepts.ALGORITHM_NAME: "4019",
    concepts.ALGORITHM_VERSION: "4019",
    concepts.ALGORITHM_MANUFACTURER: "4019",
    concepts.ALGORITHM_PARAMETERS: "4019",
    concepts.ALGORITHM_FAMILY: "4019",
}
_BELOW = {codes.IMAGE_LIBRARY_GROUP: "1601"}
_MEASUREMENTS = {"1501": "300", "1410": "1419"}
_TEMPLATE_NAMES = {
    "300": "Measurement, in groups of TID 1501",
    "1002": "Observer Context",
    "1004": "Device Observer Identifying Attributes",
    "1204": "Language of Content Item and Descendants",
    "1410": "Planar ROI Measurements and Qualitative Evaluations",
    "1419": "ROI Measurements, in groups of TID 1410",
    "1500": "Measurement Report",
    "1501": "Measurement and Qualitative Evaluation Group",
    "1600": "Image Library",
    "1601": "Image Library Entry",
    "1602": "Image Library Entry Descriptors",
    "1603": "Image Library Entry Descriptors for Projection Radiography",
    "2010": "Key Object Selection",
    "4019": "Algorithm Identification",
    "4108": "Tracking Identifier",
}


@dataclass
class _Item:
    """One row: the template it comes from, and the coded values that were met in its place."""

    path: Path
    name: Code | None
    template: str
    values: list[Code] = field(default_factory=list)
    is_optional: bool = False


def content_table(documents: Sequence[Dataset]) -> str:
    rows = [_cells(item) for item in _items(documents)]
    return table(("Item", "Type", "Concept name", "TID", "Presence", "Value"), rows)


def templates_table(documents: Sequence[Dataset]) -> str:
    used = {item.template for item in _found(documents).values()}
    rows = [(f"TID {one}", _TEMPLATE_NAMES[one]) for one in sorted(used, key=int)]
    return table(("Template", "Name"), rows)


def _found(documents: Sequence[Dataset]) -> dict[Path, _Item]:
    found: dict[Path, _Item] = {}
    for document in documents:
        _collect(document, (), "", found)
    return found


def _items(documents: Sequence[Dataset]) -> list[_Item]:
    """Rows in the order of the first document that has each, below what holds them."""
    found = _found(documents)
    for path, item in found.items():
        item.is_optional = len(path) > 1 and not _is_always_in(documents, path)
    return _in_tree_order(found)


def _collect(holder: Dataset, above: Path, template: str, found: dict[Path, _Item]) -> None:
    template = _template(holder) or template
    step = _step(holder, template)
    path = (*above, step)
    name = _name(holder)
    item = found.setdefault(path, _Item(path, name, _origin(holder, name, template)))
    for value in _coded_values(holder):
        if value not in item.values:
            item.values.append(value)
    for child in _children(holder):
        _collect(child, path, _BELOW.get(name, template), found)


def _origin(item: Dataset, name: Code | None, template: str) -> str:
    if item.ValueType == "NUM":
        return _TEMPLATES.get(name) or _MEASUREMENTS[template]
    return _TEMPLATES.get(name, template)


def _step(item: Dataset, template: str) -> tuple[str, str, str]:
    """Groups of another template are other rows, though of the same name."""
    relationship = str(item.get("RelationshipType", ""))
    name = _name(item)
    of_template = template if item.ValueType == "CONTAINER" else ""
    return relationship, f"{item.ValueType} {of_template}".strip(), name.value if name else ""


def _is_always_in(documents: Iterable[Dataset], path: Path) -> bool:
    holders = [holder for document in documents for holder in _at(document, "", path[:-1])]
    return all(
        any(_step(child, _template(child) or template) == path[-1] for child in _children(holder))
        for holder, template in holders
    )


def _at(holder: Dataset, template: str, path: Path) -> Iterator[tuple[Dataset, str]]:
    template = _template(holder) or template
    if not path or _step(holder, template) != path[0]:
        return
    if len(path) == 1:
        yield holder, template
    for child in _children(holder):
        yield from _at(child, template, path[1:])


def _children(holder: Dataset) -> Sequence[Dataset]:
    return holder.get("ContentSequence") or ()


def _template(item: Dataset) -> str:
    stated = item.get("ContentTemplateSequence")
    return str(stated[0].TemplateIdentifier) if stated else ""


def _name(item: Dataset) -> Code | None:
    named = item.get("ConceptNameCodeSequence")
    return read_code(named[0]) if named else None


def _coded_values(item: Dataset) -> Iterator[Code]:
    coded = list(item.get("ConceptCodeSequence") or ())
    coded += [
        one.MeasurementUnitsCodeSequence[0] for one in item.get("MeasuredValueSequence") or ()
    ]
    return filter(None, map(read_code, coded))


def _in_tree_order(found: dict[Path, _Item]) -> list[_Item]:
    ordered: list[_Item] = []

    def add_below(path: Path) -> None:
        for other, item in found.items():
            if other[:-1] == path:
                ordered.append(item)
                add_below(other)

    add_below(())
    return ordered


def _cells(item: _Item) -> tuple[str, ...]:
    relationship, value_type, _ = item.path[-1]
    name = "" if item.name is None else f"({item.name.value}, {item.name.scheme_designator})"
    words = "" if item.name is None else item.name.meaning
    depth = "> " * (len(item.path) - 1)
    return (
        f"{depth}{relationship or 'root'}",
        value_type.split()[0],
        f"{words} {name}".strip(),
        item.template,
        "ANAP" if item.is_optional else "ALWAYS",
        _value(item),
    )


def _value(item: _Item) -> str:
    """The codes met, or the table that they are all from."""
    groups = [
        name
        for name, group in GROUPS.items()
        if item.values and set(item.values) <= {*group.values()}
    ]
    if groups:
        return f"one of the [{groups[0]}](#codes)"
    if any(code.scheme_designator == _LOCAL_SCHEME for code in item.values):
        return "from the source, else " + _listed(
            [code for code in item.values if code.scheme_designator != _LOCAL_SCHEME]
        )
    return _listed(item.values)


def _listed(values: Sequence[Code]) -> str:
    shown = [f"{code.meaning} ({code.value}, {code.scheme_designator})" for code in values]
    return "; ".join(shown) if len(shown) <= _MOST_VALUES else "coded"
