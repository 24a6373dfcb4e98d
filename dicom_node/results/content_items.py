"""Content items of a report (PS3.3 C.17.3): a data set each, with what its value type needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.valuerep import format_number_as_ds

from dicom_node.results.coded_items import coded_item
from dicom_node.results.instance_reference import instance_reference


class Relationship(StrEnum):
    """What an item is to the item that holds it (PS3.3 C.17.3.2.4)."""

    CONTAINS = "CONTAINS"
    HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
    HAS_ACQ_CONTEXT = "HAS ACQ CONTEXT"
    HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
    SELECTED_FROM = "SELECTED FROM"


@dataclass(frozen=True)
class ImageReference:
    """An image of the evidence, and one of its frames where it has several."""

    sop_class_uid: str
    sop_instance_uid: str
    frame: int | None = None


def container(name: Code, items: Iterable[Dataset], template: str | None = None) -> Dataset:
    """A heading over separate items; the root is the one without a relationship."""
    item = _item(Relationship.CONTAINS, "CONTAINER", name)
    item.ContinuityOfContent = "SEPARATE"
    if template is not None:
        item.ContentTemplateSequence = [_template(template)]
    item.ContentSequence = list(items)
    return item


def code_item(
    relationship: Relationship, name: Code, value: Code, items: Sequence[Dataset] = ()
) -> Dataset:
    item = _item(relationship, "CODE", name)
    item.ConceptCodeSequence = [coded_item(value)]
    return _with(item, items)


def text_item(relationship: Relationship, name: Code, text: str) -> Dataset:
    item = _item(relationship, "TEXT", name)
    item.TextValue = text
    return item


def uid_item(relationship: Relationship, name: Code, uid: str) -> Dataset:
    item = _item(relationship, "UIDREF", name)
    item.UID = uid
    return item


def number_item(relationship: Relationship, name: Code, value: float, unit: Code) -> Dataset:
    """A measured value; in full beside its decimal string where that cannot carry it."""
    measured = Dataset()
    measured.NumericValue = format_number_as_ds(float(value))
    if float(measured.NumericValue) != value:
        measured.FloatingPointValue = value
    measured.MeasurementUnitsCodeSequence = [coded_item(unit)]
    item = _item(relationship, "NUM", name)
    item.MeasuredValueSequence = [measured]
    return item


def image_item(
    relationship: Relationship, name: Code, image: ImageReference, items: Sequence[Dataset] = ()
) -> Dataset:
    reference = instance_reference(image.sop_class_uid, image.sop_instance_uid, image.frame)
    item = _item(relationship, "IMAGE", name)
    item.ReferencedSOPSequence = [reference]
    return _with(item, items)


def polyline_item(name: Code, points: Sequence[tuple[float, float]], source: Dataset) -> Dataset:
    """Points as column\\row, from the corner of the first pixel (PS3.3 C.18.6.1.2)."""
    item = _item(Relationship.CONTAINS, "SCOORD", name)
    item.GraphicType = "POLYLINE"
    item.GraphicData = [value for point in points for value in point]
    return _with(item, [source])


def _item(relationship: Relationship, value_type: str, name: Code) -> Dataset:
    item = Dataset()
    item.RelationshipType = relationship.value
    item.ValueType = value_type
    item.ConceptNameCodeSequence = [coded_item(name)]
    return item


def _with(item: Dataset, items: Sequence[Dataset]) -> Dataset:
    if items:
        item.ContentSequence = list(items)
    return item


def _template(identifier: str) -> Dataset:
    """Content Template Sequence, PS3.3 C.18.8: a template of PS3.16."""
    template = Dataset()
    template.MappingResource = "DCMR"
    template.TemplateIdentifier = identifier
    return template
