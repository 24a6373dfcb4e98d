"""What headers, networks, readers and peers wrote is text on a study's page, whatever it says."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, update

from db.session import transaction
from db.states import AnalysisState, Opinion
from db.study_view import read_study
from db.tables import Association
from db.verdicts import Judgement, save_verdict
from tests.db.ledger import FRACTURE, NO_FRACTURE
from tests.model.dicom_images import RAMP, grey_dataset
from tests.web.payloads import PAYLOADS
from tests.web.reported_study import refuse_delivery, report_study
from tests.web.shown_study import Clinic, Seen, dicom_file
from tests.web.window import Window

pytestmark = pytest.mark.requirement("R-DOOR-5")

FILE = dicom_file(grey_dataset(RAMP))


def test_what_others_wrote_is_shown_as_text(
    page: Page, window: Window, ledger: Engine, tmp_path: Path
) -> None:
    """Every payload in one of the page's texts, and each text with several."""
    clinic = Clinic(ledger, tmp_path)
    payloads = iter(PAYLOADS)
    for number in count(1):
        texts = [one for _, one in zip(range(len(TEXTS)), payloads, strict=False)]
        if not texts:
            break
        study = f"1.9.{number}"
        hostile_study(clinic, study, dict(zip(TEXTS, texts * len(TEXTS), strict=False)))
        page.goto(f"http://127.0.0.1:{window.port}/study/{study}")
        expect(page.locator("[data-version]")).to_be_visible()
        assert page.evaluate("window.pwned") is None
        foreign = "script:not([type='application/json']), img, iframe, svg, style, base, object"
        assert page.locator("main").locator(foreign).count() == 0
    assert number > 5
    page.goto(f"http://127.0.0.1:{window.port}/verdicts")
    expect(page.locator("#verdict-statistics")).to_be_visible()
    assert page.evaluate("window.pwned") is None
    assert page.locator("main").locator(foreign).count() == 0


TEXTS = (
    *("patient_name", "patient_id", "accession_number", "study_description", "patient_sex"),
    *("patient_birth_date", "study_date", "body_part", "laterality", "view_position", "modality"),
    *("series_description", "rule", "region", "type", "reason", "note", "model", "comment"),
    *("reader", "error", "sender"),
)


def hostile_study(clinic: Clinic, study: str, texts: dict[str, str]) -> None:
    """Each text of a study's page, as a header, a network, a reader or a peer wrote it."""
    said: dict[str, Any] = {name: text.replace("\0", "") for name, text in texts.items()}
    header = {name: said[name] for name in TEXTS[:13]}
    found = replace(
        FRACTURE,
        region=said["region"],
        fracture_type=said["type"],
        notes=[said["note"]],
        model_name=said["model"],
    )
    why = replace(
        NO_FRACTURE, state=AnalysisState.NOT_ANALYSED, reason=said["reason"], probability=None
    )
    clinic.take(study, Seen(FILE, found, header=header), Seen(FILE, why, header=header))
    with transaction(clinic.engine) as session:
        session.execute(update(Association).values(calling_ae_title=said["sender"]))
    report_study(clinic, (), "PACS", message=True)
    refuse_delivery(clinic.engine, said["error"])
    with transaction(clinic.engine) as session:
        seen = read_study(session, study)
        assert seen is not None
        judged = Judgement(
            study,
            said["reader"],
            Opinion.AGREE,
            sop_instance_uid=f"{study}.1.1",
            analysis_id=seen.images[0].analysis_id,
            comment=said["comment"],
        )
        save_verdict(session, judged)
