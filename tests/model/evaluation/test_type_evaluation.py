"""A classifier that tells fracture types alone is measured on them, and on nothing else."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.artefact import bundled_artefact, load_artefact
from model.card import NetworkSpec
from model.datasets.labelled import FRACTURE_TYPES
from model.evaluation.evaluation import Subject, files_measured
from model.evaluation.measure import Unread
from model.evaluation.measured import Measured
from model.evaluation.report import METRICS, PAGE, render_type_page
from model.evaluation.summary import NothingJudged
from model.evaluation.type_evaluation import evaluate_types
from tests.cli.shell import Shell
from tests.cli.untrained import untrained_artefact
from tests.model.datasets.conftest import write_table
from tests.model.evaluation.made_rows import labelled, row

TYPES = ("spiral", "oblique", "hairline")


def _subject() -> Subject:
    spec = NetworkSpec(kind="plain", trunk="small_cnn", fracture=False, types=TYPES)
    card = load_artefact(bundled_artefact()).card.model_copy(update={"network": spec})
    return files_measured(card, "phantoms", "val", {})


def _told(number: int, true: str | None, likeliest: str) -> Measured:
    """As such a classifier answers: without a probability of a fracture."""
    image = labelled(True, number, fracture_type=true)
    types = {name: 0.6 if name == likeliest else 0.2 for name in TYPES}
    return row(True, None, image=image, types=types, reason=None)


@pytest.fixture
def rows() -> list[Measured]:
    """Three of four right; one of another type, one untyped, one refused."""
    return [
        _told(0, "spiral", "spiral"),
        _told(1, "spiral", "oblique"),
        _told(2, "oblique", "oblique"),
        _told(3, "hairline", "hairline"),
        _told(4, "greenstick", "hairline"),
        _told(5, None, "hairline"),
        row(True, None, 6, image=labelled(True, 6, fracture_type="spiral")),
    ]


def test_types_are_counted_where_they_are_known_and_told(rows: list[Measured]) -> None:
    unread = [Unread(labelled(True, 7), "neither a PNG nor a JPEG picture")]
    evaluation = evaluate_types(rows, unread, _subject())
    assert (evaluation.images, evaluation.groups, evaluation.untold) == (7, 7, 2)
    assert (evaluation.types.images, evaluation.types.accuracy.value) == (4, 0.75)
    assert evaluation.types.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 1))
    assert [(one.file, one.reason) for one in evaluation.not_assessable] == [
        ("0006.png", "too dark")
    ]
    page = re.sub(r"<[^>]+>", " ", render_type_page(evaluation))
    for words in (
        *("0.750", "0007.png", "too dark", "tells fracture types alone", evaluation.command),
        *("2 that it judged are of another", *TYPES),
    ):
        assert words in page, words
    assert "AUROC" not in page


def test_what_could_not_be_measured_is_called_by_its_cause(rows: list[Measured]) -> None:
    with pytest.raises(NothingJudged, match="none of the images was assessable"):
        evaluate_types([rows[6]], [], _subject())
    untyped = [replace(one, image=replace(one.image, fracture_type=None)) for one in rows]
    with pytest.raises(NothingJudged, match=r"types alone.*spiral, oblique, hairline"):
        evaluate_types(untyped, [], _subject())


@pytest.fixture(scope="module")
def types_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = NetworkSpec(kind="plain", trunk="small_cnn", fracture=False, types=FRACTURE_TYPES)
    return untrained_artefact(spec, tmp_path_factory.mktemp("types"))


@pytest.fixture(scope="module")
def typed_folder(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    """Twelve phantoms as Bone Break is kept, and a black picture."""
    folder = tmp_path_factory.mktemp("typed")
    pictures = sorted((phantom_folder / "images").iterdir())[:12]
    (folder / "images").mkdir()
    for path in pictures:
        shutil.copy(path, folder / "images")
    Image.fromarray(np.tile(np.arange(80, dtype=np.uint8) % 3, (96, 1))).save(
        folder / "images" / "flat.png"
    )
    names = [*(path.name for path in pictures), "flat.png"]
    table = [
        {"image_id": name, "fracture_type": FRACTURE_TYPES[number % 2], "dup_group": number}
        for number, name in enumerate(names)
    ]
    write_table(folder / "labels.csv", table)
    return folder


def test_evaluate_writes_a_report_of_types(
    tmp_path: Path, types_alone: Path, typed_folder: Path
) -> None:
    shell = Shell(tmp_path, {"model_dir": types_alone})
    command = ("evaluate", "--data", typed_folder, "--split", "all", "--out", "report")
    outcome = shell.run(*command)
    assert outcome.code == 0, outcome.stderr
    assert "12 of 13 images are of a type that it tells; 1 not assessable" in outcome.stdout
    metrics = json.loads((tmp_path / "report" / METRICS).read_text())
    assert metrics["types"]["images"] == sum(map(sum, metrics["types"]["confusion"])) == 12
    assert [one["file"] for one in metrics["not_assessable"]] == ["flat.png"]
    page = (tmp_path / "report" / PAGE).read_text()
    assert "Confusion" in page
    assert str(typed_folder.parent) not in page + (tmp_path / "report" / METRICS).read_text()
    (figures,) = shell.run(*command, "--json").documents()
    assert figures == metrics["types"]


def test_images_without_types_and_comparisons_are_refused_in_plain_words(
    tmp_path: Path, types_alone: Path, small_artefact: Path, phantom_folder: Path
) -> None:
    shell = Shell(tmp_path, {"model_dir": types_alone})
    untyped = shell.run("evaluate", "--data", phantom_folder)
    assert untyped.code == 21
    assert "tells fracture types alone" in untyped.stderr
    compared = shell.run("compare", small_artefact, types_alone, "--data", phantom_folder)
    assert compared.code == 22
    assert "tells fracture types alone" in compared.stderr
