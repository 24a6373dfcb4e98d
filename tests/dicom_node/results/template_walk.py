"""Walking a content tree along the rows of its template, with every difference in words."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pydicom.dataset import Dataset

from tests.dicom_node.results.template_rows import (
    MANY,
    Include,
    Need,
    Row,
    Template,
    below,
    concept_of,
    name_of,
    value_of,
)


@dataclass(frozen=True)
class _Slot:
    """A row in its place after all includes were opened."""

    row: Row
    template: Template
    relationship: str | None
    includes: tuple[Include, ...] = ()

    @property
    def name(self) -> str:
        return f"TID {self.template.number} row {self.row.number}"

    def names(self, item: Dataset) -> bool:
        return self.row.concepts is not None and concept_of(item) in self.row.concepts

    def suits(self, item: Dataset) -> bool:
        return (
            item.ValueType == self.row.value_type
            and item.get("RelationshipType") == self.relationship
            and (self.row.concepts is None or self.names(item))
            and (self.row.when is None or self.row.when(item))
        )


@dataclass
class _Level:
    """The items below one item, and the rows they were found to be."""

    items: Sequence[Dataset]
    slots: Sequence[_Slot]
    template: Template
    path: str
    found: dict[int, list[Dataset]] = field(default_factory=lambda: defaultdict(list))

    def is_there(self, include: Include) -> bool:
        return any(include in self.slots[place].includes for place in self.found)

    def repetitions(self, include: Include) -> int:
        """How often a template is there, by the first of its rows that it cannot be without."""
        for place, slot in enumerate(self.slots):
            if include in slot.includes and slot.row.need in (Need.MANDATORY, Need.CONDITIONAL):
                return len(self.found.get(place, []))
        return MANY

    def most(self, slot: _Slot) -> int:
        repeated = [include for include in slot.includes if include.most == MANY]
        times = min((self.repetitions(include) for include in repeated), default=1)
        return slot.row.most * max(times, 1)


def walk(root: Dataset, template: Template) -> Iterator[str]:
    """Each difference names the path to the item and the row of the template."""
    slots = list(_open(template.rows, template))
    yield from _faults(_Level([root], slots, template, ""), in_order=True)


def _open(
    rows: Sequence[Row | Include],
    template: Template,
    includes: tuple[Include, ...] = (),
) -> Iterator[_Slot]:
    for row in rows:
        if isinstance(row, Include):
            yield from _open(row.template.rows, row.template, (*includes, row))
        else:
            relationship = row.relationship
            if relationship is None and includes:
                relationship = includes[-1].relationship
            yield _Slot(row, template, relationship, includes)


def _faults(level: _Level, in_order: bool) -> Iterator[str]:
    places = []
    for number, item in enumerate(level.items, start=1):
        path = f"{level.path}/{name_of(item)}[{number}]"
        place = _place(item, level.slots)
        if place is None:
            yield from _stranger(item, level, path)
            continue
        level.found[place].append(item)
        places.append((place, path))
        yield from _within(item, level.slots[place], path)
    for place, slot in enumerate(level.slots):
        yield from _count(level, slot, len(level.found.get(place, [])))
    if in_order:
        for (one, _), (other, path) in pairwise(places):
            if other < one:
                yield f"{path}: {level.slots[other].name} stands after {level.slots[one].name}"


def _place(item: Dataset, slots: Sequence[_Slot]) -> int | None:
    """The row that asks for the item by its concept; else one that leaves the concept open."""
    suiting = [place for place, slot in enumerate(slots) if slot.suits(item)]
    named = [place for place in suiting if slots[place].row.concepts is not None]
    return next(iter(named or suiting), None)


def _stranger(item: Dataset, level: _Level, path: str) -> Iterator[str]:
    """An extensible template may hold more, but ours do not: an unknown item is a slip."""
    meant = next((slot for slot in level.slots if slot.names(item)), None)
    if meant is None:
        may = "may not be extended" if not level.template.extensible else "has no such row"
        yield f"{path}: TID {level.template.number} {may}: {item.ValueType}"
    elif meant.row.value_type != item.ValueType:
        yield f"{path}: {meant.name} is a {meant.row.value_type}, not a {item.ValueType}"
    else:
        stated = item.get("RelationshipType")
        yield f"{path}: {meant.name} asks for {meant.relationship}, not {stated}"


def _within(item: Dataset, slot: _Slot, path: str) -> Iterator[str]:
    row = slot.row
    values = row.values_by_concept.get(concept_of(item), row.values)
    if values is not None and value_of(item) not in values:
        yield f"{path}: {slot.name} does not allow the value {value_of(item)}"
    level = _Level(below(item), list(_open(row.below, slot.template)), slot.template, path)
    yield from _faults(level, row.in_order)


def _count(level: _Level, slot: _Slot, count: int) -> Iterator[str]:
    where = f"{level.path or '/'}: {slot.name}"
    most = level.most(slot)
    if count > most:
        yield f"{where} may be there {most} times, and is there {count} times"
    if count == 0 and _is_required(level, slot):
        yield f"{where} is missing"
    conditions = [slot.row, *slot.includes]
    if count and not all(_may_be_there(level, one) for one in conditions):
        yield f"{where} is there, and its condition does not hold"


def _is_required(level: _Level, slot: _Slot) -> bool:
    includes = all(_must_be_there(level, one) or level.is_there(one) for one in slot.includes)
    return includes and _must_be_there(level, slot.row)


def _must_be_there(level: _Level, one: Row | Include) -> bool:
    if one.need is Need.CONDITIONAL and one.condition is not None:
        return one.condition(level.items)
    return one.need is Need.MANDATORY


def _may_be_there(level: _Level, one: Row | Include) -> bool:
    return one.condition is None or one.condition(level.items)
