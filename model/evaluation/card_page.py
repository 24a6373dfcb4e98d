"""The model card as a page for people, made from card.json alone."""

import textwrap
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.card import Card
from model.evaluation.weak_points import weak_points
from model.evaluation.wording import bare, span
from model.figures import Figures, Interval

_TEMPLATES = Path(__file__).parent / "templates"
_LINE_LENGTH = 100
_NETWORKS = {
    "localising": (
        "Features at strides 8, 16 and 32 make a heatmap that readers' boxes taught, and the image "
        "is judged by its pooled features and by its most suspicious places"
    ),
    "plain": "The image is judged by its pooled features; where it looks, Grad-CAM can show",
}


def card_page(card: Card) -> str:
    """Markdown; docs/model-card.md is this page of the artefact that ships."""
    templates = Environment(  # nosec B701
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701 Markdown, from a card that was checked
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update(wrap=wrap, item=item, figure=figure, share=bare)
    return templates.get_template("card.md").render(
        card=card,
        network=_NETWORKS[card.network.kind],
        measured=_measured(card),
        types=card.type_validation,
        weak=[*weak_points(card), *card.limits],
    )


def _measured(card: Card) -> list[tuple[str, Figures]]:
    """The figures a card may have, each under its heading."""
    titled = [
        ("On groups that it never saw", card.validation),
        ("In cross-validation", card.cross_validation),
    ]
    return [(title, figures) for title, figures in titled if figures is not None]


def wrap(text: str) -> str:
    """A paragraph in lines of the documents' length."""
    return textwrap.fill(" ".join(text.split()), _LINE_LENGTH, break_long_words=False)


def item(text: str) -> str:
    """An item of a list, its further lines indented."""
    return textwrap.fill(
        " ".join(text.split()),
        _LINE_LENGTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
    )


def figure(value: Interval | None) -> str:
    """The figure, and its interval in brackets."""
    return "too few" if value is None else f"{bare(value)} ({span(value)})"
