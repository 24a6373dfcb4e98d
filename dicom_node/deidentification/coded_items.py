"""Coded concepts that may stay: those that PS3.16 itself uses, in its own words."""

from collections.abc import Iterator
from functools import cache

from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping as snomed_mapping
from pydicom.tag import Tag

from dicom_node.header_reading import UNREADABLE, element_value

_SCHEMES = ("SCT", "DCM")
_OLD_SNOMED = ("SRT", "SNM3", "99SDM")
# Each with the sequence that qualifies its items.
KEPT_SEQUENCES = {
    "AnatomicRegionSequence": "AnatomicRegionModifierSequence",
    "ViewCodeSequence": "ViewModifierCodeSequence",
}


def keep_codes(source: Dataset, cleaned: Dataset) -> None:
    """What is shown, and from where; a code of the hospital's own is left out."""
    for keyword, qualifier in KEPT_SEQUENCES.items():
        items = []
        for item in items_of(source, keyword):
            coded = _coded(item)
            if coded is not None:
                qualified = [one for each in items_of(item, qualifier) if (one := _coded(each))]
                if qualified:
                    setattr(coded, qualifier, qualified)
                items.append(coded)
        if items:
            setattr(cleaned, keyword, items)


def items_of(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    """The items of a sequence; none where it is no sequence, or cannot be read."""
    try:
        element = dataset.get(Tag(keyword))
        yield from element.value if element is not None and element.VR == "SQ" else ()
    except UNREADABLE:
        return


def _coded(item: Dataset) -> Dataset | None:
    value = str(element_value(item, "CodeValue") or "")
    scheme = str(element_value(item, "CodingSchemeDesignator") or "")
    if scheme in _OLD_SNOMED:
        scheme, value = "SCT", snomed_mapping["SRT"].get(value, "")
    meaning = _meanings().get((scheme, value))
    if meaning is None:
        return None
    coded = Dataset()
    coded.CodeValue, coded.CodingSchemeDesignator, coded.CodeMeaning = value, scheme, meaning
    return coded


@cache
def _meanings() -> dict[tuple[str, str], str]:
    """The shortest of the meanings that the dictionary has for a code."""
    every = [
        ((scheme, value), meaning[0])
        for scheme in _SCHEMES
        for named in concepts[scheme].values()
        for value, meaning in named.items()
    ]
    return dict(sorted(every, key=lambda one: -len(one[1])))
