"""The results a question may be about, page by page: each in a short transaction of its own."""

from collections.abc import Iterator

from sqlalchemy import Engine

from db.result_catalogue import (
    CataloguedInstance,
    CataloguedStudy,
    InstanceSelection,
    StudyNarrowing,
    find_instances,
    find_studies,
)
from db.session import reading
from dicom_node.query_retrieve.query_identifier import Identifier
from dicom_node.query_retrieve.query_keys import date_range, like_pattern

_PAGE_STUDIES = 200
_LIKE_KEYS = {
    "PatientName": "patient_name",
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
}


def studies_by_page(engine: Engine, narrowing: StudyNarrowing) -> Iterator[CataloguedStudy]:
    """The newest first, however slow the peer is."""
    before_id = None
    while True:
        with reading(engine) as session:
            page = find_studies(session, narrowing, before_id=before_id, limit=_PAGE_STUDIES)
        yield from page
        if len(page) < _PAGE_STUDIES:
            return
        before_id = page[-1].id


def instances_by_page(
    engine: Engine, selection: InstanceSelection, page_size: int
) -> Iterator[CataloguedInstance]:
    """All the selected results."""
    after_id = 0
    while True:
        with reading(engine) as session:
            page = find_instances(session, selection, after_id=after_id, limit=page_size)
        yield from page
        if len(page) < page_size:
            return
        after_id = page[-1].id


def narrowing_of(identifier: Identifier, study_uids: tuple[str, ...]) -> StudyNarrowing:
    """What the database can leave out, of what the keys leave out."""
    asked = {
        keyword: key.values[0]
        for keyword, key in identifier.keys.items()
        if len(key.values) == 1 and not key.is_universal
    }
    first, last = date_range(asked["StudyDate"]) if "StudyDate" in asked else ("", "")
    return StudyNarrowing(
        study_instance_uids=study_uids,
        first_date=first,
        last_date=last,
        texts={name: like_pattern(asked[key]) for key, name in _LIKE_KEYS.items() if key in asked},
    )
