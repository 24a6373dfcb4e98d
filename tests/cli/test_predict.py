"""`osteon predict` and `osteon dicomize`: what a script gets for good and bad files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from phantom.radiograph import PhantomSpec, make_phantom
from tests.cli.shell import Outcome, Shell

# The line of `predict --json` that programs are promised.
KEYS = {
    "file",
    "state",
    "probability",
    "region",
    "regions",
    "hardware_probability",
    "type",
    "type_probability",
    "severity",
    "boxes",
    "notes",
    "model",
    "reason",
    "picture",
}
_TURN_CLOCKWISE = 6  # to see the picture upright
_ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def pictures(shell: Shell) -> Path:
    """One phantom as PNG, as upright JPEG and as JPEG that EXIF turns upright; and no picture."""
    folder = shell.folder
    pixels = make_phantom(PhantomSpec(7, fractured=True, rows=320, columns=256)).pixels
    picture = Image.fromarray((pixels >> 4).astype(np.uint8))
    picture.save(folder / "upright.png")
    picture.save(folder / "upright.jpg", quality=100)
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURN_CLOCKWISE
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned.save(folder / "turned.jpg", quality=100, exif=exif)
    (folder / "letter.png").write_text("Dear colleague")
    (folder / "cut.dcm").write_bytes(bytes(128) + b"DICM" + bytes(40))
    return folder


@pytest.fixture(scope="module")
def dicomized(shell: Shell, pictures: Path) -> Path:
    outcome = shell.run("dicomize", "upright.png", "made.dcm", "--region", "hand")
    assert (outcome.code, outcome.stdout) == (0, "made.dcm\n"), outcome.stderr
    return shell.folder / "made.dcm"


FILES = ("made.dcm", "upright.png", "upright.jpg", "turned.jpg", "letter.png", "cut.dcm", "no.dcm")


@pytest.fixture(scope="module")
def predicted(shell: Shell, dicomized: Path) -> Outcome:
    return shell.run("predict", "--json", "--heatmap", "seen", *FILES)


def test_each_line_has_the_promised_keys_and_nothing_else_is_printed(predicted: Outcome) -> None:
    rows = predicted.documents()
    assert [row["file"] for row in rows] == list(FILES)
    assert all(set(row) == KEYS for row in rows)


def test_a_readable_file_has_a_prediction(predicted: Outcome) -> None:
    for row in predicted.documents()[:4]:
        assert row["state"] in {"fracture", "possible", "none"}
        assert 0 <= row["probability"] <= 1
        assert row["reason"] is None
        assert row["model"].startswith("osteon")
        assert row["regions"][row["region"]] == max(row["regions"].values())
        assert row["notes"] == []
        for box in row["boxes"]:
            assert 0 <= box["x0"] < box["x1"] <= 256
            assert 0 <= box["y0"] < box["y1"] <= 320


def test_the_same_picture_is_the_same_in_every_file(predicted: Outcome) -> None:
    dicom, png, jpeg, turned = (row["probability"] for row in predicted.documents()[:4])
    assert png == pytest.approx(dicom, abs=0.05)
    assert jpeg == pytest.approx(png, abs=0.05)
    assert turned == pytest.approx(jpeg, abs=0.02)


def test_an_unreadable_file_has_a_reason_and_the_exit_code_says_so(predicted: Outcome) -> None:
    letter, cut, missing = predicted.documents()[4:]
    for row in (letter, cut, missing):
        assert (row["state"], row["probability"], row["boxes"]) == ("not_analysed", None, [])
    assert letter["reason"] == "neither a PNG nor a JPEG picture"
    assert cut["reason"]
    assert missing["reason"] == "there is no such file"
    assert predicted.code == 20


def test_each_judged_file_has_a_picture_under_a_name_of_its_own(
    predicted: Outcome, shell: Shell
) -> None:
    rows = predicted.documents()
    drawn = ["seen/made.png", "seen/upright.png", "seen/upright-2.png", "seen/turned.png"]
    assert [row["picture"] for row in rows] == [*drawn, None, None, None]
    assert {str(path.relative_to(shell.folder)) for path in shell.folder.glob("seen/*")} == set(
        drawn
    )
    for name in drawn:
        with Image.open(shell.folder / name) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (256, 320))


def test_one_file_may_be_drawn_under_any_name(shell: Shell, pictures: Path) -> None:
    outcome = shell.run("predict", "--json", "upright.png", "--heatmap", "marked.png")
    assert [row["picture"] for row in outcome.documents()] == ["marked.png"]
    with Image.open(shell.folder / "marked.png") as seen:
        assert (seen.format, seen.mode, seen.width) == ("PNG", "RGB", 256)


def test_a_folder_is_searched_to_its_depths_in_order(shell: Shell, dicomized: Path) -> None:
    ward = shell.folder / "ward"
    for name in ("b/no_suffix", "a/x.JPG", ".cache/x.png", "a/.x.png", "notes.txt", "DICOMDIR"):
        (ward / name).parent.mkdir(parents=True, exist_ok=True)
        (ward / name).write_bytes(dicomized.read_bytes())
    (ward / "a/x.JPG").write_bytes((shell.folder / "upright.jpg").read_bytes())
    listed = "\n".join(["", "ward", "letter.png", "- no such file"])
    outcome = shell.run("predict", "--json", "-", stdin=listed.encode() + b"\n\xff.png")
    files = [row["file"] for row in outcome.documents()]
    found = ["ward/a/x.JPG", "ward/b/no_suffix", "ward/notes.txt"]
    assert files == [*found, "letter.png", "- no such file", "\N{REPLACEMENT CHARACTER}.png"]
    assert outcome.code == 20


def test_a_list_on_stdin_is_answered_line_by_line(shell: Shell, pictures: Path) -> None:
    with shell.open("predict", "--json", "-") as process:
        assert process.stdin is not None and process.stdout is not None
        for name in (b"upright.png", b"letter.png"):
            process.stdin.write(name + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["file"] == name.decode()
        process.stdin.close()
        assert process.wait(60) == 20


def test_nothing_to_judge_and_a_place_that_cannot_be_meant(shell: Shell, pictures: Path) -> None:
    (shell.folder / "empty").mkdir()
    assert shell.run("predict", "empty").code == 21
    many = shell.run("predict", "upright.png", "upright.jpg", "--heatmap", "seen.png")
    assert (many.code, "several files need a folder" in many.stderr) == (1, True)


def test_a_table_for_people_and_exit_code_0(shell: Shell, pictures: Path) -> None:
    outcome = shell.run("predict", "upright.png")
    assert outcome.code == 0, outcome.stderr
    assert "probability" in outcome.stdout
    assert "upright.png" in outcome.stdout


def test_what_cannot_be_written_or_loaded_has_its_exit_code(shell: Shell, pictures: Path) -> None:
    unwritable = shell.run("predict", "upright.png", "--heatmap", "no/folder/seen.png")
    assert (unwritable.code, "No such file" in unwritable.stderr) == (40, True)
    unusable = shell.run("predict", "upright.png", model_dir=shell.folder)
    assert (unusable.code, "card.json" in unusable.stderr) == (22, True)
    assert (unwritable.stdout, unusable.stdout) == ("", "")


def test_a_dicomized_picture_is_a_valid_image_of_it(dicomized: Path) -> None:
    dataset = dcmread(dicomized)
    assert (dataset.Rows, dataset.Columns, dataset.BodyPartExamined) == (320, 256, "HAND")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["letter.png", "out.dcm"], 20, "letter.png"),
        (["upright.png", "no/folder/out.dcm"], 40, "No such file"),
        (["upright.png", "out.dcm", "--region", "tail"], 1, "tail"),
        (["upright.png"], 1, "Missing argument"),
    ],
)
def test_what_is_not_dicomized_says_why(
    shell: Shell, pictures: Path, arguments: list[str], code: int, said: str
) -> None:
    outcome = shell.run("dicomize", *arguments)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert said in outcome.stderr
