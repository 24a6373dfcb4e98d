"""The report is one page that loads and runs nothing, and a browser shows it."""

import base64
import hashlib
import json
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.artefact import bundled_artefact, load_artefact
from model.classifier import FractureClassifier
from model.datasets.labelled import of_split
from model.datasets.reading import read_data_set
from model.evaluation.environment import describe_environment
from model.evaluation.evaluation import (
    Evaluation,
    Subject,
    evaluate,
    files_measured,
    worst_alarms,
    worst_misses,
)
from model.evaluation.measure import Unread, measure
from model.evaluation.measured import Measured
from model.evaluation.report import METRICS, PAGE, Gallery, render_page, write_report
from model.evaluation.thumbnails import make_thumbnails
from tests.model.evaluation.made_rows import POINTS, labelled, many_rows, row, rows
from tests.services import require_program

STRANGE_NAME = "<img src=x onerror=alert(1)>.png"


def _subject() -> Subject:
    card = load_artefact(bundled_artefact()).card.model_copy(update={"operating_points": POINTS})
    return files_measured(card, "phantoms", "val", describe_environment("cpu"))


def _typed(measured: list[Measured]) -> list[Measured]:
    """With fracture types known and told."""
    said = {"hairline": 0.6, "oblique": 0.3, "spiral": 0.1}
    return [
        replace(one, image=replace(one.image, fracture_type=name), types=said)
        if one.image.fractured
        else one
        for one, name in zip(measured, [*said] * len(measured), strict=False)
    ]


@pytest.fixture(scope="module")
def full() -> Evaluation:
    """Everything that a report can show."""
    strange = labelled(True, 901)
    declined = [
        row(True, None, 900),
        row(False, None, image=replace(strange, path=Path(STRANGE_NAME))),
    ]
    unread = [Unread(labelled(False, 902), "neither a PNG nor a JPEG picture")]
    return evaluate([*_typed(many_rows(300)), *declined], unread, _subject())


@pytest.fixture(scope="module")
def gallery(small_artefact: Path, phantom_folder: Path) -> Gallery:
    classifier = FractureClassifier.load(small_artefact, "cpu", threads=1)
    measured = measure(classifier, of_split(read_data_set(phantom_folder).images, "val")[:4])
    pictures = make_thumbnails(classifier, measured)
    return Gallery(misses=pictures[:3], alarms=pictures[3:])


@pytest.fixture(scope="module")
def page(full: Evaluation, gallery: Gallery) -> str:
    return render_page(full, gallery)


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.style = ""
        self._in_style = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        self.style += data if self._in_style else ""


def test_the_page_loads_and_runs_nothing(page: str) -> None:
    parsed = _Page(page)
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"script", "link", "iframe", "object", "a"})
    attributes = [pair for _, attrs in parsed.tags for pair in attrs.items()]
    assert [name for name, _ in attributes if name == "style" or name.startswith("on")] == []
    sources = [value for name, value in attributes if name in {"src", "href", "xlink:href"}]
    assert sources
    assert all(str(value).startswith("data:image/jpeg;base64,") for value in sources)
    assert "url(" not in parsed.style
    assert "@import" not in parsed.style


def test_its_policy_allows_its_own_style_and_nothing_else(page: str) -> None:
    parsed = _Page(page)
    digest = base64.b64encode(hashlib.sha256(parsed.style.encode()).digest()).decode()
    policy = next(
        str(attrs["content"])
        for tag, attrs in parsed.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_a_files_name_is_only_text(page: str) -> None:
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in page


def test_the_page_shows_everything_that_was_measured(full: Evaluation, page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page)
    figures = full.figures
    assert figures.auroc is not None
    assert f"{figures.auroc.value:.3f}" in text
    for words in (
        *("ROC.", "Precision and recall.", "Calibration.", "Probabilities.", "FROC."),
        *("too dark", "neither a PNG nor a JPEG picture", "Worst misses", "too few", "hairline"),
        *full.files.values(),
        *(part.name for part in figures.subgroups),
        full.figures.command,
    ):
        assert words in text, words


def test_metrics_hold_the_same_figures(full: Evaluation, gallery: Gallery, tmp_path: Path) -> None:
    write_report(full, gallery, tmp_path / "new" / "folder")
    metrics = json.loads((tmp_path / "new" / "folder" / METRICS).read_text())
    assert metrics["figures"] == json.loads(full.figures.model_dump_json())
    assert metrics["confusions"]["fracture"]["true_positive"] == (
        full.confusions["fracture"].true_positive
    )
    assert [one["file"] for one in metrics["unread"]] == ["0902.png"]
    assert (tmp_path / "new" / "folder" / PAGE).read_text() == render_page(full, gallery)


def test_a_bare_evaluation_has_a_page_too() -> None:
    bare = [
        replace(one, image=labelled(one.image.fractured, n, regions=()))
        for n, one in enumerate(rows([0.9, 0.4], []))
    ]
    text = render_page(evaluate(bare, [], _subject()), None)
    assert "ROC." not in text
    assert "Worst misses" not in text
    assert "data:image" not in text


def test_the_worst_come_first() -> None:
    measured = rows([0.9, 0.1, 0.5], [0.05, 0.4, 0.95])
    card = _subject().card
    assert [one.probability for one in worst_misses(measured, card)] == [0.1, 0.5]
    assert [one.probability for one in worst_alarms(measured, card)] == [0.95, 0.4]


@pytest.mark.integration
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_it_light_and_dark(page: str, width: int, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page)
    light = _screenshot(tmp_path, width, dark=False)
    dark = _screenshot(tmp_path, width, dark=True)
    assert light.mean() > 200
    assert dark.mean() < 60
    # The curves are there in both: blue lines of the style sheet's two blues.
    assert _count(light, (23, 103, 166)) > 300
    assert _count(dark, (143, 195, 232)) > 300


def _screenshot(folder: Path, width: int, dark: bool) -> np.ndarray:
    """RGB [rows, columns, 3]; whatever the policy forbids would be named on stderr."""
    chromium = require_program("chromium-headless-shell", "chromium-headless-shell")
    picture = folder / f"{width}-{dark}.png"
    ended = subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}"),
            f"--window-size={width},2400",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            *(f"--screenshot={picture}", (folder / "report.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    assert "Content Security Policy" not in ended.stderr
    return np.asarray(Image.open(picture).convert("RGB"), dtype=np.int16)


def _count(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(pixels - np.array(colour)).max(axis=2) <= 3).sum())
