"""Images are counted by sender and week, the latest answer of each, self-tests apart."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from db.drift import Mix, study_probabilities, weekly_mixes
from db.intake import OpenedAssociation, open_association, record_instance
from db.self_test import SELF_TEST_RULE
from db.session import reading, transaction
from db.tables import Analysis
from db.versions import versions_in_service
from db.worklist_refresh import refresh_worklist
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, received, withdraw

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def keep(engine: Engine, number: int, source: str, **changes: object) -> None:
    with transaction(engine) as session:
        open_association(session, OpenedAssociation(source, "L", source, "OSTEON", "127.0.0.1"))
        values = {"study": f"1.2.{number}", "association_id": source, "view_position": "ap "}
        record_instance(session, received(number, **(values | changes)))  # type: ignore[arg-type]


@pytest.fixture
def seen(ledger: Engine) -> Engine:
    """Room A: a fracture last week, and a whole one three weeks ago; room B: one not analysed."""
    keep(ledger, 1, "A")
    keep(ledger, 2, "A")
    keep(ledger, 3, "B", not_analysed_reason="no pixels")
    keep(ledger, 4, "A", rule=SELF_TEST_RULE)
    analyse(ledger, FRACTURE, NO_FRACTURE, FRACTURE)
    for instance, days in ((1, 1), (2, 20), (3, 8), (4, 1)):
        with transaction(ledger) as session:
            session.execute(
                update(Analysis)
                .where(Analysis.instance_id == instance)
                .values(analysed_at=NOW - timedelta(days=days))
            )
    return ledger


def test_images_are_counted_in_their_week_and_by_their_sender(seen: Engine) -> None:
    with reading(seen) as session:
        mixes = weekly_mixes(session, NOW, 4)
    assert list(mixes) == ["A", "B"]
    assert [(mix.images, mix.positive, mix.not_analysed) for mix in mixes["A"]] == [
        *[(0, 0, 0), (1, 0, 0)],
        *[(0, 0, 0), (1, 1, 0)],
    ]
    assert [mix.not_analysed for mix in mixes["B"]] == [0, 0, 1, 0]
    assert mixes["A"][3].bins[18] == 1 and sum(mixes["A"][3].bins) == 1
    assert mixes["A"][1].bins[2] == 1
    assert mixes["A"][3].views == {"AP": 1}
    assert mixes["A"][3].regions == {"wrist": 1}


def test_of_two_answers_the_latest_counts(seen: Engine) -> None:
    with transaction(seen) as session:
        first = session.get_one(Analysis, 1)
        again = Analysis(
            instance_id=first.instance_id,
            model_version="2.0",
            evidence_version=9,
            state=NO_FRACTURE.state,
            probability=0.0,
            analysed_at=NOW - timedelta(hours=1),
        )
        session.add(again)
    with reading(seen) as session:
        counted = weekly_mixes(session, NOW, 2)
    images = {source: sum(mix.images for mix in weeks) for source, weeks in counted.items()}
    assert sum(images.values()) <= 3


def test_studies_are_counted_by_their_highest_probability(seen: Engine) -> None:
    while refresh_worklist(seen):
        pass
    with reading(seen) as session:
        counts = study_probabilities(session, NOW - timedelta(days=3650))
    assert {step: studies for step, studies in enumerate(counts) if studies} == {20: 1, 180: 1}


def test_versions_say_what_they_did_and_why_they_were_withdrawn(seen: Engine) -> None:
    withdraw(seen, "1.0")
    with reading(seen) as session:
        (version,) = versions_in_service(session)
    assert (version.images, version.withdrawn) == (3, "it missed wrists")


def test_mixes_add_up() -> None:
    one, other = Mix(2, 1, 0), Mix(3, 0, 2)
    other.views["AP"] = 3
    one.add(other)
    assert (one.images, one.positive, one.not_analysed, one.analysed) == (5, 1, 2, 3)
    assert one.views == {"AP": 3}
