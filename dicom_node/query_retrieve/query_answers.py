"""What is told of a match: from the ledger, and what is not there from the result's header."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, BinaryIO, TypeAlias

import structlog
from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName
from pynetdicom.sop_class import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    SegmentationStorage,
)

from db.result_catalogue import CataloguedInstance, CataloguedSeries, CataloguedStudy
from dicom_node.header_reading import UNREADABLE, element_value
from dicom_node.query_retrieve.query_identifier import UNIQUE_KEYS, Identifier, Level
from dicom_node.query_retrieve.query_keys import Matcher
from dicom_node.results.character_set import UTF_8
from dicom_node.spool import SpoolError

log = structlog.get_logger(__name__)

Values: TypeAlias = dict[str, Any]

# What the header of a result says: a header is opened only where one of these is asked for.
_FROM_HEADER: Mapping[Level, tuple[str, ...]] = {
    Level.STUDY: ("StudyID", "ReferringPhysicianName"),
    Level.SERIES: ("Modality", "SeriesNumber", "SeriesDescription"),
    Level.IMAGE: (
        "InstanceNumber",
        "ContentDate",
        "ContentTime",
        "Rows",
        "Columns",
        "NumberOfFrames",
        "CompletionFlag",
        "VerificationFlag",
    ),
}
_FROM_LEDGER: Mapping[Level, tuple[str, ...]] = {
    Level.STUDY: (
        "StudyInstanceUID",
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "AccessionNumber",
        "StudyDate",
        "StudyTime",
        "StudyDescription",
        "ModalitiesInStudy",
        "SOPClassesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "RetrieveAETitle",
        "InstanceAvailability",
    ),
    Level.SERIES: ("SeriesInstanceUID", "NumberOfSeriesRelatedInstances"),
    Level.IMAGE: ("SOPInstanceUID", "SOPClassUID"),
}
_MODALITIES = {
    Comprehensive3DSRStorage: "SR",
    ComprehensiveSRStorage: "SR",
    EnhancedSRStorage: "SR",
    BasicTextSRStorage: "SR",
    GrayscaleSoftcopyPresentationStateStorage: "PR",
    KeyObjectSelectionDocumentStorage: "KO",
    SegmentationStorage: "SEG",
    EncapsulatedPDFStorage: "DOC",
}


def _of_level_and_above(level: Level, table: Mapping[Level, tuple[str, ...]]) -> list[str]:
    levels = list(Level)
    return [keyword for each in levels[: levels.index(level) + 1] for keyword in table[each]]


SUPPORTED_KEYS: Mapping[Level, frozenset[str]] = {
    level: frozenset(
        _of_level_and_above(level, _FROM_LEDGER) + _of_level_and_above(level, _FROM_HEADER)
    )
    for level in Level
}


def study_values(study: CataloguedStudy) -> Values:
    sop_classes = sorted({series.sop_class_uid for series in study.series})
    return {
        "StudyInstanceUID": study.study_instance_uid,
        "PatientName": study.patient_name,
        "PatientID": study.patient_id,
        "IssuerOfPatientID": study.issuer_of_patient_id,
        "PatientBirthDate": study.patient_birth_date,
        "PatientSex": study.patient_sex,
        "AccessionNumber": study.accession_number,
        "StudyDate": study.study_date,
        "StudyTime": study.study_time,
        "StudyDescription": study.study_description,
        "ModalitiesInStudy": sorted({_MODALITIES.get(uid, "OT") for uid in sop_classes}),
        "SOPClassesInStudy": sop_classes,
        "NumberOfStudyRelatedSeries": len(study.series),
        "NumberOfStudyRelatedInstances": sum(series.instance_count for series in study.series),
    }


def series_values(series: CataloguedSeries) -> Values:
    return {
        "SeriesInstanceUID": series.series_instance_uid,
        "NumberOfSeriesRelatedInstances": series.instance_count,
    }


def instance_values(instance: CataloguedInstance) -> Values:
    return {
        "SOPInstanceUID": instance.sop_instance_uid,
        "SOPClassUID": instance.sop_class_uid,
    }


class Candidate:
    """An entity that may be a match; its header stays closed while the ledger's values decide."""

    def __init__(self, values: Values, open_object: Callable[[], BinaryIO]) -> None:
        self._values = values
        self._open_object = open_object

    def matches(self, matchers: Mapping[str, Matcher]) -> bool:
        in_order = sorted(matchers.items(), key=lambda item: item[0] not in self._values)
        return all(
            any(matches(text) for text in _texts(self.value(keyword)))
            for keyword, matches in in_order
        )

    def value(self, keyword: str) -> Any:
        """The value, None where it is unknown."""
        if keyword in self._values:
            return self._values[keyword]
        value = element_value(self._header, keyword)
        return str(value) if isinstance(value, PersonName) else value

    def answer(self, identifier: Identifier) -> Dataset:
        """The identifier of the response: the keys asked for, and what says where the match is."""
        level = identifier.level
        levels = list(Level)[: list(Level).index(level) + 1]
        located = [UNIQUE_KEYS[each] for each in levels] + ["RetrieveAETitle"]
        answer = Dataset()
        answer.QueryRetrieveLevel = str(level)
        for keyword in {*identifier.keys, *located, "InstanceAvailability"}:
            answer.add(_element(keyword, self.value(keyword)))
        if not all(text.isascii() for element in answer for text in _texts(element.value)):
            answer.SpecificCharacterSet = UTF_8  # PS3.4 C.4.1.1.3.2
        return answer

    @cached_property
    def _header(self) -> Dataset:
        try:
            with self._open_object() as stream:
                return _read_header(stream)
        except (SpoolError, *UNREADABLE) as error:
            log.warning("result_unreadable", error=type(error).__name__)
            return Dataset()


_HEADER_TAGS = [
    tag
    for keywords in _FROM_HEADER.values()
    for keyword in keywords
    if (tag := tag_for_keyword(keyword)) is not None
]


def _read_header(stream: BinaryIO) -> Dataset:
    last = max(_HEADER_TAGS)
    return read_partial(
        stream, stop_when=lambda tag, _vr, _length: tag > last, specific_tags=_HEADER_TAGS
    )


def _texts(value: Any) -> Iterable[str]:
    """A value as the texts that are matched; the empty one where it is unknown."""
    values = value if isinstance(value, MultiValue | list) else [value]
    return ["" if item is None else str(item) for item in values] or [""]


def _element(keyword: str, value: Any) -> DataElement:
    # What a modality wrote is repeated, be it legal or not.
    tag = tag_for_keyword(keyword)
    return DataElement(tag, dictionary_VR(keyword), value, validation_mode=config.IGNORE)
