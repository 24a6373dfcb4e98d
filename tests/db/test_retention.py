"""Which files retention lets go of, and what keeps all the others: on either database."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, update

from db.deliveries import load_consignment
from db.holds import place_hold, release_hold
from db.intake import Intake
from db.jobs import JobKind, add_job
from db.leaving_files import leaving_keys, named_keys, note_leaving
from db.peer_requests import find_held
from db.purged import purged_sentence
from db.result_catalogue import InstanceSelection, find_instances, purged_at
from db.results import image_results
from db.retention import (
    Purged,
    Walk,
    examine_received,
    examine_results,
    purge_received,
    purge_results,
)
from db.retention_rule import RetentionRule, kept_by_reason
from db.session import reading, transaction
from db.states import AnalysisState, DeliveryState, JobState
from db.studies import lock_study
from db.tables import Analysis, AuditEvent, Delivery, Instance, Job, ResultObject, Study
from tests.db.keeping import age_everything, finish_study
from tests.db.ledger import (
    FRACTURE,
    analyse,
    claim,
    deliver,
    in_transaction,
    receive,
    received,
    report,
    rows,
    settle,
)

pytestmark = pytest.mark.requirement("R-DATA-2")

DAY = 86400.0
# What both databases say alike: once is enough.
ON_ONE = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
RULE = RetentionRule(30 * DAY)


def purge(engine: Engine, rule: RetentionRule = RULE) -> Purged:
    """As a step does: look, then let go."""
    with reading(engine) as session:
        found = examine_received(session, rule, Walk())
    assert found.walk is None
    with transaction(engine) as session:
        return purge_received(session, found.study_ids, rule, why="a test", actor="retention")


def leaving(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return leaving_keys(session, limit=None)


def test_a_study_that_is_proved_to_be_kept_lets_its_files_go_and_keeps_its_rows(
    ledger: Engine,
) -> None:
    finish_study(ledger)
    assert purge(ledger) == Purged()
    age_everything(ledger, 31)
    assert purge(ledger) == Purged(studies=1, files=1, size_bytes=1001)
    assert leaving(ledger) == ["spool-1.2.3-1"]
    [instance] = rows(ledger, Instance)
    assert instance.purged_at is not None
    with reading(ledger) as session:
        [row] = image_results(session)
    assert (row["state"], row["purged_at"]) == ("fracture", instance.purged_at)
    [event] = [one for one in rows(ledger, AuditEvent) if one.action == "study-deleted"]
    assert (event.study_instance_uid, event.actor) == ("1.2.3", "retention")
    assert event.detail == "received files purged: a test"
    assert purge(ledger) == Purged()


def held(ledger: Engine) -> None:
    with transaction(ledger) as session:
        place_hold(session, "1.2.3", reason="a complaint", person="Ada")


def blocked(ledger: Engine) -> None:
    receive(ledger, received(2, patient_id="another"))


def kept_apart(ledger: Engine) -> None:
    receive(ledger, received(1, sha256="f" * 64, spool_key="apart"))


def unreported(ledger: Engine) -> None:
    receive(ledger, received(2))


def given_up(ledger: Engine) -> None:
    with transaction(ledger) as session:
        sending = update(Job).where(Job.kind == JobKind.DELIVER, Job.subject_id == 1)
        session.execute(sending.values(state=JobState.DEAD))


def at_work(ledger: Engine) -> None:
    in_transaction(ledger, lambda session: add_job(session, JobKind.ANALYSE, 1))


def is_now(state: DeliveryState) -> Callable[[Engine], None]:
    def change(ledger: Engine) -> None:
        with transaction(ledger) as session:
            session.execute(update(Delivery).where(Delivery.id == 1).values(state=state))

    return change


@ON_ONE
@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (held, "held"),
        (blocked, "blocked: it may mix two patients"),
        (kept_apart, "has an object kept apart"),
        (given_up, "waits for a person: given up or refused"),
        (is_now(DeliveryState.REFUSED), "waits for a person: given up or refused"),
        (unreported, "not reported yet"),
        (at_work, "not reported yet"),
        (is_now(DeliveryState.QUEUED), "not delivered, or not proved to be kept"),
        (is_now(DeliveryState.SENT), "not delivered, or not proved to be kept"),
    ],
)
def test_what_is_not_over_keeps_its_files(
    ledger: Engine, happens: Callable[[Engine], None], reason: str
) -> None:
    finish_study(ledger)
    finish_study(ledger, study="7.8.9")
    happens(ledger)
    age_everything(ledger, 31)
    with reading(ledger) as session:
        assert kept_by_reason(session, RULE) == {reason: 1}
    assert purge(ledger).studies == 1
    assert [one.purged_at is None for one in rows(ledger, Instance)][:2] == [True, False]
    with transaction(ledger) as session:
        assert purge_received(session, [1], RULE, why="", actor="") == Purged()
        assert purge_results(session, [1], RULE, why="", actor="") == Purged()


@ON_ONE
@pytest.mark.parametrize(
    "column", [Study.last_instance_at, Delivery.sent_at, Delivery.committed_at]
)
def test_what_had_traffic_lately_keeps_its_files(ledger: Engine, column: object) -> None:
    finish_study(ledger)
    before = rows(ledger, Study)[0].last_instance_at
    age_everything(ledger, 31)
    lately = update(column.class_).values({column.key: before})  # type: ignore[attr-defined]
    in_transaction(ledger, lambda session: session.execute(lately))
    if column is Delivery.sent_at:
        in_transaction(
            ledger, lambda session: session.execute(update(Delivery).values(committed_at=None))
        )
    assert purge(ledger) == Purged()


@ON_ONE
def test_being_taken_is_enough_where_the_hospital_says_so(ledger: Engine) -> None:
    receive(ledger, received())
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    age_everything(ledger, 31)
    assert purge(ledger) == Purged()
    assert purge(ledger, RetentionRule(30 * DAY, requires_proof=False)).files == 1


@ON_ONE
def test_a_message_is_proved_by_being_taken(ledger: Engine) -> None:
    finish_study(ledger)
    is_now(DeliveryState.SENT)(ledger)
    age_everything(ledger, 31)
    messages = update(ResultObject).where(ResultObject.id == 1).values(sop_instance_uid=None)
    in_transaction(ledger, lambda session: session.execute(messages))
    assert purge(ledger).files == 1


@ON_ONE
def test_a_released_hold_keeps_nothing(ledger: Engine) -> None:
    finish_study(ledger)
    held(ledger)
    age_everything(ledger, 31)
    assert purge(ledger) == Purged()
    with transaction(ledger) as session:
        release_hold(session, "1.2.3", reason="settled", person="Bea")
    assert purge(ledger).files == 1


@ON_POSTGRESQL
def test_what_somebody_is_at_work_on_is_left_for_the_next_step(ledger: Engine) -> None:
    """And nobody waits for anybody; SQLite has one writer anyway."""
    finish_study(ledger)
    age_everything(ledger, 31)
    with transaction(ledger) as session:
        lock_study(session, 1)
        assert purge(ledger) == Purged()
    assert purge(ledger).files == 1


@ON_ONE
def test_a_study_is_looked_at_again_once_it_is_locked(ledger: Engine) -> None:
    finish_study(ledger)
    age_everything(ledger, 31)
    with reading(ledger) as session:
        found = examine_received(session, RULE, Walk()).study_ids
    assert found == (1,)
    receive(ledger, received(2))
    with transaction(ledger) as session:
        assert purge_received(session, found, RULE, why="", actor="") == Purged()


@ON_ONE
def test_the_walk_goes_on_where_it_was(ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.retention._EXAMINED_AT_ONCE", 2)
    for number in range(5):
        receive(ledger, received(study=f"1.{number}", is_image=False, not_analysed_reason="SR"))
    age_everything(ledger, 31)
    seen: list[int] = []
    walk: Walk | None = Walk()
    while walk is not None:
        with reading(ledger) as session:
            found = examine_received(session, RULE, walk)
        seen, walk = [*seen, *found.study_ids], found.walk
    assert seen == [1, 2, 3, 4, 5]


def purge_all_results(ledger: Engine) -> Purged:
    with reading(ledger) as session:
        found = examine_results(session, RULE, Walk())
    with transaction(ledger) as session:
        return purge_results(session, found.study_ids, RULE, why="a test", actor="retention")


def with_pictures(ledger: Engine) -> None:
    pictures = update(Analysis).values(heatmap_key="heat", annotated_key="drawn")
    in_transaction(ledger, lambda session: session.execute(pictures))


def test_results_go_with_their_pictures_and_are_offered_to_nobody(ledger: Engine) -> None:
    finish_study(ledger)
    with_pictures(ledger)
    assert purge_all_results(ledger) == Purged()
    age_everything(ledger, 31)
    assert purge_all_results(ledger) == Purged(studies=1, files=5, size_bytes=300)
    assert leaving(ledger) == ["9.1.1.1", "9.1.1.2", "9.1.1.3", "drawn", "heat"]
    [analysis] = rows(ledger, Analysis)
    assert (analysis.heatmap_key, analysis.annotated_key) == (None, None)
    assert analysis.pictures_purged_at is not None
    selection = InstanceSelection(study_instance_uids=("1.2.3",))
    with reading(ledger) as session:
        assert find_instances(session, selection, limit=10) == []
        moment = purged_at(session, selection)
        assert moment in {one.purged_at for one in rows(ledger, ResultObject)}
        assert purged_at(session, InstanceSelection(study_instance_uids=("7",))) is None
        assert len(load_consignment(session, 1).items) == 2
    assert moment is not None
    assert purged_sentence(moment).startswith("its file was purged on 20")


@ON_ONE
def test_results_that_only_this_node_has_stay(ledger: Engine) -> None:
    receive(ledger, received())
    analyse(ledger, FRACTURE)
    report(ledger)
    age_everything(ledger, 31)
    assert purge_all_results(ledger) == Purged()
    assert purge(ledger).files == 1


@ON_ONE
def test_a_file_of_two_rows_is_named_until_both_let_go(ledger: Engine) -> None:
    finish_study(ledger)
    finish_study(ledger, study="4.5.6")
    with_pictures(ledger)
    age_everything(ledger, 31)
    with transaction(ledger) as session:
        place_hold(session, "4.5.6", reason="a complaint", person="Ada")
    assert purge_all_results(ledger).studies == 1
    with reading(ledger) as session:
        assert named_keys(session, ["heat", "drawn", "9.1.1.1", "9.2.1.1", "none"]) == {
            *("heat", "drawn", "9.2.1.1")
        }
    with transaction(ledger) as session:
        note_leaving(session, ["heat"])  # again: no error
        release_hold(session, "4.5.6", reason="settled", person="Ada")
    assert purge_all_results(ledger).studies == 1
    with reading(ledger) as session:
        assert named_keys(session, ["heat", "drawn"]) == set()


def test_the_very_bytes_that_come_again_are_here_again_and_not_looked_at_again(
    ledger: Engine,
) -> None:
    finish_study(ledger)
    age_everything(ledger, 31)
    purge(ledger)
    with reading(ledger) as session:
        assert find_held(session, ["1.2.3.1.1"]) == {}
    assert receive(ledger, received()) == [Intake.RESTORED]
    assert receive(ledger, received()) == [Intake.DUPLICATE]
    [instance] = rows(ledger, Instance)
    assert instance.purged_at is None
    with reading(ledger) as session:
        assert list(find_held(session, ["1.2.3.1.1"])) == ["1.2.3.1.1"]
    assert settle(ledger) == []
    assert [job for job in rows(ledger, Job) if job.state is JobState.WAITING] == []
    assert purge(ledger) == Purged()


@ON_ONE
def test_what_was_not_looked_at_because_it_was_gone_is_looked_at_when_it_comes_again(
    ledger: Engine,
) -> None:
    finish_study(ledger)
    age_everything(ledger, 31)
    purge(ledger)
    [instance] = rows(ledger, Instance)
    assert instance.purged_at is not None
    unseen = update(Analysis).values(
        state=AnalysisState.NOT_ANALYSED, reason=purged_sentence(instance.purged_at)
    )
    in_transaction(ledger, lambda session: session.execute(unseen))
    assert receive(ledger, received()) == [Intake.RESTORED]
    assert claim(ledger, JobKind.ANALYSE).subject_id == 1


@ON_ONE
def test_other_bytes_under_the_uid_of_what_was_purged_are_kept_apart(ledger: Engine) -> None:
    finish_study(ledger)
    age_everything(ledger, 31)
    purge(ledger)
    assert receive(ledger, received(sha256="f" * 64, spool_key="f" * 64)) == [Intake.CONFLICT]
    with reading(ledger) as session:
        states = session.scalars(select(Instance.purged_at).order_by(Instance.id)).all()
    assert [state is None for state in states] == [False, True]
