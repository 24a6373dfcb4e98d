"""What a template of PS3.16 is made of: rows, and other templates in the place of rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary

# Given the items of one level: whether a row must be there (and may not be there otherwise).
Condition = Callable[[Sequence[Dataset]], bool]
ONE, MANY = 1, 1_000_000


class Need(StrEnum):
    """Requirement types, PS3.16 6.1.7."""

    MANDATORY = "M"
    CONDITIONAL = "MC"
    OPTIONAL = "U"
    OPTIONAL_CONDITIONAL = "UC"


M, MC, U, UC = Need.MANDATORY, Need.CONDITIONAL, Need.OPTIONAL, Need.OPTIONAL_CONDITIONAL


@dataclass(frozen=True, eq=False)
class Row:
    """A content item of a template; codes are written "112039 DCM"."""

    number: str
    relationship: str | None  # None: as the row that includes the template says
    value_type: str
    concepts: frozenset[str] | None  # None: any concept, or none
    need: Need = U
    most: int = ONE
    values: frozenset[str] | None = None  # of a CODE's value, or of a NUM's units
    values_by_concept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    condition: Condition | None = None
    below: Sequence["Row | Include"] = ()
    in_order: bool = True  # whether the items below stand in the order of their rows
    when: Callable[[Dataset], bool] | None = None  # what else an item must be to be this row


@dataclass(frozen=True, eq=False)
class Template:
    """`extensible` is about the items below its rows: those beside them are the includer's."""

    number: str
    rows: Sequence["Row | Include"]
    extensible: bool = True


@dataclass(frozen=True, eq=False)
class Include:
    """A template in the place of a row."""

    number: str
    relationship: str
    template: Template
    need: Need = U
    most: int = ONE
    condition: Condition | None = None


def code_set(*codes: str) -> frozenset[str]:
    return frozenset(codes)


def context_group(number: int) -> frozenset[str]:
    """The codes of a CID, from pydicom's dictionary of them."""
    concepts = getattr(dictionary, f"CID{number}").concepts.values()
    return frozenset(f"{code.value} {code.scheme_designator}" for code in concepts)


def concept_of(item: Dataset) -> str:
    return _first_code(item.get("ConceptNameCodeSequence"))


def value_of(item: Dataset) -> str:
    """The code of a CODE, the unit of a NUM."""
    if item.ValueType == "NUM":
        return _first_code(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence)
    return _first_code(item.get("ConceptCodeSequence"))


def below(item: Dataset) -> Sequence[Dataset]:
    items: Sequence[Dataset] = item.get("ContentSequence", [])
    return items


def name_of(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence")
    return str(names[0].CodeMeaning) if names else str(item.ValueType)


def _first_code(sequence: Sequence[Dataset] | None) -> str:
    if not sequence:
        return ""
    return f"{sequence[0].CodeValue} {sequence[0].CodingSchemeDesignator}"
