"""Studies whose files retention removed: a late image, a withdrawal, and the same bytes again."""

from collections.abc import Callable

from sqlalchemy import update

from db.clock import database_now
from db.session import transaction
from db.states import AnalysisState
from db.tables import Analysis, Instance, Report
from tests.db.ledger import withdraw
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward

OpenWard = Callable[..., Ward]


def purge_everything(ward: Ward) -> None:
    """Files and all, as if their days were over."""
    keys = {one.spool_key for one in ward.rows(Instance)}
    keys |= {
        key for one in ward.rows(Analysis) for key in (one.heatmap_key, one.annotated_key) if key
    }
    gone = {"heatmap_key": None, "annotated_key": None, "pictures_purged_at": database_now()}
    with transaction(ward.kitchen.ledger) as session:
        session.execute(update(Instance).values(purged_at=database_now()))
        session.execute(update(Analysis).values(**gone))
    for key in keys:
        ward.kitchen.spool.remove(key)


def test_a_late_image_is_reported_with_what_is_known_of_the_others(open_ward: OpenWard) -> None:
    first, late = study_of_two_views()
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(first)
        ward.run_until_quiet()
        purge_everything(ward)
        ward.receive(late)
        ward.run_until_quiet()
        original, revised = pacs.reports()
        captures = pacs.captures()
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"):
        assert revised[keyword].value == original[keyword].value
    items = [
        item.ReferencedSOPInstanceUID
        for study in revised.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
    assert {first.SOPInstanceUID, late.SOPInstanceUID} <= set(items)
    assert len({one.SOPInstanceUID for one in captures}) == 2

    # A withdrawn model's answers are looked for again: what is gone is a result with its reason.
    [model] = {one.model_version for one in ward.rows(Analysis)}
    [gone] = [one for one in ward.rows(Instance) if one.purged_at is not None]
    with transaction(ward.kitchen.ledger) as session:
        session.execute(update(Analysis).values(model_version="0.1"))
    withdraw(ward.kitchen.ledger, "0.1")
    ward.run_until_quiet()
    answers = {one.instance_id: one for one in ward.rows(Analysis)}
    assert answers[gone.id].state is AnalysisState.NOT_ANALYSED
    assert (answers[gone.id].reason or "").startswith("its file was purged on 20")
    assert len(ward.rows(Report)) == 3

    # And once its bytes are here again, it is looked at.
    ward.receive(first)
    ward.run_until_quiet()
    again = ward.rows(Analysis)[-1]
    assert (again.instance_id, again.model_version) == (gone.id, model)
    assert again.state is not AnalysisState.NOT_ANALYSED
    assert len(ward.rows(Report)) == 4
