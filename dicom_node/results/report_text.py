"""A Structured Report as the text a person reads: one line a content item, indented by depth."""

from collections.abc import Iterator

from pydicom.dataset import Dataset

_INDENT = "  "


def report_lines(report: Dataset) -> Iterator[str]:
    """The content tree of a Structured Report (PS3.3 C.17.3), its title first."""
    yield _meaning(report, "ConceptNameCodeSequence")
    yield from _items(report, 1)


def _items(parent: Dataset, depth: int) -> Iterator[str]:
    for item in parent.get("ContentSequence", []):
        name = _meaning(item, "ConceptNameCodeSequence")
        value = _value(item)
        yield _INDENT * depth + ": ".join(part for part in (name, value) if part)
        yield from _items(item, depth + 1)


def _value(item: Dataset) -> str:
    read = _READERS.get(item.get("ValueType", ""))
    return read(item) if read else ""


def _number(item: Dataset) -> str:
    measured = item.MeasuredValueSequence[0]
    unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
    return f"{float(measured.NumericValue):g} {unit}"


def _coordinates(item: Dataset) -> str:
    values = [f"{value:g}" for value in item.GraphicData]
    corners = [f"({x}, {y})" for x, y in zip(values[::2], values[1::2], strict=True)]
    return f"{item.GraphicType} {' '.join(corners)}"


def _reference(item: Dataset) -> str:
    return str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def _meaning(item: Dataset, keyword: str) -> str:
    sequence = item.get(keyword)
    return str(sequence[0].CodeMeaning) if sequence else ""


_READERS = {
    "CODE": lambda item: _meaning(item, "ConceptCodeSequence"),
    "TEXT": lambda item: str(item.TextValue),
    "NUM": _number,
    "UIDREF": lambda item: str(item.UID),
    "PNAME": lambda item: str(item.PersonName),
    "SCOORD": _coordinates,
    "IMAGE": _reference,
    "COMPOSITE": _reference,
}
