"""Each requirement is held by a test, and the page that says so is of today."""

from pathlib import Path

from release.trace import TRACE, holders_by_requirement, requirements, trace_of
from tests.test_documentation import ROOT


def test_each_requirement_is_held_by_a_test() -> None:
    tests = holders_by_requirement(ROOT)
    assert [one for one in requirements(ROOT) if not tests.get(one)] == []


def test_no_test_holds_what_nobody_requires() -> None:
    assert set(holders_by_requirement(ROOT)) <= set(requirements(ROOT))


def test_the_page_was_made_anew_after_the_last_change() -> None:
    assert (ROOT / TRACE).read_text() == trace_of(ROOT), "run `make trace`"


def test_marks_of_a_test_and_of_its_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/requirements.md").write_text("| R-A-1 | It works. |\n| R-A-2 | It stays. |\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(
        "import pytest\n"
        'pytestmark = [pytest.mark.slow, pytest.mark.requirement("R-A-1")]\n'
        "def test_one(): ...\n"
        "@pytest.mark.soak\n"
        '@pytest.mark.requirement("R-A-2", "R-A-3")\n'
        "def test_two(): ...\n"
        "def make(): ...\n"
    )
    found = holders_by_requirement(tmp_path)
    one, two = "`tests/test_it.py` test_one", "*`tests/test_it.py` test_two*"
    assert found == {"R-A-1": [one, two], "R-A-2": [two], "R-A-3": [two]}
    assert "## R-A-2\n\nIt stays.\n\n- *`tests" in trace_of(tmp_path)
