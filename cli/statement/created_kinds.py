"""The kinds of objects that the node creates: their series, and their attributes."""

from collections.abc import Iterable, Sequence

from pydicom.uid import UID

from cli.statement.attributes import Attribute, attributes_of
from cli.statement.created_objects import Built
from cli.statement.markdown import table
from dicom_node.results.result_object import ResultKind

_HEADINGS = ("Attribute", "Tag", "VR", "Presence", "Source", "Value")


class Kinds:
    """The kinds among objects that were built; what all of them have alike is told apart."""

    def __init__(self, built: Sequence[Built]) -> None:
        self.all = [kind for kind in ResultKind if any(one.kind is kind for one in built)]
        self._examples = {one.kind: one.dataset for one in built}
        self._attributes = {
            kind: attributes_of([one for one in built if one.kind is kind]) for kind in self.all
        }
        first, *others = (set(rows) for rows in self._attributes.values())
        self._shared = first.intersection(*others)

    def overview(self) -> str:
        rows = []
        for kind in self.all:
            example = self._examples[kind]
            sop_class = UID(example.SOPClassUID)
            series = (example.Modality, example.SeriesNumber, example.SeriesDescription)
            rows.append((f"`{kind.value}`", sop_class.name, f"`{sop_class}`", *series))
        headings = ("Kind", "SOP class", "UID", "Modality", "Series Number", "Series Description")
        return table(headings, rows)

    def shared_attributes(self) -> str:
        return _rows(one for one in self._attributes[self.all[0]] if one in self._shared)

    def attributes(self, kind: ResultKind) -> str:
        """Those that not every kind has so; of the fallback only what the report has otherwise."""
        known = set(self._shared)
        if kind is ResultKind.SR_FALLBACK:
            known |= set(self._attributes[ResultKind.SR])
        kept = [one.path for one in self._attributes[kind] if one not in known]
        # With the sequences that hold them.
        holders = {path[:depth] for path in kept for depth in range(1, len(path) + 1)}
        return _rows(one for one in self._attributes[kind] if one.path in holders)


def _rows(attributes: Iterable[Attribute]) -> str:
    return table(_HEADINGS, (one.cells() for one in attributes))
