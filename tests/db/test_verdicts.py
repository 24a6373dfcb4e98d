"""Readers' verdicts: kept, counted and made into labels, on either database."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from db.analyses import AnalysisRecord, save_analysis
from db.jobs import JobKind, add_job
from db.self_test import SELF_TEST_RULE
from db.session import open_ledger, reading
from db.states import AnalysisState, Opinion
from db.study_view import StudyView, read_study
from db.tables import Instance, Verdict
from db.verdict_labels import LabelExport, training_labels
from db.verdict_statistics import Share, count_verdicts
from db.verdicts import (
    GivenVerdict,
    Judgement,
    NothingToJudge,
    counting_verdicts,
    save_verdict,
    verdicts_of_study,
)
from tests.db.ledger import (
    FRACTURE,
    NO_FRACTURE,
    analyse,
    claim,
    in_transaction,
    receive,
    received,
    report,
    rows,
    withdraw,
)

BOX = {"x0": 10.0, "y0": 20.0, "x1": 30.0, "y1": 40.0}
AGREE = Judgement("1.2.3", "rita", Opinion.AGREE, sop_instance_uid="1.2.3.1.1")


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    opened = open_ledger(ledger_url)
    yield opened
    opened.dispose()


def view(engine: Engine, study: str = "1.2.3") -> StudyView:
    with reading(engine) as session:
        seen = read_study(session, study)
    assert seen is not None
    return seen


def judge(engine: Engine, given: Judgement, **changes: Any) -> int:
    """As the page does, with the analysis that counts before the reader's eyes."""
    given = replace(given, **changes)
    shown = {one.row["sop_instance_uid"]: one for one in view(engine).images}
    if given.analysis_id is None and given.sop_instance_uid in shown:
        given = replace(given, analysis_id=shown[given.sop_instance_uid].analysis_id)
    return in_transaction(engine, lambda session: save_verdict(session, given))


def given(engine: Engine) -> list[GivenVerdict]:
    with reading(engine) as session:
        return verdicts_of_study(session, "1.2.3")


def counting(engine: Engine) -> list[GivenVerdict]:
    with reading(engine) as session:
        return counting_verdicts(session)


def labels(engine: Engine) -> LabelExport:
    with reading(engine) as session:
        return training_labels(session)


def analyse_again(engine: Engine, record: AnalysisRecord, number: int = 1) -> None:
    image = next(one for one in rows(engine, Instance) if one.instance_number == number)
    in_transaction(engine, lambda session: add_job(session, JobKind.ANALYSE, image.id))
    ours = claim(engine, JobKind.ANALYSE)
    in_transaction(engine, lambda session: save_analysis(session, ours, record))


def two_images(engine: Engine) -> None:
    receive(engine, *(received(number, instance_number=number) for number in (1, 2)))
    analyse(engine, FRACTURE, replace(NO_FRACTURE, region="leg"))


def test_a_reader_changes_their_mind_and_another_keeps_theirs(engine: Engine) -> None:
    two_images(engine)
    judge(engine, AGREE)
    judge(engine, AGREE, reader="bob")
    judge(
        engine,
        AGREE,
        opinion=Opinion.DISAGREE,
        corrected_finding=AnalysisState.NONE,
        comment="an overlap",
    )
    newest, *earlier = given(engine)
    assert (newest.reader, newest.opinion, newest.comment) == ("rita", "disagree", "an overlap")
    assert (newest.finding, newest.model, newest.said) == ("fracture", "osteon 1.0", "none")
    assert [(one.reader, one.counts) for one in earlier] == [("bob", True), ("rita", False)]
    assert [one.reader for one in counting(engine)] == ["bob", "rita"]
    assert labels(engine).left_out == {"its readers contradict each other": 1}


def test_what_was_judged_is_what_the_reader_had_before_them(engine: Engine) -> None:
    two_images(engine)
    before = view(engine).images[0].analysis_id
    analyse_again(engine, replace(NO_FRACTURE, model_version="2.0"))
    judge(engine, AGREE, analysis_id=before)
    [judged] = given(engine)
    assert (judged.model, judged.finding) == ("osteon 1.0", AnalysisState.FRACTURE)
    # The analysis of another image was not judged by whoever names it.
    judge(engine, AGREE, analysis_id=view(engine).images[1].analysis_id)
    assert given(engine)[0].finding is None


def test_the_same_model_may_look_again_at_what_was_judged(engine: Engine) -> None:
    two_images(engine)
    judge(engine, AGREE)
    judge(engine, AGREE, reader="bob", opinion=Opinion.PARTLY)
    analyse_again(engine, replace(FRACTURE, probability=0.91))
    assert {(one.reader, one.probability) for one in given(engine)} == {
        ("rita", 0.91),
        ("bob", 0.91),
    }
    analyse_again(engine, NO_FRACTURE)
    assert {one.finding for one in given(engine)} == {None}, "that answer is gone"
    withdraw(engine, "1.0")
    analyse_again(engine, FRACTURE)  # by the withdrawn model, which no longer counts
    assert len(given(engine)) == 2


def test_only_what_is_there_is_judged(engine: Engine) -> None:
    two_images(engine)
    for wrong in ({"study_instance_uid": "9"}, {"sop_instance_uid": "9"}):
        with pytest.raises(NothingToJudge):
            judge(engine, AGREE, **wrong)
    apart = received(1, sha256="f" * 64, spool_key="other")
    receive(engine, apart)
    assert [one.row["state"] for one in view(engine).kept_apart] == ["quarantined"]
    judge(engine, AGREE, comment="x" * 5000)
    assert len(rows(engine, Verdict)[0].comment) == 2000


def test_counts_in_two_by_two_and_by_what_the_node_said(engine: Engine) -> None:
    two_images(engine)
    second = replace(AGREE, sop_instance_uid="1.2.3.1.2")
    judge(engine, AGREE)
    judge(engine, AGREE, reader="bob", opinion=Opinion.PARTLY, corrected_region="wrist")
    judge(engine, second, opinion=Opinion.DISAGREE, corrected_finding=AnalysisState.FRACTURE)
    judge(engine, second, reader="bob")
    judge(
        engine,
        second,
        reader="eve",
        opinion=Opinion.DISAGREE,
        corrected_finding=AnalysisState.POSSIBLE,
    )
    report(engine, "PACS")
    judge(engine, AGREE, sop_instance_uid=None, report_revision=1)
    counted = count_verdicts(counting(engine))
    assert (counted.images, counted.studies, counted.readers) == (2, 1, 3)
    table = counted.two_by_two
    cells = (table.true_alarms, table.false_alarms, table.missed, table.rightly_none, table.unsure)
    assert cells == (2, 0, 1, 1, 1)
    assert (table.sensitivity.hits, table.sensitivity.of) == (2, 3)
    by_region = {one.name: (one.agree, one.partly, one.disagree) for one in counted.by_region}
    assert by_region == {"wrist": (1, 1, 0), "leg": (1, 0, 2)}
    assert [(one.name, one.verdicts) for one in counted.by_model] == [("osteon 1.0", 5)]
    assert counted.on_studies.agree == 1


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    assert Share(hits, of).interval == pytest.approx((low, high), abs=5e-5)


def test_a_share_of_nothing_is_none() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)


def test_labels_of_images(engine: Engine) -> None:
    two_images(engine)
    judge(engine, AGREE)
    judge(
        engine,
        replace(AGREE, sop_instance_uid="1.2.3.1.2"),
        opinion=Opinion.DISAGREE,
        corrected_finding=AnalysisState.FRACTURE,
        corrected_region="hip",
        corrected_type="spiral",
        boxes=[BOX, BOX],
    )
    first, second = labels(engine).labels
    assert (first.fractured, first.region, first.boxes_by) == (True, "wrist", "network")
    assert first.rows()[0]["x0"] == 1.0
    assert (second.region, second.fracture_type, second.boxes_by) == ("hip", "spiral", "reader")
    assert [row["y1"] for row in second.rows()] == [40.0, 40.0]
    assert first.patient == second.patient == 1


def test_a_study_that_shows_nothing_labels_its_images_but_a_fracture_may_be_on_any(
    engine: Engine,
) -> None:
    receive(engine, *(received(number) for number in (1, 2)))
    analyse(engine, NO_FRACTURE, NO_FRACTURE)
    whole = replace(AGREE, sop_instance_uid=None, corrected_finding=AnalysisState.NONE)
    judge(engine, whole)
    judge(
        engine,
        AGREE,
        opinion=Opinion.DISAGREE,
        corrected_finding=AnalysisState.FRACTURE,
        boxes=[BOX],
    )
    first, second = labels(engine).labels
    assert (first.fractured, second.fractured) == (True, False), "what is said of an image counts"
    judge(engine, whole, opinion=Opinion.DISAGREE, corrected_finding=AnalysisState.FRACTURE)
    assert [one.sop_instance_uid for one in labels(engine).labels] == ["1.2.3.1.1"]


def test_a_comment_is_kept_as_a_database_can_hold_it(engine: Engine) -> None:
    two_images(engine)
    judge(engine, AGREE, comment="an\0 overlap")
    assert [one.comment for one in given(engine)] == ["an overlap"]


def test_what_is_said_of_a_self_test_counts_nowhere(engine: Engine) -> None:
    receive(engine, received(1, study="1.2.9", rule=SELF_TEST_RULE))
    analyse(engine, FRACTURE)
    of_phantom = replace(AGREE, study_instance_uid="1.2.9", sop_instance_uid="1.2.9.1.1")
    in_transaction(engine, lambda session: save_verdict(session, of_phantom))
    assert counting(engine) == []
    assert labels(engine) == LabelExport([], {})


def test_who_is_not_sure_labels_nothing(engine: Engine) -> None:
    two_images(engine)
    judge(engine, AGREE, corrected_finding=AnalysisState.POSSIBLE, opinion=Opinion.DISAGREE)
    judge(engine, AGREE, sop_instance_uid="1.2.3.1.2", opinion=Opinion.DISAGREE)
    found = labels(engine)
    assert found.labels == []
    assert found.left_out == {
        "its reader is not sure": 1,
        "what its reader sees is not told": 1,
    }
