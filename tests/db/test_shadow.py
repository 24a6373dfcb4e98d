"""A network on trial beside the one in service: kept apart, and crossed with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from db.clock import database_now
from db.jobs import JobKind, add_jobs
from db.priorities import Priority
from db.results import delivery_results, image_results, study_results
from db.self_test import SELF_TEST_RULE
from db.session import reading, transaction
from db.shadow import (
    Disagreement,
    ShadowComparison,
    ShadowRecord,
    save_shadow_analysis,
    shadow_comparison,
    shadow_versions,
)
from db.states import AnalysisState
from db.tables import Instance, ShadowAnalysis, Study, WorklistStale
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, receive, received, report, rows, settle

FRACTURE_STATE, POSSIBLE, NONE, NOT_ANALYSED = AnalysisState
REFUSED = replace(FRACTURE, state=NOT_ANALYSED, probability=None, boxes=(), reason="too dark")
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
TRIAL = ShadowRecord("osteon", "2.0", FRACTURE_STATE, None, 0.8, "wrist", milliseconds=12.5)


def score(ledger: Engine, instance_id: int, record: ShadowRecord) -> None:
    with transaction(ledger) as session:
        save_shadow_analysis(session, instance_id, record)


def compare(ledger: Engine, since: datetime = BEFORE, **most: int) -> ShadowComparison:
    with reading(ledger) as session:
        return shadow_comparison(session, "2.0", since, **most)


def test_what_it_says_last_of_an_image_is_kept_and_nothing_else_is_changed(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")

    def told() -> list[object]:
        with reading(ledger) as session:
            return [read(session) for read in (image_results, study_results, delivery_results)]

    before = told(), rows(ledger, Study)[0].evidence_version, len(rows(ledger, WorklistStale))
    score(ledger, 1, replace(TRIAL, state=NONE, probability=0.1))
    score(ledger, 1, TRIAL)
    score(ledger, 1, replace(TRIAL, model_version="3.0"))
    second, third = rows(ledger, ShadowAnalysis)
    assert (second.state, second.probability, second.region) == (FRACTURE_STATE, 0.8, "wrist")
    assert (second.milliseconds, second.reason) == (12.5, None)
    assert third.model_version == "3.0"
    after = told(), rows(ledger, Study)[0].evidence_version, len(rows(ledger, WorklistStale))
    assert after == before
    assert settle(ledger) == [], "nothing is to be reported again"


@pytest.fixture
def crossed(ledger: Engine) -> Engine:
    """Six images; in service: fracture, fracture, none, none, refused, fracture."""
    receive(ledger, *(received(number) for number in range(1, 7)))
    analyse(ledger, FRACTURE, FRACTURE, NO_FRACTURE, NO_FRACTURE, REFUSED, FRACTURE)
    score(ledger, 1, TRIAL)
    score(ledger, 2, replace(TRIAL, state=NONE, probability=0.2))
    score(ledger, 3, replace(TRIAL, state=POSSIBLE, probability=0.5))
    score(ledger, 4, replace(TRIAL, state=NONE, probability=0.1))
    score(ledger, 5, replace(TRIAL, state=POSSIBLE, probability=0.5))
    score(ledger, 6, replace(TRIAL, state=NOT_ANALYSED, probability=None, reason="too dark"))
    return ledger


def test_two_networks_are_crossed_on_the_same_images(crossed: Engine) -> None:
    found = compare(crossed)
    assert (found.images, found.unanswered) == (4, 2)
    assert {pair: images for pair, images in found.crossed.items() if images} == {
        (FRACTURE_STATE, FRACTURE_STATE): 1,
        (FRACTURE_STATE, NONE): 1,
        (NONE, POSSIBLE): 1,
        (NONE, NONE): 1,
    }
    assert len(found.crossed) == 9
    assert found.mean_difference == pytest.approx((-0.1 - 0.7 + 0.4 + 0) / 4)


def test_the_greatest_disagreements_come_first(crossed: Engine) -> None:
    first, second, third = compare(crossed).disagreements
    assert first == Disagreement("1.2.3", "1.2.3.1.2", FRACTURE_STATE, 0.9, NONE, 0.2)
    assert second == Disagreement("1.2.3", "1.2.3.1.3", NONE, 0.1, POSSIBLE, 0.5)
    assert third.sop_instance_uid == "1.2.3.1.1"
    assert list(compare(crossed, most=1).disagreements) == [first]


def test_a_self_test_is_not_compared(crossed: Engine) -> None:
    receive(crossed, received(7, study="1.2.4", rule=SELF_TEST_RULE))
    analyse(crossed, FRACTURE)
    score(crossed, 7, TRIAL)
    assert compare(crossed).images == 4


def test_the_latest_analysis_in_service_counts(crossed: Engine) -> None:
    ask_again(crossed)
    analyse(crossed, replace(NO_FRACTURE, model_version="1.5"))
    found = compare(crossed)
    assert found.crossed[NONE, FRACTURE_STATE] == 1
    assert found.crossed[FRACTURE_STATE, FRACTURE_STATE] == 0
    assert found.images == 4


def test_it_is_not_compared_with_itself(crossed: Engine) -> None:
    """It has come into service meanwhile."""
    ask_again(crossed)
    analyse(crossed, replace(FRACTURE, model_version="2.0"))
    assert compare(crossed).images == 3


def ask_again(ledger: Engine) -> None:
    """The first image is to be analysed once more, as after a withdrawal."""
    with transaction(ledger) as session:
        first = select(Instance.id).where(Instance.id == 1)
        add_jobs(session, JobKind.ANALYSE, first, priority=Priority.LOW)


def test_a_period_and_a_version_are_asked_for(crossed: Engine) -> None:
    with transaction(crossed) as session:
        first = update(ShadowAnalysis).where(ShadowAnalysis.instance_id == 1)
        session.execute(first.values(analysed_at=database_now(-24 * 3600)))
    score(crossed, 1, replace(TRIAL, model_version="3.0"))
    since = datetime.now(UTC) - timedelta(hours=1)
    assert compare(crossed, since).images == 3
    with reading(crossed) as session:
        newest, older = shadow_versions(session)
        nothing = shadow_comparison(session, "4.0", BEFORE)
    assert (newest.model_name, newest.model_version, newest.images) == ("osteon", "3.0", 1)
    assert (older.model_version, older.images) == ("2.0", 6)
    assert older.last_at - older.first_at > timedelta(hours=23)
    assert (nothing.images, nothing.mean_difference, nothing.disagreements) == (0, None, [])
