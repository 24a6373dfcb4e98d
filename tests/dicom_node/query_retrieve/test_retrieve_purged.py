"""A peer that asks for results whose files are gone gets nothing, and no failure: the log tells."""

from datetime import UTC, datetime

import structlog
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as Get
from sqlalchemy import update

from db.session import transaction
from db.tables import ResultObject
from tests.dicom_node.kept_results import SR, keep, study_row
from tests.dicom_node.listening import AE_TITLE, Node


def test_what_was_purged_is_not_offered_and_its_absence_no_failure(node: Node) -> None:
    made = keep(node, study_row("1.2.7"), SR)
    purged = update(ResultObject).where(ResultObject.id == made.row.id)
    with transaction(node.engine) as session:
        session.execute(purged.values(purged_at=datetime(2026, 11, 29, tzinfo=UTC)))
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", "1.2.7"
    contexts = [build_context(Get), build_context(SR)]
    association = AE("WORKSTATION").associate(
        "127.0.0.1", node.port, contexts=contexts, ae_title=AE_TITLE
    )
    with structlog.testing.capture_logs() as lines:
        [(status, _)] = list(association.send_c_get(asked, Get))
    association.release()
    assert (status.Status, status.NumberOfFailedSuboperations) == (0x0000, 0)
    [line] = [line for line in lines if line["event"] == "results_retrieved"]
    assert line["reason"] == "its file was purged on 2026-11-29 after retention"
