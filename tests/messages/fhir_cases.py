"""Reports as the ledger gives them back, in many shapes, for the tests of the FHIR resources."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from db.analyses import AnalysisRecord
from db.report_archive import (
    ArchivedImage,
    ArchivedObject,
    ArchivedReport,
    ArchivedStudy,
    ArchivedWithdrawal,
)
from db.states import AnalysisState, ObjectKind
from dicom_node.results.finding import AlgorithmIdentity
from messages.fhir_archive import FhirArchive
from messages.fhir_source import FhirSite, FhirSource
from worker.findings import finding_of

CR = "1.2.840.10008.5.1.4.1.1.1"
SR = "1.2.840.10008.5.1.4.1.1.88.34"
ALGORITHM = AlgorithmIdentity("osteon-net", "1.0", {"sensitive": 0.2, "specific": 0.61})
SITE = FhirSite(
    serial_number="OSTEON",
    time_zone=ZoneInfo("Asia/Tokyo"),
    patient_id_system="https://hospital.example/patients",
    accession_number_system="https://hospital.example/orders",
)
BARE_SITE = FhirSite(serial_number="OSTEON", time_zone=ZoneInfo("Europe/Berlin"))
ARCHIVE = FhirArchive(SITE, ALGORITHM, finding_of)

STUDY = ArchivedStudy(
    study_instance_uid="1.2.3",
    patient_id="P-17",
    issuer_of_patient_id="MAIN",
    patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう",
    patient_birth_date="19600229",
    patient_sex="M",
    accession_number="A-99",
    study_date="20260131",
    study_time="101500.25",
    study_description="XR wrist",
)
BARE_STUDY = ArchivedStudy("1.2.4", "", "", "", "", "", "", "", "", "")

FOUND = AnalysisRecord(
    state=AnalysisState.FRACTURE,
    model_name="osteon-net",
    model_version="1.0",
    probability=0.93456,
    region="forearm",
    fracture_type="greenstick",
    type_probability=0.7,
    severity="moderate",
    notes=["the contrast is low"],
)
# By weights that are in use no more.
FOUND_EARLIER = replace(FOUND, model_version="0.9")
NOT_LOOKED_AT = AnalysisRecord(
    state=AnalysisState.NOT_ANALYSED, reason="the image is blurred: sharpness 0.1 < 0.3"
)
WITHDRAWAL = ArchivedWithdrawal(
    "model 0.9 was withdrawn: it missed wrists", datetime(2026, 2, 1, 3, 4, 5, tzinfo=UTC)
)
OBJECT = ArchivedObject(1, ObjectKind.SR, SR, "2.25.77", "2.25.7")


def image(number: int, analysis: AnalysisRecord, **changes: object) -> ArchivedImage:
    values: dict[str, object] = {
        "sop_instance_uid": f"1.2.3.1.{number}",
        "sop_class_uid": CR,
        "instance_number": number,
        "series_instance_uid": "1.2.3.1",
        "series_number": 1,
        "series_description": "PA",
        "modality": "CR",
        "body_part": "",
        "laterality": "",
        "analysis": analysis,
    }
    return ArchivedImage(**(values | changes))  # type: ignore[arg-type]


def report(*images: ArchivedImage, **changes: object) -> ArchivedReport:
    values: dict[str, object] = {
        "study_id": 1,
        "study": STUDY,
        "revision": 1,
        "state": AnalysisState.FRACTURE,
        "probability": 0.93456,
        "created_at": datetime(2026, 1, 31, 1, 16, 3, tzinfo=UTC),
        "reported_at": datetime(2026, 1, 31, 1, 16, 4, tzinfo=UTC),
        "images": images,
        "objects": (OBJECT,),
    }
    return ArchivedReport(**(values | changes))  # type: ignore[arg-type]


def source(*images: ArchivedImage, **changes: object) -> FhirSource:
    return ARCHIVE.source(report(*images, **changes))


def plain_source() -> FhirSource:
    return source(
        image(1, FOUND, body_part="WRIST", laterality="L"),
        image(2, NOT_LOOKED_AT),
    )


def withdrawn_source() -> FhirSource:
    """One image by a model that was withdrawn, one by the model in use, one by none."""
    return source(
        image(1, FOUND_EARLIER, withdrawal=WITHDRAWAL), image(2, FOUND), image(3, NOT_LOOKED_AT)
    )
