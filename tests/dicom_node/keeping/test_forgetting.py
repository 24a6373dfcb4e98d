"""A patient who was forgotten is in no row, no file and no byte of the database, on either one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update

from db.erasing import erase_remains
from db.forgetting import BEING_FORGOTTEN, Patient, forgotten_patients, was_forgotten
from db.holds import place_hold, release_hold
from db.jobs import JobKind, claim_job
from db.peer_requests import save_peer_request
from db.session import open_ledger, reading, transaction
from db.shadow import ShadowRecord, save_shadow_analysis
from db.states import AnalysisState, JobState, Opinion
from db.tables import AuditEvent, Base, Forgetting, Instance, Job, PeerRequest, Study
from db.verdicts import Judgement, save_verdict
from db.worklist_refresh import refresh_worklist
from dicom_node.keeping.forgetting import (
    PatientHeld,
    PatientTraces,
    SeveralIssuers,
    StillWorkedOn,
    find_traces,
    finish_forgetting,
    forget,
    reapply_forgettings,
)
from dicom_node.spool import FileSpool
from tests.db.ledger import receive, received, rows
from tests.dicom_node.keeping.archive import KeptStudies
from tests.dicom_node.sent_objects import file_of, radiograph

pytestmark = pytest.mark.requirement("R-DATA-3")

CANARY = b"Canarybird"
NAMED = {
    "patient_id": "Canarybird-7",
    "patient_name": "Canarybird^Carla",
    "accession_number": "Canarybird-A",
    "issuer_of_patient_id": "HOSPITAL",
}
PATIENT = Patient("Canarybird-7")
OTHER = "9.9.9"
ON_ONE = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
# What stays by design: who did what, and that somebody was forgotten.
_STAYING = {"audit_event", "audit_anchor", "audit_forwarding", "forgetting", "association"}


@pytest.fixture
def kept(ledger_url: str, tmp_path: Path) -> Iterator[KeptStudies]:
    engine = open_ledger(ledger_url)
    yield KeptStudies(engine, FileSpool(tmp_path / "spool"))
    engine.dispose()


def finish(kept: KeptStudies, study: str, **named: object) -> None:
    kept.finish(study, CANARY if named else b"pixels of ", **named)
    kept.give_results_files()
    kept.age(1)


def tell_of(kept: KeptStudies, study: str, **named: object) -> None:
    """A study of which the ledger knows all that it can know of one."""
    finish(kept, study, **named)
    comment = "as Canarybird said" if named else "fine"
    with transaction(kept.engine) as session:
        save_verdict(session, Judgement(study, "Ada", Opinion.PARTLY, comment=comment))
        [instance] = [one for one in rows(kept.engine, Instance) if study in one.sop_instance_uid]
        shadow = ShadowRecord("osteon", "2.0", AnalysisState.NONE)
        save_shadow_analysis(session, instance.id, shadow)
        place_hold(session, study, reason="a complaint", person="Ada")
        release_hold(session, study, reason="settled", person="Ada")
        save_peer_request(session, "PACS", f"2.25.{study}", [("1.2", f"{study}.1.1")])
        both = [("1.2", f"{study}.1.1"), ("1.2", "7.7.7")]
        save_peer_request(session, "PACS", f"2.25.{study}.2", both)


def prepare(kept: KeptStudies) -> None:
    tell_of(kept, "1.2.3", **NAMED)
    tell_of(kept, OTHER)
    kept.give_results_files()
    kept.age(1)
    while refresh_worklist(kept.engine):
        pass


def traces_of(kept: KeptStudies, patient: Patient = PATIENT) -> PatientTraces:
    return find_traces(kept.engine, kept.spool, patient)


def places_with(kept: KeptStudies, needle: bytes) -> list[str]:
    """Files of the spool and of the database that have these bytes in them."""
    folders = [kept.spool.root]
    if kept.engine.dialect.name == "sqlite":
        folders.append(Path(str(kept.engine.url.database)).parent)
    else:
        with kept.engine.connect() as connection:
            name = "SELECT oid FROM pg_database WHERE datname = current_database()"
            oid = connection.execute(text(name)).scalar_one()
            data = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        with kept.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))
        folders.append(data / "base" / str(oid))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if needle in path.read_bytes()]


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def numbers_of_rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.execute(text(f"SELECT COUNT(*) FROM {name}")).scalar_one()
            for name in Base.metadata.tables
        }


def test_nothing_of_a_forgotten_patient_is_left_and_all_of_another_is(kept: KeptStudies) -> None:
    prepare(kept)
    assert len(places_with(kept, CANARY)) >= 2
    before, others = numbers_of_rows(kept.engine), set(kept.files())
    traces = traces_of(kept)
    assert (traces.rows.studies, traces.rows.objects, traces.rows.verdicts) == (1, 1, 1)
    assert numbers_of_rows(kept.engine) == before
    forget(kept.engine, kept.spool, traces, person="Ada")
    assert places_with(kept, CANARY) == []
    after = numbers_of_rows(kept.engine)
    halved = {name for name, number in before.items() if number and after[name] * 2 == number}
    changed = {name for name in before if after[name] != before[name]} - _STAYING
    assert halved >= {"study", "instance", "analysis", "shadow_analysis", "verdict", "worklist"}
    assert halved >= {"report", "result_object", "consignment", "delivery", "legal_hold", "series"}
    assert changed - halved <= {"peer_request", "job", "job_attempt", "worklist_stale"}
    assert kept.promised() == set(kept.files()) < others
    assert {one.study_instance_uid for one in rows(kept.engine, Study)} == {OTHER}
    asked = [one.references for one in rows(kept.engine, PeerRequest)]
    assert [len(references) for references in asked] == [1, 1, 2]
    assert not [one for references in asked for one in references if "1.2.3." in one["instance"]]


@ON_ONE
def test_the_audit_trail_keeps_the_uid_and_nothing_that_names_the_patient(
    kept: KeptStudies,
) -> None:
    finish(kept, "1.2.3", **NAMED)
    forget(kept.engine, kept.spool, traces_of(kept), person="Ada")
    last = rows(kept.engine, AuditEvent)[-1]
    assert (last.action, last.study_instance_uid, last.actor) == ("study-deleted", "1.2.3", "Ada")
    [forgotten] = rows(kept.engine, Forgetting)
    assert forgotten.studies == 1
    with reading(kept.engine) as session:
        [known] = forgotten_patients(session)
    assert known.is_of("Canarybird-7 ", "HOSPITAL")
    assert not known.is_of("Canarybird-8", "HOSPITAL")


@ON_ONE
def test_a_patient_with_a_held_study_is_not_forgotten(kept: KeptStudies) -> None:
    kept.finish("1.2.3", **NAMED)
    with transaction(kept.engine) as session:
        place_hold(session, "1.2.3", reason="a complaint", person="Ada")
    with pytest.raises(PatientHeld, match=r"1\.2\.3"):
        traces_of(kept)


def test_a_hold_that_comes_while_a_patient_is_being_forgotten_keeps_the_study(
    kept: KeptStudies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were looked for, a person said yes, workers were waited for: that takes minutes."""
    finish(kept, "1.2.3", **NAMED)
    before = kept.files()

    def place_meanwhile(*_: object) -> None:
        with transaction(kept.engine) as session:
            place_hold(session, "1.2.3", reason="a complaint", person="Ada")

    monkeypatch.setattr("dicom_node.keeping.forgetting._wait_for_workers", place_meanwhile)
    with pytest.raises(PatientHeld, match=r"1\.2\.3"):
        forget(kept.engine, kept.spool, traces_of(kept), person="Ada")
    assert len(rows(kept.engine, Instance)) == 1 and kept.files() == before


@ON_ONE
def test_an_object_kept_apart_in_a_held_study_stays(kept: KeptStudies, tmp_path: Path) -> None:
    finish(kept, "4.1")
    theirs = radiograph(PatientID="Canarybird-7", PatientName="Canarybird^Carla")
    apart = kept.spool.write(file_of(theirs, tmp_path)).key
    receive(kept.engine, received(study="4.1", spool_key=apart, sha256=apart))
    kept.age(1)
    found = traces_of(kept)
    with transaction(kept.engine) as session:
        place_hold(session, "4.1", reason="a complaint", person="Ada")
    with pytest.raises(PatientHeld, match=r"4\.1"):
        traces_of(kept)
    with pytest.raises(PatientHeld, match=r"4\.1"):
        forget(kept.engine, kept.spool, found, person="Ada")
    assert len(rows(kept.engine, Instance)) == 2 and apart in kept.files()


@ON_ONE
def test_what_was_stopped_after_the_rows_were_gone_can_be_finished(
    kept: KeptStudies, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(kept, "1.2.3", **NAMED)
    with monkeypatch.context() as patched:
        patched.setattr("dicom_node.keeping.forgetting._remove_files", stop)
        with pytest.raises(KeyboardInterrupt):
            forget(kept.engine, kept.spool, traces_of(kept), person="Ada")
    assert traces_of(kept).is_empty and places_with(kept, CANARY) != []
    with reading(kept.engine) as session:
        assert was_forgotten(session, PATIENT)
        assert not was_forgotten(session, Patient("Canarybird-8"))
        assert not was_forgotten(session, Patient("Canarybird-7", "HOSPITAL"))
    finish_forgetting(kept.engine, kept.spool)
    assert places_with(kept, CANARY) == []


@ON_ONE
def test_an_id_of_two_issuers_is_two_people(kept: KeptStudies) -> None:
    kept.finish("1.2.3", **NAMED)
    kept.finish("1.2.4", **NAMED | {"issuer_of_patient_id": "CLINIC"})
    with pytest.raises(SeveralIssuers, match="CLINIC, HOSPITAL"):
        traces_of(kept)
    found = traces_of(kept, Patient("Canarybird-7", "CLINIC"))
    assert [one.study_instance_uid for one in found.studies] == ["1.2.4"]


@ON_ONE
def test_what_of_them_lies_in_studies_of_others_is_found_by_its_header(
    kept: KeptStudies, tmp_path: Path
) -> None:
    finish(kept, "4.1")
    finish(kept, "4.2")
    theirs = radiograph(PatientID="Canarybird-7", PatientName="Canarybird^Carla")
    apart = kept.spool.write(file_of(theirs, tmp_path)).key
    theirs.SOPInstanceUID = "4.2.1.2"
    mixed = kept.spool.write(file_of(theirs, tmp_path)).key
    receive(kept.engine, received(study="4.1", spool_key=apart, sha256=apart))
    two = {"patient_id": "Canarybird-7", "spool_key": mixed, "sha256": mixed}
    receive(kept.engine, received(2, study="4.2", **two))
    kept.age(1)
    traces = traces_of(kept)
    assert [one.study_instance_uid for one in traces.mixed] == ["4.2"]
    assert (len(traces.apart), traces.unreadable) == (1, 1)
    forget(kept.engine, kept.spool, traces, person="Ada")
    assert [one.sop_instance_uid for one in rows(kept.engine, Instance)] == ["4.1.1.1"]
    assert not places_with(kept, CANARY)


@ON_ONE
def test_a_worker_that_holds_a_job_is_waited_for_and_what_waits_is_never_begun(
    kept: KeptStudies, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        key = kept.spool.write(CANARY + bytes([number])).key
        receive(kept.engine, received(number, **NAMED, spool_key=key, sha256=key))
    kept.age(1)
    [first, _second] = rows(kept.engine, Job)
    with transaction(kept.engine) as session:
        assert claim_job(session, first.id, lease_seconds=60) is not None
    monkeypatch.setattr("dicom_node.keeping.forgetting._PATIENCE_SECONDS", 0)
    with pytest.raises(StillWorkedOn):
        forget(kept.engine, kept.spool, traces_of(kept), person="Ada")
    assert [job.state for job in rows(kept.engine, Job)] == [JobState.RUNNING, JobState.DEAD]
    assert rows(kept.engine, Study)[0].blocked_reason == BEING_FORGOTTEN
    with transaction(kept.engine) as session:
        session.execute(update(Job).values(state=JobState.DONE))
    forget(kept.engine, kept.spool, traces_of(kept), person="Ada")
    assert rows(kept.engine, Job) == rows(kept.engine, Study) == []


@ON_ONE
def test_whom_a_backup_brings_back_is_forgotten_again_and_who_comes_anew_is_not(
    kept: KeptStudies,
) -> None:
    finish(kept, "1.2.3", **NAMED)
    forget(kept.engine, kept.spool, traces_of(kept), person="Ada")
    with reading(kept.engine) as session:
        forgotten = forgotten_patients(session)
    finish(kept, "1.2.5", **NAMED)
    finish(kept, OTHER)
    assert reapply_forgettings(kept.engine, kept.spool, forgotten, person="Ada") == 0
    earlier = forgotten[0].forgotten_at.replace(year=2020)
    with transaction(kept.engine) as session:
        back = update(Study).where(Study.study_instance_uid == "1.2.5")
        session.execute(back.values(received_at=earlier))
    kept.age(1)
    with transaction(kept.engine) as session:
        session.execute(update(Study).values(received_at=earlier))
    assert reapply_forgettings(kept.engine, kept.spool, forgotten, person="Ada") == 1
    assert [one.study_instance_uid for one in rows(kept.engine, Study)] == [OTHER]


def test_without_rewriting_the_bytes_would_still_be_there(kept: KeptStudies) -> None:
    """What shows that the search above would find them."""
    prepare(kept)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dicom_node.keeping.forgetting.erase_remains", lambda _: None)
        forget(kept.engine, kept.spool, traces_of(kept), person="Ada")
    assert places_with(kept, CANARY) != []
    erase_remains(kept.engine)
    assert places_with(kept, CANARY) == []
    assert [job for job in rows(kept.engine, Job) if job.kind is JobKind.ANALYSE] != []
