"""Reports read back: the newest of each study, on either database, found by its traits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, update

from db import report_archive as archive
from db.report_archive import ArchivedReport, Condition, find_reports
from db.result_catalogue import InstanceSelection, find_instances
from db.session import reading, transaction
from db.states import AnalysisState, ObjectKind
from db.tables import ResultObject, Study, WithdrawnModel
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, receive, received, report, withdraw

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NEWER = replace(FRACTURE, model_version="2.0")
WITHDRAWN = "model 1.0 was withdrawn: it missed wrists"


def found(engine: Engine, *conditions: Condition, row: int = 0, limit: int = 9) -> list[str]:
    return [one.study.study_instance_uid for one in read(engine, *conditions, row=row, limit=limit)]


def read(
    engine: Engine, *conditions: Condition, row: int = 0, limit: int = 9
) -> list[ArchivedReport]:
    with reading(engine) as session:
        return find_reports(session, conditions, from_study_id=row, limit=limit)


def fill(engine: Engine) -> None:
    for number in (1, 2, 3):
        image = received(
            1,
            study=f"1.{number}",
            patient_id=f"P{number}",
            accession_number=f"A{number}",
            study_date=f"2026.01.0{number}" if number == 1 else f"2026010{number}",
            study_time="10:15:00" if number == 1 else "",
        )
        receive(engine, image)
        analyse(engine, FRACTURE)
        report(engine)


def test_reports_are_found_by_their_traits(ledger: Engine) -> None:
    fill(ledger)
    assert found(ledger) == ["1.1", "1.2", "1.3"]
    assert found(ledger, row=2, limit=1) == ["1.2"]
    assert found(ledger, archive.is_study(["1.1", "1.9"])) == ["1.1"]
    assert found(ledger, archive.has_image(["1.2.1.1"])) == ["1.2"]
    assert found(ledger, archive.has_object(["9.3.1.1"])) == ["1.3"]
    assert found(ledger, archive.is_patient(["P1"]), archive.has_accession_number(["A2"])) == []
    assert found(ledger, archive.any_of([])) == []
    assert found(ledger, archive.issued(LONG_AGO, None), archive.changed(None, LONG_AGO)) == []
    assert found(ledger, archive.examined("20260101", "20260102")) == ["1.1"]
    assert found(ledger, archive.examined("20260101101500", None)) == ["1.1", "1.2", "1.3"]
    assert found(ledger, archive.examined("20260101101501", "20260103")) == ["1.2"]


def test_a_blocked_study_is_in_no_answer(ledger: Engine) -> None:
    fill(ledger)
    with transaction(ledger) as session:
        session.execute(update(Study).where(Study.patient_id == "P2").values(blocked_reason="x"))
    assert found(ledger) == ["1.1", "1.3"]
    assert found(ledger, archive.is_study(["1.2"])) == []


def test_the_newest_report_has_what_it_has_seen_and_no_more(ledger: Engine) -> None:
    receive(ledger, received(1, body_part="WRIST", instance_number=7))
    analyse(ledger, FRACTURE)
    report(ledger)
    receive(
        ledger,
        received(2, instance_number=8),
        received(3, is_image=False, not_analysed_reason="an SR"),
    )
    analyse(ledger, NO_FRACTURE)
    (first,) = read(ledger)
    assert (first.revision, [one.sop_instance_uid for one in first.images]) == (1, ["1.2.3.1.1"])
    image = first.images[0]
    assert (image.body_part, image.instance_number, image.modality) == ("WRIST", 7, "CR")
    assert image.analysis.probability == 0.9
    report(ledger)
    (second,) = read(ledger)
    assert (second.revision, second.state) == (2, AnalysisState.FRACTURE)
    assert [one.sop_instance_uid for one in second.images] == ["1.2.3.1.1", "1.2.3.1.2"]
    kinds = [(one.revision, one.kind) for one in second.objects]
    assert kinds == [
        (revision, kind) for revision in (1, 2) for kind in (ObjectKind.SR, ObjectKind.SC)
    ]
    assert found(ledger, archive.has_object(["9.1.1.1"])) == [], "of the first revision"


def test_an_object_without_uids_is_no_dicom_object(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger)
    with transaction(ledger) as session:
        message = update(ResultObject).where(ResultObject.sop_instance_uid == "9.1.1.3")
        session.execute(
            message.values(sop_class_uid=None, sop_instance_uid=None, series_instance_uid=None)
        )
    (found_report,) = read(ledger)
    assert [one.sop_instance_uid for one in found_report.objects] == ["9.1.1.1"]


def test_the_networks_that_answered_are_known(ledger: Engine) -> None:
    receive(ledger, received(1, not_analysed_reason="modality CT"), received(2))
    analyse(ledger, FRACTURE)
    with reading(ledger) as session:
        assert archive.algorithms_seen(session) == [("osteon", "1.0")]


def withdrawn_at(engine: Engine) -> datetime:
    withdraw(engine, "1.0")
    with transaction(engine) as session:
        # Long after the reports: the clocks of a test are too fast to tell the two apart.
        moment = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        session.execute(update(WithdrawnModel).values(withdrawn_at=moment))
    return moment


def reasons(one: ArchivedReport) -> list[str | None]:
    return [image.withdrawal and image.withdrawal.reason for image in one.images]


def test_what_a_withdrawn_model_said_is_known_until_the_next_report(ledger: Engine) -> None:
    receive(ledger, received(1), received(2))
    analyse(ledger, FRACTURE, NEWER)
    report(ledger)
    (before,) = read(ledger)
    assert (before.withdrawals, before.changed_at) == ((), before.reported_at)
    moment = withdrawn_at(ledger)
    (meanwhile,) = read(ledger)
    assert (reasons(meanwhile), meanwhile.changed_at) == ([WITHDRAWN, None], moment)
    analyse(ledger, NEWER)
    assert read(ledger) == [meanwhile], "looked at anew, and not yet reported"
    report(ledger)
    (after,) = read(ledger)
    assert (after.revision, reasons(after)) == (2, [None, None])
    assert after.changed_at == after.reported_at


def test_reports_are_found_by_whether_they_stand(ledger: Engine) -> None:
    answers = {"1.1": [FRACTURE, FRACTURE], "1.2": [FRACTURE, NEWER], "1.3": [NEWER, NEWER]}
    for study, records in answers.items():
        receive(ledger, received(1, study=study), received(2, study=study))
        analyse(ledger, *records)
        report(ledger)
    assert found(ledger, archive.stands()) == list(answers)
    assert found(ledger, archive.is_withdrawn()) == []
    moment = withdrawn_at(ledger)
    assert found(ledger, archive.is_withdrawn()) == ["1.1", "1.2"]
    assert found(ledger, archive.stands()) == ["1.3"]
    assert found(ledger, archive.stands_in_part()) == ["1.2", "1.3"]
    assert found(ledger, archive.changed(moment, None)) == ["1.1", "1.2"]
    assert found(ledger, archive.changed(None, moment)) == ["1.3"]
    assert found(ledger, archive.changed(moment, moment + timedelta(seconds=1))) == ["1.1", "1.2"]


def test_its_objects_are_those_that_can_be_retrieved_here(ledger: Engine) -> None:
    """Sent somewhere or nowhere, but neither a fallback nor a message."""
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger)
    receive(ledger, received(2))
    analyse(ledger, NO_FRACTURE)
    report(ledger, "PACS")
    message = update(ResultObject).where(ResultObject.sop_instance_uid == "9.1.1.3")
    with transaction(ledger) as session:
        session.execute(
            message.values(sop_class_uid=None, sop_instance_uid=None, series_instance_uid=None)
        )
    (one,) = read(ledger)
    with reading(ledger) as session:
        kept = find_instances(session, InstanceSelection(), limit=99)
    assert {made.sop_instance_uid for made in one.objects} == {it.sop_instance_uid for it in kept}
    assert [made.revision for made in one.objects] == [1, 2, 2]
