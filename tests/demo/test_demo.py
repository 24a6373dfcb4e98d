"""The demonstration from beginning to end, as `make demo ONCE=1` runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dicom_node.dicomize import write_dicom
from dicom_node.phantom_study import Rendering, phantom_study
from settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.integration]
ROOT = Path(__file__).resolve().parents[2]


def _run_demo(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    named = {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    if (model_dir := load_settings().model_dir) is not None:
        named["OSTEON_MODEL_DIR"] = str(model_dir)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSTEON_")}
    command = [sys.executable, "-m", "demo", "--once", "--folder", folder, *arguments]
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=kept | named,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_phantom_study_goes_the_whole_way(tmp_path: Path) -> None:
    shown = _run_demo(tmp_path)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert _probabilities(shown.stdout), shown.stdout
    assert len(_probabilities(shown.stdout)) == 2
    assert "study is delivered" in shown.stdout
    assert "Imaging Report" in shown.stdout or "Imaging Measurement Report" in shown.stdout
    for path in _pictures(shown.stdout):
        with Image.open(path) as picture:
            assert picture.mode == "RGB"


@pytest.mark.soak
@pytest.mark.parametrize("form", ["png", "dcm"])
def test_an_image_of_ones_own_goes_the_whole_way(tmp_path: Path, form: str) -> None:
    dataset = phantom_study(3, fractured=True, views=["ap"], rendering=Rendering(512, 416))[0]
    image = tmp_path / f"own.{form}"
    if form == "dcm":
        write_dicom(dataset, image)
    else:
        Image.fromarray((dataset.pixel_array >> 4).astype("uint8")).save(image)
    shown = _run_demo(tmp_path, "--image", image)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert f"own.{form}" in shown.stdout
    assert len(_probabilities(shown.stdout)) == 1


@pytest.mark.parametrize("content", [b"no picture at all", None])
def test_a_step_that_fails_is_shown_and_ends_it(tmp_path: Path, content: bytes | None) -> None:
    image = tmp_path / "broken.png"
    if content is not None:
        image.write_bytes(content)
    shown = _run_demo(tmp_path, "--image", image)
    assert shown.returncode != 0
    assert "broken.png" in shown.stdout
    assert "Traceback" not in shown.stderr


def _probabilities(shown: str) -> list[float]:
    """Those of the table: a row is its number, the state and the probability."""
    return [float(found) for found in re.findall(r"^\d+ +[a-z]+ +(0\.\d+|1\.0+)", shown, re.M)]


def _pictures(shown: str) -> list[Path]:
    paths = [Path(line) for line in shown.splitlines() if line.endswith(".png")]
    assert paths, "no annotated image"
    return paths
