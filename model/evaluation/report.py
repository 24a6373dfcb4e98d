"""Writes a report folder: metrics.json for programs, report.html for people.

The page is one file: it loads nothing and runs nothing, and its content security policy says so.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import TypeAdapter

from model.evaluation import charts
from model.evaluation.evaluation import Evaluation
from model.evaluation.localisation import SAME_PLACE_OVERLAP
from model.evaluation.subgroups import FEWEST
from model.evaluation.thumbnails import Thumbnail
from model.evaluation.type_evaluation import TypeEvaluation
from model.evaluation.wording import bare, span
from model.figures import Subgroup

METRICS, PAGE = "metrics.json", "report.html"
_TEMPLATES = Path(__file__).parent / "templates"
_SHADES = 5


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures of the images that were judged most wrongly."""

    misses: tuple[Thumbnail, ...] = ()
    alarms: tuple[Thumbnail, ...] = ()


def write_report(evaluation: Evaluation, gallery: Gallery | None, folder: Path) -> None:
    """Without a gallery the page shows no radiograph."""
    metrics = TypeAdapter(Evaluation).dump_json(evaluation, indent=2)
    _write(metrics, render_page(evaluation, gallery), folder)


def write_type_report(evaluation: TypeEvaluation, folder: Path) -> None:
    """The same two files of a classifier that tells types alone; the page shows no radiograph."""
    metrics = TypeAdapter(TypeEvaluation).dump_json(evaluation, indent=2)
    _write(metrics, render_type_page(evaluation), folder)


def _write(metrics: bytes, page: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METRICS).write_bytes(metrics + b"\n")
    (folder / PAGE).write_text(page, encoding="utf-8")


def render_page(evaluation: Evaluation, gallery: Gallery | None) -> str:
    return _render(
        "report.html",
        evaluation=evaluation,
        measured=evaluation.figures,
        figures=evaluation.figures,
        gallery=gallery,
        drawings=charts.charts(evaluation),
        subgroups=_by_kind(evaluation.figures.subgroups),
        width=charts.WIDTH,
        height=charts.HEIGHT,
        overlap=SAME_PLACE_OVERLAP,
        fewest=FEWEST,
    )


def render_type_page(evaluation: TypeEvaluation) -> str:
    return _render("types.html", evaluation=evaluation, measured=evaluation, types=evaluation.types)


def _render(template: str, **shown: object) -> str:
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    return (
        _templates()
        .get_template(template)
        .render(
            **shown,
            style=Markup(style),  # noqa: S704 our own file # nosec B704
            style_hash=_style_hash(style),
        )
    )


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(bare=bare, span=span, shade=shade)
    return templates


def shade(count: int, row: Sequence[int]) -> int:
    """How dark a cell of a table of counts is, by its share of the row."""
    return round(_SHADES * count / sum(row)) if sum(row) else 0


def _by_kind(subgroups: Sequence[Subgroup]) -> dict[str, list[Subgroup]]:
    """In the order in which they come."""
    return {kind: list(rows) for kind, rows in groupby(subgroups, key=lambda one: one.kind)}


def _style_hash(style: str) -> str:
    """As a content security policy names the one style sheet it allows (CSP Level 3, 2.3.1)."""
    digest = hashlib.sha256(style.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()
