"""A data set as paths of keywords with the values that stand there, item by item."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

Path: TypeAlias = tuple[str, ...]

CONTENT = "ContentSequence"
_CODE = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")


@dataclass
class Flat:
    """The values of each path, one for each item that has it; '' is empty."""

    values: dict[Path, list[str]] = field(default_factory=dict)
    items: dict[Path, int] = field(default_factory=dict)  # how many of them a sequence has

    def parents(self, path: Path) -> int:
        """How many data sets there are in which the path could be."""
        return self.items.get(path[:-1], 0) if len(path) > 1 else 1

    def only_value(self, path: Path) -> str | None:
        """The value, where all that have one have the same."""
        found = {value for value in self.values.get(path, ()) if value}
        return found.pop() if len(found) == 1 else None

    def only_values(self) -> dict[Path, str]:
        return {path: value for path in self.values if (value := self.only_value(path))}


def flatten(dataset: Dataset) -> Flat:
    flat = Flat()
    _add(flat, dataset, ())
    return flat


def place(path: Path) -> tuple[int, ...]:
    """Where a path stands in the order of tags."""
    return tuple(tag_for_keyword(keyword) or 0 for keyword in path)


def _add(flat: Flat, dataset: Dataset, above: Path) -> None:
    for element in dataset:
        path = (*above, element.keyword)
        flat.values.setdefault(path, []).append(_text(element))
        if element.VR == "SQ" and element.keyword != CONTENT and not _are_codes(element.value):
            flat.items[path] = flat.items.get(path, 0) + len(element.value)
            for item in element.value:
                _add(flat, item, path)


def _text(element: DataElement) -> str:
    if element.VR == "SQ":
        return _items(element.value)
    values = element.value if isinstance(element.value, MultiValue | list) else [element.value]
    return "\\".join(_scalar(value) for value in values if value is not None)


def _scalar(value: object) -> str:
    return f"{value:.4g}" if type(value) is float else str(value)


def _items(items: Sequence[Dataset]) -> str:
    if items and _are_codes(items):
        return "; ".join(f"({', '.join(str(item.get(word)) for word in _CODE)})" for item in items)
    return str([item.to_json() for item in items]) if items else ""


def _are_codes(items: Sequence[Dataset]) -> bool:
    return bool(items) and all("CodeMeaning" in item for item in items)
