"""The benchmark builds every kind of object there is, and says by its exit code if all keep up."""

import pytest
import typer

from benchmarks.objects import Row, Study, builders, make_study, measure, tell
from dicom_node.results.result_object import ResultKind, ResultObject

ROWS, COLUMNS = 160, 128


@pytest.fixture(scope="module")
def study() -> Study:
    return make_study(ROWS, COLUMNS)


def test_every_kind_of_object_is_built(study: Study) -> None:
    kinds = set()
    for build in builders(study).values():
        built = build()
        assert built is not None
        kinds |= {one.kind for one in ([built] if isinstance(built, ResultObject) else built)}
    assert kinds == set(ResultKind)


def test_what_is_of_a_study_is_timed_for_one_image_and_for_two(study: Study) -> None:
    rows = measure(study, runs=1)
    of_two = {row.name for row in rows if row.images == 2}
    assert of_two == {"SR and fallback", "KOS", "rejection", "PDF", "summary"}
    assert {row.name for row in rows if row.images == 1} == {*of_two, "GSPS", "SEG", "SC"}
    sizes = {(row.name, row.images): row.kilobytes for row in rows}
    assert sizes["SC", 1] == pytest.approx(3 * ROWS * COLUMNS / 1000, abs=5)
    assert sizes["SR and fallback", 2] > sizes["SR and fallback", 1]
    assert all(row.wall_ms > 0 and row.processor_ms > 0 for row in rows)
    assert {row.name for row in rows if row.limit_ms == 250} == {"PDF", "SC", "summary"}
    assert {row.limit_ms for row in rows} == {60, 250}


def test_a_limit_holds_for_the_processors_time() -> None:
    assert Row("KOS", 1, 1, wall_ms=90, processor_ms=60, limit_ms=60).is_within
    assert not Row("KOS", 1, 1, wall_ms=90, processor_ms=60.1, limit_ms=60).is_within


def test_one_that_is_too_slow_is_shown_and_fails_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    quick = Row("KOS", 1, 1, wall_ms=90, processor_ms=6, limit_ms=60)
    slow = Row("PDF", 1, 1, wall_ms=90, processor_ms=251, limit_ms=250)
    tell([quick])
    assert "too slow" not in capsys.readouterr().out
    with pytest.raises(typer.Exit) as exited:
        tell([quick, slow])
    assert exited.value.exit_code == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("too slow")] == ["PDF"]
