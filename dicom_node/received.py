"""What a received object says of itself: checked against its command, then a row of the ledger."""

from typing import Any, BinaryIO

from pydicom.multival import MultiValue
from pydicom.uid import UID

from db.intake import ReceivedInstance
from dicom_node.contexts import is_image, not_analysed_reason
from dicom_node.header_reading import (
    UNREADABLE,
    element_value,
    read_header,
    require_uid,
)
from dicom_node.results.equipment import MANUFACTURER
from dicom_node.routing.image import ROUTING_KEYWORDS, Origin, routed_image
from dicom_node.routing.rules import Decision, RoutedImage
from dicom_node.spool import SpooledObject

OWN_RESULT = "a result that Osteon made: it is never analysed"
_INTEGER_MAX = 2**63 - 1
_IDENTITY = ("SOPClassUID", "SOPInstanceUID")
# Nobody sends file meta information inside a data set, but where it is there it must agree.
_META_IDENTITY = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID")
_TEXTS = {
    "modality": "Modality",
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "patient_birth_date": "PatientBirthDate",
    "patient_sex": "PatientSex",
    "issuer_of_patient_id": "IssuerOfPatientID",
    "accession_number": "AccessionNumber",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "body_part": "BodyPartExamined",
    "view_position": "ViewPosition",
}
_NUMBERS = {
    "series_number": "SeriesNumber",
    "instance_number": "InstanceNumber",
    "rows": "Rows",
    "columns": "Columns",
}
# What the listener reads of every object before it answers.
INTAKE_KEYWORDS = (
    *_IDENTITY,
    *_META_IDENTITY,
    *_TEXTS.values(),
    *_NUMBERS.values(),
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "ImageLaterality",
    "Laterality",
    "ContributingEquipmentSequence",
    *ROUTING_KEYWORDS,
)


class DataSetMismatch(Exception):
    """Command, presentation context and data set do not agree on what the object is."""


class ReceivedObject:
    """The header of an object on its way in, with the UIDs that its C-STORE command named."""

    def __init__(self, stream: BinaryIO, transfer_syntax_uid: UID) -> None:
        self.transfer_syntax_uid = transfer_syntax_uid
        self._header = read_header(stream, transfer_syntax_uid, INTAKE_KEYWORDS)
        self.sop_class_uid = require_uid(self._header, "SOPClassUID")
        self.sop_instance_uid = require_uid(self._header, "SOPInstanceUID")
        self.study_instance_uid = require_uid(self._header, "StudyInstanceUID")
        self.series_instance_uid = require_uid(self._header, "SeriesInstanceUID")

    def require_identity(
        self, abstract_syntax: str, sop_class_uid: str, sop_instance_uid: str
    ) -> None:
        """DataSetMismatch unless context, command and data set mean one and the same object."""
        named = [(sop_class_uid, sop_instance_uid), (abstract_syntax, sop_instance_uid)]
        meta = [element_value(self._header, keyword) for keyword in _META_IDENTITY]
        named.append((meta[0] or self.sop_class_uid, meta[1] or self.sop_instance_uid))
        if any(pair != (self.sop_class_uid, self.sop_instance_uid) for pair in named):
            raise DataSetMismatch("command and data set name different objects")

    def routed(self, origin: Origin) -> RoutedImage:
        """The object as routing rules see it."""
        return routed_image(self._header, origin)

    def instance(
        self, association_id: str, spooled: SpooledObject, decision: Decision
    ) -> ReceivedInstance:
        """The ledger's row of the object, kept in the spool as `spooled` and routed as decided."""
        own_result = self._is_own_result()
        refusal = OWN_RESULT if own_result else not_analysed_reason(self.sop_class_uid)
        return ReceivedInstance(
            association_id=association_id,
            study_instance_uid=self.study_instance_uid,
            series_instance_uid=self.series_instance_uid,
            sop_instance_uid=self.sop_instance_uid,
            sop_class_uid=self.sop_class_uid,
            transfer_syntax_uid=self.transfer_syntax_uid,
            spool_key=spooled.key,
            sha256=spooled.sha256,
            size_bytes=spooled.size_bytes,
            is_image=is_image(self.sop_class_uid) and not own_result,
            not_analysed_reason=refusal or decision.reason,
            rule=decision.rule,
            priority=decision.priority,
            destinations=decision.destinations,
            laterality=self._text("ImageLaterality") or self._text("Laterality"),
            **self._described(),
        )

    def _described(self) -> dict[str, Any]:
        texts = {name: self._text(keyword) for name, keyword in _TEXTS.items()}
        return texts | {name: self._number(keyword) for name, keyword in _NUMBERS.items()}

    def _is_own_result(self) -> bool:
        """Whether the PACS returns what we sent it: analysing that would never end."""
        contributors = element_value(self._header, "ContributingEquipmentSequence") or []
        return any(element_value(item, "Manufacturer") == MANUFACTURER for item in contributors)

    def _text(self, keyword: str) -> str:
        value = element_value(self._header, keyword)
        values = value if isinstance(value, MultiValue) else [value or ""]
        try:
            return "\\".join(map(str, values))
        except UNREADABLE:  # a PersonName decodes itself only here
            return ""

    def _number(self, keyword: str) -> int | None:
        value = element_value(self._header, keyword)
        is_number = isinstance(value, int) and abs(value) <= _INTEGER_MAX
        return int(value) if is_number else None
