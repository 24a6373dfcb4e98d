"""What `osteon data` says of a folder."""

from pathlib import Path

import pytest

from model.datasets.data_set import DataSet, Dropped
from model.datasets.labelled import LabelledImage, flags_of
from model.datasets.report import describe
from tests.cli.shell import Shell
from tests.model.datasets.conftest import Draw, write_table


@pytest.fixture
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("shell"))


def test_images_are_counted_by_everything_the_labels_tell() -> None:
    hand, both = flags_of("hand"), flags_of("hand", "leg")
    images = (
        LabelledImage(Path("1"), "a", "train", True, hand, hardware=True, size=(300, 200)),
        LabelledImage(Path("2"), "a", "val", False, both, hardware=False, size=(90, 100)),
        LabelledImage(Path("3"), "b", "val", True, (), fracture_type="spiral", size=(200, 500)),
    )
    report = describe(DataSet("bones", "none", images, (Dropped(Path("4"), "gone"),)))
    assert (report["images"], report["fractured"], report["with_boxes"]) == (3, 2, 0)
    assert report["splits"] == {
        "train": {"images": 1, "fractured": 1},
        "val": {"images": 2, "fractured": 1},
    }
    assert report["regions"]["hand"] == {"images": 2, "fractured": 1}
    assert report["regions"]["not told"] == {"images": 1, "fractured": 1}
    assert report["types"]["spiral"] == {"images": 1, "fractured": 1}
    assert sorted(report["hardware"]) == ["no", "not told", "yes"]
    assert report["groups"] == {"number": 2, "largest": 2, "in_several_splits": 1}
    assert report["long_sides"]["fractured"] == {"least": 300, "median": 400, "most": 500}


def test_the_command_prints_one_document(shell: Shell, tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "train/fractured/1.png", 0)
    draw(tmp_path / "val/fractured/2.png", 0)
    draw(tmp_path / "val/normal/3.png", 1)
    (tmp_path / "val/normal/4.png").write_bytes(b"nothing")
    outcome = shell.run_anew("data", tmp_path, "--json", "--duplicates")
    assert outcome.code == 0, outcome.stderr
    (report,) = outcome.documents()
    assert (report["layout"], report["images"], report["fractured"]) == ("two-folders", 3, 2)
    assert report["dropped"] == [
        {"file": "val/normal/4.png", "reason": "neither a PNG nor a JPEG picture"}
    ]
    assert report["duplicates"]["in_several_splits"] == 1
    assert report["duplicates"]["pairs"] == [
        {
            "first": "train/fractured/1.png",
            "second": "val/fractured/2.png",
            "copy": "exact",
            "correlation": 1.0,
        }
    ]


def test_the_command_prints_tables_for_people(shell: Shell, tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "a.png", 0)
    rows = [{"file": "a.png", "fractured": 1}, {"file": "b.png", "fractured": 0}]
    write_table(tmp_path / "labels.csv", rows)
    outcome = shell.run("data", tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert "layout dicom-table: 1 images, 1 fractured" in outcome.stdout
    assert "there is no such file" in outcome.stdout
    assert "note: Groups are" in outcome.stdout


def test_the_command_says_what_is_wrong(shell: Shell, tmp_path: Path) -> None:
    absent = shell.run("data", tmp_path / "nowhere")
    assert (absent.code, "nowhere" in absent.stderr) == (20, True)
    unknown = shell.run("data", tmp_path)
    assert (unknown.code, "MURA" in unknown.stderr) == (20, True)
    write_table(tmp_path / "labels.csv", [{"file": "gone.dcm", "fractured": 1}])
    empty = shell.run("data", tmp_path)
    assert (empty.code, "there is no such file" in empty.stderr) == (21, True)
