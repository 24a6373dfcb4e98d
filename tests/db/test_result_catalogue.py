"""Which studies and objects the catalogue of results holds, on either database."""

import pytest
from sqlalchemy import Engine

from db.result_catalogue import (
    CataloguedInstance,
    CataloguedStudy,
    InstanceSelection,
    StudyNarrowing,
    find_instances,
    find_studies,
)
from db.self_test import SELF_TEST_RULE
from db.session import reading
from tests.db.ledger import FRACTURE, analyse, receive, received, report


def studies(
    ledger: Engine,
    narrowing: StudyNarrowing = StudyNarrowing(),  # noqa: B008 - it is frozen
    *,
    before_id: int | None = None,
    limit: int = 100,
) -> list[CataloguedStudy]:
    with reading(ledger) as session:
        return find_studies(session, narrowing, before_id=before_id, limit=limit)


def instances(
    ledger: Engine, *, after_id: int = 0, limit: int = 100, **selected: tuple[str, ...]
) -> list[CataloguedInstance]:
    with reading(ledger) as session:
        return find_instances(
            session, InstanceSelection(**selected), after_id=after_id, limit=limit
        )


def found(ledger: Engine, **narrowing: object) -> set[str]:
    return {study.study_instance_uid for study in studies(ledger, StudyNarrowing(**narrowing))}


def make_report(ledger: Engine, study: str, number: int = 1, **described: str) -> None:
    receive(ledger, received(number, study=study, **described))
    analyse(ledger, FRACTURE)
    report(ledger)


def test_the_results_are_primary_objects_of_every_revision(ledger: Engine) -> None:
    make_report(ledger, "1.2.3")
    make_report(ledger, "1.2.3", number=2)
    receive(ledger, received(1, study="1.2.4"))
    [study] = studies(ledger)
    assert study.study_instance_uid == "1.2.3"
    assert [(s.sop_class_uid, s.instance_count) for s in study.series] == [
        ("1.2.840.1", 2),
        ("1.2.840.3", 2),
    ]
    assert [series.spool_key for series in study.series] == ["9.1.2.1", "9.1.2.3"]
    kept = ["9.1.1.1", "9.1.1.3", "9.1.2.1", "9.1.2.3"]
    assert [instance.sop_instance_uid for instance in instances(ledger)] == kept
    assert not instances(ledger, sop_instance_uids=("9.1.1.2",)), "a fallback is no result"


def test_instances_are_selected_by_unique_keys_and_read_in_pages(ledger: Engine) -> None:
    for study in ("1.2.3", "1.2.4", "1.2.5"):
        make_report(ledger, study)
    chosen = instances(ledger, study_instance_uids=("1.2.3", "1.2.5"))
    assert [instance.sop_instance_uid for instance in chosen] == [
        "9.1.1.1",
        "9.1.1.3",
        "9.3.1.1",
        "9.3.1.3",
    ]
    [first] = instances(ledger, limit=1, series_instance_uids=("9.1",))
    rest = instances(ledger, after_id=first.id, series_instance_uids=("9.1",))
    assert len(rest) == 5
    assert first not in rest
    assert not instances(ledger, series_instance_uids=("9.9",))


def test_studies_come_newest_first_and_in_pages(ledger: Engine) -> None:
    for study in ("1.2.3", "1.2.4", "1.2.5"):
        make_report(ledger, study)
    [newest, next_one] = studies(ledger, limit=2)
    [oldest] = studies(ledger, before_id=next_one.id, limit=2)
    uids = [study.study_instance_uid for study in (newest, next_one, oldest)]
    assert uids == ["1.2.5", "1.2.4", "1.2.3"]


def test_nobody_fetches_what_was_made_of_a_self_test(ledger: Engine) -> None:
    receive(ledger, received(study="1.2.9", rule=SELF_TEST_RULE))
    analyse(ledger, FRACTURE)
    report(ledger)
    assert studies(ledger) == []
    assert instances(ledger, study_instance_uids=("1.2.9",)) == []


@pytest.fixture
def described(ledger: Engine) -> Engine:
    make_report(
        ledger,
        "1.2.3",
        patient_name="Weiß^Jörg",
        patient_id="P_1",
        accession_number="A1",
        study_date="20260131",
    )
    make_report(ledger, "1.2.4", patient_name="Berg^Eva", patient_id="PX1", study_date="2026.02.01")
    make_report(ledger, "1.2.5", patient_id="")
    return ledger


def test_narrowing_leaves_out_what_cannot_match_and_nothing_else(described: Engine) -> None:
    assert found(described, study_instance_uids=("1.2.4", "1.2.9")) == {"1.2.4"}
    assert found(described, first_date="20260201") == {"1.2.4", "1.2.5"}
    assert found(described, last_date="20260131") == {"1.2.3", "1.2.5"}
    assert found(described, first_date="20260131", last_date="20260201") == {
        "1.2.3",
        "1.2.4",
        "1.2.5",
    }
    assert found(described, texts={"patient_id": "%PX1%"}) == {"1.2.4", "1.2.5"}
    assert found(described, texts={"accession_number": "%B%"}) == {"1.2.4", "1.2.5"}


def test_a_name_with_other_letters_than_ascii_is_left_to_a_closer_look(described: Engine) -> None:
    assert found(described, texts={"patient_name": "%WEISS%"}) == {"1.2.3", "1.2.5"}
    assert found(described, texts={"patient_name": "%bERG%"}) == {"1.2.3", "1.2.4", "1.2.5"}
