"""What is said of a study, from what the PACS has and what the ledger knows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from db.deliveries import finish_consignment, load_consignment, mark_refused
from db.jobs import JobKind, bury_job
from db.reconciliation import (
    LedgerStudy,
    Outcome,
    PacsStudy,
    Reconciled,
    compare,
    load_ledger_studies,
    load_received,
    needs_images,
)
from db.session import reading, transaction
from db.superseding import supersede_study
from tests.db.ledger import (
    NO_FRACTURE,
    analyse,
    claim,
    confirm,
    deliver,
    receive,
    received,
    report,
    withdraw,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TWO = frozenset({"1.1", "1.2"})
RESULTS = frozenset({"9.1", "9.2"})


def known(state: str = "delivered", **changes: Any) -> LedgerStudy:
    values: dict[str, Any] = {"state": state, "last_instance_at": NOW, "received": TWO}
    return LedgerStudy(**(values | changes))


def outcome(pacs: PacsStudy, ledger: LedgerStudy | None) -> tuple[Outcome, int | None]:
    reconciled = compare(pacs, ledger, overdue_before=NOW - timedelta(days=1))
    return reconciled.outcome, reconciled.missing


STATES = [
    ("delivered", Outcome.DELIVERED),
    ("committed", Outcome.DELIVERED),
    ("receiving", Outcome.WAITING),
    ("analysing", Outcome.WAITING),
    ("reporting", Outcome.WAITING),
    ("reported", Outcome.WAITING),
    ("a word of a later release", Outcome.WAITING),
    ("failed", Outcome.FAILED),
    ("blocked", Outcome.FAILED),
    ("no_images", Outcome.FAILED),
]


@pytest.mark.parametrize(("state", "expected"), STATES)
def test_a_complete_study_is_what_its_state_says(state: str, expected: Outcome) -> None:
    assert outcome(PacsStudy("1", instances=2), known(state)) == (expected, 0)


def test_a_study_that_never_came() -> None:
    assert outcome(PacsStudy("1", instances=2), None) == (Outcome.UNKNOWN, None)
    assert outcome(PacsStudy("1", images=TWO), None) == (Outcome.UNKNOWN, 2)


def test_an_image_that_never_came_outweighs_the_delivered_report() -> None:
    pacs = PacsStudy("1", images=TWO | {"1.3", "1.4"})
    assert outcome(pacs, known()) == (Outcome.INCOMPLETE, 2)
    failed = compare(pacs, known("failed", reason="refused"), NOW)
    assert failed == Reconciled("1", Outcome.INCOMPLETE, 2, "failed", "refused")


def test_an_image_that_the_pacs_has_no_more_is_not_missing() -> None:
    assert outcome(PacsStudy("1", images=frozenset({"1.1"})), known()) == (Outcome.DELIVERED, 0)


def test_counts_that_do_not_agree_prove_nothing() -> None:
    assert outcome(PacsStudy("1", instances=3), known()) == (Outcome.INCOMPLETE, None)
    assert outcome(PacsStudy("1"), known()) == (Outcome.INCOMPLETE, None)


def test_results_that_the_pacs_took_count_among_its_objects() -> None:
    with_results = known(results=RESULTS)
    assert not needs_images(PacsStudy("1", instances=4), with_results)
    assert outcome(PacsStudy("1", instances=4), with_results) == (Outcome.DELIVERED, 0)
    # As many objects as images came, but two of them are results: two images are missing.
    assert needs_images(PacsStudy("1", instances=4), known(received=TWO, results=frozenset()))
    # The PACS has sent one of them back to us.
    back = known(received=TWO | {"9.1"}, results=RESULTS)
    assert not needs_images(PacsStudy("1", instances=4), back)


def test_images_are_asked_for_only_where_counts_leave_it_open() -> None:
    assert not needs_images(PacsStudy("1", instances=2), known())
    assert needs_images(PacsStudy("1", instances=3), known())
    assert needs_images(PacsStudy("1", instances=1), known())
    assert needs_images(PacsStudy("1", instances=None), known())
    assert not needs_images(PacsStudy("1", instances=3), None)
    assert not needs_images(PacsStudy("1", images=TWO), known())


def test_a_study_in_work_becomes_overdue() -> None:
    late = known("analysing", last_instance_at=NOW - timedelta(hours=25))
    before = NOW - timedelta(hours=24)
    assert compare(PacsStudy("1", 2), late, before).is_overdue
    assert not compare(PacsStudy("1", 2), known("analysing"), before).is_overdue
    done = known(last_instance_at=NOW - timedelta(days=300))
    assert not compare(PacsStudy("1", 2), done, before).is_overdue


def test_the_ledgers_account_of_a_study(ledger: Engine) -> None:
    receive(ledger, received(1), received(2), received(1, sha256="other"), received(study="5.6"))
    analyse(ledger, NO_FRACTURE, NO_FRACTURE, NO_FRACTURE)
    report(ledger, "pacs", "archive")
    deliver(ledger)
    studies = load(ledger, "1.2.3", "5.6", "9.9")
    assert set(studies) == {"1.2.3", "5.6"}
    assert studies["1.2.3"].received == {"1.2.3.1.1", "1.2.3.1.2"}
    at_archive = load(ledger, "1.2.3", at="archive")["1.2.3"].results
    assert sorted(map(len, (studies["1.2.3"].results, at_archive))) == [0, 2]
    assert studies["1.2.3"].outcome is Outcome.WAITING
    with reading(ledger) as session:
        came = load_received(session, "1.2.3")
    assert (came.instances, came.kept_apart) == (studies["1.2.3"].received, 1)


def test_a_delivered_study_is_done(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, NO_FRACTURE)
    report(ledger, "pacs")
    deliver(ledger)
    [delivered] = load(ledger, "1.2.3").values()
    confirm(ledger)
    [committed] = load(ledger, "1.2.3").values()
    assert (delivered.state, committed.state) == ("delivered", "committed")
    for study in (delivered, committed):
        assert study.outcome is Outcome.DELIVERED
        assert not needs_images(PacsStudy("1.2.3", instances=3), study)


def test_a_study_that_goes_nowhere_is_done_when_it_is_reported(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, NO_FRACTURE)
    assert load(ledger, "1.2.3")["1.2.3"].outcome is Outcome.WAITING
    report(ledger)
    [study] = load(ledger, "1.2.3").values()
    assert (study.state, study.outcome) == ("reported", Outcome.DELIVERED)


def test_a_refused_result_is_a_failure_with_its_reason(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, NO_FRACTURE)
    report(ledger, "pacs")
    ours = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        first = load_consignment(session, ours.subject_id).items[0]
        mark_refused(session, ours, first.delivery_id, status=0x0124, error="not allowed")
        finish_consignment(session, ours)
    [study] = load(ledger, "1.2.3").values()
    assert (study.outcome, study.reason) == (Outcome.FAILED, "not allowed")


def test_a_delivery_that_was_given_up_is_a_failure(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, NO_FRACTURE)
    report(ledger, "pacs")
    ours = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        bury_job(session, ours, error="no such destination any more")
    [study] = load(ledger, "1.2.3").values()
    assert (study.outcome, study.reason) == (Outcome.FAILED, "no such destination any more")


def test_a_thousand_studies_take_few_questions(ledger: Engine) -> None:
    asked: list[str] = []

    @event.listens_for(ledger, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    load(ledger, *(f"1.2.{number}" for number in range(1000)))
    assert 0 < len([one for one in asked if one.startswith("SELECT")]) <= 10


def load(ledger: Engine, *uids: str, at: str = "pacs") -> dict[str, LedgerStudy]:
    with reading(ledger) as session:
        return load_ledger_studies(session, uids, [at])


def test_a_study_whose_results_were_withdrawn_before_they_were_sent_is_not_done_with(
    ledger: Engine,
) -> None:
    receive(ledger, received())
    analyse(ledger, NO_FRACTURE)
    report(ledger, "PACS")
    withdraw(ledger, NO_FRACTURE.model_version)
    with transaction(ledger) as session:
        supersede_study(session, 1)  # as when its turn to be sent comes
    with reading(ledger) as session:
        [study] = load_ledger_studies(session, ["1.2.3"], ["PACS"]).values()
    assert (study.state, study.outcome) == ("reported", Outcome.WAITING)
