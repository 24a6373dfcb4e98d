"""What a FHIR server is told of the examination, beside what the node itself gives."""

import json
from collections.abc import Callable

from db.result_catalogue import InstanceSelection, find_instances
from db.session import reading
from db.states import JobKind, ObjectKind
from db.tables import ResultObject
from messages.fhir_push import FhirDestination
from tests.worker.dicom_files import study_of_two_views
from tests.worker.ward import Ward
from worker.destinations import FhirServer


def test_a_later_revision_still_lists_the_objects_of_earlier_ones(
    open_ward: Callable[..., Ward],
) -> None:
    """Pictures are made once: put in its place, it would else take them off the list."""
    ward = open_ward(FhirServer("fhir", FhirDestination("http://127.0.0.1:1")))
    received = study_of_two_views()
    for image in received:
        ward.receive(image)
        ward.run_kind(JobKind.ANALYSE)
        ward.run_kind(JobKind.REPORT)
    bundles = [row for row in ward.rows(ResultObject) if row.kind is ObjectKind.FHIR]
    newest = json.loads(ward.content(bundles[-1].spool_key))
    [study] = [
        entry["resource"]
        for entry in newest["entry"]
        if entry["resource"]["resourceType"] == "ImagingStudy"
    ]
    with reading(ward.kitchen.ledger) as session:
        kept = find_instances(session, InstanceSelection(), limit=99)
    listed = [one for series in study["series"] for one in series["instance"]]
    assert {one["title"] for one in listed if "title" in one} == {"Revision 1", "Revision 2"}
    assert sorted(one["uid"] for one in listed) == sorted(
        [*(one.sop_instance_uid for one in kept), *(str(one.SOPInstanceUID) for one in received)]
    )
    assert study["numberOfInstances"] == len(listed)
