"""Every page there is, over a ledger with a study that was reported."""

from pathlib import Path

from sqlalchemy import Engine

from tests.db.ledger import FRACTURE
from tests.model.dicom_images import RAMP, grey_dataset
from tests.web.reported_study import report_study, results_of
from tests.web.shown_study import Clinic, Seen, dicom_file

STUDY = "1.2.840.113619.2.55.3"
PAGES = (
    *("/worklist", f"/study/{STUDY}", "/try", "/results", "/model", "/verdicts"),
    *("/operations", "/operations/audit", "/operations/dead-letters", "/account", "/api/v1/docs"),
    "/nowhere",
)


def keep_reported_study(ledger: Engine, data_dir: Path) -> None:
    """Of a patient whom nothing may name where it has no business."""
    clinic = Clinic(ledger, data_dir)
    canary = {"patient_name": "Canary^Anna", "patient_id": "canary-7"}
    clinic.take(STUDY, Seen(dicom_file(grey_dataset(RAMP)), FRACTURE, header=canary))
    report_study(clinic, results_of(1), "PACS@10.0.0.5:104")
